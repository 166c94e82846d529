/*
 * memory_cache.h - the embedded cache: keys and values in shared memory, for every process that maps it.
 *
 * A fixed number of bytes, cut into shards. Each shard is a ring of entries, filled at its head and given up at its
 * tail, and an index of buckets with seven ways each. Eviction is CLOCK: an entry that was asked for since it was
 * written is written once more at the head instead of being given up, so that what nobody asks for goes first. A get
 * takes no lock and a forget neither; a put takes its shard's, which a dead process does not keep.
 *
 * Whatever a process leaves that is killed at any instruction, no get returns anything but a whole value that was put
 * under exactly that key: an entry becomes visible by one store after all of its bytes are there, and what is read is
 * proved by its checksum and by the tail afterwards. doc/decisions/0015 says why it is built so.
 */
#ifndef SHM_MEMORY_CACHE_H
#define SHM_MEMORY_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_CACHE_LEAST_BYTES ((size_t)1024 * 1024)

struct arena;

/* One process's view of the shared bytes; opened after the fork. */
struct memory_cache {
	unsigned char *base;
	size_t shards, shard_bytes;
	uint64_t buckets, units; /* of each shard */
	uint64_t self;           /* owner.h */
};

/* Any bytes; hashed once for all that is done with it. */
struct memory_key {
	const void *data;
	size_t size_bytes;
	uint64_t hash;
};

struct memory_value {
	const char *data; /* in the arena, with a NUL behind it that is not counted */
	size_t size_bytes;
	int64_t expires_ns;
};

struct memory_item {
	const void *data;
	size_t size_bytes;
	int64_t expires_ns; /* monotonic */
	uint64_t ticket;    /* from memory_cache_ticket(), taken before the value was looked for */
};

enum memory_put {
	MEMORY_STORED,
	MEMORY_TOO_LARGE, /* more than a quarter of a shard */
	MEMORY_OVERTAKEN, /* the key was forgotten since the ticket was taken: the value may be from before */
	MEMORY_BUSY       /* a living process has had the shard's lock for half a millisecond */
};

struct memory_figures {
	uint64_t room_bytes, used_bytes; /* of entries, dead ones included */
	uint64_t stored, evicted, busy;  /* since the bytes were new; evicted while they were still valid */
};

/* The bytes, size_bytes at least MEMORY_CACHE_LEAST_BYTES, aligned to 64; zeros are an empty cache. */
void memory_cache_open(struct memory_cache *cache, void *base, size_t size_bytes);
struct memory_key memory_cache_key(const void *data, size_t size_bytes);
/* The largest key and value together that can be put. */
size_t memory_cache_item_max_bytes(const struct memory_cache *cache);

/* False: not there, expired, or no memory in the arena (which then tells). */
bool memory_cache_get(const struct memory_cache *cache, const struct memory_key *key, int64_t now_ns,
                      struct arena *arena, struct memory_value *value);
/*
 * What is to be stored must have been looked for after its ticket was taken: then no value is stored that a forget in
 * between has made wrong.
 */
uint64_t memory_cache_ticket(const struct memory_cache *cache, const struct memory_key *key);
enum memory_put memory_cache_put(const struct memory_cache *cache, const struct memory_key *key,
                                 const struct memory_item *item, int64_t now_ns);
/* From its return on nobody gets what was put before, nor puts what was looked for before. */
void memory_cache_forget(const struct memory_cache *cache, const struct memory_key *key);
/* The same for every key. */
void memory_cache_clear(const struct memory_cache *cache);
void memory_cache_figures(const struct memory_cache *cache, struct memory_figures *figures);

#endif
