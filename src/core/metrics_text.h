/*
 * metrics_text.h - what a scrape gets: all metrics of a scoreboard as Prometheus text 0.0.4 or OpenMetrics 1.0.
 *
 * Reads the cells of all who have lived, without a lock, while they are written. The count of a histogram is the sum of
 * its buckets, so that what is exposed is sound in itself, whatever was torn by a kill.
 */
#ifndef CORE_METRICS_TEXT_H
#define CORE_METRICS_TEXT_H

#include "metric_registry.h"

struct arena;
struct scoreboard;
struct strbuf;

enum metrics_form { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* The Content-Type of a form. */
const char *metrics_content_type(enum metrics_form form);

/* A value that was gathered for this scrape. */
struct metric_sample {
	size_t metric;
	const char *labels; /* as by metric_labels_write(); "": none */
	double value;       /* in the unit that is exposed */
};

struct metrics_page {
	struct scoreboard *board;
	const struct metric_registry *registry;
	enum metrics_form form;
	const struct metric_sample *samples; /* in any order */
	size_t sample_count;
	struct arena *arena; /* for what is needed meanwhile */
};

/* -1: no memory. */
int metrics_write(const struct metrics_page *page, struct strbuf *out);

#endif
