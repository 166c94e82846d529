/* api_cache.c - the cache as a handler sees it. */
#include "cache.h"
#include "phase.h"
#include "request.h"
#include "request_metrics.h"
#include "services.h"
#include "spans.h"

enum vt_result
vt_cache_get(struct vt_request *req, const char *key, const char **value, size_t *size_bytes)
{
	struct cache *cache = services_of(req)->cache;
	if (cache == NULL)
		return VT_NOT_CONFIGURED;
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	enum vt_result result = cache_get(cache, req->with.arena, key, req->deadline_ns, value, size_bytes);
	request_metrics_cache(req, "get", result, phase_leave(req, &phase));
	span_cache(req, started_ns, "GET", result);
	return result;
}

enum vt_result
vt_cache_set(struct vt_request *req, const char *key, const void *value, size_t size_bytes, int64_t ttl_s)
{
	struct cache *cache = services_of(req)->cache;
	if (cache == NULL)
		return VT_NOT_CONFIGURED;
	if (ttl_s < 0 || ttl_s > INT64_MAX / 1000)
		return VT_ERROR;
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	struct cache_item item = {.key = key, .value = value, .size_bytes = size_bytes, .ttl_ms = ttl_s * 1000};
	enum vt_result result = cache_set(cache, &item, req->deadline_ns);
	request_metrics_cache(req, "set", result, phase_leave(req, &phase));
	span_cache(req, started_ns, "SET", result);
	return result;
}

enum vt_result
vt_cache_delete(struct vt_request *req, const char *key)
{
	struct cache *cache = services_of(req)->cache;
	if (cache == NULL)
		return VT_NOT_CONFIGURED;
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	enum vt_result result = cache_delete(cache, key, req->deadline_ns);
	request_metrics_cache(req, "delete", result, phase_leave(req, &phase));
	span_cache(req, started_ns, "UNLINK", result);
	return result;
}
