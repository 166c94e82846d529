/* wrap_log.c - the two records of every request. */
#include <string.h>

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

static void
record(const struct vt_request *req, enum vt_level level, const char *message, const struct vt_log_site *site,
       const struct vt_field *fields, size_t count)
{
	log_write(req->with.log, &(const struct log_record){.level = level,
	                                                    .logger = LOGGER,
	                                                    .message = message,
	                                                    .site = site,
	                                                    .context = &req->log_context,
	                                                    .fields = fields,
	                                                    .count = count});
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	enum vt_level level = level_of_success(req);
	if (!log_enabled(req->with.log, level))
		return VT_OK;
	const char *url = request_url(req);
	const struct vt_field fields[] = {
		VT_STR("method", vt_method(req)),
		LOG_CLEAN("url", url, strlen(url)),
		VT_STR("client_ip", vt_client_ip(req)),
	};
	record(req, level, "Request started", LOG_SITE, fields, sizeof fields / sizeof *fields);
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
	record(req, level_of(req, response_status(res)), "Request completed", LOG_SITE, fields, count);
}

const struct wrapper wrap_log = {.name = "log", .enter = enter, .leave = leave};
