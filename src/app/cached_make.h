/* cached_make.h - has the route's handler make an answer, and keeps it where it may be kept. */
#ifndef APP_CACHED_MAKE_H
#define APP_CACHED_MAKE_H

#include <stdbool.h>

#include "passage.h"

/*
 * False: the handler failed, and what it left in the response and *result is chain.c's to settle. True: the response is
 * answered, or *result says why it cannot be.
 */
bool cached_make(struct passage *passage, struct vt_response *res, enum vt_result *result);
/* What becomes of a result that a handler returned instead of answering; what it has done wrong stays as it is. */
enum vt_result cached_make_answer(struct vt_response *res, enum vt_result result);
/* True where the handler has left a transaction open: nothing that it says counts. */
bool cached_make_left_open(const struct vt_request *req);

#endif
