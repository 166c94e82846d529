/* wrap_limits.c - a body that is declared too large is refused before any of it is read. */
#include "request.h"
#include "wrappers.h"

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	return vt_content_length(req) > req->with.limits->max_body_bytes ? VT_TOO_LARGE : VT_OK;
}

const struct wrapper wrap_limits = {.name = "limits", .enter = enter};
