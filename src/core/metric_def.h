/*
 * metric_def.h - what a metric is, and THE table of those that are built in.
 *
 * A metric stands in the table (metric_table.c) or is added by a module during setup (metric_registry.h). Cells,
 * `# HELP` and `# TYPE` are made of this alone.
 */
#ifndef CORE_METRIC_DEF_H
#define CORE_METRIC_DEF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "metric_store.h"

#define METRIC_LABELS 4 /* of a metric, at most */
#define METRIC_NAME_BYTES 96
#define METRIC_BOUNDS (SERIES_BUCKETS - 1)

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* How values are stored: whole numbers, for seconds nanoseconds, for reals the bits of a double. */
enum metric_unit { METRIC_WHOLE, METRIC_BYTES, METRIC_SECONDS, METRIC_REAL };

/* A real as its cell holds it, and back. */
static inline uint64_t
metric_real_bits(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static inline double
metric_real(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

/* Where a scrape finds its values. */
enum metric_source {
	SOURCE_ALL,     /* in the cells: the sum over all who have lived in a slot */
	SOURCE_LIVING,  /* the same over those that live now */
	SOURCE_SHARED,  /* one cell for all: what was written last */
	SOURCE_GATHERED /* nowhere: they are asked for at the scrape (app/metric_facts.c) */
};

struct metric_def {
	const char *name, *help;
	enum metric_type type;
	enum metric_unit unit;
	enum metric_source source;
	const char *labels[METRIC_LABELS]; /* NULL behind the last */
	const double *bounds;              /* of a histogram, in the unit that is exposed; sorted, without +Inf */
	size_t bound_count;
	unsigned max_series; /* 0: as many as there is room for */
};

enum metric_id {
	METRIC_REQUEST_DURATION,
	METRIC_REQUEST_BODY_SIZE,
	METRIC_RESPONSE_BODY_SIZE,
	METRIC_ACTIVE_REQUESTS,
	METRIC_REQUEST_QUEUE,
	METRIC_BUILD_INFO,
	METRIC_SERVICE_INFO,
	METRIC_START_TIME,
	METRIC_GENERATION,
	METRIC_WORKERS,
	METRIC_WORKERS_WANTED,
	METRIC_WORKERS_MAX,
	METRIC_WORKERS_HELD_BACK,
	METRIC_WORKER_DEATHS,
	METRIC_WORKERS_RECYCLED,
	METRIC_RELOADS,
	METRIC_CONNECTIONS,
	METRIC_CONNECTIONS_GIVEN,
	METRIC_CONNECTIONS_TAKEN,
	METRIC_LISTEN_QUEUE,
	METRIC_LISTEN_QUEUE_CAPACITY,
	METRIC_CACHE_OPERATIONS,
	METRIC_CACHE_DURATION,
	METRIC_CACHE_HITS,
	METRIC_CACHE_ANSWERS,
	METRIC_CACHE_MEMORY,
	METRIC_CACHE_MEMORY_USED,
	METRIC_CACHE_STORED,
	METRIC_CACHE_EVICTED,
	METRIC_CACHE_BREAKER_STATE,
	METRIC_CACHE_BREAKER_OPENED,
	METRIC_CACHE_TRACKING,
	METRIC_DATABASE_CONNECTIONS,
	METRIC_DATABASE_RECONNECTS,
	METRIC_DATABASE_POOL_SIZE,
	METRIC_DATABASE_IN_USE,
	METRIC_DATABASE_OVERFLOW,
	METRIC_DATABASE_CONNECT_FAILURES,
	METRIC_DATABASE_MOVES,
	METRIC_DATABASE_CLOSED,
	METRIC_DATABASE_CANCELS,
	METRIC_DATABASE_PREPARED,
	METRIC_DATABASE_TRANSACTIONS,
	METRIC_DATABASE_DURATION,
	METRIC_LOG_RECORDS,
	METRIC_LOG_DROPPED,
	METRIC_SPANS_DROPPED,
	METRIC_ERRORS,
	METRIC_CHECK_UP,
	METRIC_CHECK_WARNING,
	METRIC_CHECK_DURATION,
	METRIC_CHECK_AGE,
	METRIC_READY,
	METRIC_DRAINING,
	METRIC_SERIES,
	METRIC_OVERFLOW,
	METRIC_PROCESS_CPU,
	METRIC_PROCESS_MEMORY,
	METRIC_PROCESS_FDS,
	METRIC_PROCESS_START,
	METRICS_BUILT_IN
};

extern const struct metric_def metric_table[METRICS_BUILT_IN];

#endif
