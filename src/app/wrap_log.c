/* wrap_log.c - the two records of every request. */
#include "clock.h"
#include "log.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "routes.h"
#include "services.h"
#include "settings.h"
#include "wrappers.h"

#define LOGGER "vitals.request"

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

/*
 * What stays the same when the web server gives the request to another worker, because this one has died over it:
 * its own ID for the request where it sends one (FNV-1a).
 */
static uint64_t
key_of(const struct vt_request *req)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325);
	for (const char *p = req->web_request_id != NULL ? req->request_id : req->correlation_id; *p != '\0'; p++)
		key = (key ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	return key;
}

static void
record(const struct vt_request *req, struct log_record record)
{
	record.logger = LOGGER;
	record.key = key_of(req);
	record.context = &req->log_context;
	log_write(req->with.log, &record);
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	enum vt_level level = level_of_success(req);
	if (!log_enabled(req->with.log, level))
		return VT_OK;
	const struct vt_field fields[] = {
		VT_STR("method", vt_method(req)),
		VT_STR("url", request_url(req)),
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

static void
leave(struct vt_request *req, struct vt_response *res)
{
	int64_t duration_us = (clock_mono_ns() - req->started_ns) / 1000;
	int64_t queue_us = req->queue_ns / 1000;
	const struct vt_field fields[] = {
		VT_STR("method", vt_method(req)),
		VT_STR("path", vt_path(req)),
		VT_STR("route", req->route != NULL ? req->route->path : NULL),
		VT_INT("status_code", response_status(res)),
		VT_DOUBLE("duration_seconds", (double)duration_us / 1e6),
		VT_INT("bytes", res->body.length),
		VT_DOUBLE("queue_seconds", (double)queue_us / 1e6), /* the last: left out where unknown */
	};
	size_t count = sizeof fields / sizeof *fields - (req->queue_ns < 0 ? 1 : 0);
	record(req, (struct log_record){.level = level_of(req, response_status(res)),
	                                .moment = LOG_END,
	                                .message = "Request completed",
	                                .site = LOG_SITE,
	                                .fields = fields,
	                                .count = count});
}

const struct wrapper wrap_log = {.name = "log", .enter = enter, .leave = leave};
