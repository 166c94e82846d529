/* wrap_scoreboard.c - what the worker does, for all to see. The slot is cleared when the response is written. */
#include "request.h"
#include "request_metrics.h"
#include "router.h"
#include "scoreboard.h"
#include "text.h"
#include "wrappers.h"

void
wrap_scoreboard_show(struct vt_request *req)
{
	struct slot_request seen; /* not cleared: some 600 bytes, and each text has its end */
	seen.started_ns = req->started_ns;
	text_copy(seen.correlation_id, sizeof seen.correlation_id, req->correlation_id);
	text_copy(seen.trace_id, sizeof seen.trace_id, req->trace.trace_id);
	text_copy(seen.method, sizeof seen.method, vt_method(req));
	text_copy(seen.path, sizeof seen.path, vt_path(req));
	text_copy(seen.route, sizeof seen.route, req->route != NULL ? req->route->path : "");
	slot_set_request(req->with.slot, &seen);
	slot_set_phase(req->with.slot, PHASE_HANDLER);
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	wrap_scoreboard_show(req);
	request_metrics_begin(req);
	return VT_OK;
}

const struct wrapper wrap_scoreboard = {.name = "scoreboard", .enter = enter};
