/*
 * redis_fixture.h - what the programs that test the connection against a real Redis share.
 */
#ifndef TESTS_REDIS_FIXTURE_H
#define TESTS_REDIS_FIXTURE_H

#include <check.h>

#include "arena.h"
#include "private_redis.h"
#include "redis.h"

#define IN_TIME(start_ns, bound_ms) ck_assert_int_lt(private_redis_ms_since(start_ns), (bound_ms)*3)

/* One server a program, one arena a case. */
extern struct private_server server;
extern struct arena *arena;

/* The unchecked fixture of every case. */
void fixture_start(void);
void fixture_stop(void);
/* The checked one: the server runs, the arena is empty. */
void fixture_each(void);
void fixture_after_each(void);

/* Gets into the arena, within its own time-out. */
enum vt_result fixture_get(struct redis *redis, const char *key, const char **value, size_t *size_bytes);

#endif
