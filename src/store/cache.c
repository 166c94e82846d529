/*
 * cache.c - see cache.h.
 *
 * The order of a change is Redis first and then shared memory: who has read the former value from Redis did so with a
 * ticket that the forgetting voids, so that nobody's late fill brings it back.
 */
#include "cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "memory_cache.h"
#include "random_id.h"
#include "redis.h"
#include "tracking.h"

/* Values that are older than that are stale by now, whoever put the token in force. */
#define TOKEN_TTL_MS (INT64_C(7) * 24 * 3600 * 1000)

struct cache {
	const struct memory_cache *memory;
	struct redis *redis;
	struct tracking *tracking;
	char *prefix;
	int64_t ttl_default_ms, untracked_ttl_ms;
	const char *error;
};

char *
cache_prefix_of(const char *prefix, const char *service_name)
{
	char *made = NULL;
	if (prefix != NULL && prefix[0] != '\0')
		return strdup(prefix);
	return asprintf(&made, "%s:", service_name) > 0 ? made : NULL;
}

struct cache *
cache_create(const struct cache_config *config)
{
	struct cache *cache = calloc(1, sizeof *cache);
	char *prefix = cache_prefix_of(config->prefix, config->service_name);
	if (cache == NULL || prefix == NULL) {
		free(cache);
		free(prefix);
		return NULL;
	}
	*cache = (struct cache){.memory = config->memory,
	                        .redis = config->redis,
	                        .tracking = config->tracking,
	                        .prefix = prefix,
	                        .ttl_default_ms = config->ttl_default_ms,
	                        .untracked_ttl_ms = config->untracked_ttl_ms,
	                        .error = ""};
	return cache;
}

void
cache_destroy(struct cache *cache)
{
	if (cache == NULL)
		return;
	free(cache->prefix);
	free(cache);
}

const char *
cache_error(const struct cache *cache)
{
	return cache->error;
}

const char *
cache_tier_name(enum cache_tier tier)
{
	switch (tier) {
	case CACHE_MEMORY:
		return "memory";
	case CACHE_REDIS:
		return "redis";
	case CACHE_NOWHERE:
		break;
	}
	return "none";
}

static const char *
full_key(const struct cache *cache, struct arena *arena, const char *key)
{
	size_t prefix_bytes = strlen(cache->prefix), key_bytes = strlen(key);
	char *full = arena_alloc(arena, prefix_bytes + key_bytes + 1);
	if (full == NULL)
		return NULL;
	memcpy(full, cache->prefix, prefix_bytes);
	memcpy(full + prefix_bytes, key, key_bytes + 1);
	return full;
}

static enum vt_result
redis_failed(struct cache *cache, enum vt_result result)
{
	if (result != VT_OK)
		cache->error = redis_error(cache->redis);
	return result;
}

/* ---- Memory ------------------------------------------------------------------------------------- */

static bool
is_tracked(const struct cache *cache, int64_t now_ns)
{
	return cache->tracking != NULL && tracking_look(cache->tracking, now_ns) == TRACKING_HOLDS;
}

/* Who told this machine of changes has died: what was to be believed for long is believed no more. */
static void
forget_what_lapsed(const struct cache *cache, int64_t now_ns)
{
	if (cache->memory == NULL || cache->tracking == NULL ||
	    tracking_look(cache->tracking, now_ns) != TRACKING_LAPSED)
		return;
	memory_cache_clear(cache->memory);
	tracking_settle(cache->tracking, now_ns);
}

/* Until when the embedded tier may answer for a value that has ttl_ms left, -1 for ever; 0: it may not. */
static int64_t
local_expiry_ns(const struct cache *cache, int64_t ttl_ms, int64_t now_ns)
{
	bool for_ever = ttl_ms < 0;
	if (cache->redis != NULL && (for_ever || ttl_ms > cache->untracked_ttl_ms) && !is_tracked(cache, now_ns)) {
		ttl_ms = cache->untracked_ttl_ms;
		for_ever = false;
	}
	if (for_ever || ttl_ms > (INT64_MAX - now_ns) / NS_PER_MS)
		return INT64_MAX;
	return ttl_ms > 0 ? now_ns + ttl_ms * NS_PER_MS : 0;
}

static enum vt_result
keep(struct cache *cache, const struct memory_key *key, const struct cache_put *put, uint64_t ticket)
{
	int64_t now_ns = clock_mono_ns();
	const struct memory_item item = {.data = put->value,
	                                 .size_bytes = put->size_bytes,
	                                 .expires_ns = local_expiry_ns(cache, put->ttl_ms, now_ns),
	                                 .ticket = ticket};
	if (item.expires_ns == 0)
		return VT_OK;
	switch (memory_cache_put(cache->memory, key, &item, now_ns)) {
	case MEMORY_STORED:
		return VT_OK;
	case MEMORY_OVERTAKEN:
		return VT_CONFLICT;
	case MEMORY_TOO_LARGE:
		cache->error = "the value is too large for the embedded cache";
		return VT_ERROR;
	case MEMORY_BUSY:
		break;
	}
	cache->error = "the embedded cache is busy";
	return VT_UNAVAILABLE;
}

