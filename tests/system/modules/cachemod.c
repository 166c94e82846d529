/*
 * cachemod.c - routes that are cached in every way, whose handler does what a file says and tells another file that it
 * ran. Built by the system tests against the public header alone; never installed.
 */
#include "vitals.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char directory[256];

static void
tell(const char *line)
{
	char path[300];
	snprintf(path, sizeof path, "%s/made", directory);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
}

static void
stay(long ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&left, &left) != 0)
		;
}

/* Lines of the file: "status 404", "sleep 200", "Name: value"; the answer says how often any has been made. */
static enum vt_result
make(struct vt_request *req, struct vt_response *res)
{
	char path[300], line[300], body[600];
	int status = 200, size;
	snprintf(line, sizeof line, "%.200s %s\n", vt_path(req), vt_correlation_id(req));
	tell(line);
	snprintf(path, sizeof path, "%s/answer", directory);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		char *colon = strstr(line, ": ");
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "status %d", &status) == 1)
			continue;
		if (strncmp(line, "sleep ", 6) == 0)
			stay(atol(line + 6));
		else if (colon != NULL) {
			*colon = '\0';
			if (vt_set_header(res, line, colon + 2) != VT_OK)
				abort();
		}
	}
	if (file != NULL)
		fclose(file);
	if (status == 503)
		return VT_UNAVAILABLE;
	if (status == 404)
		return VT_NOT_FOUND;
	vt_status(res, status);
	if (status == 204)
		return vt_no_content(res, 204);
	size = snprintf(body, sizeof body, "{\"path\":\"%.200s\",\"query\":\"%.100s\",\"user\":\"%.50s\"}",
	                vt_path(req), vt_query_string(req), vt_user(req) != NULL ? vt_user(req) : "");
	return vt_json_text(res, body, (size_t)size);
}

static enum vt_result
answer_result(struct vt_response *res, enum vt_result result)
{
	return result != VT_OK ? vt_fail(res, result) : vt_no_content(res, 204);
}

static enum vt_result
forget(struct vt_request *req, struct vt_response *res)
{
	const char *params[4];
	size_t count = 0;
	while (count < 4 && (params[count] = vt_query_param(req, "param", count)) != NULL)
		count++;
	return answer_result(res, vt_cache_forget(req, vt_path_param(req, "prefix"), params, count));
}

static enum vt_result
get_in_space(struct vt_request *req, struct vt_response *res)
{
	const char *value;
	size_t size;
	enum vt_result result =
		vt_space_get(req, vt_path_param(req, "space"), vt_path_param(req, "key"), &value, &size);
	return result != VT_OK ? vt_fail(res, result) : vt_answer(res, "application/octet-stream", value, size);
}

static enum vt_result
set_in_space(struct vt_request *req, struct vt_response *res)
{
	const char *body;
	size_t size;
	enum vt_result result = vt_body(req, &body, &size);
	if (result == VT_OK)
		result = vt_space_set(req, vt_path_param(req, "space"), vt_path_param(req, "key"), body, size, 60);
	return answer_result(res, result);
}

static enum vt_result
delete_in_space(struct vt_request *req, struct vt_response *res)
{
	return answer_result(res, vt_space_delete(req, vt_path_param(req, "space"), vt_path_param(req, "key")));
}

static enum vt_result
get_json(struct vt_request *req, struct vt_response *res)
{
	struct json_object *json;
	enum vt_result result = vt_cache_get_json(req, vt_path_param(req, "key"), &json);
	return result != VT_OK ? vt_fail(res, result) : vt_json(res, json);
}

static enum vt_result
set_json(struct vt_request *req, struct vt_response *res)
{
	struct json_object *json;
	enum vt_result result = vt_body_json(req, &json);
	if (result == VT_OK)
		result = vt_cache_set_json(req, vt_path_param(req, "key"), json, 60);
	return answer_result(res, result);
}

VT_API int vitals_setup(struct vt_app *app);

int
vitals_setup(struct vt_app *app)
{
	static const struct vt_route routes[] = {
		{.path = "/plain/{name}", .cache = {.prefix = "plain", .ttl_s = 60, .query = ""}},
		{.path = "/short/{name}", .cache = {.prefix = "short", .ttl_s = 1, .query = ""}},
		{.path = "/varied/{name}",
	         .cache = {.prefix = "varied", .ttl_s = 60, .query = "page, sort", .headers = "Accept-Language"}},
		{.path = "/whole/{name}", .cache = {.prefix = "whole", .ttl_s = 60}},
		{.path = "/stale/{name}", .cache = {.prefix = "stale", .ttl_s = 1, .stale_s = 60, .query = ""}},
		{.path = "/error/{name}",
	         .cache = {.prefix = "error", .ttl_s = 1, .stale_if_error_s = 60, .query = ""}},
		{.path = "/negative/{name}",
	         .cache = {.prefix = "negative", .ttl_s = 60, .negative_s = 60, .query = ""}},
		{.path = "/user/{name}",
	         .cache = {.prefix = "user", .ttl_s = 60, .query = "", .users = VT_CACHED_PER_USER}},
		{.path = "/shared/{name}",
	         .cache = {.prefix = "shared", .ttl_s = 60, .query = "", .users = VT_CACHED_SHARED}},
		{.path = "/client/{name}",
	         .cache = {.prefix = "client", .ttl_s = 60, .query = "", .client_max_age_s = 60}},
		{.method = "POST", .path = "/forget/{prefix}", .handler = forget},
		{.method = "GET", .path = "/space/{space}/{key}", .handler = get_in_space},
		{.method = "PUT", .path = "/space/{space}/{key}", .handler = set_in_space},
		{.method = "DELETE", .path = "/space/{space}/{key}", .handler = delete_in_space},
		{.method = "GET", .path = "/json/{key}", .handler = get_json},
		{.method = "PUT", .path = "/json/{key}", .handler = set_json},
	};
	static const struct vt_setting setting = {
		.name = "CACHEMOD_DIRECTORY", .type = VT_SETTING_TEXT, .help = "Where the files are."};
	if (vt_setting(app, &setting) != 0)
		return -1;
	snprintf(directory, sizeof directory, "%s", vt_setting_text(app, "CACHEMOD_DIRECTORY"));
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		struct vt_route route = routes[i];
		if (route.method == NULL) {
			route.method = "GET";
			route.handler = make;
		}
		if (vt_route(app, &route) != 0)
			return -1;
	}
	return 0;
}
