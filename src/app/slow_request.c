/*
 * slow_request.c - see slow_request.h. Called when a response has been written, by wrap_log.c.
 *
 * The statement is the module's text; what it was run with is never logged.
 */
#include "slow_request.h"

#include "clock.h"
#include "log.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "services.h"
#include "settings.h"

#define FIELDS_MAX 16

bool
slow_request(const struct vt_request *req, int64_t now_ns)
{
	int64_t limit_ms = services_of(req)->settings->slow_request_ms;
	return limit_ms > 0 && now_ns - req->started_ns >= limit_ms * NS_PER_MS;
}

static struct vt_field
seconds(const char *name, int64_t ns)
{
	int64_t us = ns / 1000;
	return VT_DOUBLE(name, (double)us / 1e6);
}

/* From the answer on, and what the handler took beside its waits; without an answer all of it was the handler's. */
static size_t
add_times(struct vt_field *fields, size_t n, const struct vt_request *req, int64_t now_ns)
{
	const struct request_times *times = &req->times;
	int64_t answered_ns = times->answered_ns != 0 ? times->answered_ns : now_ns;
	int64_t waited_ns =
		times->spent_ns[PHASE_READING] + times->spent_ns[PHASE_DATABASE] + times->spent_ns[PHASE_CACHE];
	fields[n++] = seconds("duration_seconds", now_ns - req->started_ns);
	if (req->queue_ns >= 0)
		fields[n++] = seconds("queue_seconds", req->queue_ns);
	fields[n++] = seconds("reading_seconds", times->spent_ns[PHASE_READING]);
	fields[n++] = seconds("handler_seconds", answered_ns - req->started_ns - waited_ns);
	fields[n++] = seconds("database_seconds", times->spent_ns[PHASE_DATABASE]);
	fields[n++] = VT_INT("database_calls", times->calls[PHASE_DATABASE]);
	if (times->slowest_ns > 0) {
		fields[n++] = VT_STR("slowest_statement", times->slowest_statement);
		fields[n++] = seconds("slowest_statement_seconds", times->slowest_ns);
	}
	fields[n++] = seconds("cache_seconds", times->spent_ns[PHASE_CACHE]);
	fields[n++] = VT_INT("cache_calls", times->calls[PHASE_CACHE]);
	fields[n++] = seconds("writing_seconds", now_ns - answered_ns);
	return n;
}

void
slow_request_log(const struct vt_request *req, const struct vt_response *res, int64_t now_ns)
{
	struct vt_field fields[FIELDS_MAX];
	size_t n = 0;
	fields[n++] = VT_STR("method", vt_method(req));
	fields[n++] = VT_STR("path", vt_path(req));
	fields[n++] = VT_STR("route", req->route != NULL ? req->route->path : NULL);
	fields[n++] = VT_INT("status_code", response_status(res));
	n = add_times(fields, n, req, now_ns);
	request_log(req, (struct log_record){.level = VT_WARNING,
	                                     .message = "Slow request",
	                                     .site = LOG_SITE,
	                                     .fields = fields,
	                                     .count = n});
}
