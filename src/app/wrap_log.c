/*
 * wrap_log.c - the two records of a request, and a third of one that was slow.
 *
 * LOG_SAMPLE leaves out both records of some requests that succeed. One that fails (400 and above) or is slow has its
 * "Request completed" in any case; whether it will is not known at its start, so "Request started" is missing then.
 */
#include <string.h>

#include "clock.h"
#include "log.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "routes.h"
#include "sample.h"
#include "services.h"
#include "settings.h"
#include "slow_request.h"
#include "wrappers.h"

#define FIELDS_MAX 16

/* A probe that succeeds says nothing new every second; LOG_PROBES=off keeps it out of the way. */
static enum vt_level
level_of_success(const struct vt_request *req)
{
	bool probe = req->route != NULL && (req->route->flags & ROUTE_PROBE) != 0;
	return probe && !services_of(req)->settings->log_probes ? VT_DEBUG : VT_INFO;
}

static enum vt_level
level_of(const struct vt_request *req, int status)
{
	if (status >= 500)
		return VT_ERROR_LEVEL;
	return status >= 400 ? VT_INFO : level_of_success(req);
}

static void
record(struct vt_request *req, struct log_record record)
{
	record.key = request_key(req);
	request_log(req, record);
}

/* The records of a request are written or not by its correlation ID, which a chain of services has in common. */
static bool
is_sampled(const struct vt_request *req)
{
	return sample_takes(req->correlation_id, services_of(req)->settings->log_sample_millionths);
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	enum vt_level level = level_of_success(req);
	req->log_sampled = is_sampled(req);
	if (!req->log_sampled || !log_enabled_for(req->with.log, level, REQUEST_LOGGER, &req->log_context))
		return VT_OK;
	const char *url = request_url(req);
	const struct vt_field fields[] = {
		VT_STR("method", vt_method(req)),
		LOG_CLEAN("url", url, strlen(url)),
		VT_STR("client_ip", vt_client_ip(req)),
	};
	record(req, (struct log_record){.level = level,
	                                .moment = LOG_BEGIN,
	                                .message = "Request started",
	                                .site = LOG_SITE,
	                                .fields = fields,
	                                .count = sizeof fields / sizeof *fields});
	return VT_OK;
}

/* Where there was no "Request started", what it would have told is told here. */
static size_t
add_unsampled(struct vt_field *fields, size_t n, struct vt_request *req)
{
	const char *url = request_url(req);
	fields[n++] = VT_BOOL("sampled", false);
	fields[n++] = LOG_CLEAN("url", url, strlen(url));
	fields[n++] = VT_STR("client_ip", vt_client_ip(req));
	return n;
}

static void
record_completed(struct vt_request *req, const struct vt_response *res)
{
	struct vt_field fields[FIELDS_MAX];
	int64_t duration_us = (req->times.answered_ns - req->started_ns) / 1000;
	int64_t queue_us = req->queue_ns / 1000;
	size_t n = 0;
	fields[n++] = VT_STR("method", vt_method(req));
	fields[n++] = VT_STR("path", vt_path(req));
	fields[n++] = VT_STR("route", req->route != NULL ? req->route->path : NULL);
	fields[n++] = VT_INT("status_code", response_status(res));
	fields[n++] = VT_DOUBLE("duration_seconds", (double)duration_us / 1e6);
	fields[n++] = VT_INT("bytes", res->body.length);
	if (req->cache != NULL)
		fields[n++] = VT_STR("cache", req->cache);
	if (req->queue_ns >= 0)
		fields[n++] = VT_DOUBLE("queue_seconds", (double)queue_us / 1e6);
	if (!req->log_sampled)
		n = add_unsampled(fields, n, req);
	record(req, (struct log_record){.level = level_of(req, response_status(res)),
	                                .moment = LOG_END,
	                                .message = "Request completed",
	                                .site = LOG_SITE,
	                                .fields = fields,
	                                .count = n});
	req->log_completed = true;
}

static void
leave(struct vt_request *req, struct vt_response *res)
{
	req->times.answered_ns = clock_mono_ns();
	if (req->log_sampled || response_status(res) >= 400 || slow_request(req, req->times.answered_ns))
		record_completed(req, res);
}

void
wrap_log_written(struct vt_request *req, const struct vt_response *res)
{
	int64_t now_ns = clock_mono_ns();
	if (!slow_request(req, now_ns))
		return;
	if (!req->log_completed && req->times.answered_ns != 0)
		record_completed(req, res);
	slow_request_log(req, res, now_ns);
}

const struct wrapper wrap_log = {.name = "log", .enter = enter, .leave = leave};
