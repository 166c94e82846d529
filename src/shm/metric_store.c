/*
 * metric_store.c - finding and claiming series, and exemplars.
 *
 * A hash table that is never rehashed: linear probing over fingerprints that stand side by side. It has room for an
 * eighth more than may be claimed, so that a search for what is not there ends soon.
 */
#include "metric_store.h"

#include <string.h>

#include "fnv.h"

#define SLACK 64 /* overflow series, and what is free for good */

/* ---- Where it stands ---------------------------------------------------------------------------- */

size_t
series_capacity(unsigned max)
{
	return max == 0 ? 0 : (size_t)max + max / 8 + SLACK;
}

size_t
series_directory_bytes(unsigned max)
{
	size_t one = sizeof(_Atomic uint64_t) + sizeof(struct series);
	return max == 0 ? 0 : sizeof(struct directory_head) + series_capacity(max) * one;
}

struct series_directory
series_directory_at(void *base, unsigned max)
{
	char *bytes = base;
	struct series_directory directory = {.capacity = (unsigned)series_capacity(max), .max = max};
	if (max == 0)
		return directory;
	directory.head = base;
	directory.fingerprints = (_Atomic uint64_t *)(void *)(bytes + sizeof(struct directory_head));
	directory.series = (struct series *)(void *)(directory.fingerprints + directory.capacity);
	return directory;
}

/* ---- Finding and claiming ----------------------------------------------------------------------- */

