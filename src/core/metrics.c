/*
 * metrics.c - see metrics.h. The hot path of a request: labels as text, a lookup, two stores.
 *
 * Whether a metric is full is remembered, since that never changes: hostile label values then cost a lookup and no
 * search through the directory.
 */
#include "metrics.h"

#include <stdlib.h>
#include <string.h>

#include "fnv.h"
#include "insist.h"
#include "log.h"
#include "scoreboard.h"
#include "strbuf.h"
#include "utf8.h"

/* Labels of a module may need all of it, and then they do not fit. */
#define LABELS_BYTES (METRIC_LABELS * (METRIC_NAME_BYTES + 2 * METRIC_VALUE_BYTES + 4))

static const char *const overflow_values[METRIC_LABELS] = {"_overflow", "_overflow", "_overflow", "_overflow"};

#define KEPT 128

/* A series, by the addresses of its label values. */
struct kept_series {
	const char *values[METRIC_LABELS];
	uint32_t number_and_one; /* of the metric, plus one; 0: none is kept here */
	uint32_t index;
};

struct metrics {
	const struct metric_registry *registry;
	struct series_directory directory;
	struct series_cells *own, *shared;
	bool *full; /* by metric: no further series is to be had */
	struct kept_series kept[KEPT];
};

/* ---- Labels ------------------------------------------------------------------------------------- */

static void
write_value(struct strbuf *out, const char *value)
{
	size_t left = strnlen(value, METRIC_VALUE_BYTES);
	while (left > 0) {
		size_t size = utf8_sequence(value, left);
		if (*value == '\n')
			strbuf_puts(out, "\\n");
		else if (*value == '"' || *value == '\\')
			strbuf_append(out, (const char[]){'\\', *value}, 2);
		else if (size == 0 || (unsigned char)*value < ' ' || *value == 0x7f)
			strbuf_putc(out, '?');
		else
			strbuf_append(out, value, size);
		value += size > 0 ? size : 1;
		left -= size > 0 ? size : 1;
	}
}

void
metric_labels_write(struct strbuf *out, const char *const *names, const char *const *values)
{
	for (size_t i = 0; i < METRIC_LABELS && names[i] != NULL; i++) {
		if (i > 0)
			strbuf_putc(out, ',');
		strbuf_puts(out, names[i]);
		strbuf_puts(out, "=\"");
		write_value(out, values[i] != NULL ? values[i] : "");
		strbuf_putc(out, '"');
	}
}

/* ---- Series ------------------------------------------------------------------------------------- */

static uint32_t
look_up(const struct metrics *metrics, const struct metric *metric, const char *const *values, enum series_claim claim)
{
	char storage[LABELS_BYTES + 1];
	struct strbuf labels;
	strbuf_init_fixed(&labels, storage, sizeof storage);
	metric_labels_write(&labels, metric->def.labels, values);
	const struct series_key key = {.shape = metric->shape, .labels = labels.data, .size_bytes = labels.length};
	return series_index(&metrics->directory, &key, claim);
}

static bool
may_claim(const struct metrics *metrics, size_t number)
{
	const struct metric *metric = metric_registry_at(metrics->registry, number);
	if (metrics->full[number])
		return false;
	return metric->def.max_series == 0 ||
	       series_count_of(&metrics->directory, metric->shape) < metric->def.max_series;
}

static uint32_t
claim_or_overflow(struct metrics *metrics, size_t number, const char *const *values)
{
	const struct metric *metric = metric_registry_at(metrics->registry, number);
	uint32_t index = SERIES_NONE;
	if (may_claim(metrics, number))
		index = look_up(metrics, metric, values, SERIES_CLAIM);
	if (index != SERIES_NONE)
		return index;
	metrics->full[number] =
		atomic_load(&metrics->directory.head->used) >= metrics->directory.max || metric->def.max_series > 0;
	if (number != METRIC_OVERFLOW)
		metrics_count(metrics, METRIC_OVERFLOW, NULL, 1);
	return look_up(metrics, metric, overflow_values, SERIES_CLAIM_BEYOND);
}

