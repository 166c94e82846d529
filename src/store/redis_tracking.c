/* redis_tracking.c - see redis_tracking.h. What is asked until it listens: redis_errands.c. */
#include "redis_tracking.h"

#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "clock.h"
#include "err.h"
#include "redis_tracking_state.h"

#define OPEN_MS 2000 /* nobody waits for it */
#define PUSHES_A_STEP 1000

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
	bool listened = tracking->errand == REDIS_ERRANDS;
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
	return tracking->errand == REDIS_ERRANDS ? "" : tracking->error;
}

/* ---- Beginning to listen ------------------------------------------------------------------------ */

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
	while (tracking->errand < REDIS_ERRANDS) {
		enum redis_tracking_side side = redis_errand_side(tracking);
		bool good;
		tracking->sides[side].redis->deadline_ns = tracking->deadline_ns;
		if (clock_mono_ns() >= tracking->deadline_ns) {
			fail(tracking, "no answer in time");
			return tracking->backoff.until_ns;
		}
		if (redis_errand_step(tracking, &wants[side], &good) == IO_WAIT)
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
	    redis_errand_is_text(reply->element[0], "message") &&
	    redis_errand_is_text(reply->element[1], REDIS_TRACKING_CHANNEL))
		return tell_keys(tracking, reply->element[2]);
	/* A sign of life; who subscribes gets it as an array. */
	bool pong = listener ? reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	                               redis_errand_is_text(reply->element[0], "pong")
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
		if (redis_errand_receive(side->redis, want, &reply) == IO_WAIT)
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
	return redis_errand_ask(side->redis, &ping);
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
	if (tracking->errand < REDIS_ERRANDS)
		due_ns = open_step(tracking, wants);
	if (tracking->errand == REDIS_ERRANDS)
		due_ns = listen_step(tracking, wants);
	/* Who gave up wants nothing any more. */
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++)
		if (tracking->sides[i].redis->state == REDIS_ABSENT)
			wants[i] = (struct io_want){.fd = -1};
	return due_ns;
}
