/*
 * redis.h - one worker's Redis connection, under the same rules as the database's: opened after the
 * fork, never blocking past REDIS_TIMEOUT, thrown away where a wait timed out, back-off in between.
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stddef.h>
#include <stdint.h>

#include "io_step.h"
#include "vitals.h"

struct arena;
struct redis;
struct err;

struct redis_config {
	const char
		*url; /* redis://[user:password@]host[:port][/db], unix:///path[?db=N] or redis+unix:///path[?db=N] */
	int64_t timeout_ms; /* of each operation, connecting included */
	int64_t ttl_default_ms;
	int64_t ping_idle_ms;
};

struct redis_address {
	char *host; /* NULL for a Unix socket */
	int port;
	char *path;            /* NULL for TCP */
	char *user, *password; /* NULL where not given; percent-decoded */
	int database;
};

/* 0, or -1 with a sentence without secrets; rediss:// is refused in clear words (hiredis 0.14 has no TLS). */
int redis_address_parse(struct redis_address *address, const char *url, struct err *err);
void redis_address_fini(struct redis_address *address);

struct redis *redis_create(const struct redis_config *config, struct err *err);
void redis_destroy(struct redis *redis);

/* deadline_ns: the earlier of it and the time-out counts. VT_OK, VT_MISS, VT_UNAVAILABLE, VT_TIMEOUT, VT_NO_MEMORY, VT_ERROR. */
enum vt_result redis_get(struct redis *redis, struct arena *arena, const char *key, int64_t deadline_ns,
                         const char **value, size_t *size_bytes);
#define REDIS_LOOKS_MAX 3
struct redis_look {
	const char *key;
	enum redis_look_ttl { REDIS_WITHOUT_TTL, REDIS_WITH_TTL } with;
	/* Filled: */
	const char *value; /* in the arena, with a NUL behind it; NULL: not there */
	size_t size_bytes;
	int64_t ttl_ms; /* with REDIS_WITH_TTL: what is left; -1: for ever */
};
/* Looks up to REDIS_LOOKS_MAX keys up in one exchange. VT_OK also where some or all are not there; else as redis_get(). */
enum vt_result redis_look(struct redis *redis, struct arena *arena, struct redis_look *looks, size_t count,
                          int64_t deadline_ns);
struct redis_item {
	const char *key;
	const void *value;
	size_t size_bytes;
	int64_t ttl_ms; /* 0: the default */
};
enum vt_result redis_set(struct redis *redis, const struct redis_item *item, int64_t deadline_ns);
/* Sets it only where it is not there; VT_CONFLICT: it is. */
enum vt_result redis_add(struct redis *redis, const struct redis_item *item, int64_t deadline_ns);
/* VT_OK also where the key was not there. */
enum vt_result redis_delete(struct redis *redis, const char *key, int64_t deadline_ns);

/* As database_ping_*(), with PING. */
void redis_ping_begin(struct redis *redis);
enum io_progress redis_ping_step(struct redis *redis, struct io_want *want, enum vt_result *result);
void redis_ping_abandon(struct redis *redis);
/* As database_ask_*(): INFO of a section, cut to fit. */
struct redis_info {
	const char *section;
	char text[8192];
};
void redis_ask_begin(struct redis *redis);
enum io_progress redis_ask_step(struct redis *redis, struct redis_info *info, struct io_want *want,
                                enum vt_result *result);
void redis_ask_end(struct redis *redis);
/* Why the last operation failed, without host, user or password. */
const char *redis_error(const struct redis *redis);

#endif