static uint64_t
mix_word(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t
fingerprint_of(const struct series_key *key)
{
	uint64_t hash = mix_word(FNV_OFFSET, key->shape);
	hash = fnv_scatter(fnv_bytes(hash, key->labels, key->size_bytes));
	return hash != 0 ? hash : 1;
}

/* Who was killed in here has written a part of the same bytes. */
static void
write_labels(struct series *series, const struct series_key *key)
{
	memcpy(series->labels, key->labels, key->size_bytes);
	atomic_store_explicit(&series->shape, key->shape, memory_order_relaxed);
	atomic_store_explicit(&series->size_bytes, (uint32_t)key->size_bytes + 1, memory_order_release);
}

/* False where another series has the same fingerprint. */
static bool
is_it(struct series *series, const struct series_key *key)
{
	uint32_t size = atomic_load_explicit(&series->size_bytes, memory_order_acquire);
	if (size == 0) {
		write_labels(series, key);
		return true;
	}
	return size == key->size_bytes + 1 &&
	       atomic_load_explicit(&series->shape, memory_order_relaxed) == key->shape &&
	       memcmp(series->labels, key->labels, key->size_bytes) == 0;
}

/* Where the series is, or the free place where it would be; SERIES_NONE: neither, all places are taken. */
static uint32_t
probe(const struct series_directory *directory, const struct series_key *key, uint64_t fingerprint, bool *there)
{
	uint32_t at = (uint32_t)(fingerprint % directory->capacity);
	for (unsigned n = 0; n < directory->capacity; n++) {
		uint64_t found = atomic_load_explicit(&directory->fingerprints[at], memory_order_acquire);
		*there = found == fingerprint && is_it(&directory->series[at], key);
		if (*there || found == 0)
			return at;
		at = at + 1 < directory->capacity ? at + 1 : 0;
	}
	return SERIES_NONE;
}

/* One of the series that may be claimed; given back by who found that another had claimed the same. */
static bool
reserve(const struct series_directory *directory, enum series_claim claim)
{
	if (claim == SERIES_CLAIM_BEYOND)
		return true;
	if (atomic_load_explicit(&directory->head->used, memory_order_relaxed) >= directory->max)
		return false;
	if (atomic_fetch_add_explicit(&directory->head->used, 1, memory_order_relaxed) < directory->max)
		return true;
	atomic_fetch_sub_explicit(&directory->head->used, 1, memory_order_relaxed);
	return false;
}

static void
unreserve(const struct series_directory *directory, enum series_claim claim)
{
	if (claim == SERIES_CLAIM)
		atomic_fetch_sub_explicit(&directory->head->used, 1, memory_order_relaxed);
}

static uint32_t
claim_series(const struct series_directory *directory, const struct series_key *key, enum series_claim claim)
{
	uint64_t fingerprint = fingerprint_of(key), nobody = 0;
	bool there = false;
	if (!reserve(directory, claim))
		return SERIES_NONE;
	uint32_t at = probe(directory, key, fingerprint, &there);
	while (at != SERIES_NONE && !there &&
	       !atomic_compare_exchange_strong(&directory->fingerprints[at], &nobody, fingerprint)) {
		nobody = 0;
		at = probe(directory, key, fingerprint, &there);
	}
	if (at == SERIES_NONE || there)
		unreserve(directory, claim);
	else
		write_labels(&directory->series[at], key);
	return at;
}

uint32_t
series_index(const struct series_directory *directory, const struct series_key *key, enum series_claim claim)
{
	bool there = false;
	if (directory->capacity == 0 || key->size_bytes > SERIES_LABEL_BYTES)
		return SERIES_NONE;
	uint32_t at = probe(directory, key, fingerprint_of(key), &there);
	if (there)
		return at;
	return claim == SERIES_FIND ? SERIES_NONE : claim_series(directory, key, claim);
}

bool
series_at(const struct series_directory *directory, uint32_t index, struct series_key *key)
{
	if (atomic_load_explicit(&directory->fingerprints[index], memory_order_acquire) == 0)
		return false;
	const struct series *series = &directory->series[index];
	uint32_t size = atomic_load_explicit(&series->size_bytes, memory_order_acquire);
	if (size == 0 || size > SERIES_LABEL_BYTES + 1)
		return false;
	*key = (struct series_key){.shape = atomic_load_explicit(&series->shape, memory_order_relaxed),
	                           .labels = series->labels,
	                           .size_bytes = size - 1};
	return true;
}

unsigned
series_count_of(const struct series_directory *directory, uint64_t shape)
{
	unsigned count = 0;
	struct series_key key;
	for (uint32_t i = 0; i < directory->capacity; i++)
		count += series_at(directory, i, &key) && key.shape == shape;
	return count;
}

/* ---- Exemplars ---------------------------------------------------------------------------------- */

static uint64_t
checksum_of(const struct exemplar *exemplar)
{
	uint64_t hash = mix_word(FNV_OFFSET, exemplar->trace_high);
	hash = mix_word(hash, exemplar->trace_low);
	hash = mix_word(hash, exemplar->span);
	hash = mix_word(hash, exemplar->value);
	return fnv_scatter(mix_word(hash, (uint64_t)exemplar->real_ns));
}

void
exemplar_write(struct exemplar_record *record, const struct exemplar *exemplar)
{
	atomic_store_explicit(&record->trace_high, exemplar->trace_high, memory_order_relaxed);
	atomic_store_explicit(&record->trace_low, exemplar->trace_low, memory_order_relaxed);
	atomic_store_explicit(&record->span, exemplar->span, memory_order_relaxed);
	atomic_store_explicit(&record->value, exemplar->value, memory_order_relaxed);
	atomic_store_explicit(&record->real_ns, (uint64_t)exemplar->real_ns, memory_order_relaxed);
	atomic_store_explicit(&record->checksum, checksum_of(exemplar), memory_order_relaxed);
}

bool
exemplar_read(const struct exemplar_record *record, struct exemplar *exemplar)
{
	uint64_t checksum = atomic_load_explicit(&record->checksum, memory_order_relaxed);
	exemplar->trace_high = atomic_load_explicit(&record->trace_high, memory_order_relaxed);
	exemplar->trace_low = atomic_load_explicit(&record->trace_low, memory_order_relaxed);
	exemplar->span = atomic_load_explicit(&record->span, memory_order_relaxed);
	exemplar->value = atomic_load_explicit(&record->value, memory_order_relaxed);
	exemplar->real_ns = (int64_t)atomic_load_explicit(&record->real_ns, memory_order_relaxed);
	return exemplar->real_ns != 0 && checksum == checksum_of(exemplar);
}
