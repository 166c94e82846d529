/*
 * private_redis.h - a Redis of the test's own (Unix socket only, nothing saved), and connections to it.
 */
#ifndef TESTS_PRIVATE_REDIS_H
#define TESTS_PRIVATE_REDIS_H

#include <stdint.h>

#include "private_server.h"
#include "redis.h"

#define PRIVATE_REDIS_PASSWORD "hunter2secret"

void private_redis_init(struct private_server *server);
/* Starts it where it does not run, with a password or with NULL without, and waits until it answers. */
void private_redis_up(struct private_server *server, const char *password);
void private_redis_down(struct private_server *server);
/* One command, on a connection of its own. */
void private_redis_command(const struct private_server *server, const char *command);
void private_redis_socket(const struct private_server *server, char *path, size_t size_bytes);

/* A connection with a time-out of 200 ms. userinfo as in ":pw@", query as in "?db=1". */
struct redis *private_redis_open(const struct private_server *server, const char *userinfo, const char *query,
                                 int64_t ping_idle_ms);
enum vt_result private_redis_set(struct redis *redis, const char *key, const char *value);
/* Demands that the key holds the value. */
void private_redis_expect(struct redis *redis, const char *key, const char *value);
/* Drives a ping; gives up with VT_TIMEOUT after timeout_ms. */
enum vt_result private_redis_ping(struct redis *redis, int64_t timeout_ms);
/* Tries until an operation is answered and returns how long that took; fails the test after five seconds. */
int64_t private_redis_recovers_ms(struct redis *redis);
int64_t private_redis_ms_since(int64_t start_ns);

#endif
