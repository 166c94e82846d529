/*
 * memory_shard.h - one shard of the embedded cache: where its parts are, and its ring; private to memory_*.c.
 *
 * A position counts units of 64 bytes from the first that was ever written, and never starts again; its place in the
 * ring is the rest of a division. Entries from tail up to head are whole. What lies before tail is given up: its bytes
 * may be overwritten at any time. Only who holds the lock moves either.
 */
#ifndef SHM_MEMORY_SHARD_H
#define SHM_MEMORY_SHARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory_cache.h"

#define MEMORY_UNIT_BYTES 64
#define MEMORY_WAYS 7

struct memory_shard_head {
	_Alignas(64) _Atomic uint64_t lock; /* owner.h */
	_Atomic uint64_t head, tail;
	_Atomic uint64_t stored, evicted, busy;
};

/*
 * A way is tag << 49 | asked for << 48 | position; 0: empty. The position alone makes it live or dead, so that nothing
 * has to be tidied up behind the tail.
 */
struct memory_bucket {
	_Alignas(64) _Atomic uint64_t forgotten; /* the ticket */
	_Atomic uint64_t ways[MEMORY_WAYS];
};

struct memory_entry {
	uint64_t checksum; /* over all that follows, key and value included */
	uint64_t hash;
	int64_t expires_ns;
	uint32_t key_bytes, value_bytes; /* the key behind this, the value behind the key */
};

_Static_assert(sizeof(struct memory_shard_head) == 64, "a line");
_Static_assert(sizeof(struct memory_bucket) == 64, "a line");
_Static_assert(sizeof(struct memory_entry) == 32, "no padding is in the checksum");

struct memory_shard {
	struct memory_shard_head *head;
	struct memory_bucket *buckets;
	unsigned char *ring;
	uint64_t bucket_count, units;
};

struct memory_shard memory_shard_at(const struct memory_cache *cache, size_t n);
struct memory_shard memory_shard_of(const struct memory_cache *cache, uint64_t hash);
struct memory_bucket *memory_shard_bucket(const struct memory_shard *shard, uint64_t hash);

#define MEMORY_POSITION_MASK ((UINT64_C(1) << 48) - 1)
#define MEMORY_ASKED_FOR (UINT64_C(1) << 48)
#define MEMORY_TAG_SHIFT 49

static inline uint64_t
way_position(uint64_t way)
{
	return way & MEMORY_POSITION_MASK;
}

static inline bool
way_has_tag(uint64_t way, uint64_t hash)
{
	return way != 0 && way >> MEMORY_TAG_SHIFT == hash >> MEMORY_TAG_SHIFT;
}

static inline uint64_t
way_of(uint64_t hash, uint64_t position)
{
	return hash >> MEMORY_TAG_SHIFT << MEMORY_TAG_SHIFT | position;
}

/* Bytes from a position on, around the ring's end. */
void memory_shard_copy_out(const struct memory_shard *shard, uint64_t position, size_t skip_bytes, void *data,
                           size_t size_bytes);
void memory_shard_copy_in(const struct memory_shard *shard, uint64_t position, size_t skip_bytes, const void *data,
                          size_t size_bytes);
/* Whether the bytes there are those. */
bool memory_shard_equals(const struct memory_shard *shard, uint64_t position, size_t skip_bytes, const void *data,
                         size_t size_bytes);

uint64_t memory_entry_units(const struct memory_entry *entry);
/* The most units that one entry may have. */
uint64_t memory_shard_entry_max(const struct memory_shard *shard);
/* Whether what was read at the position until now can be relied upon: nobody has given it up. */
bool memory_shard_still_there(const struct memory_shard *shard, uint64_t position);

/* With the lock held: the positions are made sound, and so many units are free behind head. */
void memory_shard_make_room(const struct memory_shard *shard, uint64_t units, int64_t now_ns);

#endif
