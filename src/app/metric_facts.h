/*
 * metric_facts.h - gathers, for one scrape, what no cell holds: the pool's state, its queues, checks, processes.
 */
#ifndef APP_METRIC_FACTS_H
#define APP_METRIC_FACTS_H

#include "metrics.h"
#include "metrics_text.h"

struct arena;
struct services;

struct metric_facts {
	struct arena *arena;
	struct metric_sample *samples;
	size_t count, capacity;
};

/* Waits for nothing; what cannot be read is left out. */
void metric_facts_gather(struct metric_facts *facts, struct services *services, struct arena *arena);
/* values as by metric_labels_write(), NULL where the metric has no labels. */
void metric_facts_add(struct metric_facts *facts, enum metric_id metric, const char *const *values, double value);

/* metric_processes.c: CPU, memory and descriptors of the supervisor and the workers, by /proc. */
void metric_processes_gather(struct metric_facts *facts, struct services *services);

#endif
