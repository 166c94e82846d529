/*
 * api_cache.c - the cache as a handler sees it.
 *
 * A value in a namespace is kept with the namespace's token and the time in front; it counts while that token is in force,
 * and where Redis has missed no change since.
 */
#include <string.h>

#include <json-c/json.h>

#include "arena.h"
#include "cache.h"
#include "cache_rule.h"
#include "clock.h"
#include "phase.h"
#include "request.h"
#include "request_metrics.h"
#include "services.h"
#include "spans.h"

#define TOKEN_BYTES (CACHE_TOKEN_BYTES - 1)
#define TTL_MOST_S (INT64_MAX / 1000)

/* Around each operation: the phase, its metrics, its span. */
struct operation {
	const char *metric, *span;
	int64_t started_ns;
	struct phase phase;
};

static struct operation
begin(struct vt_request *req, const char *metric, const char *span)
{
	return (struct operation){.metric = metric,
	                          .span = span,
	                          .started_ns = span_started_ns(req),
	                          .phase = phase_enter(req, PHASE_CACHE)};
}

static enum vt_result
end(struct vt_request *req, const struct operation *operation, enum vt_result result)
{
	request_metrics_cache(req, operation->metric, result, phase_leave(req, &operation->phase));
	span_cache(req, operation->started_ns, operation->span, result);
	return result;
}

/* What stands in the way of an operation; VT_OK: nothing. */
static enum vt_result
check(const struct vt_request *req, const char *space, int64_t ttl_s)
{
	if (services_of(req)->cache == NULL)
		return VT_NOT_CONFIGURED;
	if (ttl_s < 0 || ttl_s > TTL_MOST_S || (space != NULL && !cache_prefix_is_sound(space)))
		return VT_ERROR;
	return VT_OK;
}

/* A key that cannot be made is too long, or there is no memory, which the answer then says. */
static enum vt_result
no_key(const struct vt_request *req)
{
	return arena_failed(req->with.arena) ? VT_NO_MEMORY : VT_ERROR;
}

/* ---- Values by themselves ----------------------------------------------------------------------- */

enum vt_result
vt_cache_get(struct vt_request *req, const char *key, const char **value, size_t *size_bytes)
{
	struct cache_look look = {.key = cache_key_of_value(req->with.arena, key)};
	enum vt_result result = check(req, NULL, 0);
	*value = NULL;
	*size_bytes = 0;
	if (result != VT_OK || look.key == NULL)
		return result != VT_OK ? result : no_key(req);
	const struct operation operation = begin(req, "get", "GET");
	result = cache_look(services_of(req)->cache, req->with.arena, &look, 1, req->deadline_ns);
	*value = look.value;
	*size_bytes = look.size_bytes;
	if (look.value != NULL)
		request_metrics_hit(req, cache_tier_name(look.tier));
	else if (result == VT_OK)
		result = VT_MISS;
	return end(req, &operation, result);
}

static enum vt_result
set(struct vt_request *req, const struct cache_put *put)
{
	if (put->key == NULL)
		return no_key(req);
	const struct operation operation = begin(req, "set", "SET");
	return end(req, &operation, cache_set(services_of(req)->cache, req->with.arena, put, req->deadline_ns));
}

enum vt_result
vt_cache_set(struct vt_request *req, const char *key, const void *value, size_t size_bytes, int64_t ttl_s)
{
	enum vt_result result = check(req, NULL, ttl_s);
	if (result != VT_OK)
		return result;
	return set(req, &(struct cache_put){.key = cache_key_of_value(req->with.arena, key),
	                                    .value = value,
	                                    .size_bytes = size_bytes,
	                                    .ttl_ms = ttl_s * 1000});
}

static enum vt_result
remove_key(struct vt_request *req, const char *key)
{
	if (key == NULL)
		return no_key(req);
	const struct operation operation = begin(req, "delete", "UNLINK");
	return end(req, &operation, cache_delete(services_of(req)->cache, req->with.arena, key, req->deadline_ns));
}

