/*
 * memory_cache.c - get, put and forget over the shards; see memory_cache.h.
 *
 * Gets and forgets of all processes run beside each other and beside one put a shard. A put and a forget of one key
 * agree by the bucket's count: the forget raises it and then looks at the ways, the put sets the way and then looks at
 * the count, so that at least one of them sees the other. A forget that meets an entry which is just being written once
 * more clears its way by the tag alone: losing another key of the same tag costs one miss.
 */
#include "memory_cache.h"

#include <sched.h>

#include "arena.h"
#include "checksum.h"
#include "clock.h"
#include "fnv.h"
#include "memory_shard.h"
#include "metric_store.h"
#include "owner.h"

/* How long a put waits for a shard's lock before it looks whether its owner lives. */
#define LOCK_PATIENCE_NS (500 * NS_PER_US)

struct memory_key
memory_cache_key(const void *data, size_t size_bytes)
{
	const unsigned char *from = data;
	size_t left = size_bytes;
	uint64_t word, hash = checksum_mix(FNV_OFFSET, size_bytes);
	for (; left >= sizeof word; left -= sizeof word, from += sizeof word) {
		memcpy(&word, from, sizeof word);
		hash = checksum_mix(hash, word);
	}
	word = 0;
	memcpy(&word, from, left);
	return (struct memory_key){data, size_bytes, fnv_scatter(checksum_mix(hash, word))};
}

size_t
memory_cache_item_max_bytes(const struct memory_cache *cache)
{
	const struct memory_shard shard = memory_shard_at(cache, 0);
	return (size_t)memory_shard_entry_max(&shard) * MEMORY_UNIT_BYTES - sizeof(struct memory_entry);
}

static uint64_t
checksum_of(const struct memory_entry *entry, const void *key, const void *value)
{
	struct checksum checksum = {.sum = entry->hash ^ (uint64_t)entry->expires_ns,
	                            .sums = (uint64_t)entry->key_bytes << 32 | entry->value_bytes};
	checksum_add(&checksum, key, entry->key_bytes);
	checksum_add(&checksum, value, entry->value_bytes);
	return checksum_value(&checksum);
}

/* ---- Get ---------------------------------------------------------------------------------------- */

/* The head of the entry at a position where it is one of this key, as far as can be told without its checksum. */
static bool
is_of_key(const struct memory_shard *shard, uint64_t position, const struct memory_key *key, struct memory_entry *entry)
{
	memory_shard_copy_out(shard, position, 0, entry, sizeof *entry);
	return entry->hash == key->hash && entry->key_bytes == key->size_bytes &&
	       memory_entry_units(entry) <= memory_shard_entry_max(shard) &&
	       memory_shard_equals(shard, position, sizeof *entry, key->data, key->size_bytes);
}

static bool
take(const struct memory_shard *shard, uint64_t position, const struct memory_key *key, struct arena *arena,
     struct memory_value *value)
{
	struct memory_entry entry;
	if (!memory_shard_still_there(shard, position) || !is_of_key(shard, position, key, &entry) ||
	    !memory_shard_still_there(shard, position))
		return false;
	char *data = arena_alloc(arena, (size_t)entry.value_bytes + 1);
	if (data == NULL)
		return false;
	memory_shard_copy_out(shard, position, sizeof entry + entry.key_bytes, data, entry.value_bytes);
	data[entry.value_bytes] = '\0';
	*value = (struct memory_value){data, entry.value_bytes, entry.expires_ns};
	return memory_shard_still_there(shard, position) && checksum_of(&entry, key->data, data) == entry.checksum;
}

bool
memory_cache_get(const struct memory_cache *cache, const struct memory_key *key, int64_t now_ns, struct arena *arena,
                 struct memory_value *value)
{
	const struct memory_shard shard = memory_shard_of(cache, key->hash);
	struct memory_bucket *bucket = memory_shard_bucket(&shard, key->hash);
	for (size_t i = 0; i < MEMORY_WAYS; i++) {
		uint64_t way = atomic_load_explicit(&bucket->ways[i], memory_order_acquire);
		if (!way_has_tag(way, key->hash) || !take(&shard, way_position(way), key, arena, value))
			continue;
		if ((way & MEMORY_ASKED_FOR) == 0)
			atomic_compare_exchange_strong_explicit(&bucket->ways[i], &way, way | MEMORY_ASKED_FOR,
			                                        memory_order_relaxed, memory_order_relaxed);
		return value->expires_ns > now_ns;
	}
	return false;
}

