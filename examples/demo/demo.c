/*
 * demo.c - a module to try Vitals with, and the one that its tests and benchmarks use.
 *
 * GET /users/{id} reads PostgreSQL through the cache, GET /live/users/{id} past it, and PUT /users/{id} changes the
 * user for all; POST /echo gives a JSON body back, GET /slow stays in the handler as told, POST /crash (only with
 * DEMO_CRASH=1) aborts the worker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vitals.h"

#define SLOW_MAX_MS 60000

static enum vt_result
show_user(struct vt_request *req, struct vt_response *res)
{
	struct vt_rows *rows;
	enum vt_result result = vt_query(req, &rows, "select id, name, email from users where id = $1::bigint",
	                                 VT_PARAMS(vt_path_param(req, "id")));
	if (result != VT_OK)
		return vt_fail(res, result);
	if (vt_rows_count(rows) == 0)
		return vt_problem(res, 404, "There is no such user.");
	vt_log(req, VT_INFO, "User shown", VT_INT("rows", vt_rows_count(rows)));
	return vt_json_row(res, rows, 0);
}

/* {"name": …, "email": …}; what is cached of the user is forgotten once the change is committed. */
static enum vt_result
change_user(struct vt_request *req, struct vt_response *res)
{
	const char *text, *id = vt_path_param(req, "id");
	size_t size_bytes;
	struct vt_rows *rows;
	enum vt_result result = vt_body_json_text(req, &text, &size_bytes);
	if (result == VT_OK)
		result = vt_query(req, &rows,
		                  "update users set name = coalesce($2::json->>'name', name), email = "
		                  "coalesce($2::json->>'email', email) where id = $1::bigint returning id, name, email",
		                  VT_PARAMS(id, text));
	if (result != VT_OK)
		return vt_fail(res, result);
	if (vt_rows_count(rows) == 0)
		return vt_problem(res, 404, "There is no such user.");
	result = vt_cache_forget(req, "user", VT_PARAMS(id));
	if (result != VT_OK)
		vt_log(req, VT_WARNING, "Other machines may show the former user",
		       VT_STR("reason", vt_strerror(result)));
	return vt_json_row(res, rows, 0);
}

static enum vt_result
echo(struct vt_request *req, struct vt_response *res)
{
	const char *text;
	size_t size_bytes;
	enum vt_result result = vt_body_json_text(req, &text, &size_bytes);
	return result != VT_OK ? vt_fail(res, result) : vt_json_text(res, text, size_bytes);
}

static double
monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static enum vt_result
stay_asleep(struct vt_request *req, long ms)
{
	(void)req;
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&left, &left) != 0)
		;
	return VT_OK;
}

static enum vt_result
spin(struct vt_request *req, long ms)
{
	(void)req;
	for (double end = monotonic_ms() + (double)ms; monotonic_ms() < end;)
		;
	return VT_OK;
}

static enum vt_result
wait_in_database(struct vt_request *req, long ms)
{
	char seconds[32];
	struct vt_rows *rows;
	snprintf(seconds, sizeof seconds, "%ld.%03ld", ms / 1000, ms % 1000);
	return vt_query(req, &rows, "select pg_sleep($1::float8)", VT_PARAMS(seconds));
}

static const struct {
	const char *how;
	enum vt_result (*stay)(struct vt_request *req, long ms);
} ways[] = {
	{"sleep", stay_asleep},
	{"spin", spin},
	{"database", wait_in_database},
};

static enum vt_result
slow(struct vt_request *req, struct vt_response *res)
{
	const char *how = vt_query_param(req, "how", 0);
	const char *text = vt_query_param(req, "ms", 0);
	char *end = NULL;
	long ms = text != NULL ? strtol(text, &end, 10) : 100;
	if (ms < 0 || ms > SLOW_MAX_MS || (end != NULL && (*end != '\0' || end == text)))
		return vt_problem(res, 400, "ms is a number from 0 to 60000.");
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		if (strcmp(how != NULL ? how : "sleep", ways[i].how) != 0)
			continue;
		enum vt_result result = ways[i].stay(req, ms);
		if (result != VT_OK)
			return vt_fail(res, result);
		char answer[64];
		int size = snprintf(answer, sizeof answer, "{\"ms\":%ld,\"how\":\"%s\"}", ms, ways[i].how);
		return vt_json_text(res, answer, (size_t)size);
	}
	return vt_problem(res, 400, "how is sleep, spin or database.");
}

static enum vt_result
crash(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	(void)res;
	abort();
}

int
vitals_setup(struct vt_app *app)
{
	static const struct vt_route routes[] = {
		{.method = "GET",
	         .path = "/users/{id}",
	         .handler = show_user,
	         .cache = {.prefix = "user", .ttl_s = 600, .query = ""}},
		{.method = "GET", .path = "/live/users/{id}", .handler = show_user},
		{.method = "PUT", .path = "/users/{id}", .handler = change_user},
		{.method = "POST", .path = "/echo", .handler = echo},
		{.method = "GET", .path = "/slow", .handler = slow},
	};
	static const struct vt_setting crash_setting = {
		.name = "DEMO_CRASH",
		.type = VT_SETTING_BOOL,
		.default_value = "off",
		.help = "Serve POST /crash, which aborts the worker.",
	};
	static const struct vt_route crash_route = {.method = "POST", .path = "/crash", .handler = crash};
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (vt_route(app, &routes[i]) != 0)
			return -1;
	if (vt_setting(app, &crash_setting) != 0)
		return -1;
	return vt_setting_bool(app, "DEMO_CRASH") ? vt_route(app, &crash_route) : 0;
}
