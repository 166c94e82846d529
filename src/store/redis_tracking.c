/* redis_tracking.c - see redis_tracking.h. What is asked until it listens is a table of errands. */
#include "redis_tracking.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "chance.h"
#include "clock.h"
#include "err.h"
#include "redis_link.h"

#define OPEN_MS 2000 /* nobody waits for it */
#define MESSAGE_MAX_BYTES ((size_t)1024 * 1024)
#define CHANNEL "__redis__:invalidate"
#define RUN_ID_BYTES 64
#define PUSHES_A_STEP 1000

struct side {
	struct redis *redis;
	bool asked;      /* for a sign of life that has not come */
	int64_t beat_ns; /* when it was asked last */
};

struct redis_tracking {
	struct redis_tracking_config config;
	char *prefix;
	struct side sides[REDIS_TRACKING_SIDES];
	size_t errand; /* ERRANDS: it listens */
	bool asked;    /* for what the errand wants */
	int64_t deadline_ns;
	struct backoff backoff;
	const char *error;
	char run_id[RUN_ID_BYTES];
	long long client_id;
};

/* ---- Errands ------------------------------------------------------------------------------------ */

static bool
ask(struct redis *redis, const struct redis_command *command)
{
	if (!redis_command_begin(redis, command))
		return false;
	redis->array_max_bytes = MESSAGE_MAX_BYTES;
	return true;
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
	return ask(redis, &(struct redis_command){.argv = {"CLIENT", "ID"}, .size_bytes = {6, 2}, .argc = 2});
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
	return ask(redis, &(struct redis_command){
				  .argv = {"SUBSCRIBE", CHANNEL}, .size_bytes = {9, sizeof CHANNEL - 1}, .argc = 2});
}

static bool
is_text(const redisReply *reply, const char *text)
{
	return reply->type == REDIS_REPLY_STRING && strcmp(reply->str, text) == 0;
}

static bool
is_subscribed(struct redis_tracking *tracking, const redisReply *reply)
{
	(void)tracking;
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 && is_text(reply->element[0], "subscribe") &&
	       is_text(reply->element[1], CHANNEL);
}

static bool
track(struct redis_tracking *tracking, struct redis *redis)
{
	char id[24];
	snprintf(id, sizeof id, "%lld", tracking->client_id);
	return ask(redis,
	           &(struct redis_command){
			   .argv = {"CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", tracking->prefix},
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
#define ERRANDS (sizeof errands / sizeof errands[0])

/* ---- Life --------------------------------------------------------------------------------------- */

struct redis_tracking *
redis_tracking_create(const struct redis_tracking_config *config, struct err *err)
{
	struct redis_tracking *tracking = calloc(1, sizeof *tracking);
	char *prefix = strdup(config->prefix);
	if (tracking == NULL || prefix == NULL) {
		err_set(err, "There is no memory for hearing what changes in Redis.");
		free(tracking);
		free(prefix);
		return NULL;
	}
	tracking->config = *config;
	tracking->config.redis.breaker = NULL;
	tracking->config.redis.log = NULL;
	tracking->prefix = prefix;
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++) {
		tracking->sides[i].redis = redis_create(&tracking->config.redis, err);
		if (tracking->sides[i].redis == NULL) {
			redis_tracking_destroy(tracking);
			return NULL;
		}
	}
	return tracking;
}

/* From the beginning; what was told until now is all that will be. */
static void
leave(struct redis_tracking *tracking)
{
	bool listened = tracking->errand == ERRANDS;
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++) {
		if (tracking->sides[i].redis != NULL)
			redis_drop(tracking->sides[i].redis);
		tracking->sides[i].asked = false;
	}
	tracking->errand = 0;
	tracking->asked = false;
	tracking->deadline_ns = 0;
	if (!listened)
		return;
	tracking->config.promise(tracking->config.context, 0);
	tracking->config.invalidate(tracking->config.context, NULL, 0);
}

static void
fail(struct redis_tracking *tracking, const char *error)
{
	tracking->error = error;
	leave(tracking);
	backoff_fail(&tracking->backoff, clock_mono_ns(), chance());
}

void
redis_tracking_destroy(struct redis_tracking *tracking)
{
	if (tracking == NULL)
		return;
	leave(tracking);
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++)
		redis_destroy(tracking->sides[i].redis);
	free(tracking->prefix);
	free(tracking);
}

const char *
redis_tracking_error(const struct redis_tracking *tracking)
{
	return tracking->errand == ERRANDS ? "" : tracking->error;
}

/* ---- Beginning to listen ------------------------------------------------------------------------ */

/* One reply, where it has come: IO_DONE with reply NULL: the connection is gone or the server refused. */
static enum io_progress
receive(struct redis *redis, struct io_want *want, redisReply **reply)
{
	enum vt_result result;
	redis->array_max_bytes = MESSAGE_MAX_BYTES;
	return redis_command_step(redis, want, &result, reply);
}

static enum io_progress
errand_step(struct redis_tracking *tracking, struct io_want *want, bool *good)
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
	if (receive(redis, want, &reply) == IO_WAIT)
		return IO_WAIT;
	tracking->asked = false;
	*good = reply != NULL && errand->take(tracking, reply);
	if (!*good)
		tracking->error =
			reply != NULL ? "the server does not answer as one that tells of changes" : redis->error;
	freeReplyObject(reply);
	return IO_DONE;
}

static void
begin_to_listen(struct redis_tracking *tracking)
{
	int64_t now_ns = clock_mono_ns();
	backoff_reset(&tracking->backoff);
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++)
		tracking->sides[i].beat_ns = now_ns;
	/* What was kept before nobody has told of. */
	tracking->config.invalidate(tracking->config.context, NULL, 0);
	tracking->config.promise(tracking->config.context, now_ns + REDIS_TRACKING_LEASE_MS * NS_PER_MS);
}

