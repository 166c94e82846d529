/*
 * redis_tracking.h - hears from Redis which keys have changed, by client tracking (RESP2, broadcast by prefix).
 *
 * Two connections: the listener subscribes to __redis__:invalidate, the tracker has the server send there, by the
 * listener's client ID, every key with the prefix that anybody changes. Both have to be on the same server, which is
 * proved by its run_id, since behind one address or one sentinel there may be two for a moment. Both are asked for a sign
 * of life twice a second: a lost tracker would otherwise be noticed by nobody.
 *
 * Driven in steps by one process of the machine (redis_main.c). What it hears goes to a callback; from the first word on
 * that "everything" may have changed, what is then looked up in Redis is told of when it changes, until it says so again.
 */
#ifndef STORE_REDIS_TRACKING_H
#define STORE_REDIS_TRACKING_H

#include <stddef.h>
#include <stdint.h>

#include "io_step.h"
#include "redis.h"

/* Twice a second, and an answer within as long: nobody is believed for longer than both after the last one asked. */
#define REDIS_TRACKING_BEAT_MS 500
#define REDIS_TRACKING_LEASE_MS (3 * REDIS_TRACKING_BEAT_MS)

enum redis_tracking_side { REDIS_TRACKING_LISTENER, REDIS_TRACKING_TRACKER, REDIS_TRACKING_SIDES };

struct redis_tracking_config {
	struct redis_config redis; /* its breaker is not asked and not told */
	const char *prefix;        /* of the keys; not empty */
	/* A key has changed or gone; NULL: any may have. key has no NUL behind it. */
	void (*invalidate)(void *context, const char *key, size_t size_bytes);
	/* Until then (monotonic) every change is told; 0: no more, and what is known is as good as changed. */
	void (*promise)(void *context, int64_t until_ns);
	void *context;
};

struct redis_tracking;

/* NULL with err. */
struct redis_tracking *redis_tracking_create(const struct redis_tracking_config *config, struct err *err);
/* Promises nothing more, and says that everything may have changed, where that was not so before. */
void redis_tracking_destroy(struct redis_tracking *tracking);
/* Does what can be done now; wants: by side, fd -1 for none. Returns when to come at the latest. Never waits. */
int64_t redis_tracking_step(struct redis_tracking *tracking, struct io_want wants[static REDIS_TRACKING_SIDES]);
/* Why it does not listen, without host, user or password; empty while it does, NULL before it has once or has failed. */
const char *redis_tracking_error(const struct redis_tracking *tracking);

#endif
