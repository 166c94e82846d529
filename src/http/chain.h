/*
 * chain.h - wrappers around a handler: pairs enter/leave in the order of a table.
 *
 * enter runs from first to last; the first that does not return VT_OK, or that answers, ends the way in.
 * leave runs in reverse for every wrapper whose enter was called and returned VT_OK, whatever happened inside.
 */
#ifndef HTTP_CHAIN_H
#define HTTP_CHAIN_H

#include <stddef.h>

#include "vitals.h"

struct wrapper {
	const char *name;
	enum vt_result (*enter)(struct vt_request *req, struct vt_response *res); /* may be NULL */
	void (*leave)(struct vt_request *req, struct vt_response *res);           /* may be NULL */
};

/*
 * Runs the wrappers around handler. A result other than VT_OK is answered by vt_fail() unless res is
 * answered; VT_OK without an answer, a misused response and an arena at its bound become a 500, which is
 * logged. All of it before the wrappers leave: they see what is sent.
 */
void chain_run(const struct wrapper *const *wrappers, size_t count, vt_handler_fn *handler, struct vt_request *req,
               struct vt_response *res);
/* Every call of a module's handler. A copy of the process that it has forked does not return from here (oversight.h). */
enum vt_result chain_call(vt_handler_fn *handler, struct vt_request *req, struct vt_response *res);

#endif
