/*
 * accessors.c - what vitals.h lets a handler ask its request, where the answer is a field of it.
 *
 * Called by handlers and wrappers; parses nothing and changes nothing but the arena.
 */
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "oversight.h"
#include "request.h"
#include "router.h"

const char *
vt_method(const struct vt_request *req)
{
	return req->method;
}

const char *
vt_path(const struct vt_request *req)
{
	return req->path;
}

const char *
vt_query_string(const struct vt_request *req)
{
	return req->query_string;
}

const char *
vt_scheme(const struct vt_request *req)
{
	return req->scheme;
}

const char *
vt_host(const struct vt_request *req)
{
	return req->host;
}

const char *
vt_script_name(const struct vt_request *req)
{
	return req->script_name;
}

const char *
vt_client_ip(const struct vt_request *req)
{
	return req->client_ip;
}

const char *
vt_user(const struct vt_request *req)
{
	return req->user;
}

const char *
vt_correlation_id(const struct vt_request *req)
{
	return req->correlation_id;
}

const char *
vt_request_id(const struct vt_request *req)
{
	return req->request_id;
}

const char *
vt_trace_id(const struct vt_request *req)
{
	return req->trace.trace_id;
}

void *
vt_route_context(const struct vt_request *req)
{
	return req->route != NULL ? req->route->context : NULL;
}

const char *
vt_path_param(const struct vt_request *req, const char *name)
{
	for (size_t i = 0; i < req->path_param_count; i++)
		if (strcmp(req->path_params[i].name, name) == 0)
			return req->path_params[i].value;
	return NULL;
}

void *
vt_alloc(struct vt_request *req, size_t size_bytes)
{
	if (req->ended)
		oversight_note_late(req->with.oversight);
	return arena_alloc(req->with.arena, size_bytes);
}

int64_t
vt_time_left_ms(const struct vt_request *req)
{
	if (req->deadline_ns == DEADLINE_NEVER)
		return INT64_MAX;
	int64_t left = req->deadline_ns - clock_mono_ns();
	return left > 0 ? (left - 1) / NS_PER_MS + 1 : 0;
}

void
request_log(const struct vt_request *req, struct log_record record)
{
	if (record.logger == NULL)
		record.logger = REQUEST_LOGGER;
	record.context = &req->log_context;
	log_write(req->with.log, &record);
}

void
vt_log_fields(const struct vt_request *req, enum vt_level level, const struct vt_log_site *site, const char *message,
              const struct vt_field *fields, size_t count)
{
	if (req->ended)
		oversight_note_late(req->with.oversight);
	/* The worker's log is written by the worker alone. */
	if (oversight_in_copy(req->with.oversight))
		return;
	request_log(req, (struct log_record){.level = log_level_bounded(level),
	                                     .logger = "vitals.module",
	                                     .message = message,
	                                     .site = site,
	                                     .fields = fields,
	                                     .count = count});
}
