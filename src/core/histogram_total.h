/*
 * histogram_total.h - one histogram as a whole: the sum over all its series and over everybody who ever counted.
 */
#ifndef CORE_HISTOGRAM_TOTAL_H
#define CORE_HISTOGRAM_TOTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metric_store.h"

struct metric_registry;
struct scoreboard;

/* Each bucket by itself, the last one without a bound; bounds as they are exposed, the registry's. */
struct histogram_total {
	const double *bounds;
	size_t bound_count;
	uint64_t buckets[SERIES_BUCKETS];
};

/* Of a histogram whose source is SOURCE_ALL. Costs a look at each series of the directory. False: no metrics here. */
bool histogram_total_take(struct histogram_total *total, struct scoreboard *board,
                          const struct metric_registry *registry, size_t metric);

#endif
