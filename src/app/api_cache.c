/* api_cache.c - the cache as a handler sees it. */
#include "phase.h"
#include "redis.h"
#include "request.h"
#include "request_metrics.h"
#include "services.h"
#include "spans.h"

enum vt_result
vt_cache_get(struct vt_request *req, const char *key, const char **value, size_t *size_bytes)
{
	struct redis *redis = services_of(req)->redis;
	if (redis == NULL)
		return VT_NOT_CONFIGURED;
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	enum vt_result result = redis_get(redis, req->with.arena, key, req->deadline_ns, value, size_bytes);
	request_metrics_cache(req, "get", result, phase_leave(req, &phase));
	span_cache(req, started_ns, "GET", result);
	return result;
}

enum vt_result
vt_cache_set(struct vt_request *req, const char *key, const void *value, size_t size_bytes, int64_t ttl_s)
{
	struct redis *redis = services_of(req)->redis;
	if (redis == NULL)
		return VT_NOT_CONFIGURED;
	if (ttl_s < 0 || ttl_s > INT64_MAX / 1000)
		return VT_ERROR;
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	struct redis_item item = {.key = key, .value = value, .size_bytes = size_bytes, .ttl_ms = ttl_s * 1000};
	enum vt_result result = redis_set(redis, &item, req->deadline_ns);
	request_metrics_cache(req, "set", result, phase_leave(req, &phase));
	span_cache(req, started_ns, "SET", result);
	return result;
}

enum vt_result
vt_cache_delete(struct vt_request *req, const char *key)
{
	struct redis *redis = services_of(req)->redis;
	if (redis == NULL)
		return VT_NOT_CONFIGURED;
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	enum vt_result result = redis_delete(redis, key, req->deadline_ns);
	request_metrics_cache(req, "delete", result, phase_leave(req, &phase));
	span_cache(req, started_ns, "UNLINK", result);
	return result;
}
