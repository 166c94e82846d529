/*
 * api_metrics.c - the metrics of modules: declared during setup, counted by handlers.
 *
 * What is declared wrongly refuses the start. What is counted wrongly (a number that is no metric, a value that is none)
 * is not counted, and logged, since a handler has better things to fail for.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "err.h"
#include "log.h"
#include "metrics.h"
#include "request.h"
#include "services.h"

/* Of one metric, where the module does not say: label values may be a client's. */
#define MAX_SERIES 100

_Static_assert(VT_METRIC_LABELS == METRIC_LABELS, "vitals.h and the registry agree on labels");
_Static_assert(VT_METRIC_BUCKETS == METRIC_BOUNDS, "vitals.h and the registry agree on buckets");

/* ---- During setup ------------------------------------------------------------------------------- */

/* A later version may have more of its own. */
static bool
is_reserved(const char *name)
{
	static const char *const prefixes[] = {"vitals_", "http_server_", "process_"};
	for (size_t i = 0; name != NULL && i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int
declare(struct vt_app *app, const struct vt_metric *metric, struct metric_def def)
{
	struct err err;
	if (app_refuses(app, "vt_counter, vt_gauge or vt_histogram"))
		return -1;
	def.name = metric->name;
	def.help = metric->help;
	def.bounds = metric->buckets;
	def.bound_count = metric->bucket_count;
	def.max_series = metric->max_series > 0 ? metric->max_series : MAX_SERIES;
	memcpy(def.labels, metric->labels, sizeof def.labels);
	if (is_reserved(metric->name)) {
		err_set(&err,
		        "the metric %.100s: names that begin with vitals_, http_server_ or process_ are the service's "
		        "own.",
		        metric->name);
		return vt_setup_error(app, err.text);
	}
	int number = metric_registry_add(app->metrics, &def, &err);
	return number >= 0 ? number : vt_setup_error(app, err.text);
}

int
vt_counter(struct vt_app *app, const struct vt_metric *metric)
{
	return declare(app, metric, (struct metric_def){.type = METRIC_COUNTER, .unit = METRIC_WHOLE});
}

int
vt_gauge(struct vt_app *app, const struct vt_metric *metric)
{
	return declare(app, metric,
	               (struct metric_def){.type = METRIC_GAUGE, .unit = METRIC_REAL, .source = SOURCE_SHARED});
}

int
vt_histogram(struct vt_app *app, const struct vt_metric *metric)
{
	return declare(app, metric, (struct metric_def){.type = METRIC_HISTOGRAM, .unit = METRIC_REAL});
}

/* ---- In handlers -------------------------------------------------------------------------------- */

static void
complain(const struct vt_request *req, int metric, const char *reason)
{
	const struct vt_field fields[] = {VT_INT("metric", metric), VT_STR("reason", reason)};
	request_log(req, (struct log_record){.level = VT_ERROR_LEVEL,
	                                     .logger = "vitals.metrics",
	                                     .message = "Metric misused",
	                                     .site = LOG_SITE,
	                                     .fields = fields,
	                                     .count = sizeof fields / sizeof *fields});
}

/* What to count with; NULL: nothing is to be counted. */
static struct metrics *
metrics_for(const struct vt_request *req, int metric, enum metric_type type, const char *const *labels)
{
	const struct services *services = services_of(req);
	if (services->metrics == NULL)
		return NULL;
	const char *reason = NULL;
	if (metric < METRICS_BUILT_IN || (size_t)metric >= metric_registry_count(services->registry))
		reason = "it was not declared";
	else if (metric_registry_at(services->registry, (size_t)metric)->def.type != type)
		reason = "it is of another type";
	else if (labels == NULL && metric_registry_at(services->registry, (size_t)metric)->label_count > 0)
		reason = "it has labels, and no values are given";
	if (reason != NULL)
		complain(req, metric, reason);
	return reason == NULL ? services->metrics : NULL;
}

void
vt_count(const struct vt_request *req, int metric, const char *const *labels, uint64_t by)
{
	metrics_count(metrics_for(req, metric, METRIC_COUNTER, labels), (size_t)metric, labels, by);
}

void
vt_gauge_set(const struct vt_request *req, int metric, const char *const *labels, double value)
{
	metrics_set(metrics_for(req, metric, METRIC_GAUGE, labels), (size_t)metric, labels, value);
}

void
vt_observe(const struct vt_request *req, int metric, const char *const *labels, double value)
{
	/* OpenMetrics: the sum of a histogram is a counter, and never falls. */
	if (!isfinite(value) || value < 0) {
		complain(req, metric, "the value is negative or not finite");
		return;
	}
	metrics_observe(metrics_for(req, metric, METRIC_HISTOGRAM, labels), (size_t)metric, labels,
	                &(struct observation){.value = value});
}
