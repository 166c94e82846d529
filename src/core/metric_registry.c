/*
 * metric_registry.c - see metric_registry.h. Proves what modules declare; the built-in table is held to the same by a
 * test.
 */
#include "metric_registry.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "fnv.h"
#include "insist.h"
#include "text.h"

#define METRICS_MOST 1000

struct metric_registry {
	struct metric *metrics;
	size_t count;
	char **texts; /* copies that the metrics point at */
	size_t text_count;
};

/* ---- The shape ---------------------------------------------------------------------------------- */

/* Not the help: to say it better is no reason to count anew. */
static uint64_t
shape_of(const struct metric *metric)
{
	const struct metric_def *def = &metric->def;
	const unsigned char kind[] = {(unsigned char)def->type, (unsigned char)def->unit, (unsigned char)def->source};
	uint64_t hash = fnv_bytes(fnv_closed_text(FNV_OFFSET, def->name), kind, sizeof kind);
	for (size_t i = 0; i < metric->label_count; i++)
		hash = fnv_closed_text(hash, def->labels[i]);
	hash = fnv_bytes(hash, metric->raw_bounds, def->bound_count * sizeof *metric->raw_bounds);
	return hash != 0 ? hash : 1;
}

static void
complete(struct metric *metric)
{
	double scale = metric->def.unit == METRIC_SECONDS ? (double)NS_PER_S : 1;
	while (metric->label_count < METRIC_LABELS && metric->def.labels[metric->label_count] != NULL)
		metric->label_count++;
	for (size_t i = 0; i < metric->def.bound_count; i++) {
		double raw = metric->def.bounds[i] * scale;
		metric->raw_bounds[i] = metric->def.unit == METRIC_REAL ? raw : round(raw);
	}
	metric->shape = shape_of(metric);
}

/* ---- Proving ------------------------------------------------------------------------------------ */

static bool
is_name(const char *text, size_t max)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	return text != NULL && text[0] != '\0' && strchr(letters, text[0]) != NULL &&
	       text[strspn(text, rest)] == '\0' && strlen(text) < max;
}

/* Bytes of the family's name: OpenMetrics names a counter without its _total. */
static size_t
family_size(const char *name)
{
	static const char *const suffixes[] = {"_total", "_bucket", "_count", "_sum", "_created", "_info"};
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (text_ends_with(name, strlen(name), suffixes[i]))
			return strlen(name) - strlen(suffixes[i]);
	return strlen(name);
}

static bool
is_taken(const struct metric_registry *registry, const char *name)
{
	size_t size = family_size(name);
	for (size_t i = 0; i < registry->count; i++) {
		const char *other = registry->metrics[i].def.name;
		if (family_size(other) == size && strncmp(other, name, size) == 0)
			return true;
	}
	return false;
}

static int
prove_name(const struct metric_registry *registry, const struct metric_def *def, struct err *err)
{
	if (!is_name(def->name, METRIC_NAME_BYTES))
		return err_set(
			err,
			"the metric name \"%.100s\" is none: letters, digits and underscores, no digit in front, "
			"%d characters at most.",
			def->name != NULL ? def->name : "", METRIC_NAME_BYTES - 1);
	if ((def->type == METRIC_COUNTER) != text_ends_with(def->name, strlen(def->name), "_total"))
		return err_set(err, "the metric %s: the name of a counter, and of nothing else, ends in _total.",
		               def->name);
	if (def->type != METRIC_COUNTER && family_size(def->name) != strlen(def->name))
		return err_set(err,
		               "the metric %s: names that end in _bucket, _count, _sum, _created or _info are "
		               "made by Prometheus.",
		               def->name);
	if (is_taken(registry, def->name))
		return err_set(err, "the metric %s: there is one of that name already.", def->name);
	if (def->help == NULL || def->help[0] == '\0')
		return err_set(err, "the metric %s has no help: one sentence that says what it counts.", def->name);
	return 0;
}

