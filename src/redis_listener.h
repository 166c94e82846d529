/* redis_listener.h - keeps the embedded cache in step with Redis; a part of the keeper, redis_main.c. */
#ifndef REDIS_LISTENER_H
#define REDIS_LISTENER_H

#include <stdint.h>

#include "redis_tracking.h"

struct err;
struct redis_listener;
struct worker_context;

/* NULL without err->text: there is nothing to keep in step, or CACHE_TRACKING is off. NULL with it: it cannot be. */
struct redis_listener *redis_listener_create(const struct worker_context *with, struct err *err);
/* NULL is allowed. */
void redis_listener_destroy(struct redis_listener *listener);
/* As redis_tracking_step(). */
int64_t redis_listener_step(struct redis_listener *listener, struct io_want wants[static REDIS_TRACKING_SIDES]);

#endif