/* SERIES_NONE where not even an overflow series is to be had. */
static uint32_t
find_series(struct metrics *metrics, size_t number, const char *const *values)
{
	const struct metric *metric = metric_registry_at(metrics->registry, number);
	uint32_t index = look_up(metrics, metric, values, metric->label_count == 0 ? SERIES_CLAIM_BEYOND : SERIES_FIND);
	return index != SERIES_NONE || metric->label_count == 0 ? index : claim_or_overflow(metrics, number, values);
}

/* ---- Life --------------------------------------------------------------------------------------- */

static bool
belongs_to(const struct series_key *key, const struct metric *metric)
{
	return key->shape == metric->shape;
}

/* What the former owner of this slot had is its own. */
static void
forget_living(struct metrics *metrics)
{
	struct series_key key;
	for (uint32_t i = 0; i < metrics->directory.capacity; i++)
		for (size_t n = 0; series_at(&metrics->directory, i, &key) && n < METRICS_BUILT_IN; n++) {
			const struct metric *metric = metric_registry_at(metrics->registry, n);
			if (metric->def.source == SOURCE_LIVING && belongs_to(&key, metric))
				atomic_store_explicit(&metrics->own[i].buckets[0], 0, memory_order_relaxed);
		}
}

static void
begin(struct metrics *metrics)
{
	for (size_t n = 0; n < metric_registry_count(metrics->registry); n++) {
		const struct metric *metric = metric_registry_at(metrics->registry, n);
		if (metric->label_count == 0 && metric->def.source == SOURCE_ALL)
			find_series(metrics, n, NULL);
	}
}

struct metrics *
metrics_create(const struct scoreboard *board, const struct metric_registry *registry, unsigned slot)
{
	struct series_cells *own = scoreboard_cells(board, slot);
	struct metrics *metrics = own != NULL ? calloc(1, sizeof *metrics) : NULL;
	if (metrics == NULL)
		return NULL;
	*metrics = (struct metrics){.registry = registry,
	                            .directory = scoreboard_directory(board),
	                            .own = own,
	                            .shared = scoreboard_cells(board, SCOREBOARD_SUPERVISOR),
	                            .full = calloc(metric_registry_count(registry), sizeof *metrics->full)};
	if (metrics->full == NULL) {
		free(metrics);
		return NULL;
	}
	begin(metrics);
	if (slot != SCOREBOARD_SUPERVISOR)
		forget_living(metrics);
	return metrics;
}

void
metrics_destroy(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	free(metrics->full);
	free(metrics);
}

/* ---- Counting ----------------------------------------------------------------------------------- */

_Atomic uint64_t *
metrics_cell(struct metrics *metrics, size_t metric, const char *const *values)
{
	uint32_t index = metrics != NULL ? find_series(metrics, metric, values) : SERIES_NONE;
	return index != SERIES_NONE ? &metrics->own[index].buckets[0] : NULL;
}

void
metrics_count(struct metrics *metrics, size_t metric, const char *const *values, uint64_t by)
{
	_Atomic uint64_t *cell = metrics_cell(metrics, metric, values);
	if (cell != NULL)
		cell_add(cell, by);
}

void
metrics_count_log(struct metrics *metrics, struct log *log)
{
	_Atomic uint64_t *cells[LOG_LEVELS];
	for (size_t i = 0; i < LOG_LEVELS; i++) {
		const char *const values[METRIC_LABELS] = {log_level_name((enum vt_level)i)};
		cells[i] = metrics_cell(metrics, METRIC_LOG_RECORDS, values);
	}
	log_count_in(log, cells);
}