static int
prove_labels(const struct metric_def *def, struct err *err)
{
	for (size_t i = 0; i < METRIC_LABELS && def->labels[i] != NULL; i++) {
		const char *label = def->labels[i];
		if (!is_name(label, METRIC_NAME_BYTES) || strncmp(label, "__", 2) == 0 || strcmp(label, "le") == 0 ||
		    strcmp(label, "quantile") == 0)
			return err_set(
				err,
				"the metric %s: its label \"%.100s\" is none: letters, digits and underscores, not "
				"two of them in front, and neither le nor quantile.",
				def->name, label);
		for (size_t k = 0; k < i; k++)
			if (strcmp(def->labels[k], label) == 0)
				return err_set(err, "the metric %s has the label %s twice.", def->name, label);
	}
	return 0;
}

static int
prove_bounds(const struct metric_def *def, struct err *err)
{
	bool sound = def->bound_count <= METRIC_BOUNDS && (def->bound_count > 0) == (def->type == METRIC_HISTOGRAM);
	for (size_t i = 0; sound && i < def->bound_count; i++)
		sound = isfinite(def->bounds[i]) &&
		        (i == 0 ? def->bounds[i] >= 0 : def->bounds[i] > def->bounds[i - 1]);
	if (!sound)
		return err_set(err,
		               "the metric %s: a histogram, and nothing else, has buckets: 1 to %d upper bounds, each "
		               "larger than the one before, none negative, +Inf not among them.",
		               def->name, METRIC_BOUNDS);
	return 0;
}

/* ---- The registry ------------------------------------------------------------------------------- */

static int
append(struct metric_registry *registry, const struct metric_def *def)
{
	struct metric *grown = reallocarray(registry->metrics, registry->count + 1, sizeof *grown);
	if (grown == NULL)
		return -1;
	registry->metrics = grown;
	grown[registry->count] = (struct metric){.def = *def};
	complete(&grown[registry->count]);
	registry->count++;
	return 0;
}

struct metric_registry *
metric_registry_create(void)
{
	struct metric_registry *registry = calloc(1, sizeof *registry);
	for (size_t i = 0; registry != NULL && i < METRICS_BUILT_IN; i++)
		if (append(registry, &metric_table[i]) != 0) {
			metric_registry_destroy(registry);
			return NULL;
		}
	return registry;
}

void
metric_registry_destroy(struct metric_registry *registry)
{
	if (registry == NULL)
		return;
	for (size_t i = 0; i < registry->text_count; i++)
		free(registry->texts[i]);
	free(registry->texts);
	free(registry->metrics);
	free(registry);
}

/* A copy that the registry owns; NULL: no memory. */
static void *
keep(struct metric_registry *registry, const void *data, size_t size_bytes)
{
	char **grown = reallocarray(registry->texts, registry->text_count + 1, sizeof *grown);
	if (grown == NULL)
		return NULL;
	registry->texts = grown;
	char *copy = malloc(size_bytes);
	if (copy == NULL)
		return NULL;
	memcpy(copy, data, size_bytes);
	grown[registry->text_count++] = copy;
	return copy;
}

/* False: no memory. */
static bool
keep_texts(struct metric_registry *registry, struct metric_def *def)
{
	bool kept = (def->name = keep(registry, def->name, strlen(def->name) + 1)) != NULL &&
	            (def->help = keep(registry, def->help, strlen(def->help) + 1)) != NULL;
	for (size_t i = 0; kept && i < METRIC_LABELS && def->labels[i] != NULL; i++)
		kept = (def->labels[i] = keep(registry, def->labels[i], strlen(def->labels[i]) + 1)) != NULL;
	if (kept && def->bound_count > 0)
		kept = (def->bounds = keep(registry, def->bounds, def->bound_count * sizeof *def->bounds)) != NULL;
	return kept;
}

int
metric_registry_add(struct metric_registry *registry, const struct metric_def *def, struct err *err)
{
	struct metric_def own = *def;
	if (prove_name(registry, def, err) != 0 || prove_labels(def, err) != 0 || prove_bounds(def, err) != 0)
		return -1;
	if (registry->count == METRICS_MOST)
		return err_set(err, "the metric %s is one too many: there may be %d.", def->name, METRICS_MOST);
	if (!keep_texts(registry, &own) || append(registry, &own) != 0)
		return err_set(err, "There is no memory for the metrics.");
	return (int)registry->count - 1;
}

size_t
metric_registry_count(const struct metric_registry *registry)
{
	return registry->count;
}

const struct metric *
metric_registry_at(const struct metric_registry *registry, size_t metric)
{
	INSIST(metric < registry->count);
	return &registry->metrics[metric];
}
