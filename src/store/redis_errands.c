/*
 * redis_errands.c - what is asked on both connections until the listener hears of changes; a table. Called by
 * redis_tracking.c.
 */
#include <stdio.h>
#include <string.h>

#include "redis_tracking_state.h"

#define MESSAGE_MAX_BYTES ((size_t)1024 * 1024)

bool
redis_errand_ask(struct redis *redis, const struct redis_command *command)
{
	if (!redis_command_begin(redis, command))
		return false;
	redis->array_max_bytes = MESSAGE_MAX_BYTES;
	return true;
}

enum io_progress
redis_errand_receive(struct redis *redis, struct io_want *want, redisReply **reply)
{
	enum vt_result result;
	redis->array_max_bytes = MESSAGE_MAX_BYTES;
	return redis_command_step(redis, want, &result, reply);
}

bool
redis_errand_is_text(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STRING && strcmp(reply->str, text) == 0;
}

static bool
ask_server(struct redis_tracking *tracking, struct redis *redis)
{
	(void)tracking;
	return redis_ask_info(redis, "server");
}

/* What stands behind "run_id:"; NULL: it does not say. */
static const char *
find_run_id(const redisReply *reply)
{
	const char *found = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, "run_id:") : NULL;
	return found != NULL ? found + strlen("run_id:") : NULL;
}

static bool
take_server(struct redis_tracking *tracking, const redisReply *reply)
{
	const char *run_id = find_run_id(reply);
	size_t size = run_id != NULL ? strcspn(run_id, "\r\n") : 0;
	if (size == 0 || size >= sizeof tracking->run_id)
		return false;
	memcpy(tracking->run_id, run_id, size);
	tracking->run_id[size] = '\0';
	return true;
}

static bool
is_the_same_server(struct redis_tracking *tracking, const redisReply *reply)
{
	const char *run_id = find_run_id(reply);
	return run_id != NULL && strncmp(run_id, tracking->run_id, strlen(tracking->run_id)) == 0;
}

static bool
ask_id(struct redis_tracking *tracking, struct redis *redis)
{
	(void)tracking;
	return redis_errand_ask(redis,
	                        &(struct redis_command){.argv = {"CLIENT", "ID"}, .size_bytes = {6, 2}, .argc = 2});
}

static bool
take_id(struct redis_tracking *tracking, const redisReply *reply)
{
	tracking->client_id = reply->integer;
	return reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
}

static bool
subscribe(struct redis_tracking *tracking, struct redis *redis)
{
	(void)tracking;
	return redis_errand_ask(redis, &(struct redis_command){.argv = {"SUBSCRIBE", REDIS_TRACKING_CHANNEL},
	                                                       .size_bytes = {9, sizeof REDIS_TRACKING_CHANNEL - 1},
	                                                       .argc = 2});
}

static bool
is_subscribed(struct redis_tracking *tracking, const redisReply *reply)
{
	(void)tracking;
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
	       redis_errand_is_text(reply->element[0], "subscribe") &&
	       redis_errand_is_text(reply->element[1], REDIS_TRACKING_CHANNEL);
}

static bool
track(struct redis_tracking *tracking, struct redis *redis)
{
	char id[24];
	snprintf(id, sizeof id, "%lld", tracking->client_id);
	return redis_errand_ask(
		redis, &(struct redis_command){.argv = {"CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX",
	                                                tracking->prefix},
	                                       .size_bytes = {6, 8, 2, 8, strlen(id), 5, 6, strlen(tracking->prefix)},
	                                       .argc = 8});
}

static bool
is_ok(struct redis_tracking *tracking, const redisReply *reply)
{
	(void)tracking;
	return reply->type == REDIS_REPLY_STATUS;
}

static const struct errand {
	enum redis_tracking_side side;
	bool (*ask)(struct redis_tracking *tracking, struct redis *redis);
	bool (*take)(struct redis_tracking *tracking, const redisReply *reply);
} errands[] = {
	{REDIS_TRACKING_LISTENER, ask_server, take_server},
	{REDIS_TRACKING_LISTENER, ask_id, take_id},
	{REDIS_TRACKING_LISTENER, subscribe, is_subscribed},
	{REDIS_TRACKING_TRACKER, ask_server, is_the_same_server},
	{REDIS_TRACKING_TRACKER, track, is_ok},
};

_Static_assert(sizeof errands / sizeof errands[0] == REDIS_ERRANDS, "the header says how many");

enum redis_tracking_side
redis_errand_side(const struct redis_tracking *tracking)
{
	return errands[tracking->errand].side;
}

enum io_progress
redis_errand_step(struct redis_tracking *tracking, struct io_want *want, bool *good)
{
	const struct errand *errand = &errands[tracking->errand];
	struct redis *redis = tracking->sides[errand->side].redis;
	enum vt_result result = VT_OK;
	redisReply *reply = NULL;
	*good = false;
	if (!tracking->asked) {
		if (redis->state != REDIS_READY && redis_connect_step(redis, want, &result) == IO_WAIT)
			return IO_WAIT;
		if (result != VT_OK || !errand->ask(tracking, redis)) {
			tracking->error = redis->error;
			return IO_DONE;
		}
		tracking->asked = true;
	}
	if (redis_errand_receive(redis, want, &reply) == IO_WAIT)
		return IO_WAIT;
	tracking->asked = false;
	*good = reply != NULL && errand->take(tracking, reply);
	if (!*good)
		tracking->error =
			reply != NULL ? "the server does not answer as one that tells of changes" : redis->error;
	freeReplyObject(reply);
	return IO_DONE;
}
