/*
 * metrics_text.c - see metrics_text.h. Called by the route.
 *
 * Sums are made place by place, as the cells lie in memory, and written metric by metric. Numbers have the one form that
 * OpenMetrics prescribes for bounds ("1.0") in both, so that queries do not depend on what was negotiated.
 */
#include "metrics_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "decimal.h"
#include "scoreboard.h"
#include "strbuf.h"
#include "text.h"

#define REAL_BYTES 40
#define NS_DIGITS 9
#define HEX_DIGITS 16
#define MILLI_DIGITS 3
#define LINE_REST_BYTES 32 /* of a line: a suffix, braces, the bound, the number */
#define EXEMPLAR_BYTES 112
#define FACTS_BYTES 16384 /* heads, and what is no series */
#define BLOCK_ROWS 64
#define PREFETCH_ROWS 6
#define EXACT_MOST 9007199254740992.0 /* 2^53 */

/* A series that is exposed: its sums, and the next one of its metric. */
struct row {
	const struct metric *metric; /* NULL: of no metric that this program has */
	struct series_key key;
	uint32_t next; /* SERIES_NONE: the last */
	uint64_t buckets[SERIES_BUCKETS], sum;
	double real_sum;
};

struct scrape {
	const struct metrics_page *page;
	struct strbuf *out;
	struct series_directory directory;
	struct row *rows;                        /* by index of the series */
	uint32_t *first;                         /* by metric */
	char bounds[SERIES_BUCKETS][REAL_BYTES]; /* of the histogram that is being written */
};

/* ---- Summing up --------------------------------------------------------------------------------- */

static size_t
cells_of(const struct metric *metric)
{
	return metric->def.type == METRIC_HISTOGRAM ? metric->def.bound_count + 1 : 1;
}

static void
add_cells(struct row *row, const struct series_cells *cells)
{
	for (size_t i = 0, n = cells_of(row->metric); i < n; i++)
		row->buckets[i] += atomic_load_explicit(&cells->buckets[i], memory_order_relaxed);
	uint64_t sum = atomic_load_explicit(&cells->sum, memory_order_relaxed);
	row->sum += sum;
	if (row->metric->def.unit == METRIC_REAL)
		row->real_sum += metric_real(sum);
}

enum place_kind { PLACE_SUPERVISOR, PLACE_ALIVE, PLACE_LEFT };

static bool
counts_here(enum metric_source source, enum place_kind kind)
{
	if (source == SOURCE_SHARED)
		return kind == PLACE_SUPERVISOR;
	return source == SOURCE_LIVING ? kind == PLACE_ALIVE : true;
}

struct place {
	const struct series_cells *cells;
	enum place_kind kind;
};

/* A block of the rows: what they sum up stays in the processor's first cache for all places. */
static void
add_block(struct scrape *scrape, const struct place *place, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct row *row = &scrape->rows[i];
		if (row->metric == NULL || !counts_here(row->metric->def.source, place->kind))
			continue;
		/* Nearly every line was written by another processor last. */
		__builtin_prefetch(&place->cells[i + PREFETCH_ROWS].buckets[0]);
		__builtin_prefetch(&place->cells[i + PREFETCH_ROWS].sum);
		add_cells(row, &place->cells[i]);
	}
}

/* Those that anybody has ever counted in, the supervisor's first; returns how many. */
static size_t
list_places(const struct scrape *scrape, struct place *places)
{
	struct scoreboard *board = scrape->page->board;
	size_t count = 0;
	places[count++] = (struct place){scoreboard_cells(board, SCOREBOARD_SUPERVISOR), PLACE_SUPERVISOR};
	for (unsigned i = 0; i < scoreboard_slots(board); i++) {
		const struct slot *slot = scoreboard_slot(board, i);
		if (scoreboard_slot_was_used(slot))
			places[count++] = (struct place){scoreboard_cells(board, i),
			                                 scoreboard_slot_lives(board, slot) ? PLACE_ALIVE : PLACE_LEFT};
	}
	return count;
}

static int
add_all(struct scrape *scrape)
{
	uint32_t capacity = scrape->directory.capacity;
	struct place *places =
		arena_alloc(scrape->page->arena, (scoreboard_slots(scrape->page->board) + 1) * sizeof *places);
	if (places == NULL)
		return -1;
	size_t count = list_places(scrape, places);
	for (uint32_t from = 0; from < capacity; from += BLOCK_ROWS)
		for (size_t i = 0; i < count; i++)
			add_block(scrape, &places[i], from,
			          from + BLOCK_ROWS < capacity ? from + BLOCK_ROWS : capacity);
	return 0;
}

