/*
 * memory_shard.c - see memory_shard.h.
 *
 * A process may be killed between any two instructions in here. The order that makes this harmless: tail moves first,
 * then bytes behind head are written, then head moves, then a way. So what a dead process leaves half done lies where
 * nobody looks, and the next one writes over it. Positions that cannot be, which nobody of ours writes, empty the shard.
 */
#include "memory_shard.h"

#include <string.h>

#include "insist.h"
#include "metric_store.h"
#include "owner.h"

/*
 * How many entries that were asked for a put writes once more before it gives one up all the same. Each takes a get
 * before, so that on the whole there are no more of these than gets.
 */
#define REWRITES_MOST 64
#define ENTRY_SHARE 4   /* an entry takes a quarter of the shard at most */
#define BUCKET_SHARE 12 /* and the index one part of twelve */

struct memory_shard
memory_shard_at(const struct memory_cache *cache, size_t n)
{
	unsigned char *at = cache->base + n * cache->shard_bytes;
	struct memory_shard shard = {.bucket_count = cache->buckets, .units = cache->units};
	shard.head = (void *)at;
	shard.buckets = (void *)(at + sizeof *shard.head);
	shard.ring = at + sizeof *shard.head + cache->buckets * sizeof *shard.buckets;
	return shard;
}

/* Bits 32 to 47 choose the shard, the lower ones the bucket, those from 49 on are the tag. */
struct memory_shard
memory_shard_of(const struct memory_cache *cache, uint64_t hash)
{
	return memory_shard_at(cache, (size_t)((hash >> 32 & 0xffff) * cache->shards >> 16));
}

struct memory_bucket *
memory_shard_bucket(const struct memory_shard *shard, uint64_t hash)
{
	return &shard->buckets[(hash & UINT32_MAX) * shard->bucket_count >> 32];
}

void
memory_cache_open(struct memory_cache *cache, void *base, size_t size_bytes)
{
	size_t shards = size_bytes / MEMORY_CACHE_LEAST_BYTES;
	INSIST(shards >= 1 && (uintptr_t)base % MEMORY_UNIT_BYTES == 0);
	shards = shards > 64 ? 64 : shards;
	uint64_t lines = size_bytes / shards / MEMORY_UNIT_BYTES;
	*cache = (struct memory_cache){
		.base = base, .shards = shards, .shard_bytes = lines * MEMORY_UNIT_BYTES, .self = owner_self()};
	cache->buckets = lines / BUCKET_SHARE;
	cache->units = lines - cache->buckets - 1;
}

/* ---- Bytes -------------------------------------------------------------------------------------- */

/* Where in the ring the bytes begin, and how many of them come before its end. */
struct span {
	size_t at, first_bytes;
};

static struct span
span_of(const struct memory_shard *shard, uint64_t position, size_t skip_bytes, size_t size_bytes)
{
	size_t ring_bytes = (size_t)shard->units * MEMORY_UNIT_BYTES;
	size_t at = ((size_t)(position % shard->units) * MEMORY_UNIT_BYTES + skip_bytes) % ring_bytes;
	size_t left = ring_bytes - at;
	return (struct span){at, size_bytes < left ? size_bytes : left};
}

void
memory_shard_copy_out(const struct memory_shard *shard, uint64_t position, size_t skip_bytes, void *data,
                      size_t size_bytes)
{
	struct span span = span_of(shard, position, skip_bytes, size_bytes);
	memcpy(data, shard->ring + span.at, span.first_bytes);
	memcpy((char *)data + span.first_bytes, shard->ring, size_bytes - span.first_bytes);
}

void
memory_shard_copy_in(const struct memory_shard *shard, uint64_t position, size_t skip_bytes, const void *data,
                     size_t size_bytes)
{
	struct span span = span_of(shard, position, skip_bytes, size_bytes);
	if (size_bytes == 0)
		return;
	memcpy(shard->ring + span.at, data, span.first_bytes);
	memcpy(shard->ring, (const char *)data + span.first_bytes, size_bytes - span.first_bytes);
}

bool
memory_shard_equals(const struct memory_shard *shard, uint64_t position, size_t skip_bytes, const void *data,
                    size_t size_bytes)
{
	struct span span = span_of(shard, position, skip_bytes, size_bytes);
	return memcmp(shard->ring + span.at, data, span.first_bytes) == 0 &&
	       memcmp(shard->ring, (const char *)data + span.first_bytes, size_bytes - span.first_bytes) == 0;
}

/* ---- Entries ------------------------------------------------------------------------------------ */

uint64_t
memory_entry_units(const struct memory_entry *entry)
{
	uint64_t bytes = sizeof *entry + (uint64_t)entry->key_bytes + entry->value_bytes;
	return (bytes + MEMORY_UNIT_BYTES - 1) / MEMORY_UNIT_BYTES;
}

