/*
 * repeat.h - a request that is to run once more behind its response: what has to be kept of it, since all of it goes
 * when the response has been written.
 */
#ifndef APP_REPEAT_H
#define APP_REPEAT_H

#include <stdbool.h>

#include "request.h"

struct repeat {
	char **params; /* in one piece; NULL: nothing is kept */
	char correlation_id[CORRELATION_ID_MAX + 1], request_id[CORRELATION_ID_MAX + 1];
	struct trace_context trace;
};

/* Copies what came with it, and its IDs. False: no memory. */
bool repeat_keep(struct repeat *repeat, const struct vt_request *req, char *const *params);
/* Gives a request that was begun anew the IDs of the one it repeats. */
void repeat_assume(const struct repeat *repeat, struct vt_request *req);
/* Idempotent. */
void repeat_forget(struct repeat *repeat);

#endif