static int64_t
open_step(struct redis_tracking *tracking, struct io_want *wants)
{
	if (!backoff_over(&tracking->backoff, clock_mono_ns()))
		return tracking->backoff.until_ns;
	if (tracking->deadline_ns == 0)
		tracking->deadline_ns = deadline_in_ms(OPEN_MS);
	while (tracking->errand < ERRANDS) {
		enum redis_tracking_side side = errands[tracking->errand].side;
		bool good;
		tracking->sides[side].redis->deadline_ns = tracking->deadline_ns;
		if (clock_mono_ns() >= tracking->deadline_ns) {
			fail(tracking, "no answer in time");
			return tracking->backoff.until_ns;
		}
		if (errand_step(tracking, &wants[side], &good) == IO_WAIT)
			return wants[side].until_ns > 0 ? deadline_min(wants[side].until_ns, tracking->deadline_ns)
			                                : tracking->deadline_ns;
		if (!good) {
			fail(tracking, tracking->error);
			return tracking->backoff.until_ns;
		}
		tracking->errand++;
	}
	begin_to_listen(tracking);
	return clock_mono_ns();
}

/* ---- Listening ---------------------------------------------------------------------------------- */

static bool
tell_keys(const struct redis_tracking *tracking, const redisReply *keys)
{
	const struct redis_tracking_config *config = &tracking->config;
	if (keys->type == REDIS_REPLY_NIL)
		config->invalidate(config->context, NULL, 0);
	else if (keys->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; keys->type == REDIS_REPLY_ARRAY && i < keys->elements; i++) {
		const redisReply *key = keys->element[i];
		if (key->type != REDIS_REPLY_STRING)
			return false;
		config->invalidate(config->context, key->str, key->len);
	}
	return true;
}

/* False: what came is none that can come. */
static bool
hear(struct redis_tracking *tracking, struct side *side, const redisReply *reply)
{
	bool listener = side == &tracking->sides[REDIS_TRACKING_LISTENER];
	if (listener && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
	    is_text(reply->element[0], "message") && is_text(reply->element[1], CHANNEL))
		return tell_keys(tracking, reply->element[2]);
	/* A sign of life; who subscribes gets it as an array. */
	bool pong = listener ? reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	                               is_text(reply->element[0], "pong")
	                     : reply->type == REDIS_REPLY_STATUS;
	if (!pong || !side->asked)
		return false;
	side->asked = false;
	return true;
}

/* False: the connection is of no more use. */
static bool
listen_to(struct redis_tracking *tracking, struct side *side, struct io_want *want)
{
	for (int i = 0; i < PUSHES_A_STEP; i++) {
		redisReply *reply = NULL;
		if (receive(side->redis, want, &reply) == IO_WAIT)
			return true;
		bool good = reply != NULL && hear(tracking, side, reply);
		tracking->error = reply != NULL ? "what answers does not speak the protocol" : side->redis->error;
		freeReplyObject(reply);
		if (!good)
			return false;
	}
	want->until_ns = clock_mono_ns(); /* there is more */
	return true;
}

/* Asks for a sign of life where it is time; false: the last one has not come. */
static bool
beat(struct redis_tracking *tracking, struct side *side)
{
	static const struct redis_command ping = {.argv = {"PING"}, .size_bytes = {4}, .argc = 1};
	int64_t now_ns = clock_mono_ns();
	if (now_ns < side->beat_ns + REDIS_TRACKING_BEAT_MS * NS_PER_MS)
		return true;
	tracking->error = "no answer in time";
	if (side->asked)
		return false;
	side->asked = true;
	side->beat_ns = now_ns;
	return ask(side->redis, &ping);
}

/* Both have answered what they were asked: for so long after the earlier of the two nothing was missed. */
static void
renew_promise(const struct redis_tracking *tracking)
{
	int64_t since_ns = INT64_MAX;
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++) {
		if (tracking->sides[i].asked)
			return;
		since_ns = deadline_min(since_ns, tracking->sides[i].beat_ns);
	}
	tracking->config.promise(tracking->config.context, since_ns + REDIS_TRACKING_LEASE_MS * NS_PER_MS);
}

static int64_t
listen_step(struct redis_tracking *tracking, struct io_want *wants)
{
	int64_t due_ns = DEADLINE_NEVER;
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++) {
		struct side *side = &tracking->sides[i];
		if (!listen_to(tracking, side, &wants[i]) || !beat(tracking, side) ||
		    (side->asked && !listen_to(tracking, side, &wants[i]))) {
			fail(tracking, tracking->error);
			return tracking->backoff.until_ns;
		}
		due_ns = deadline_min(due_ns, side->beat_ns + REDIS_TRACKING_BEAT_MS * NS_PER_MS);
		if (wants[i].until_ns > 0)
			due_ns = deadline_min(due_ns, wants[i].until_ns);
	}
	renew_promise(tracking);
	return due_ns;
}

int64_t
redis_tracking_step(struct redis_tracking *tracking, struct io_want wants[static REDIS_TRACKING_SIDES])
{
	int64_t due_ns = DEADLINE_NEVER;
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++)
		wants[i] = (struct io_want){.fd = -1};
	if (tracking->errand < ERRANDS)
		due_ns = open_step(tracking, wants);
	if (tracking->errand == ERRANDS)
		due_ns = listen_step(tracking, wants);
	/* Who gave up wants nothing any more. */
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++)
		if (tracking->sides[i].redis->state == REDIS_ABSENT)
			wants[i] = (struct io_want){.fd = -1};
	return due_ns;
}