void
metrics_set(struct metrics *metrics, size_t number, const char *const *values, double value)
{
	uint32_t index = metrics != NULL ? find_series(metrics, number, values) : SERIES_NONE;
	if (index == SERIES_NONE)
		return;
	const struct metric *metric = metric_registry_at(metrics->registry, number);
	struct series_cells *cells = metric->def.source == SOURCE_SHARED ? metrics->shared : metrics->own;
	uint64_t stored = metric->def.unit == METRIC_REAL ? metric_real_bits(value) : (uint64_t)value;
	atomic_store_explicit(&cells[index].buckets[0], stored, memory_order_relaxed);
}

static size_t
bucket_of(const struct metric *metric, double value)
{
	size_t bucket = 0;
	while (bucket < metric->def.bound_count && !(value <= metric->raw_bounds[bucket]))
		bucket++;
	return bucket;
}

static void
add_to_sum(_Atomic uint64_t *sum, const struct metric *metric, double value)
{
	if (metric->def.unit != METRIC_REAL) {
		cell_add(sum, (uint64_t)value);
		return;
	}
	double before = metric_real(atomic_load_explicit(sum, memory_order_relaxed));
	atomic_store_explicit(sum, metric_real_bits(before + value), memory_order_relaxed);
}

static struct kept_series *
place_of(struct metrics *metrics, size_t number, const char *const *values, size_t count)
{
	uint64_t hash = number;
	for (size_t i = 0; i < count; i++)
		hash = fnv_scatter(hash + (uint64_t)(uintptr_t)values[i]);
	return &metrics->kept[hash % KEPT];
}

/* What is counted in an overflow series is not kept, since each time is told. */
uint32_t
metrics_series(struct metrics *metrics, size_t number, const char *const *values)
{
	if (metrics == NULL)
		return SERIES_NONE;
	const struct metric *metric = metric_registry_at(metrics->registry, number);
	struct kept_series *kept = place_of(metrics, number, values, metric->label_count);
	size_t size = metric->label_count * sizeof *values;
	if (kept->number_and_one == number + 1 && (size == 0 || memcmp(kept->values, values, size) == 0))
		return kept->index;
	uint32_t index = find_series(metrics, number, values);
	if (index == SERIES_NONE || index != look_up(metrics, metric, values, SERIES_FIND))
		return index;
	if (size > 0)
		memcpy(kept->values, values, size);
	kept->number_and_one = (uint32_t)number + 1;
	kept->index = index;
	return index;
}

struct pending_add
metrics_prepare(const struct metrics *metrics, size_t number, uint32_t index, double value)
{
	const struct metric *metric = metric_registry_at(metrics->registry, number);
	struct pending_add add = {.index = index};
	INSIST(metric->def.unit != METRIC_REAL);
	if (index == SERIES_NONE)
		return add;
	add.bucket = (uint32_t)bucket_of(metric, value);
	add.value = (uint64_t)value;
	add.counted = pending_counted(&metrics->own[index]);
	return add;
}

void
metrics_count_in(struct metrics *metrics, uint32_t index, uint64_t by)
{
	if (index != SERIES_NONE)
		cell_add(&metrics->own[index].buckets[0], by);
}

void
metrics_add(struct metrics *metrics, size_t number, uint32_t index, const struct observation *observation)
{
	if (index == SERIES_NONE)
		return;
	const struct metric *metric = metric_registry_at(metrics->registry, number);
	size_t bucket = bucket_of(metric, observation->value);
	cell_add(&metrics->own[index].buckets[bucket], 1);
	add_to_sum(&metrics->own[index].sum, metric, observation->value);
	if (observation->exemplar != NULL)
		exemplar_write(&metrics->directory.series[index].exemplars[bucket], observation->exemplar);
}

void
metrics_observe(struct metrics *metrics, size_t number, const char *const *values,
                const struct observation *observation)
{
	if (metrics != NULL)
		metrics_add(metrics, number, find_series(metrics, number, values), observation);
}
