/*
 * metric_store.h - which series of metrics there are, and their cells, in shared memory.
 *
 * The directory is one for all: a series is claimed by compare-and-swap of its fingerprint and stays for good, so that
 * its index means the same in every process. Each place has a block of cells for every index, written by who lives
 * there alone and never reset: the next owner goes on adding, and a sum over all places never falls.
 *
 * Nothing is a lock. Who claims a series and is killed before its labels are written leaves a fingerprint, and whoever
 * comes next with the same series writes the labels, which are the same bytes.
 */
#ifndef SHM_METRIC_STORE_H
#define SHM_METRIC_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_MOST 100000 /* the most that METRICS_SERIES_MAX may be */
#define SERIES_BUCKETS 15  /* of a histogram, with that of +Inf */
#define SERIES_LABEL_BYTES 312
#define SERIES_NONE UINT32_MAX

/* A counter and a gauge use the first; a histogram its buckets, each by itself, and the sum of what it observed. */
struct series_cells {
	_Alignas(64) _Atomic uint64_t buckets[SERIES_BUCKETS];
	_Atomic uint64_t sum;
};

/* The last sampled trace that fell into a bucket. Several may write at once: one that is torn fails its checksum. */
struct exemplar_record {
	_Atomic uint64_t checksum, trace_high, trace_low, span, value, real_ns;
};

struct series {
	_Atomic uint64_t shape;          /* of the metric that it belongs to */
	_Atomic uint32_t size_bytes;     /* of the labels; 0: not yet written, else one more than their length */
	char labels[SERIES_LABEL_BYTES]; /* as they are exposed: method="GET",route="/" */
	struct exemplar_record exemplars[SERIES_BUCKETS];
};

struct directory_head {
	_Alignas(64) _Atomic uint32_t used; /* series, those of an overflow apart */
};

/* A process's own view of the directory. */
struct series_directory {
	struct directory_head *head;
	_Atomic uint64_t *fingerprints; /* 0: free */
	struct series *series;
	unsigned capacity, max;
};

/* For so many series (0: none): how many places the directory has for them, and its bytes. */
size_t series_capacity(unsigned max);
size_t series_directory_bytes(unsigned max);
struct series_directory series_directory_at(void *base, unsigned max);

/* What a series is known by. */
struct series_key {
	uint64_t shape; /* not 0 */
	const char *labels;
	size_t size_bytes;
};

enum series_claim { SERIES_FIND, SERIES_CLAIM, SERIES_CLAIM_BEYOND };

/*
 * The index of the series; SERIES_NONE where it is not there and may not be claimed (SERIES_FIND), does not fit, or
 * the directory is full. SERIES_CLAIM_BEYOND claims beyond the maximum, for the few series that take what overflows.
 */
uint32_t series_index(const struct series_directory *directory, const struct series_key *key, enum series_claim claim);
/* How many series of a shape there are, at most a few fewer or more than that while others are claimed. */
unsigned series_count_of(const struct series_directory *directory, uint64_t shape);
/* The shape and labels at an index, the latter as a view into shared memory that does not change; false: none there. */
bool series_at(const struct series_directory *directory, uint32_t index, struct series_key *key);

/* Adds to a cell that only this process writes. */
static inline void
cell_add(_Atomic uint64_t *cell, uint64_t by)
{
	uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
	atomic_store_explicit(cell, value + by, memory_order_relaxed);
}

struct exemplar {
	uint64_t trace_high, trace_low, span;
	uint64_t value;  /* in the metric's unit of storage */
	int64_t real_ns; /* when */
};

void exemplar_write(struct exemplar_record *record, const struct exemplar *exemplar);
/* False where there is none, or a torn one. */
bool exemplar_read(const struct exemplar_record *record, struct exemplar *exemplar);

#endif
