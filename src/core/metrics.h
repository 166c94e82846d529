/*
 * metrics.h - counting, by one process, into the cells of its slot.
 *
 * Made by each worker after the fork. Costs a lookup of the series and an addition or two; takes no lock, allocates
 * nothing, never fails: what finds no series of its own is counted in its metric's overflow series, all of whose labels
 * are "_overflow", and in vitals_metrics_overflow_total. Every function does nothing where metrics is NULL. By the thread
 * that serves alone, but for cells that metrics_cell() gave away.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include <stdint.h>

#include "metric_registry.h"
#include "pending_count.h"

struct log;
struct scoreboard;
struct strbuf;

struct metrics;

/*
 * slot: the index of this process's, or SCOREBOARD_SUPERVISOR. Counters without labels begin to exist with 0 and gauges
 * of those that live begin anew. NULL: there is no memory, or the scoreboard was made without metrics.
 */
struct metrics *metrics_create(const struct scoreboard *board, const struct metric_registry *registry, unsigned slot);
void metrics_destroy(struct metrics *metrics);

/* values: as many as the metric has labels; any bytes, which are cut and cleaned (metric_labels_write()). */
void metrics_count(struct metrics *metrics, size_t metric, const char *const *values, uint64_t by);
void metrics_set(struct metrics *metrics, size_t number, const char *const *values, double value);

struct observation {
	double value;                    /* in the unit of storage: nanoseconds, bytes, or as it is */
	const struct exemplar *exemplar; /* NULL: none */
};
void metrics_observe(struct metrics *metrics, size_t number, const char *const *values,
                     const struct observation *observation);

/*
 * The same in two steps. The series first, for label values that are constants: it is known again by their addresses, so
 * that none of these may hold another text later. SERIES_NONE: there is none. Then, any number of times, what is added
 * to it; nothing, where that is SERIES_NONE.
 */
uint32_t metrics_series(struct metrics *metrics, size_t number, const char *const *values);
void metrics_count_in(struct metrics *metrics, uint32_t index, uint64_t by);
void metrics_add(struct metrics *metrics, size_t number, uint32_t index, const struct observation *observation);
/*
 * What metrics_add() will add, for who wants it to survive this process's death before that (pending_count.h). Not of a
 * metric that is METRIC_REAL.
 */
struct pending_add metrics_prepare(const struct metrics *metrics, size_t number, uint32_t index, double value);

/* The first cell of a series, for who counts there with an atomic addition; NULL: none. */
_Atomic uint64_t *metrics_cell(struct metrics *metrics, size_t metric, const char *const *values);

/* Has the records of this process's log counted by level. */
void metrics_count_log(struct metrics *metrics, struct log *log);

/*
 * The labels as they are exposed, name="value" with commas in between; names end with NULL. In values, backslash, quote
 * and line feed are escaped, other control characters and what is no UTF-8 become "?", and what is longer than
 * METRIC_VALUE_BYTES is cut.
 */
#define METRIC_VALUE_BYTES 160
void metric_labels_write(struct strbuf *out, const char *const *names, const char *const *values);

#endif