/* ---- Look --------------------------------------------------------------------------------------- */

/* What one key is on its way through both tiers. */
struct search {
	const char *key; /* with the prefix */
	struct memory_key memory;
	uint64_t ticket;
};

/* True where it is in memory. By who has forgotten before what has lapsed. */
static bool
look_in_memory(const struct cache *cache, struct arena *arena, struct cache_look *look, struct search *search,
               int64_t now_ns)
{
	struct memory_value value;
	if (cache->memory == NULL)
		return false;
	search->memory = memory_cache_key(search->key, strlen(search->key));
	search->ticket = memory_cache_ticket(cache->memory, &search->memory);
	if (!memory_cache_get(cache->memory, &search->memory, now_ns, arena, &value))
		return false;
	look->value = value.data;
	look->size_bytes = value.size_bytes;
	look->tier = CACHE_MEMORY;
	return true;
}

static void
take_from_redis(struct cache *cache, const struct redis_look *found, struct cache_look *look,
                const struct search *search)
{
	if (found->value == NULL)
		return;
	look->value = found->value;
	look->size_bytes = found->size_bytes;
	look->tier = CACHE_REDIS;
	const struct cache_put put = {.value = found->value, .size_bytes = found->size_bytes, .ttl_ms = found->ttl_ms};
	if (cache->memory != NULL && found->ttl_ms != 0)
		(void)keep(cache, &search->memory, &put, search->ticket);
}

enum vt_result
cache_look(struct cache *cache, struct arena *arena, struct cache_look *looks, size_t count, int64_t deadline_ns)
{
	struct search searches[CACHE_LOOKS_MAX];
	struct redis_look missing[CACHE_LOOKS_MAX];
	size_t from[CACHE_LOOKS_MAX], misses = 0;
	int64_t now_ns = clock_mono_ns();
	forget_what_lapsed(cache, now_ns);
	for (size_t i = 0; i < count; i++) {
		looks[i] = (struct cache_look){.key = looks[i].key};
		searches[i] = (struct search){.key = full_key(cache, arena, looks[i].key)};
		if (searches[i].key == NULL)
			return VT_NO_MEMORY;
		if (look_in_memory(cache, arena, &looks[i], &searches[i], now_ns))
			continue;
		missing[misses] = (struct redis_look){
			.key = searches[i].key, .with = cache->memory != NULL ? REDIS_WITH_TTL : REDIS_WITHOUT_TTL};
		from[misses++] = i;
	}
	if (arena_failed(arena))
		return VT_NO_MEMORY;
	if (misses == 0 || cache->redis == NULL)
		return VT_OK;
	enum vt_result result = redis_look(cache->redis, arena, missing, misses, deadline_ns);
	for (size_t i = 0; i < misses && result == VT_OK; i++)
		take_from_redis(cache, &missing[i], &looks[from[i]], &searches[from[i]]);
	return redis_failed(cache, result);
}

/* ---- Store -------------------------------------------------------------------------------------- */

static enum vt_result
set_in_redis(struct cache *cache, const char *key, const struct cache_put *put, int64_t deadline_ns)
{
	const struct redis_item item = {
		.key = key, .value = put->value, .size_bytes = put->size_bytes, .ttl_ms = put->ttl_ms};
	if (cache->redis == NULL)
		return VT_OK;
	return redis_failed(cache, redis_set(cache->redis, &item, deadline_ns));
}

static struct cache_put
with_ttl(const struct cache *cache, const struct cache_put *put)
{
	struct cache_put timed = *put;
	if (timed.ttl_ms <= 0)
		timed.ttl_ms = cache->ttl_default_ms;
	return timed;
}

/* Redis's result where there is Redis: that memory does not have the value costs only time. */
static enum vt_result
result_of(const struct cache *cache, enum vt_result redis, enum vt_result memory)
{
	return cache->redis != NULL ? redis : memory;
}