static void
link_row(struct scrape *scrape, uint32_t index)
{
	struct row *row = &scrape->rows[index];
	row->metric = NULL;
	if (!series_at(&scrape->directory, index, &row->key))
		return;
	for (size_t n = 0; n < metric_registry_count(scrape->page->registry) && row->metric == NULL; n++) {
		const struct metric *metric = metric_registry_at(scrape->page->registry, n);
		if (metric->shape != row->key.shape)
			continue;
		row->metric = metric;
		row->next = scrape->first[n];
		scrape->first[n] = index;
	}
}

static int
gather(struct scrape *scrape)
{
	size_t metrics = metric_registry_count(scrape->page->registry), capacity = scrape->directory.capacity;
	scrape->rows = arena_alloc(scrape->page->arena, (capacity + 1) * sizeof *scrape->rows);
	scrape->first = arena_alloc(scrape->page->arena, metrics * sizeof *scrape->first);
	if (scrape->rows == NULL || scrape->first == NULL)
		return -1;
	memset(scrape->rows, 0, capacity * sizeof *scrape->rows);
	for (size_t n = 0; n < metrics; n++)
		scrape->first[n] = SERIES_NONE;
	/* From the last to the first: each is put in front of its metric's others. */
	for (size_t i = capacity; i > 0; i--)
		link_row(scrape, (uint32_t)i - 1);
	return capacity > 0 ? add_all(scrape) : 0;
}

/* ---- Numbers ------------------------------------------------------------------------------------ */

static void
put_uint(struct strbuf *out, uint64_t value)
{
	char digits[DECIMAL_BYTES];
	size_t size = decimal_uint(digits, value);
	strbuf_append(out, digits, size);
}

/* Seconds, from nanoseconds. */
static void
put_ns(struct strbuf *out, uint64_t ns)
{
	char digits[NS_DIGITS];
	put_uint(out, ns / (uint64_t)NS_PER_S);
	strbuf_putc(out, '.');
	decimal_padded(digits, ns % (uint64_t)NS_PER_S, NS_DIGITS);
	strbuf_append(out, digits, NS_DIGITS);
}

static void
put_hex(struct strbuf *out, uint64_t value)
{
	char digits[HEX_DIGITS];
	for (size_t i = HEX_DIGITS; i > 0; i--, value >>= 4)
		digits[i - 1] = "0123456789abcdef"[value & 0xf];
	strbuf_append(out, digits, sizeof digits);
}

