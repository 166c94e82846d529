/*
 * wrap_queue.c - a request that has waited for longer than QUEUE_TIMEOUT is refused before anything is done for it.
 *
 * Who asked has probably given up or asked again; to serve such requests first to last keeps a service that fell
 * behind from ever catching up. Probes are answered, however late. How long it waited counts from the web server's
 * time stamp (request.h), so that a web server on another machine needs a clock that agrees with ours, and one that
 * passes a body on while it arrives makes its client's slowness count.
 */
#include "clock.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "routes.h"
#include "services.h"
#include "settings.h"
#include "wrappers.h"

static bool
waited_too_long(const struct vt_request *req)
{
	int64_t timeout_ms = services_of(req)->settings->queue_timeout_ms;
	bool probe = req->route != NULL && (req->route->flags & ROUTE_PROBE) != 0;
	return timeout_ms > 0 && !probe && req->queue_ns > timeout_ms * NS_PER_MS;
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	if (!waited_too_long(req))
		return VT_OK;
	enum vt_result result = vt_set_header(res, "Retry-After", RESPONSE_RETRY_AFTER);
	return result != VT_OK ? result : vt_problem(res, 503, "The request waited too long to be served.");
}

const struct wrapper wrap_queue = {.name = "queue", .enter = enter};