/* ---- Put ---------------------------------------------------------------------------------------- */

/*
 * The lock of a living process is never taken from it, however long it sleeps; that of a dead one always is, at the latest
 * when the patience is over, however seldom this process was let run meanwhile.
 */
static bool
lock(const struct memory_cache *cache, struct memory_shard_head *head)
{
	uint64_t nobody = 0;
	if (atomic_compare_exchange_strong_explicit(&head->lock, &nobody, cache->self, memory_order_acquire,
	                                            memory_order_relaxed))
		return true;
	int64_t began_ns = clock_mono_ns();
	while (clock_mono_ns() - began_ns < LOCK_PATIENCE_NS) {
		sched_yield();
		nobody = 0;
		if (atomic_compare_exchange_weak_explicit(&head->lock, &nobody, cache->self, memory_order_acquire,
		                                          memory_order_relaxed))
			return true;
	}
	return owner_claim(&head->lock, cache->self);
}

/* The way to use for a key: its own, else a free or dead one, else that of the entry that goes first. */
static _Atomic uint64_t *
choose_way(const struct memory_shard *shard, struct memory_bucket *bucket, const struct memory_key *key, uint64_t *seen)
{
	uint64_t tail = atomic_load_explicit(&shard->head->tail, memory_order_relaxed), worst = UINT64_MAX;
	_Atomic uint64_t *choice = &bucket->ways[0];
	struct memory_entry entry;
	for (size_t i = 0; i < MEMORY_WAYS; i++) {
		uint64_t way = atomic_load_explicit(&bucket->ways[i], memory_order_relaxed);
		uint64_t position = way_position(way), worth;
		if (position >= tail && way_has_tag(way, key->hash) && is_of_key(shard, position, key, &entry)) {
			*seen = way;
			return &bucket->ways[i];
		}
		worth = position < tail ? 0 : position | (way & MEMORY_ASKED_FOR);
		if (worth < worst) {
			worst = worth;
			choice = &bucket->ways[i];
			*seen = way;
		}
	}
	return choice;
}

/* Makes the entry at a position visible. */
static void
publish(const struct memory_shard *shard, struct memory_bucket *bucket, const struct memory_key *key, uint64_t position)
{
	uint64_t seen;
	_Atomic uint64_t *way;
	struct memory_entry entry;
	do /* again where it was asked for or forgotten meanwhile */
		way = choose_way(shard, bucket, key, &seen);
	while (!atomic_compare_exchange_strong(way, &seen, way_of(key->hash, position)));
	cell_add(&shard->head->stored, 1);
	if (way_position(seen) >= atomic_load_explicit(&shard->head->tail, memory_order_relaxed) &&
	    !is_of_key(shard, way_position(seen), key, &entry))
		cell_add(&shard->head->evicted, 1);
}

static void
write_entry(const struct memory_shard *shard, uint64_t position, const struct memory_key *key,
            const struct memory_item *item)
{
	struct memory_entry entry = {.hash = key->hash,
	                             .expires_ns = item->expires_ns,
	                             .key_bytes = (uint32_t)key->size_bytes,
	                             .value_bytes = (uint32_t)item->size_bytes};
	entry.checksum = checksum_of(&entry, key->data, item->data);
	memory_shard_copy_in(shard, position, 0, &entry, sizeof entry);
	memory_shard_copy_in(shard, position, sizeof entry, key->data, key->size_bytes);
	memory_shard_copy_in(shard, position, sizeof entry + key->size_bytes, item->data, item->size_bytes);
	atomic_store_explicit(&shard->head->head, position + memory_entry_units(&entry), memory_order_release);
}