/* The shortest that gives the same number again, with a point or an exponent in it where dotted asks for one. */
static void
put_real(struct strbuf *out, double value)
{
	char text[REAL_BYTES];
	if (isnan(value) || isinf(value)) {
		strbuf_puts(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (int precision = 1; precision <= 17; precision++) {
		snprintf(text, sizeof text, "%.*g", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	strbuf_puts(out, text);
}

static void
put_value(struct strbuf *out, double value)
{
	if (value >= 0 && value < EXACT_MOST && floor(value) == value)
		put_uint(out, (uint64_t)value);
	else
		put_real(out, value);
}

/* OpenMetrics 1.0, "Considerations: Canonical Numbers": as Go writes them, "1.0", "0.005", "1e+06". */
static void
put_bound(struct strbuf *out, double value)
{
	size_t before = out->length;
	if (fabs(value) < 1e6 && floor(value) == value) {
		strbuf_printf(out, "%.1f", value);
		return;
	}
	put_real(out, value);
	if (!out->failed && strpbrk(out->data + before, ".en") == NULL)
		strbuf_puts(out, ".0");
}

/* ---- Writing ------------------------------------------------------------------------------------ */

static size_t
family_size(const struct scrape *scrape, const struct metric_def *def)
{
	size_t size = strlen(def->name);
	bool counter = scrape->page->form == METRICS_OPENMETRICS && def->type == METRIC_COUNTER;
	return counter ? size - strlen("_total") : size;
}

static void
put_unit(struct scrape *scrape, const char *family, size_t size)
{
	static const char *const units[] = {"seconds", "bytes"};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (text_ends_with(family, size, units[i])) {
			strbuf_puts(scrape->out, "# UNIT ");
			strbuf_append(scrape->out, family, size);
			strbuf_putc(scrape->out, ' ');
			strbuf_puts(scrape->out, units[i]);
			strbuf_putc(scrape->out, '\n');
		}
}

/* A quote is escaped by OpenMetrics alone. */
static void
put_help(struct scrape *scrape, const char *help)
{
	for (; *help != '\0'; help++)
		if (*help == '\n')
			strbuf_puts(scrape->out, "\\n");
		else if (*help == '\\' || (*help == '"' && scrape->page->form == METRICS_OPENMETRICS))
			strbuf_append(scrape->out, (const char[]){'\\', *help}, 2);
		else
			strbuf_putc(scrape->out, *help);
}

static void
put_head(struct scrape *scrape, const struct metric_def *def)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	size_t size = family_size(scrape, def);
	strbuf_puts(scrape->out, "# HELP ");
	strbuf_append(scrape->out, def->name, size);
	strbuf_putc(scrape->out, ' ');
	put_help(scrape, def->help);
	strbuf_puts(scrape->out, "\n# TYPE ");
	strbuf_append(scrape->out, def->name, size);
	strbuf_putc(scrape->out, ' ');
	strbuf_puts(scrape->out, types[def->type]);
	strbuf_putc(scrape->out, '\n');
	if (scrape->page->form == METRICS_OPENMETRICS)
		put_unit(scrape, def->name, size);
}

/* Name and labels, and a blank behind them. */
static void
put_series(struct scrape *scrape, const struct row *row, const char *suffix)
{
	strbuf_puts(scrape->out, row->metric->def.name);
	strbuf_puts(scrape->out, suffix);
	if (row->key.size_bytes > 0) {
		strbuf_putc(scrape->out, '{');
		strbuf_append(scrape->out, row->key.labels, row->key.size_bytes);
		strbuf_putc(scrape->out, '}');
	}
	strbuf_putc(scrape->out, ' ');
}

static void
put_stored(struct scrape *scrape, const struct metric_def *def, uint64_t value)
{
	if (def->unit == METRIC_SECONDS)
		put_ns(scrape->out, value);
	else if (def->unit == METRIC_REAL && def->type == METRIC_GAUGE)
		put_value(scrape->out, metric_real(value));
	else
		put_uint(scrape->out, value);
}

/* A blank, and Unix time in seconds, with milliseconds. */
static void
put_time(struct strbuf *out, int64_t real_ns)
{
	char digits[MILLI_DIGITS];
	strbuf_putc(out, ' ');
	put_uint(out, (uint64_t)(real_ns / NS_PER_S));
	strbuf_putc(out, '.');
	decimal_padded(digits, (uint64_t)(real_ns / NS_PER_MS), MILLI_DIGITS);
	strbuf_append(out, digits, sizeof digits);
}

static void
put_exemplar(struct scrape *scrape, const struct row *row, size_t bucket)
{
	const struct series *series = &scrape->directory.series[row - scrape->rows];
	const struct metric *metric = row->metric;
	struct exemplar exemplar;
	if (!exemplar_read(&series->exemplars[bucket], &exemplar))
		return;
	/* Out of its bucket it would be a lie, whoever wrote it there. */
	double value = (double)exemplar.value;
	if ((bucket < metric->def.bound_count && value > metric->raw_bounds[bucket]) ||
	    (bucket > 0 && value <= metric->raw_bounds[bucket - 1]))
		return;
	strbuf_puts(scrape->out, " # {trace_id=\"");
	put_hex(scrape->out, exemplar.trace_high);
	put_hex(scrape->out, exemplar.trace_low);
	strbuf_puts(scrape->out, "\",span_id=\"");
	put_hex(scrape->out, exemplar.span);
	strbuf_puts(scrape->out, "\"} ");
	put_stored(scrape, &metric->def, exemplar.value);
	put_time(scrape->out, exemplar.real_ns);
}

static void
put_bucket(struct scrape *scrape, const struct row *row, size_t bucket, uint64_t count)
{
	const struct metric_def *def = &row->metric->def;
	strbuf_puts(scrape->out, def->name);
	strbuf_puts(scrape->out, "_bucket{");
	if (row->key.size_bytes > 0) {
		strbuf_append(scrape->out, row->key.labels, row->key.size_bytes);
		strbuf_putc(scrape->out, ',');
	}
	strbuf_puts(scrape->out, "le=\"");
	strbuf_puts(scrape->out, scrape->bounds[bucket]);
	strbuf_puts(scrape->out, "\"} ");
	put_uint(scrape->out, count);
	if (scrape->page->form == METRICS_OPENMETRICS && row->buckets[bucket] > 0)
		put_exemplar(scrape, row, bucket);
	strbuf_putc(scrape->out, '\n');
}

static void
put_histogram(struct scrape *scrape, const struct row *row)
{
	uint64_t count = 0;
	for (size_t i = 0; i <= row->metric->def.bound_count; i++) {
		count += row->buckets[i];
		put_bucket(scrape, row, i, count);
	}
	put_series(scrape, row, "_sum");
	if (row->metric->def.unit == METRIC_REAL)
		put_value(scrape->out, row->real_sum);
	else
		put_stored(scrape, &row->metric->def, row->sum);
	strbuf_putc(scrape->out, '\n');
	put_series(scrape, row, "_count");
	put_uint(scrape->out, count);
	strbuf_putc(scrape->out, '\n');
}

static void
put_row(struct scrape *scrape, const struct row *row)
{
	if (row->metric->def.type == METRIC_HISTOGRAM) {
		put_histogram(scrape, row);
		return;
	}
	put_series(scrape, row, "");
	put_stored(scrape, &row->metric->def, row->buckets[0]);
	strbuf_putc(scrape->out, '\n');
}

static void
put_sample(struct scrape *scrape, const struct metric_sample *sample)
{
	strbuf_puts(scrape->out, metric_registry_at(scrape->page->registry, sample->metric)->def.name);
	if (sample->labels[0] != '\0') {
		strbuf_putc(scrape->out, '{');
		strbuf_puts(scrape->out, sample->labels);
		strbuf_putc(scrape->out, '}');
	}
	strbuf_putc(scrape->out, ' ');
	put_value(scrape->out, sample->value);
	strbuf_putc(scrape->out, '\n');
}

/* Once for all of a metric's series: a number as text is the dearest of all that is written. */
static void
write_bounds(struct scrape *scrape, const struct metric_def *def)
{
	for (size_t i = 0; def->type == METRIC_HISTOGRAM && i <= def->bound_count; i++) {
		struct strbuf text;
		strbuf_init_fixed(&text, scrape->bounds[i], sizeof scrape->bounds[i]);
		if (i < def->bound_count)
			put_bound(&text, def->bounds[i]);
		else
			strbuf_puts(&text, "+Inf");
	}
}

/* The head is written only where something follows. */
static void
put_metric(struct scrape *scrape, size_t number)
{
	const struct metrics_page *page = scrape->page;
	const struct metric_def *def = &metric_registry_at(page->registry, number)->def;
	bool headed = scrape->first[number] != SERIES_NONE;
	if (headed)
		put_head(scrape, def);
	write_bounds(scrape, def);
	for (uint32_t i = scrape->first[number]; i != SERIES_NONE; i = scrape->rows[i].next)
		put_row(scrape, &scrape->rows[i]);
	for (size_t i = 0; i < page->sample_count; i++) {
		if (page->samples[i].metric != number)
			continue;
		if (!headed)
			put_head(scrape, def);
		headed = true;
		put_sample(scrape, &page->samples[i]);
	}
}

/* About what a series takes: its name and labels in each of its lines, a number, and an exemplar where there may be one. */
static size_t
bytes_of_row(const struct scrape *scrape, const struct row *row)
{
	const struct metric_def *def = &row->metric->def;
	size_t line = strlen(def->name) + row->key.size_bytes + LINE_REST_BYTES, bytes = line;
	for (size_t i = 0; def->type == METRIC_HISTOGRAM && i <= def->bound_count + 1; i++)
		bytes += line;
	for (size_t i = 0; scrape->page->form == METRICS_OPENMETRICS && i < cells_of(row->metric); i++)
		bytes += row->buckets[i] > 0 ? EXEMPLAR_BYTES : 0;
	return bytes;
}

/* At once, since a text that grows by doubling is copied as often; where the guess is short it grows all the same. */
static void
make_room(const struct scrape *scrape)
{
	size_t bytes = 0;
	for (size_t i = 0; i < scrape->directory.capacity; i++)
		if (scrape->rows[i].metric != NULL)
			bytes += bytes_of_row(scrape, &scrape->rows[i]);
	(void)strbuf_reserve(scrape->out, bytes + FACTS_BYTES);
}

int
metrics_write(const struct metrics_page *page, struct strbuf *out)
{
	struct scrape scrape = {.page = page, .out = out, .directory = scoreboard_directory(page->board)};
	if (gather(&scrape) != 0)
		return -1;
	make_room(&scrape);
	for (size_t n = 0; n < metric_registry_count(page->registry); n++)
		put_metric(&scrape, n);
	if (page->form == METRICS_OPENMETRICS)
		strbuf_puts(out, "# EOF\n");
	return out->failed ? -1 : 0;
}

const char *
metrics_content_type(enum metrics_form form)
{
	return form == METRICS_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	                                   : "text/plain; version=0.0.4; charset=utf-8";
}
