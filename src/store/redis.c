/*
 * redis.c - get, set and delete for requests, each under one deadline that covers connecting too.
 *
 * Fails open: whatever becomes of Redis, the caller has its answer within the time-out. A time-out closes
 * the connection, so that a late reply has none to arrive on, and counts for the back-off: a Redis that
 * hangs costs a worker one time-out, then nothing until the back-off is over. A reply of any kind ends the
 * back-off. A command that may have been sent is not repeated.
 *
 * A worker has one of these and uses it from one thread. Never opened before the fork.
 */
#include "redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "chance.h"
#include "clock.h"
#include "err.h"
#include "io_wait.h"
#include "redis_link.h"

struct redis *
redis_create(const struct redis_config *config, struct err *err)
{
	struct redis *redis;
	if (config->timeout_ms <= 0 || config->ttl_default_ms <= 0) {
		err_set(err, "REDIS_TIMEOUT and CACHE_TTL_DEFAULT must be more than 0.");
		return NULL;
	}
	redis = calloc(1, sizeof *redis);
	if (redis == NULL) {
		err_set(err, "There is no memory for the connection to Redis.");
		return NULL;
	}
	if (redis_address_parse(&redis->address, config->url, err) != 0) {
		free(redis);
		return NULL;
	}
	redis->timeout_ms = config->timeout_ms;
	redis->ttl_default_ms = config->ttl_default_ms;
	redis->ping_idle_ms = config->ping_idle_ms;
	redis->error = "";
	return redis;
}

void
redis_destroy(struct redis *redis)
{
	if (redis == NULL)
		return;
	redis_drop(redis);
	redis_address_fini(&redis->address);
	free(redis);
}

const char *
redis_error(const struct redis *redis)
{
	return redis->error;
}

/* One operation's time: REDIS_TIMEOUT, or the caller's where that is earlier. */
struct limit {
	int64_t deadline_ns;
	bool own;
};

static struct limit
limit_of(const struct redis *redis, int64_t deadline_ns)
{
	int64_t own_ns = deadline_in_ms(redis->timeout_ms);
	return (struct limit){.deadline_ns = deadline_min(own_ns, deadline_ns), .own = own_ns <= deadline_ns};
}

static enum vt_result
timed_out(struct redis *redis, struct limit limit)
{
	redis->error = redis->state == REDIS_READY ? "no answer in time" : "connecting timed out";
	redis_drop(redis);
	if (limit.own) /* a caller with little time says nothing about the server */
		backoff_fail(&redis->backoff, clock_mono_ns(), chance());
	return VT_TIMEOUT;
}

static enum vt_result
open_connection(struct redis *redis, struct limit limit)
{
	enum vt_result result;
	struct io_want want;
	if (!backoff_over(&redis->backoff, clock_mono_ns()))
		return VT_UNAVAILABLE; /* the error still tells why */
	while (redis_connect_step(redis, &want, &result) == IO_WAIT)
		if (!io_wait(&want, limit.deadline_ns))
			return timed_out(redis, limit);
	if (result != VT_OK)
		backoff_fail(&redis->backoff, clock_mono_ns(), chance());
	return result;
}

/* Does a connection that was idle for long still answer? VT_OK also where it does not and was dropped. */
static enum vt_result
ping_idle(struct redis *redis, struct limit limit)
{
	enum vt_result result;
	struct io_want want;
	if (clock_mono_ns() - redis->used_ns < redis->ping_idle_ms * NS_PER_MS || !redis_ask_ping(redis))
		return VT_OK;
	while (redis_answer_step(redis, &want, &result) == IO_WAIT)
		if (!io_wait(&want, limit.deadline_ns))
			return timed_out(redis, limit);
	return result == VT_OK || redis->state == REDIS_ABSENT ? VT_OK : result;
}

static enum vt_result
hand_out(struct redis *redis, struct limit limit)
{
	redis_drop_unfit(redis);
	if (redis->state == REDIS_READY) {
		enum vt_result result = ping_idle(redis, limit);
		if (result != VT_OK || redis->state == REDIS_READY)
			return result;
	}
	return open_connection(redis, limit);
}

