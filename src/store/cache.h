/*
 * cache.h - one worker's Redis connection, under the same rules as the database's: opened after the
 * fork, never blocking past REDIS_TIMEOUT, thrown away where a wait timed out, back-off in between.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "io_step.h"
#include "vitals.h"

struct arena;
struct cache;
struct err;

struct cache_config {
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

struct cache *cache_create(const struct cache_config *config, struct err *err);
void cache_destroy(struct cache *cache);

/* deadline_ns: the earlier of it and the time-out counts. VT_OK, VT_MISS, VT_UNAVAILABLE, VT_TIMEOUT, VT_NO_MEMORY, VT_ERROR. */
enum vt_result cache_get(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns,
                         const char **value, size_t *size_bytes);
struct cache_item {
	const char *key;
	const void *value;
	size_t size_bytes;
	int64_t ttl_ms; /* 0: the default */
};
enum vt_result cache_set(struct cache *cache, const struct cache_item *item, int64_t deadline_ns);
/* VT_OK also where the key was not there. */
enum vt_result cache_delete(struct cache *cache, const char *key, int64_t deadline_ns);

/* As database_ping_*(), with PING. */
void cache_ping_begin(struct cache *cache);
enum io_progress cache_ping_step(struct cache *cache, struct io_want *want, enum vt_result *result);
void cache_ping_abandon(struct cache *cache);
/* As database_ask_*(): INFO of a section, cut to fit. */
struct cache_info {
	const char *section;
	char text[8192];
};
void cache_ask_begin(struct cache *cache);
enum io_progress cache_ask_step(struct cache *cache, struct cache_info *info, struct io_want *want,
                                enum vt_result *result);
void cache_ask_end(struct cache *cache);
/* Why the last operation failed, without host, user or password. */
const char *cache_error(const struct cache *cache);

#endif
