/* wrap_scoreboard.c - what the worker does, for all to see. The slot is cleared when the response is written. */
#include <stdio.h>

#include "request.h"
#include "router.h"
#include "scoreboard.h"
#include "wrappers.h"

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	struct slot_request seen = {.started_ns = req->started_ns};
	snprintf(seen.correlation_id, sizeof seen.correlation_id, "%s", req->correlation_id);
	snprintf(seen.trace_id, sizeof seen.trace_id, "%s", req->trace.trace_id);
	snprintf(seen.method, sizeof seen.method, "%s", vt_method(req));
	snprintf(seen.path, sizeof seen.path, "%s", vt_path(req));
	snprintf(seen.route, sizeof seen.route, "%s", req->route != NULL ? req->route->path : "");
	slot_set_request(req->with.slot, &seen);
	slot_set_phase(req->with.slot, PHASE_HANDLER);
	return VT_OK;
}

const struct wrapper wrap_scoreboard = {.name = "scoreboard", .enter = enter};