/* With the lock held. */
static enum memory_put
put(const struct memory_shard *shard, const struct memory_key *key, const struct memory_item *item, int64_t now_ns)
{
	struct memory_bucket *bucket = memory_shard_bucket(shard, key->hash);
	const struct memory_entry size = {.key_bytes = (uint32_t)key->size_bytes,
	                                  .value_bytes = (uint32_t)item->size_bytes};
	memory_shard_make_room(shard, memory_entry_units(&size), now_ns);
	uint64_t position = atomic_load_explicit(&shard->head->head, memory_order_relaxed);
	write_entry(shard, position, key, item);
	publish(shard, bucket, key, position);
	if (atomic_load(&bucket->forgotten) == item->ticket)
		return MEMORY_STORED;
	for (size_t i = 0; i < MEMORY_WAYS; i++) {
		uint64_t way = atomic_load(&bucket->ways[i]);
		while (way_position(way) == position && !atomic_compare_exchange_weak(&bucket->ways[i], &way, 0))
			;
	}
	return MEMORY_OVERTAKEN;
}

uint64_t
memory_cache_ticket(const struct memory_cache *cache, const struct memory_key *key)
{
	const struct memory_shard shard = memory_shard_of(cache, key->hash);
	return atomic_load(&memory_shard_bucket(&shard, key->hash)->forgotten);
}

enum memory_put
memory_cache_put(const struct memory_cache *cache, const struct memory_key *key, const struct memory_item *item,
                 int64_t now_ns)
{
	const struct memory_shard shard = memory_shard_of(cache, key->hash);
	size_t most = memory_cache_item_max_bytes(cache);
	if (key->size_bytes > most || item->size_bytes > most - key->size_bytes)
		return MEMORY_TOO_LARGE;
	if (memory_cache_ticket(cache, key) != item->ticket)
		return MEMORY_OVERTAKEN;
	if (!lock(cache, shard.head)) {
		atomic_fetch_add_explicit(&shard.head->busy, 1, memory_order_relaxed);
		return MEMORY_BUSY;
	}
	enum memory_put outcome = put(&shard, key, item, now_ns);
	owner_release(&shard.head->lock, cache->self);
	return outcome;
}

/* ---- Forget ------------------------------------------------------------------------------------- */

static bool
is_to_be_forgotten(const struct memory_shard *shard, uint64_t way, const struct memory_key *key)
{
	struct memory_entry entry;
	if (!way_has_tag(way, key->hash))
		return false;
	memory_shard_copy_out(shard, way_position(way), 0, &entry, sizeof entry);
	return entry.hash == key->hash || !memory_shard_still_there(shard, way_position(way));
}

void
memory_cache_forget(const struct memory_cache *cache, const struct memory_key *key)
{
	const struct memory_shard shard = memory_shard_of(cache, key->hash);
	struct memory_bucket *bucket = memory_shard_bucket(&shard, key->hash);
	atomic_fetch_add(&bucket->forgotten, 1);
	for (size_t i = 0; i < MEMORY_WAYS; i++) {
		uint64_t way = atomic_load(&bucket->ways[i]);
		while (is_to_be_forgotten(&shard, way, key) && !atomic_compare_exchange_weak(&bucket->ways[i], &way, 0))
			;
	}
}

void
memory_cache_clear(const struct memory_cache *cache)
{
	for (size_t n = 0; n < cache->shards; n++) {
		const struct memory_shard shard = memory_shard_at(cache, n);
		for (uint64_t b = 0; b < shard.bucket_count; b++) {
			atomic_fetch_add(&shard.buckets[b].forgotten, 1);
			for (size_t i = 0; i < MEMORY_WAYS; i++)
				atomic_store(&shard.buckets[b].ways[i], 0);
		}
	}
}

void
memory_cache_figures(const struct memory_cache *cache, struct memory_figures *figures)
{
	*figures = (struct memory_figures){.room_bytes = cache->shards * cache->units * MEMORY_UNIT_BYTES};
	for (size_t n = 0; n < cache->shards; n++) {
		const struct memory_shard_head *head = memory_shard_at(cache, n).head;
		uint64_t tail = atomic_load_explicit(&head->tail, memory_order_relaxed);
		uint64_t used = atomic_load_explicit(&head->head, memory_order_relaxed) - tail;
		figures->used_bytes += used <= cache->units ? used * MEMORY_UNIT_BYTES : 0;
		figures->stored += atomic_load_explicit(&head->stored, memory_order_relaxed);
		figures->evicted += atomic_load_explicit(&head->evicted, memory_order_relaxed);
		figures->busy += atomic_load_explicit(&head->busy, memory_order_relaxed);
	}
}
