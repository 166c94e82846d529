/* metric_total.c - see metric_total.h. Called by /status. */
#include "metric_total.h"

#include <string.h>

#include "insist.h"
#include "metric_registry.h"
#include "scoreboard.h"

static void
add_series(struct histogram_total *total, const struct series_cells *cells)
{
	for (size_t i = 0; i < SERIES_BUCKETS; i++)
		total->buckets[i] += atomic_load_explicit(&cells->buckets[i], memory_order_relaxed);
}

static bool
counts_here(struct scoreboard *board, unsigned index, enum metric_source source)
{
	const struct slot *slot = scoreboard_slot(board, index);
	return scoreboard_slot_was_used(slot) && (source != SOURCE_LIVING || scoreboard_slot_lives(board, slot));
}

static void
add_places(struct histogram_total *total, struct scoreboard *board, uint32_t index, enum metric_source source)
{
	if (source == SOURCE_ALL)
		add_series(total, &scoreboard_cells(board, SCOREBOARD_SUPERVISOR)[index]);
	for (unsigned i = 0; i < scoreboard_slots(board); i++)
		if (counts_here(board, i, source))
			add_series(total, &scoreboard_cells(board, i)[index]);
}

/* As a whole label: what stands before it ends another one, and what follows begins the next. */
static bool
has_label(const struct series_key *key, const char *label)
{
	const char *end = key->labels + key->size_bytes;
	size_t size = strlen(label);
	for (const char *p = key->labels; (size_t)(end - p) >= size; p++) {
		p = memmem(p, (size_t)(end - p), label, size);
		if (p == NULL)
			return false;
		if ((p == key->labels || p[-1] == ',') && (p + size == end || p[size] == ','))
			return true;
	}
	return false;
}

/* label NULL: all series. Buckets of a counter or gauge: the first. */
static bool
take(struct histogram_total *total, struct scoreboard *board, const struct metric *metric, const char *label)
{
	const struct series_directory directory = scoreboard_directory(board);
	*total = (struct histogram_total){.bounds = metric->def.bounds, .bound_count = metric->def.bound_count};
	for (uint32_t i = 0; i < directory.capacity; i++) {
		struct series_key key;
		if (series_at(&directory, i, &key) && key.shape == metric->shape &&
		    (label == NULL || has_label(&key, label)))
			add_places(total, board, i, metric->def.source);
	}
	return directory.capacity > 0;
}

bool
histogram_total_take(struct histogram_total *total, struct scoreboard *board, const struct metric_registry *registry,
                     size_t metric)
{
	const struct metric *of = metric_registry_at(registry, metric);
	INSIST(of->def.type == METRIC_HISTOGRAM && of->def.source == SOURCE_ALL);
	return take(total, board, of, NULL);
}

uint64_t
metric_total_of(struct scoreboard *board, const struct metric_registry *registry, size_t metric, const char *label)
{
	struct histogram_total total;
	uint64_t sum = 0;
	take(&total, board, metric_registry_at(registry, metric), label);
	for (size_t i = 0; i < SERIES_BUCKETS; i++)
		sum += total.buckets[i];
	return sum;
}

uint64_t
metric_total(struct scoreboard *board, const struct metric_registry *registry, size_t metric)
{
	return metric_total_of(board, registry, metric, NULL);
}
