/*
 * cachedroutes.c - a module for the trial of the cache. /cold/{id}, /short/{id} and /stale/{id} are cached answers of a
 * statement that takes 200 ms and counts itself; /kept/{id} costs nothing; /sealed/{id} proves what the cache gives by a
 * checksum over the key. Built by the trial against the public header alone; never installed.
 */
#include "vitals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEALED_MAX_BYTES 6000

static enum vt_result
ask_slowly(struct vt_request *req, struct vt_response *res)
{
	struct vt_rows *rows;
	enum vt_result result =
		vt_query(req, &rows, "select nextval('made') as made, pg_sleep(0.2)::text as slept", VT_NO_PARAMS);
	return result != VT_OK ? vt_fail(res, result) : vt_json_row(res, rows, 0);
}

static enum vt_result
keep(struct vt_request *req, struct vt_response *res)
{
	char body[200];
	int size =
		snprintf(body, sizeof body,
	                 "{\"id\":\"%.40s\",\"name\":\"Somebody of that number\",\"email\":\"somebody@example.org\"}",
	                 vt_path_param(req, "id"));
	return vt_json_text(res, body, (size_t)size);
}

static uint64_t
hash(const char *text, size_t size)
{
	uint64_t sum = 14695981039346656037U;
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ (unsigned char)text[i]) * 1099511628211U;
	return sum;
}

/* "checksum of key and the rest, key, rest": the rest is of a length by chance. */
static size_t
seal(char *value, const char *key, unsigned length)
{
	char *rest = value + 16;
	size_t size = (size_t)sprintf(rest, "%s:", key);
	while (size < length)
		size += (size_t)sprintf(rest + size, "%s.%zu,", key, size);
	char sum[17];
	snprintf(sum, sizeof sum, "%016" PRIx64, hash(rest, size));
	memcpy(value, sum, 16);
	return 16 + size;
}

static int
is_sealed(const char *value, size_t size, const char *key)
{
	char sum[17];
	if (size < 16 || strncmp(value + 16, key, strlen(key)) != 0 || value[16 + strlen(key)] != ':')
		return 0;
	snprintf(sum, sizeof sum, "%016" PRIx64, hash(value + 16, size - 16));
	return memcmp(sum, value, 16) == 0;
}

/* What is there is right, or nothing is; every third time it is written anew, every seventh forgotten. */
static enum vt_result
prove(struct vt_request *req, struct vt_response *res)
{
	char stored[SEALED_MAX_BYTES + 200];
	static unsigned turn;
	const char *key = vt_path_param(req, "id"), *value;
	size_t size;
	enum vt_result result = vt_cache_get(req, key, &value, &size);
	if (result == VT_OK && !is_sealed(value, size, key))
		return vt_problem(res, 500, "The cache gave a value that was never put.");
	if (strlen(key) > 100)
		return vt_problem(res, 400, NULL);
	turn++;
	if (result == VT_MISS || turn % 3 == 0)
		result = vt_cache_set(req, key, stored, seal(stored, key, turn * 7919 % SEALED_MAX_BYTES), 60);
	else if (turn % 7 == 0)
		result = vt_cache_delete(req, key);
	if (result != VT_OK && result != VT_UNAVAILABLE) /* a lock that is not to be had at once is no fault */
		return vt_problem(res, 503, vt_strerror(result));
	return vt_json_text(res, "{\"many\":true}", 13);
}

VT_API int vitals_setup(struct vt_app *app);

int
vitals_setup(struct vt_app *app)
{
	static const struct vt_route routes[] = {
		{.path = "/cold/{id}", .handler = ask_slowly, .cache = {.prefix = "cold", .ttl_s = 600, .query = ""}},
		{.path = "/short/{id}", .handler = ask_slowly, .cache = {.prefix = "short", .ttl_s = 2, .query = ""}},
		{.path = "/stale/{id}",
	         .handler = ask_slowly,
	         .cache = {.prefix = "stale", .ttl_s = 2, .stale_s = 60, .query = ""}},
		{.path = "/kept/{id}", .handler = keep, .cache = {.prefix = "kept", .ttl_s = 600, .query = ""}},
		{.path = "/sealed/{id}", .handler = prove},
	};
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		struct vt_route route = routes[i];
		route.method = "GET";
		if (vt_route(app, &route) != 0)
			return -1;
	}
	return 0;
}
