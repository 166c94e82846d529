/*
 * redis_listener.c - see redis_listener.h. What store/redis_tracking.c hears is forgotten in shared memory, and what it
 * promises is written there, for every worker of the machine.
 */
#include "redis_listener.h"

#include <stdlib.h>

#include "cache.h"
#include "err.h"
#include "log.h"
#include "memory_cache.h"
#include "scoreboard.h"
#include "settings.h"
#include "tracking.h"
#include "worker_main.h"

#define LOGGER "vitals.cache"

struct redis_listener {
	struct log *log;
	struct memory_cache memory;
	struct tracking *promise;
	struct redis_tracking *tracking;
	char *prefix;
	enum { TOLD_NOTHING, TOLD_LISTENS, TOLD_DEAF } told; /* in the log */
};

static void
forget(void *context, const char *key, size_t size_bytes)
{
	const struct redis_listener *listener = context;
	if (key == NULL) {
		memory_cache_clear(&listener->memory);
		return;
	}
	const struct memory_key memory = memory_cache_key(key, size_bytes);
	memory_cache_forget(&listener->memory, &memory);
}

static void
promise(void *context, int64_t until_ns)
{
	const struct redis_listener *listener = context;
	tracking_promise(listener->promise, until_ns);
}

static struct redis_tracking *
open_tracking(const struct worker_context *with, struct redis_listener *listener, struct err *err)
{
	listener->prefix = cache_prefix_of(with->settings->cache_prefix, with->settings->service_name);
	if (listener->prefix == NULL) {
		err_set(err, "There is no memory for hearing what changes in Redis.");
		return NULL;
	}
	const struct redis_tracking_config config = {.redis = worker_redis_config(with),
	                                             .prefix = listener->prefix,
	                                             .invalidate = forget,
	                                             .promise = promise,
	                                             .context = listener};
	return redis_tracking_create(&config, err);
}

struct redis_listener *
redis_listener_create(const struct worker_context *with, struct err *err)
{
	struct memory_cache memory;
	err->text[0] = '\0';
	if (!with->settings->cache_tracking || !scoreboard_open_cache(with->board, &memory))
		return NULL;
	struct redis_listener *listener = calloc(1, sizeof *listener);
	if (listener == NULL) {
		err_set(err, "There is no memory for hearing what changes in Redis.");
		return NULL;
	}
	*listener = (struct redis_listener){
		.log = with->log, .memory = memory, .promise = scoreboard_tracking(with->board)};
	listener->tracking = open_tracking(with, listener, err);
	if (listener->tracking != NULL)
		return listener;
	free(listener->prefix);
	free(listener);
	return NULL;
}

void
redis_listener_destroy(struct redis_listener *listener)
{
	if (listener == NULL)
		return;
	redis_tracking_destroy(listener->tracking);
	free(listener->prefix);
	free(listener);
}

/* Once for each change, not for each attempt. */
static void
tell(struct redis_listener *listener)
{
	const char *error = redis_tracking_error(listener->tracking);
	if (error == NULL)
		return;
	bool listens = error[0] == '\0';
	if (listens && listener->told != TOLD_LISTENS)
		log_event(listener->log, VT_INFO, LOGGER, "Changes in Redis are told",
		          VT_STR("prefix", listener->prefix));
	else if (!listens && listener->told != TOLD_DEAF)
		log_event(listener->log, VT_WARNING, LOGGER, "Changes in Redis are not told", VT_STR("reason", error));
	listener->told = listens ? TOLD_LISTENS : TOLD_DEAF;
}

int64_t
redis_listener_step(struct redis_listener *listener, struct io_want wants[static REDIS_TRACKING_SIDES])
{
	int64_t due_ns = redis_tracking_step(listener->tracking, wants);
	tell(listener);
	return due_ns;
}
