/*
 * redis_ask.c - INFO for a check, on a connection of its own that lasts for one run; as database_ask.c.
 */
#include <stdio.h>

#include "redis.h"
#include "redis_link.h"

void
redis_ask_begin(struct redis *redis)
{
	redis_drop(redis);
	redis->asking = false;
}

static enum io_progress
finish(struct redis *redis, enum vt_result *result, enum vt_result how)
{
	*result = how;
	redis_drop(redis);
	return IO_DONE;
}

enum io_progress
redis_ask_step(struct redis *redis, struct redis_info *info, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	redisReply *reply;
	if (!redis->asking) {
		if (redis_connect_step(redis, want, &how) == IO_WAIT)
			return IO_WAIT;
		if (how != VT_OK || !redis_ask_info(redis, info->section))
			return finish(redis, result, VT_UNAVAILABLE);
		redis->asking = true;
	}
	if (redis_command_step(redis, want, &how, &reply) == IO_WAIT)
		return IO_WAIT;
	if (reply != NULL && reply->type == REDIS_REPLY_STRING)
		snprintf(info->text, sizeof info->text, "%s", reply->str);
	else if (reply != NULL) {
		redis->error = "what answers does not speak the protocol";
		how = VT_ERROR;
	}
	freeReplyObject(reply);
	return finish(redis, result, how);
}

void
redis_ask_end(struct redis *redis)
{
	redis_drop(redis);
}
