/*
 * cache.c - get, set and delete for requests, each under one deadline that covers connecting too.
 *
 * Fails open: whatever becomes of Redis, the caller has its answer within the time-out. A time-out closes
 * the connection, so that a late reply has none to arrive on, and counts for the back-off: a Redis that
 * hangs costs a worker one time-out, then nothing until the back-off is over. A reply of any kind ends the
 * back-off. A command that may have been sent is not repeated.
 *
 * A worker has one of these and uses it from one thread. Never opened before the fork.
 */
#include "cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "cache_link.h"
#include "chance.h"
#include "clock.h"
#include "err.h"
#include "io_wait.h"

struct cache *
cache_create(const struct cache_config *config, struct err *err)
{
	struct cache *cache;
	if (config->timeout_ms <= 0 || config->ttl_default_ms <= 0) {
		err_set(err, "REDIS_TIMEOUT and CACHE_TTL_DEFAULT must be more than 0.");
		return NULL;
	}
	cache = calloc(1, sizeof *cache);
	if (cache == NULL) {
		err_set(err, "There is no memory for the cache's connection.");
		return NULL;
	}
	if (redis_address_parse(&cache->address, config->url, err) != 0) {
		free(cache);
		return NULL;
	}
	cache->timeout_ms = config->timeout_ms;
	cache->ttl_default_ms = config->ttl_default_ms;
	cache->ping_idle_ms = config->ping_idle_ms;
	cache->error = "";
	return cache;
}

void
cache_destroy(struct cache *cache)
{
	if (cache == NULL)
		return;
	cache_drop(cache);
	redis_address_fini(&cache->address);
	free(cache);
}

const char *
cache_error(const struct cache *cache)
{
	return cache->error;
}

/* One operation's time: the cache's own bound, or the caller's where that is earlier. */
struct limit {
	int64_t deadline_ns;
	bool own;
};

static struct limit
limit_of(const struct cache *cache, int64_t deadline_ns)
{
	int64_t own_ns = deadline_in_ms(cache->timeout_ms);
	return (struct limit){.deadline_ns = deadline_min(own_ns, deadline_ns), .own = own_ns <= deadline_ns};
}

static enum vt_result
timed_out(struct cache *cache, struct limit limit)
{
	cache->error = cache->state == CACHE_READY ? "no answer in time" : "connecting timed out";
	cache_drop(cache);
	if (limit.own) /* a caller with little time says nothing about the server */
		backoff_fail(&cache->backoff, clock_mono_ns(), chance());
	return VT_TIMEOUT;
}

static enum vt_result
open_connection(struct cache *cache, struct limit limit)
{
	enum vt_result result;
	struct io_want want;
	if (!backoff_over(&cache->backoff, clock_mono_ns()))
		return VT_UNAVAILABLE; /* the error still tells why */
	while (cache_connect_step(cache, &want, &result) == IO_WAIT)
		if (!io_wait(&want, limit.deadline_ns))
			return timed_out(cache, limit);
	if (result != VT_OK)
		backoff_fail(&cache->backoff, clock_mono_ns(), chance());
	return result;
}

/* Does a connection that was idle for long still answer? VT_OK also where it does not and was dropped. */
static enum vt_result
ping_idle(struct cache *cache, struct limit limit)
{
	enum vt_result result;
	struct io_want want;
	if (clock_mono_ns() - cache->used_ns < cache->ping_idle_ms * NS_PER_MS || !cache_ask_ping(cache))
		return VT_OK;
	while (cache_answer_step(cache, &want, &result) == IO_WAIT)
		if (!io_wait(&want, limit.deadline_ns))
			return timed_out(cache, limit);
	return result == VT_OK || cache->state == CACHE_ABSENT ? VT_OK : result;
}

static enum vt_result
hand_out(struct cache *cache, struct limit limit)
{
	cache_drop_unfit(cache);
	if (cache->state == CACHE_READY) {
		enum vt_result result = ping_idle(cache, limit);
		if (result != VT_OK || cache->state == CACHE_READY)
			return result;
	}
	return open_connection(cache, limit);
}

/* Runs one command. On VT_OK the reply is the caller's to free. */
static enum vt_result
run(struct cache *cache, const struct cache_command *command, int64_t deadline_ns, redisReply **reply)
{
	struct limit limit = limit_of(cache, deadline_ns);
	struct io_want want;
	enum vt_result result;
	*reply = NULL;
	if (clock_mono_ns() >= limit.deadline_ns) {
		cache->error = "no time was left";
		return VT_TIMEOUT; /* nothing was begun: the connection is as it was */
	}
	result = hand_out(cache, limit);
	if (result != VT_OK)
		return result;
	if (!cache_command_begin(cache, command))
		return VT_NO_MEMORY;
	while (cache_command_step(cache, &want, &result, reply) == IO_WAIT)
		if (!io_wait(&want, limit.deadline_ns))
			return timed_out(cache, limit);
	return result;
}

/* A reply of a type that the command cannot have: the two sides are out of step. */
static enum vt_result
out_of_step(struct cache *cache)
{
	cache->error = "the reply does not belong to the command";
	cache_drop(cache);
	return VT_UNAVAILABLE;
}

enum vt_result
cache_get(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns, const char **value,
          size_t *size_bytes)
{
	const struct cache_command command = {.argv = {"GET", key}, .size_bytes = {3, strlen(key)}, .argc = 2};
	redisReply *reply;
	enum vt_result result = run(cache, &command, deadline_ns, &reply);
	*value = NULL;
	*size_bytes = 0;
	if (result != VT_OK)
		return result;
	if (reply->type == REDIS_REPLY_NIL) {
		result = VT_MISS;
	} else if (reply->type == REDIS_REPLY_STRING) {
		*value = arena_strndup(arena, reply->str, reply->len);
		*size_bytes = *value != NULL ? reply->len : 0;
		result = *value != NULL ? VT_OK : VT_NO_MEMORY;
	} else {
		result = out_of_step(cache);
	}
	freeReplyObject(reply);
	return result;
}

enum vt_result
cache_set(struct cache *cache, const struct cache_item *item, int64_t deadline_ns)
{
	char ttl[24];
	redisReply *reply;
	if (item->size_bytes > CACHE_VALUE_MAX_BYTES) {
		cache->error = "the value is too large to be cached";
		return VT_ERROR;
	}
	snprintf(ttl, sizeof ttl, "%" PRId64, item->ttl_ms > 0 ? item->ttl_ms : cache->ttl_default_ms);
	const struct cache_command command = {
		.argv = {"SET", item->key, item->size_bytes > 0 ? item->value : "", "PX", ttl},
		.size_bytes = {3, strlen(item->key), item->size_bytes, 2, strlen(ttl)},
		.argc = 5,
	};
	enum vt_result result = run(cache, &command, deadline_ns, &reply);
	if (result == VT_OK && reply->type != REDIS_REPLY_STATUS)
		result = out_of_step(cache);
	if (reply != NULL)
		freeReplyObject(reply);
	return result;
}

enum vt_result
cache_delete(struct cache *cache, const char *key, int64_t deadline_ns)
{
	const struct cache_command command = {.argv = {"UNLINK", key}, .size_bytes = {6, strlen(key)}, .argc = 2};
	redisReply *reply;
	enum vt_result result = run(cache, &command, deadline_ns, &reply);
	if (result == VT_OK && reply->type != REDIS_REPLY_INTEGER)
		result = out_of_step(cache);
	if (reply != NULL)
		freeReplyObject(reply);
	return result;
}
