/*
 * metric_total.h - metrics as a whole: sums over their series and over everybody who ever counted.
 *
 * Each costs a look at each series of the directory.
 */
#ifndef CORE_METRIC_TOTAL_H
#define CORE_METRIC_TOTAL_H

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

/* Of a histogram whose source is SOURCE_ALL. False: no metrics here. */
bool histogram_total_take(struct histogram_total *total, struct scoreboard *board,
                          const struct metric_registry *registry, size_t metric);

/* The observations of such a histogram, or what a counter counts. 0 where there are no metrics. */
uint64_t metric_total(struct scoreboard *board, const struct metric_registry *registry, size_t metric);
/* The same of the series alone that have a label as it is exposed, outcome="ok". Of a gauge of the living: their sum. */
uint64_t metric_total_of(struct scoreboard *board, const struct metric_registry *registry, size_t metric,
                         const char *label);

#endif
