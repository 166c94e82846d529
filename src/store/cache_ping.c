/*
 * cache_ping.c - the health check's ping, driven from the checks' own poll(), under the rules of
 * database_ping.c: it looks past the back-off, resets it on success and never lengthens it.
 */
#include "cache.h"
#include "cache_link.h"
#include "insist.h"

void
cache_ping_begin(struct cache *cache)
{
	cache_drop_unfit(cache); /* also what an earlier ping left half done */
	cache->ping_reopened = cache->state != CACHE_READY;
	cache->ping = CACHE_PING_CONNECTING;
	if (cache->state == CACHE_READY && cache_ask_ping(cache))
		cache->ping = CACHE_PING_ASKING;
	else
		cache->ping = CACHE_PING_CONNECTING; /* a drop has cleared it */
}

static enum io_progress
done(struct cache *cache, enum vt_result *result, enum vt_result how)
{
	cache->ping = CACHE_PING_NONE;
	*result = how;
	return IO_DONE;
}

static enum io_progress
connect_step(struct cache *cache, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	cache->ping_reopened = true;
	if (cache_connect_step(cache, want, &how) == IO_WAIT)
		return IO_WAIT;
	if (how != VT_OK || !cache_ask_ping(cache))
		return done(cache, result, VT_UNAVAILABLE);
	cache->ping = CACHE_PING_ASKING;
	return IO_DONE;
}

static enum io_progress
ask_step(struct cache *cache, struct io_want *want, enum vt_result *result)
{
	enum vt_result how;
	if (cache_answer_step(cache, want, &how) == IO_WAIT)
		return IO_WAIT;
	/* Only a connection that broke is worth another try; a server that refuses would refuse again. */
	if (how == VT_OK || cache->ping_reopened || cache->state != CACHE_ABSENT)
		return done(cache, result, how);
	cache->ping = CACHE_PING_CONNECTING;
	return IO_DONE;
}

enum io_progress
cache_ping_step(struct cache *cache, struct io_want *want, enum vt_result *result)
{
	INSIST(cache->ping != CACHE_PING_NONE);
	while (cache->ping != CACHE_PING_NONE) {
		enum io_progress progress = cache->ping == CACHE_PING_CONNECTING ? connect_step(cache, want, result)
		                                                                 : ask_step(cache, want, result);
		if (progress == IO_WAIT)
			return IO_WAIT;
	}
	return IO_DONE;
}

void
cache_ping_abandon(struct cache *cache)
{
	if (cache->ping == CACHE_PING_NONE)
		return;
	cache->error = cache->ping == CACHE_PING_CONNECTING ? "connecting timed out" : "no answer in time";
	cache_drop(cache);
}
