/*
 * redis.c - set and delete for requests, each under one deadline that covers connecting too.
 *
 * Fails open: whatever becomes of Redis, the caller has its answer within the time-out. A time-out closes
 * the connection, so that a late reply has none to arrive on, and opens the breaker (redis_guard.c): a Redis
 * that hangs costs the pool one time-out, then nothing until it was found to answer again. A command that may
 * have been sent is not repeated.
 *
 * A worker has one of these and uses it from one thread. Never opened before the fork.
 */
#include "redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
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
	redis->breaker = config->breaker != NULL ? config->breaker : &redis->own;
	redis->log = config->log;
	redis->error = "";
	if (redis->address.service != NULL && !redis_sentinels_create(redis, config)) {
		err_set(err, "There is no memory for the sentinels.");
		redis_destroy(redis);
		return NULL;
	}
	return redis;
}

void
redis_destroy(struct redis *redis)
{
	if (redis == NULL)
		return;
	redis_drop(redis);
	redis_sentinels_destroy(redis->sentinels);
	redis_address_fini(&redis->address);
	free(redis);
}

const char *
redis_error(const struct redis *redis)
{
	return redis->error;
}

/* The wait for what the step wants is over without it. */
static enum vt_result
not_ready(struct redis *redis, const struct redis_guard *guard, enum redis_wait wait)
{
	if (wait == REDIS_WAIT_SPARED) {
		redis->error = "no answer, as others found";
		redis_drop(redis);
		return VT_UNAVAILABLE;
	}
	redis->error = redis->state == REDIS_READY ? "no answer in time" : "connecting timed out";
	redis_drop(redis);
	if (guard->own) /* a caller with little time says nothing about the server */
		redis->finding = REDIS_FOUND_ILL;
	return VT_TIMEOUT;
}

static enum vt_result
open_connection(struct redis *redis, const struct redis_guard *guard)
{
	enum redis_wait wait = REDIS_WAIT_READY;
	enum vt_result result;
	struct io_want want;
	while (redis_connect_step(redis, &want, &result) == IO_WAIT)
		if ((wait = redis_guard_wait(redis, guard, &want)) != REDIS_WAIT_READY)
			return not_ready(redis, guard, wait);
	return result;
}

/* Does a connection that was idle for long still answer? VT_OK also where it does not and was dropped. */
static enum vt_result
ping_idle(struct redis *redis, const struct redis_guard *guard)
{
	enum redis_wait wait = REDIS_WAIT_READY;
	enum vt_result result;
	struct io_want want;
	if (!redis_ping_due(redis) || !redis_ask_ping(redis))
		return VT_OK;
	while (redis_answer_step(redis, &want, &result) == IO_WAIT)
		if ((wait = redis_guard_wait(redis, guard, &want)) != REDIS_WAIT_READY)
			return not_ready(redis, guard, wait);
	return result == VT_OK || redis->state == REDIS_ABSENT ? VT_OK : result;
}

static enum vt_result
hand_out(struct redis *redis, const struct redis_guard *guard)
{
	redis_drop_unfit(redis);
	if (redis->state == REDIS_READY) {
		enum vt_result result = ping_idle(redis, guard);
		if (result != VT_OK || redis->state == REDIS_READY)
			return result;
	}
	return open_connection(redis, guard);
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

/* Commands that go out together, and where their replies go. */
struct batch {
	const struct redis_command *commands;
	size_t count;
	redisReply **replies;
};

static enum vt_result
run_guarded(struct redis *redis, const struct batch *batch, const struct redis_guard *guard)
{
	enum redis_wait wait = REDIS_WAIT_READY;
	struct io_want want;
	enum vt_result result = hand_out(redis, guard);
	if (result != VT_OK)
		return result;
	redis->finding = REDIS_FOUND_NOTHING;
	for (size_t i = 0; i < batch->count; i++)
		if (!redis_command_begin(redis, &batch->commands[i]))
			return VT_NO_MEMORY;
	for (size_t i = 0; i < batch->count; i++) {
		redis->array_max_bytes = batch->commands[i].array_max_bytes;
		while (redis_command_step(redis, &want, &result, &batch->replies[i]) == IO_WAIT)
			if ((wait = redis_guard_wait(redis, guard, &want)) != REDIS_WAIT_READY)
				return stop_between(redis, batch->replies, i, false, not_ready(redis, guard, wait));
		if (result != VT_OK)
			return stop_between(redis, batch->replies, i, i + 1 < batch->count, result);
		redis->array_max_bytes = 0;
	}
	return VT_OK;
}

enum vt_result
redis_run(struct redis *redis, const struct redis_command *commands, size_t count, int64_t deadline_ns,
          redisReply **replies)
{
	int64_t own_ns = deadline_in_ms(redis->timeout_ms);
	struct redis_guard guard = {.deadline_ns = deadline_min(own_ns, deadline_ns), .own = own_ns <= deadline_ns};
	for (size_t i = 0; i < count; i++)
		replies[i] = NULL;
	if (clock_mono_ns() >= guard.deadline_ns) {
		redis->error = "no time was left";
		return VT_TIMEOUT; /* nothing was begun: the connection is as it was */
	}
	redis->deadline_ns = guard.deadline_ns;
	if (!redis_guard_enter(redis, &guard))
		return VT_UNAVAILABLE;
	enum vt_result result = run_guarded(redis, &(struct batch){commands, count, replies}, &guard);
	redis_guard_leave(redis, &guard);
	return result;
}

enum vt_result
redis_out_of_step(struct redis *redis)
{
	redis->error = "the reply does not belong to the command";
	redis_drop(redis);
	return VT_UNAVAILABLE;
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