enum vt_result
vt_cache_delete(struct vt_request *req, const char *key)
{
	enum vt_result result = check(req, NULL, 0);
	return result != VT_OK ? result : remove_key(req, cache_key_of_value(req->with.arena, key));
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void
put_json(void *json)
{
	json_object_put(json);
}

enum vt_result
vt_cache_get_json(struct vt_request *req, const char *key, struct json_object **json)
{
	const char *text;
	size_t size;
	enum json_tokener_error error;
	enum vt_result result = vt_cache_get(req, key, &text, &size);
	*json = NULL;
	if (result != VT_OK)
		return result;
	*json = json_tokener_parse_verbose(text, &error);
	if (error != json_tokener_success)
		return VT_ERROR;
	if (*json != NULL && arena_on_reset(req->with.arena, put_json, *json) != 0) {
		*json = NULL;
		return VT_NO_MEMORY;
	}
	return VT_OK;
}

enum vt_result
vt_cache_set_json(struct vt_request *req, const char *key, struct json_object *json, int64_t ttl_s)
{
	size_t size = 0;
	const char *text =
		json_object_to_json_string_length(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
	return text != NULL ? vt_cache_set(req, key, text, size, ttl_s) : VT_NO_MEMORY;
}

/* ---- Namespaces --------------------------------------------------------------------------------- */

/* In front of each value; without padding. */
struct stamp {
	char token[TOKEN_BYTES];
	int64_t begun_ms; /* real time: when the request began that set it */
};

static int64_t
begun_ms(const struct vt_request *req)
{
	return (clock_real_ns() - (clock_mono_ns() - req->started_ns)) / NS_PER_MS;
}

static bool
counts(const struct vt_request *req, const struct cache_look *value, const struct cache_look *token)
{
	struct stamp stamp;
	if (value->value == NULL || token->value == NULL || token->size_bytes != TOKEN_BYTES ||
	    value->size_bytes < sizeof stamp)
		return false;
	memcpy(&stamp, value->value, sizeof stamp);
	return memcmp(stamp.token, token->value, TOKEN_BYTES) == 0 &&
	       stamp.begun_ms >= cache_void_before_ms(services_of(req)->cache);
}

enum vt_result
vt_space_get(struct vt_request *req, const char *space, const char *key, const char **value, size_t *size_bytes)
{
	enum vt_result result = check(req, space, 0);
	*value = NULL;
	*size_bytes = 0;
	if (result != VT_OK)
		return result;
	struct cache_look looks[] = {{.key = cache_key_of_space(req->with.arena, space, key)},
	                             {.key = cache_key_of_prefix(req->with.arena, space)}};
	if (looks[0].key == NULL || looks[1].key == NULL)
		return no_key(req);
	const struct operation operation = begin(req, "get", "GET");
	result = cache_look(services_of(req)->cache, req->with.arena, looks, 2, req->deadline_ns);
	if (counts(req, &looks[0], &looks[1])) {
		*value = looks[0].value + sizeof(struct stamp);
		*size_bytes = looks[0].size_bytes - sizeof(struct stamp);
		result = VT_OK;
		request_metrics_hit(req, cache_tier_name(looks[0].tier));
	} else if (result == VT_OK) {
		result = VT_MISS;
	}
	return end(req, &operation, result);
}

enum vt_result
vt_space_set(struct vt_request *req, const char *space, const char *key, const void *value, size_t size_bytes,
             int64_t ttl_s)
{
	enum vt_result result = check(req, space, ttl_s);
	if (result != VT_OK)
		return result;
	char token[CACHE_TOKEN_BYTES];
	struct stamp stamp = {.begun_ms = begun_ms(req)};
	struct cache_look look = {.key = cache_key_of_prefix(req->with.arena, space)};
	char *bytes = vt_alloc(req, size_bytes + sizeof stamp);
	if (look.key == NULL || bytes == NULL)
		return no_key(req);
	result = cache_look(services_of(req)->cache, req->with.arena, &look, 1, req->deadline_ns);
	if (result == VT_OK && look.value != NULL && look.size_bytes == TOKEN_BYTES)
		memcpy(token, look.value, CACHE_TOKEN_BYTES);
	else if (result == VT_OK)
		result =
			cache_token_ensure(services_of(req)->cache, req->with.arena, look.key, req->deadline_ns, token);
	if (result != VT_OK)
		return result;
	memcpy(stamp.token, token, TOKEN_BYTES);
	memcpy(bytes, &stamp, sizeof stamp);
	if (size_bytes > 0)
		memcpy(bytes + sizeof stamp, value, size_bytes);
	return set(req, &(struct cache_put){.key = cache_key_of_space(req->with.arena, space, key),
	                                    .value = bytes,
	                                    .size_bytes = size_bytes + sizeof stamp,
	                                    .ttl_ms = ttl_s * 1000});
}

enum vt_result
vt_space_delete(struct vt_request *req, const char *space, const char *key)
{
	enum vt_result result = check(req, space, 0);
	return result != VT_OK ? result : remove_key(req, cache_key_of_space(req->with.arena, space, key));
}

/* ---- Forgetting --------------------------------------------------------------------------------- */

enum vt_result
vt_cache_forget(struct vt_request *req, const char *prefix, const char *const *params, size_t param_count)
{
	enum vt_result result = check(req, prefix, 0);
	if (result != VT_OK)
		return result;
	const char *key = param_count == 0 ? cache_key_of_prefix(req->with.arena, prefix)
	                                   : cache_key_of_resource(req->with.arena, prefix, params, param_count);
	if (key == NULL)
		return no_key(req);
	const struct operation operation = begin(req, "forget", "SET");
	return end(req, &operation, cache_token_renew(services_of(req)->cache, req->with.arena, key, req->deadline_ns));
}
