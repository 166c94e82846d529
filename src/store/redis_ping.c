/*
 * redis_ping.c - the health check's ping, driven from the checks' own poll(), under the rules of
 * database_ping.c: it looks past the back-off, resets it on success and never lengthens it.
 */
#include "insist.h"
#include "redis.h"
#include "redis_link.h"

void
redis_ping_begin(struct redis *redis)
{
	redis_drop_unfit(redis); /* also what an earlier ping left half done */
	redis->ping_reopened = redis->state != REDIS_READY;
	redis->ping = REDIS_PING_CONNECTING;
	if (redis->state == REDIS_READY && redis_ask_ping(redis))
		redis->ping = REDIS_PING_ASKING;
	else
		redis->ping = REDIS_PING_CONNECTING; /* a drop has cleared it */
}

static enum io_progress
done(struct redis *redis, enum vt_result *result, enum vt_result how)
{
	redis->ping = REDIS_PING_NONE;
	*result = how;
	return IO_DONE;
}

static enum io_progress
connect_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	redis->ping_reopened = true;
	if (redis_connect_step(redis, want, &how) == IO_WAIT)
		return IO_WAIT;
	if (how != VT_OK || !redis_ask_ping(redis))
		return done(redis, result, VT_UNAVAILABLE);
	redis->ping = REDIS_PING_ASKING;
	return IO_DONE;
}

static enum io_progress
ask_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	if (redis_answer_step(redis, want, &how) == IO_WAIT)
		return IO_WAIT;
	/* Only a connection that broke is worth another try; a server that refuses would refuse again. */
	if (how == VT_OK || redis->ping_reopened || redis->state != REDIS_ABSENT)
		return done(redis, result, how);
	redis->ping = REDIS_PING_CONNECTING;
	return IO_DONE;
}

enum io_progress
redis_ping_step(struct redis *redis, struct io_want *want, enum vt_result *result)
{
	INSIST(redis->ping != REDIS_PING_NONE);
	while (redis->ping != REDIS_PING_NONE) {
		enum io_progress progress = redis->ping == REDIS_PING_CONNECTING ? connect_step(redis, want, result)
		                                                                 : ask_step(redis, want, result);
		if (progress == IO_WAIT)
			return IO_WAIT;
	}
	return IO_DONE;
}

void
redis_ping_abandon(struct redis *redis)
{
	if (redis->ping == REDIS_PING_NONE)
		return;
	redis->error = redis->ping == REDIS_PING_CONNECTING ? "connecting timed out" : "no answer in time";
	redis_drop(redis);
}
