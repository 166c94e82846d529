/*
 * metric_registry.h - all metrics of this program: the built-in table's and, behind them, the modules'.
 *
 * Made before the fork, constant from then on. A metric is named by its place here, which is one program's own; in
 * shared memory its series are known by its shape (metric_store.h), so that they go on after a reload with other
 * modules or another version's table.
 */
#ifndef CORE_METRIC_REGISTRY_H
#define CORE_METRIC_REGISTRY_H

#include "metric_def.h"

struct err;
struct metric_registry;

struct metric {
	struct metric_def def;
	uint64_t shape; /* a hash of all that decides what its cells mean; not 0 */
	size_t label_count;
	double raw_bounds[METRIC_BOUNDS]; /* in the unit of storage */
};

/* With the built-in metrics. NULL: no memory. */
struct metric_registry *metric_registry_create(void);
void metric_registry_destroy(struct metric_registry *registry);
/*
 * Adds one, copied; its number, or -1 with err: a name that is not [a-zA-Z_][a-zA-Z0-9_]* or is taken, also together
 * with a suffix of its type; a counter without _total; no help; labels that are wrong, "le", or repeated; bounds that
 * are none, unsorted, not finite or too many.
 */
int metric_registry_add(struct metric_registry *registry, const struct metric_def *def, struct err *err);
size_t metric_registry_count(const struct metric_registry *registry);
const struct metric *metric_registry_at(const struct metric_registry *registry, size_t metric);

#endif