/* Whoever goes on after one reply of several would take the next for another command's. */
static enum vt_result
stop_between(struct redis *redis, redisReply **replies, size_t got, bool more, enum vt_result result)
{
	for (size_t i = 0; i < got; i++) {
		freeReplyObject(replies[i]);
		replies[i] = NULL;
	}
	if (more)
		redis_drop(redis);
	return result;
}

enum vt_result
redis_run(struct redis *redis, const struct redis_command *commands, size_t count, int64_t deadline_ns,
          redisReply **replies)
{
	struct limit limit = limit_of(redis, deadline_ns);
	struct io_want want;
	enum vt_result result;
	for (size_t i = 0; i < count; i++)
		replies[i] = NULL;
	if (clock_mono_ns() >= limit.deadline_ns) {
		redis->error = "no time was left";
		return VT_TIMEOUT; /* nothing was begun: the connection is as it was */
	}
	result = hand_out(redis, limit);
	if (result != VT_OK)
		return result;
	for (size_t i = 0; i < count; i++)
		if (!redis_command_begin(redis, &commands[i]))
			return VT_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		while (redis_command_step(redis, &want, &result, &replies[i]) == IO_WAIT)
			if (!io_wait(&want, limit.deadline_ns))
				return stop_between(redis, replies, i, false, timed_out(redis, limit));
		if (result != VT_OK)
			return stop_between(redis, replies, i, i + 1 < count, result);
	}
	return VT_OK;
}

enum vt_result
redis_out_of_step(struct redis *redis)
{
	redis->error = "the reply does not belong to the command";
	redis_drop(redis);
	return VT_UNAVAILABLE;
}

enum vt_result
redis_get(struct redis *redis, struct arena *arena, const char *key, int64_t deadline_ns, const char **value,
          size_t *size_bytes)
{
	const struct redis_command command = {.argv = {"GET", key}, .size_bytes = {3, strlen(key)}, .argc = 2};
	redisReply *reply;
	enum vt_result result = redis_run(redis, &command, 1, deadline_ns, &reply);
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
		result = redis_out_of_step(redis);
	}
	freeReplyObject(reply);
	return result;
}

/* SET, with NX or without. VT_CONFLICT: NX found it there. */
static enum vt_result
set(struct redis *redis, const struct redis_item *item, const char *nx, int64_t deadline_ns)
{
	char ttl[24];
	redisReply *reply;
	if (item->size_bytes > REDIS_VALUE_MAX_BYTES) {
		redis->error = "the value is too large to be cached";
		return VT_ERROR;
	}
	snprintf(ttl, sizeof ttl, "%" PRId64, item->ttl_ms > 0 ? item->ttl_ms : redis->ttl_default_ms);
	const struct redis_command command = {
		.argv = {"SET", item->key, item->size_bytes > 0 ? item->value : "", "PX", ttl, nx},
		.size_bytes = {3, strlen(item->key), item->size_bytes, 2, strlen(ttl), 2},
		.argc = nx != NULL ? 6 : 5,
	};
	enum vt_result result = redis_run(redis, &command, 1, deadline_ns, &reply);
	if (result == VT_OK && reply->type != REDIS_REPLY_STATUS)
		result = nx != NULL && reply->type == REDIS_REPLY_NIL ? VT_CONFLICT : redis_out_of_step(redis);
	if (reply != NULL)
		freeReplyObject(reply);
	return result;
}

enum vt_result
redis_set(struct redis *redis, const struct redis_item *item, int64_t deadline_ns)
{
	return set(redis, item, NULL, deadline_ns);
}

enum vt_result
redis_add(struct redis *redis, const struct redis_item *item, int64_t deadline_ns)
{
	return set(redis, item, "NX", deadline_ns);
}

enum vt_result
redis_delete(struct redis *redis, const char *key, int64_t deadline_ns)
{
	const struct redis_command command = {.argv = {"UNLINK", key}, .size_bytes = {6, strlen(key)}, .argc = 2};
	redisReply *reply;
	enum vt_result result = redis_run(redis, &command, 1, deadline_ns, &reply);
	if (result == VT_OK && reply->type != REDIS_REPLY_INTEGER)
		result = redis_out_of_step(redis);
	if (reply != NULL)
		freeReplyObject(reply);
	return result;
}
