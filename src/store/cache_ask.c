/*
 * cache_ask.c - INFO for a check, on a connection of its own that lasts for one run; as database_ask.c.
 */
#include <stdio.h>

#include "cache.h"
#include "cache_link.h"

void
cache_ask_begin(struct cache *cache)
{
	cache_drop(cache);
	cache->asking = false;
}

static enum io_progress
finish(struct cache *cache, enum vt_result *result, enum vt_result how)
{
	*result = how;
	cache_drop(cache);
	return IO_DONE;
}

enum io_progress
cache_ask_step(struct cache *cache, struct cache_info *info, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	redisReply *reply;
	if (!cache->asking) {
		if (cache_connect_step(cache, want, &how) == IO_WAIT)
			return IO_WAIT;
		if (how != VT_OK || !cache_ask_info(cache, info->section))
			return finish(cache, result, VT_UNAVAILABLE);
		cache->asking = true;
	}
	if (cache_command_step(cache, want, &how, &reply) == IO_WAIT)
		return IO_WAIT;
	if (reply != NULL && reply->type == REDIS_REPLY_STRING)
		snprintf(info->text, sizeof info->text, "%s", reply->str);
	else if (reply != NULL) {
		cache->error = "what answers does not speak the protocol";
		how = VT_ERROR;
	}
	freeReplyObject(reply);
	return finish(cache, result, how);
}

void
cache_ask_end(struct cache *cache)
{
	cache_drop(cache);
}
