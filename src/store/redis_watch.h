/*
 * redis_watch.h - finds out whether Redis is back, in the place of all who would have to pay for asking.
 *
 * The keeper of the breaker drives it in steps, from its own poll() (redis_main.c). While the breaker is closed it asks
 * nothing. A probe is a new connection, greeted and pinged within REDIS_TIMEOUT: a server that is slower than that is no
 * better than none.
 */
#ifndef STORE_REDIS_WATCH_H
#define STORE_REDIS_WATCH_H

#include <stdint.h>

#include "io_step.h"

struct err;
struct redis_config;
struct redis_watch;

/* config->breaker is not NULL. NULL with err. */
struct redis_watch *redis_watch_create(const struct redis_config *config, struct err *err);
void redis_watch_destroy(struct redis_watch *watch);
/* Does what can be done now. want: what to wait for, fd -1 where it is time alone. Returns when to come at the latest. */
int64_t redis_watch_step(struct redis_watch *watch, struct io_want *want);

#endif
