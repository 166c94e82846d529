/*
 * cache.h - the cache as the application sees it: the embedded tier of this machine over Redis, or one of the two.
 *
 * A value is looked for in shared memory first and then in Redis, and what Redis knows is kept in shared memory: for as
 * long as it lives there, where the changes that other machines make are told (tracking), and otherwise for
 * CACHE_UNTRACKED_TTL. Fails open: a tier that is away is gone round, and what fails says so in its result.
 *
 * A ticket is what makes a value that takes long to come by safe to store: it is taken first, and whatever is forgotten
 * meanwhile makes it void. A token stands for all values that were stored while it was in force: another one, and they
 * count no more.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "vitals.h"

struct arena;
struct cache;
struct memory_cache;
struct redis;
struct tracking;

#define CACHE_LOOKS_MAX 3

struct cache_config {
	const struct memory_cache *memory; /* NULL: CACHE_MEMORY_BYTES is 0 */
	struct redis *redis;               /* NULL: no REDIS_URL */
	const char *prefix;                /* of every key; NULL or empty: service_name and a colon */
	const char *service_name;
	struct tracking *tracking; /* what Redis tells this machine, and has not been told; NULL: there is no Redis */
	int64_t ttl_default_ms, untracked_ttl_ms;
};

/* What keys begin with in Redis, as the settings say; to be freed. NULL: no memory. */
char *cache_prefix_of(const char *prefix, const char *service_name);

/* NULL: no memory. */
struct cache *cache_create(const struct cache_config *config);
void cache_destroy(struct cache *cache);
/* Why the last operation failed, without host, user or password. */
const char *cache_error(const struct cache *cache);

enum cache_tier { CACHE_NOWHERE, CACHE_MEMORY, CACHE_REDIS };
/* "memory", "redis", "none". */
const char *cache_tier_name(enum cache_tier tier);

struct cache_look {
	const char *key; /* without the prefix */
	/* Filled: */
	const char *value; /* in the arena, with a NUL behind it; NULL: not there */
	size_t size_bytes;
	enum cache_tier tier;
};

/*
 * Looks up to CACHE_LOOKS_MAX keys up, with one exchange with Redis at most. VT_OK also where some or all are not there.
 * VT_UNAVAILABLE, VT_TIMEOUT, VT_ERROR: Redis was needed and failed; what memory has is filled. VT_NO_MEMORY.
 */
enum vt_result cache_look(struct cache *cache, struct arena *arena, struct cache_look *looks, size_t count,
                          int64_t deadline_ns);

struct cache_put {
	const char *key;
	const void *value;
	size_t size_bytes;
	int64_t ttl_ms; /* 0: the default */
};

/* Stores a value that holds from now on, whatever was stored or is being looked for. */
enum vt_result cache_set(struct cache *cache, struct arena *arena, const struct cache_put *put, int64_t deadline_ns);
/* Before a value is computed. */
uint64_t cache_ticket(const struct cache *cache, struct arena *arena, const char *key);
/* Stores what was computed since the ticket; VT_CONFLICT: the key was forgotten meanwhile, nothing is stored. */
enum vt_result cache_fill(struct cache *cache, struct arena *arena, const struct cache_put *put, uint64_t ticket,
                          int64_t deadline_ns);
/* VT_OK also where the key was not there. On this machine it is forgotten also where Redis fails. */
enum vt_result cache_delete(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns);

/* Room for a token and its NUL. */
#define CACHE_TOKEN_BYTES 17

/* Puts a token in force where there is none; token is then the one in force. Fails open to one of this machine's. */
enum vt_result cache_token_ensure(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns,
                                  char token[CACHE_TOKEN_BYTES]);
/*
 * Puts another one in force. Where Redis cannot be told, its former token comes back to this machine sooner or later: so
 * what was begun until now is void here, whatever its tokens; cache_void_before_ms().
 */
enum vt_result cache_token_renew(struct cache *cache, struct arena *arena, const char *key, int64_t deadline_ns);
/* Real time in ms: what was begun before counts no more; 0: all counts. */
int64_t cache_void_before_ms(const struct cache *cache);

#endif