uint64_t
memory_shard_entry_max(const struct memory_shard *shard)
{
	return shard->units / ENTRY_SHARE;
}

bool
memory_shard_still_there(const struct memory_shard *shard, uint64_t position)
{
	/* After the reads: who has seen a byte that was written later sees the tail that was moved before. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&shard->head->tail, memory_order_relaxed) <= position;
}

/* The way that leads to a position; NULL: none does, it was forgotten or replaced. */
static _Atomic uint64_t *
way_to(const struct memory_shard *shard, uint64_t hash, uint64_t position)
{
	struct memory_bucket *bucket = memory_shard_bucket(shard, hash);
	for (size_t i = 0; i < MEMORY_WAYS; i++)
		if (way_position(atomic_load_explicit(&bucket->ways[i], memory_order_relaxed)) == position)
			return &bucket->ways[i];
	return NULL;
}

/* ---- Room, with the lock held ------------------------------------------------------------------- */

static void
move_tail(const struct memory_shard *shard, uint64_t to)
{
	atomic_store_explicit(&shard->head->tail, to, memory_order_relaxed);
	/* Before any byte is written that was behind it. */
	atomic_thread_fence(memory_order_release);
}

/* Begins anew, further on than anything that a way can lead to. */
static void
empty(const struct memory_shard *shard)
{
	uint64_t head = atomic_load_explicit(&shard->head->head, memory_order_relaxed);
	uint64_t start = head < MEMORY_POSITION_MASK / 2 ? head + shard->units : shard->units;
	for (uint64_t b = 0; b < shard->bucket_count; b++)
		for (size_t i = 0; i < MEMORY_WAYS; i++)
			atomic_store_explicit(&shard->buckets[b].ways[i], 0, memory_order_relaxed);
	move_tail(shard, start);
	atomic_store_explicit(&shard->head->head, start, memory_order_release);
}

static bool
sound(const struct memory_shard *shard, uint64_t tail, uint64_t head)
{
	return tail > 0 && tail <= head && head - tail <= shard->units && head < MEMORY_POSITION_MASK - shard->units;
}

/* Moves the entry at the tail to the head, over the free units between them: a copy to where it does not overtake itself. */
static void
rewrite(const struct memory_shard *shard, _Atomic uint64_t *way, uint64_t old_way, uint64_t units)
{
	struct memory_shard_head *head = shard->head;
	uint64_t from = way_position(old_way), to = atomic_load_explicit(&head->head, memory_order_relaxed);
	uint64_t new_way = old_way >> MEMORY_TAG_SHIFT << MEMORY_TAG_SHIFT | to;
	move_tail(shard, from + units);
	if (from % shard->units != to % shard->units)
		for (uint64_t i = 0; i < units; i++)
			memcpy(shard->ring + (to + i) % shard->units * MEMORY_UNIT_BYTES,
			       shard->ring + (from + i) % shard->units * MEMORY_UNIT_BYTES, MEMORY_UNIT_BYTES);
	atomic_store_explicit(&head->head, to + units, memory_order_release);
	/* Not where it was forgotten meanwhile. */
	atomic_compare_exchange_strong(way, &old_way, new_way);
}

/* Takes the entry at the tail away or, where it may be and was asked for, writes it once more. */
static bool
pass_tail(const struct memory_shard *shard, bool may_rewrite, int64_t now_ns)
{
	struct memory_entry entry;
	uint64_t tail = atomic_load_explicit(&shard->head->tail, memory_order_relaxed);
	memory_shard_copy_out(shard, tail, 0, &entry, sizeof entry);
	uint64_t units = memory_entry_units(&entry);
	if (units > memory_shard_entry_max(shard)) {
		empty(shard);
		return false;
	}
	_Atomic uint64_t *way = way_to(shard, entry.hash, tail);
	uint64_t seen = way != NULL ? atomic_load_explicit(way, memory_order_relaxed) : 0;
	bool valid = way_position(seen) == tail && entry.expires_ns > now_ns;
	if (valid && may_rewrite && (seen & MEMORY_ASKED_FOR) != 0) {
		rewrite(shard, way, seen, units);
		return true;
	}
	if (valid)
		cell_add(&shard->head->evicted, 1);
	move_tail(shard, tail + units);
	return false;
}

void
memory_shard_make_room(const struct memory_shard *shard, uint64_t units, int64_t now_ns)
{
	const struct memory_shard_head *head = shard->head;
	unsigned rewrites = 0;
	INSIST(units <= memory_shard_entry_max(shard));
	for (;;) {
		uint64_t tail = atomic_load_explicit(&head->tail, memory_order_relaxed);
		uint64_t end = atomic_load_explicit(&head->head, memory_order_relaxed);
		if (!sound(shard, tail, end))
			empty(shard);
		else if (shard->units - (end - tail) >= units)
			return;
		else if (pass_tail(shard, rewrites < REWRITES_MOST, now_ns))
			rewrites++;
	}
}
