/* histogram_total.c - called by /status. */
#include "histogram_total.h"

#include <string.h>

#include "insist.h"
#include "metric_registry.h"
#include "scoreboard.h"

static void
add_series(struct histogram_total *total, const struct series_cells *cells)
{
	for (size_t i = 0; i <= total->bound_count; i++)
		total->buckets[i] += atomic_load_explicit(&cells->buckets[i], memory_order_relaxed);
}

static void
add_places(struct histogram_total *total, struct scoreboard *board, uint32_t index)
{
	add_series(total, &scoreboard_cells(board, SCOREBOARD_SUPERVISOR)[index]);
	for (unsigned i = 0; i < scoreboard_slots(board); i++)
		if (scoreboard_slot_was_used(scoreboard_slot(board, i)))
			add_series(total, &scoreboard_cells(board, i)[index]);
}

bool
histogram_total_take(struct histogram_total *total, struct scoreboard *board, const struct metric_registry *registry,
                     size_t metric)
{
	const struct metric *of = metric_registry_at(registry, metric);
	const struct series_directory directory = scoreboard_directory(board);
	INSIST(of->def.type == METRIC_HISTOGRAM && of->def.source == SOURCE_ALL);
	memset(total, 0, sizeof *total);
	total->bounds = of->def.bounds;
	total->bound_count = of->def.bound_count;
	for (uint32_t i = 0; i < directory.capacity; i++) {
		struct series_key key;
		if (series_at(&directory, i, &key) && key.shape == of->shape)
			add_places(total, board, i);
	}
	return directory.capacity > 0;
}
