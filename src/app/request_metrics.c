/*
 * request_metrics.c - see request_metrics.h.
 *
 * A client can choose none of the label values: methods are those of HTTP or "_OTHER", routes the templates or "_none",
 * so that hostile requests add no series.
 */
#include "request_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "database.h"
#include "decimal.h"
#include "metrics.h"
#include "pending_count.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "scoreboard.h"
#include "services.h"
#include "spans.h"

#define NO_ROUTE "_none"
#define STATUS_END 1000 /* vt_status() takes three digits */
#define HEX 16
#define TRACE_HALF 16 /* digits */

/* ---- Requests ----------------------------------------------------------------------------------- */

static uint64_t
hex_of(const char *digits, size_t size)
{
	char text[TRACE_HALF + 1];
	memcpy(text, digits, size);
	text[size] = '\0';
	return strtoull(text, NULL, HEX);
}

static struct exemplar
exemplar_of(const struct vt_request *req, int64_t took_ns)
{
	return (struct exemplar){.trace_high = hex_of(req->trace.trace_id, TRACE_HALF),
	                         .trace_low = hex_of(req->trace.trace_id + TRACE_HALF, TRACE_HALF),
	                         .span = hex_of(req->trace.span_id, SPAN_ID_BYTES - 1),
	                         .value = (uint64_t)took_ns,
	                         .real_ns = clock_real_ns()};
}

/* The label values are constants. */
static void
observe(const struct vt_request *req, enum metric_id metric, const char *const *values, int64_t value)
{
	struct metrics *metrics = services_of(req)->metrics;
	if (value >= 0)
		metrics_add(metrics, metric, metrics_series(metrics, metric, values),
		            &(struct observation){.value = (double)value});
}

/* As above. */
static void
count(const struct vt_request *req, enum metric_id metric, const char *const *values)
{
	struct metrics *metrics = services_of(req)->metrics;
	metrics_count_in(metrics, metrics_series(metrics, metric, values), 1);
}

/* The status as a text that stays what it is. */
static const char *
status_text(int status)
{
	static char texts[STATUS_END][4];
	int known = status >= 0 && status < STATUS_END ? status : 0;
	if (texts[known][0] == '\0')
		decimal_padded(texts[known], (uint64_t)known, 3);
	return texts[known];
}

static int64_t
bytes_sent(const struct vt_request *req, const struct vt_response *res)
{
	return response_sends_body(res, vt_method(req)) ? (int64_t)res->body.length : 0;
}

/* The duration first. */
static const enum metric_id request_metrics[REQUEST_METRICS] = {METRIC_REQUEST_DURATION, METRIC_REQUEST_BODY_SIZE,
                                                                METRIC_RESPONSE_BODY_SIZE, METRIC_REQUEST_QUEUE};
_Static_assert(REQUEST_METRICS <= PENDING_ADDS, "what a request counts fits into what it leaves");

void
request_metrics_begin(struct vt_request *req)
{
	if (services_of(req)->metrics != NULL)
		pending_begin(scoreboard_pending_table(services_of(req)->board), request_key(req), req->started_ns);
}

void
request_metrics_prepare(struct vt_request *req, const struct vt_response *res)
{
	struct services *services = services_of(req);
	struct request_count *counts = &services->request_count;
	struct pending_add adds[PENDING_ADDS];
	size_t pending = 0;
	if (services->metrics == NULL)
		return;
	int64_t now_ns = clock_mono_ns();
	const int64_t known[REQUEST_METRICS] = {now_ns - req->started_ns, req->content_length, bytes_sent(req, res),
	                                        req->queue_ns};
	const char *const values[METRIC_LABELS] = {span_method(vt_method(req)),
	                                           req->route != NULL ? req->route->path : NO_ROUTE,
	                                           status_text(response_status(res))};
	for (size_t i = 0; i < REQUEST_METRICS; i++) {
		counts->value[i] = known[i];
		counts->index[i] = SERIES_NONE;
		if (known[i] < 0)
			continue;
		const char *const *labels = request_metrics[i] == METRIC_REQUEST_QUEUE ? NULL : values;
		counts->index[i] = metrics_series(services->metrics, request_metrics[i], labels);
		adds[pending] =
			metrics_prepare(services->metrics, request_metrics[i], counts->index[i], (double)known[i]);
		pending += counts->index[i] != SERIES_NONE;
	}
	pending_arm(services->pending, request_key(req), adds, pending, now_ns);
}

/* It took as long as until now: the response has been written since. */
static void
add_duration(struct vt_request *req, struct services *services)
{
	int64_t took_ns = clock_mono_ns() - req->started_ns;
	struct observation observation = {.value = (double)took_ns};
	struct exemplar exemplar;
	if (trace_sampled(&req->trace)) {
		exemplar = exemplar_of(req, took_ns);
		observation.exemplar = &exemplar;
	}
	metrics_add(services->metrics, METRIC_REQUEST_DURATION, services->request_count.index[0], &observation);
}

void
request_metrics_count(struct vt_request *req)
{
	struct services *services = services_of(req);
	const struct request_count *counts = &services->request_count;
	if (services->metrics == NULL)
		return;
	add_duration(req, services);
	for (size_t i = 1; i < REQUEST_METRICS; i++)
		metrics_add(services->metrics, request_metrics[i], counts->index[i],
		            &(struct observation){.value = (double)counts->value[i]});
	pending_clear(services->pending);
	request_metrics_connection(services);
}

/* ---- What they wait for ------------------------------------------------------------------------- */

static const char *
cache_result(const char *operation, enum vt_result result)
{
	if (result == VT_MISS)
		return "miss";
	if (result != VT_OK)
		return "error";
	return strcmp(operation, "get") == 0 ? "hit" : "ok";
}

void
request_metrics_cache(struct vt_request *req, const char *operation, enum vt_result result, int64_t took_ns)
{
	const char *const values[METRIC_LABELS] = {operation, cache_result(operation, result)};
	count(req, METRIC_CACHE_OPERATIONS, values);
	observe(req, METRIC_CACHE_DURATION, values, took_ns);
}

void
request_metrics_hit(struct vt_request *req, const char *tier)
{
	const char *const values[METRIC_LABELS] = {tier};
	count(req, METRIC_CACHE_HITS, values);
}

void
request_metrics_answer(struct vt_request *req, const char *result)
{
	const char *const values[METRIC_LABELS] = {req->route->path, result};
	count(req, METRIC_CACHE_ANSWERS, values);
}

static const char *
database_outcome(enum vt_result result)
{
	switch (result) {
	case VT_OK:
		return "ok";
	case VT_TIMEOUT:
		return "timeout";
	case VT_UNAVAILABLE:
		return "unavailable";
	default:
		return "error";
	}
}

void
request_metrics_database(struct vt_request *req, enum vt_result result, int64_t took_ns)
{
	observe(req, METRIC_DATABASE_DURATION, (const char *const[METRIC_LABELS]){database_outcome(result)}, took_ns);
}