enum vt_result
cache_set(struct cache *cache, struct arena *arena, const struct cache_put *put, int64_t deadline_ns)
{
	const struct cache_put timed = with_ttl(cache, put);
	const char *key = full_key(cache, arena, put->key);
	if (key == NULL)
		return VT_NO_MEMORY;
	enum vt_result result = set_in_redis(cache, key, &timed, deadline_ns);
	if (cache->memory == NULL)
		return result;
	const struct memory_key memory = memory_cache_key(key, strlen(key));
	memory_cache_forget(cache->memory, &memory);
	enum vt_result kept = keep(cache, &memory, &timed, memory_cache_ticket(cache->memory, &memory));
	return result_of(cache, result, kept == VT_CONFLICT ? VT_OK : kept);
}

uint64_t
cache_ticket(const struct cache *cache, struct arena *arena, const char *key)
{
	const char *full = cache->memory != NULL ? full_key(cache, arena, key) : NULL;
	if (full == NULL)
		return 0;
	const struct memory_key memory = memory_cache_key(full, strlen(full));
	return memory_cache_ticket(cache->memory, &memory);
}

enum vt_result
cache_fill(struct cache *cache, struct arena *arena, const struct cache_put *put, uint64_t ticket, int64_t deadline_ns)
{
	const struct cache_put timed = with_ttl(cache, put);
	const char *key = full_key(cache, arena, put->key);
	if (key == NULL)
		return VT_NO_MEMORY;
	if (cache->memory == NULL)
		return set_in_redis(cache, key, &timed, deadline_ns);
	const struct memory_key memory = memory_cache_key(key, strlen(key));
	if (memory_cache_ticket(cache->memory, &memory) != ticket)
		return VT_CONFLICT;
	enum vt_result result = set_in_redis(cache, key, &timed, deadline_ns);
	return result_of(cache, result, keep(cache, &memory, &timed, ticket));
}

enum vt_result
cache_delete(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns)
{
	const char *full = full_key(cache, arena, key);
	enum vt_result result = VT_OK;
	if (full == NULL)
		return VT_NO_MEMORY;
	if (cache->redis != NULL)
		result = redis_failed(cache, redis_delete(cache->redis, full, deadline_ns));
	if (cache->memory != NULL) {
		const struct memory_key memory = memory_cache_key(full, strlen(full));
		memory_cache_forget(cache->memory, &memory);
	}
	return result;
}

/* ---- Tokens ------------------------------------------------------------------------------------- */

#define TOKEN_LENGTH (CACHE_TOKEN_BYTES - 1)

/* Puts the token into Redis where there is none; look then has the one that is there. */
static enum vt_result
agree_on_token(struct cache *cache, struct arena *arena, const struct redis_item *item, struct cache_look *look,
               int64_t deadline_ns)
{
	enum vt_result result = redis_failed(cache, redis_add(cache->redis, item, deadline_ns));
	return result == VT_CONFLICT ? cache_look(cache, arena, look, 1, deadline_ns) : result;
}

enum vt_result
cache_token_ensure(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns,
                   char token[CACHE_TOKEN_BYTES])
{
	struct search search = {.key = full_key(cache, arena, key)};
	struct cache_look look = {.key = key};
	const struct redis_item item = {
		.key = search.key, .value = token, .size_bytes = TOKEN_LENGTH, .ttl_ms = TOKEN_TTL_MS};
	const struct cache_put put = {.key = key, .value = token, .size_bytes = TOKEN_LENGTH, .ttl_ms = TOKEN_TTL_MS};
	enum vt_result result = VT_OK;
	int64_t now_ns = clock_mono_ns();
	random_hex(token, TOKEN_LENGTH / 2);
	if (search.key == NULL)
		return VT_NO_MEMORY;
	forget_what_lapsed(cache, now_ns);
	if (!look_in_memory(cache, arena, &look, &search, now_ns) && cache->redis != NULL)
		result = agree_on_token(cache, arena, &item, &look, deadline_ns);
	if (result == VT_OK && look.value != NULL && look.size_bytes == TOKEN_LENGTH)
		memcpy(token, look.value, CACHE_TOKEN_BYTES);
	else if (cache->memory != NULL && look.value == NULL)
		(void)keep(cache, &search.memory, &put, search.ticket);
	return result;
}

enum vt_result
cache_token_renew(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns)
{
	char token[CACHE_TOKEN_BYTES];
	random_hex(token, TOKEN_LENGTH / 2);
	enum vt_result result = cache_set(
		cache, arena,
		&(struct cache_put){.key = key, .value = token, .size_bytes = TOKEN_LENGTH, .ttl_ms = TOKEN_TTL_MS},
		deadline_ns);
	if (result != VT_OK && cache->tracking != NULL)
		tracking_distrust(cache->tracking, clock_real_ns() / NS_PER_MS + 1);
	return result;
}

int64_t
cache_void_before_ms(const struct cache *cache)
{
	return cache->tracking != NULL ? tracking_void_before_ms(cache->tracking) : 0;
}
