/*
 * status_json.c - see status_json.h. Called by routes_status.c.
 *
 * Texts that a client chose (method, path, correlation ID) are there as they came, as JSON strings; whoever shows them
 * must take them for text. The errors of checks name no host, user or password (checks.h).
 */
#include "status_json.h"

#include "clock.h"
#include "error_list.h"
#include "health.h"
#include "jsonw.h"
#include "jsonw_member.h"
#include "level_list.h"
#include "snapshot_json.h"

#define PERCENT_DIGITS 1

static double
seconds_of(int64_t ns)
{
	return (double)ns / NS_PER_S;
}

static const char *
status_word(const struct check_report *check)
{
	static const char *const words[] = {
		[CHECK_UNKNOWN] = "unknown",
		[CHECK_HEALTHY] = "healthy",
		[CHECK_FAILED] = "failed",
		[CHECK_WARNED] = "warning",
		[CHECK_NOT_CONFIGURED] = "not configured",
	};
	size_t status = (size_t)check->result.status;
	return status < sizeof words / sizeof *words ? words[status] : words[CHECK_UNKNOWN];
}

/* null where the check has not told. */
static void
write_numbers(struct jsonw *w, const struct check_report *check)
{
	if (!health_numbers_known(check)) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	jsonw_member_uint(w, "total", check->result.total_bytes);
	jsonw_member_uint(w, "free", check->result.free_bytes);
	jsonw_key(w, "percent");
	jsonw_fixed(w, check->result.percent, PERCENT_DIGITS);
	jsonw_end_object(w);
}

static void
write_check(struct jsonw *w, const struct check_report *check, int64_t now_ns)
{
	const struct check_result *result = &check->result;
	jsonw_begin_object(w);
	jsonw_member_string(w, "name", check->name);
	jsonw_member_string(w, "status", status_word(check));
	jsonw_member_bool(w, "critical", check->importance == CHECK_CRITICAL);
	jsonw_member_string(w, "text", health_check_fails(check) || health_check_warns(check) ? result->text : "");
	jsonw_key(w, "age_seconds");
	if (result->checked_ns > 0)
		jsonw_fixed(w, seconds_of(now_ns > result->checked_ns ? now_ns - result->checked_ns : 0), 3);
	else
		jsonw_null(w);
	jsonw_member_seconds(w, "duration_seconds", seconds_of(result->duration_ns));
	if (check->shape != CHECK_SHAPE_TEXT) {
		jsonw_key(w, "bytes");
		write_numbers(w, check);
	}
	jsonw_end_object(w);
}

/* The verdicts of the health routes, by their words. */
static void
write_health(struct jsonw *w, const struct status_facts *status)
{
	struct health_verdict detailed, ready, live;
	health_judge(HEALTH_DETAILED, status->facts, status->report, &detailed);
	health_judge(HEALTH_READY, status->facts, status->report, &ready);
	health_judge(HEALTH_LIVE, status->facts, NULL, &live);
	jsonw_key(w, "health");
	jsonw_begin_object(w);
	jsonw_member_string(w, "status", health_word(HEALTH_DETAILED, detailed.passes));
	jsonw_member_bool(w, "ready", ready.passes);
	jsonw_member_bool(w, "alive", live.passes);
	jsonw_member_string(w, "reason", !live.passes ? live.reason : ready.reason);
	jsonw_key(w, "checks");
	jsonw_begin_array(w);
	for (size_t i = 0; i < status->report->count; i++)
		write_check(w, &status->report->checks[i], status->facts->mono_ns);
	jsonw_end_array(w);
	jsonw_end_object(w);
}

static void
write_queue(struct jsonw *w, const struct health_facts *facts)
{
	jsonw_key(w, "queue");
	if (!facts->queue_known) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	jsonw_member_uint(w, "pending", facts->queue.pending);
	jsonw_member_uint(w, "capacity", facts->queue.capacity);
	jsonw_end_object(w);
}

/* Each bucket by itself: a reader takes differences. */
static void
write_histogram(struct jsonw *w, const char *name, const struct histogram_total *total)
{
	jsonw_key(w, name);
	jsonw_begin_object(w);
	jsonw_key(w, "bounds_seconds");
	jsonw_begin_array(w);
	for (size_t i = 0; i < total->bound_count; i++)
		jsonw_double(w, total->bounds[i]);
	jsonw_end_array(w);
	jsonw_key(w, "counts");
	jsonw_begin_array(w);
	for (size_t i = 0; i <= total->bound_count; i++)
		jsonw_uint(w, total->buckets[i]);
	jsonw_end_array(w);
	jsonw_end_object(w);
}

static void
write_database(struct jsonw *w, const struct status_totals *totals)
{
	jsonw_key(w, "database");
	if (totals == NULL || !totals->has_database) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	jsonw_member_uint(w, "workers_connected", totals->connected);
	jsonw_member_uint(w, "reconnects", totals->reconnects);
	jsonw_member_uint(w, "failed", totals->failed);
	write_histogram(w, "latency", &totals->statements);
	jsonw_end_object(w);
}

static void
write_cache(struct jsonw *w, const struct status_totals *totals)
{
	jsonw_key(w, "cache");
	if (totals == NULL || !totals->has_cache) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	jsonw_member_uint(w, "hits", totals->hits);
	jsonw_member_uint(w, "misses", totals->misses);
	jsonw_member_uint(w, "errors", totals->errors);
	write_histogram(w, "latency", &totals->operations);
	jsonw_end_object(w);
}

/* null where there are no metrics, or nothing that they could be of. */
static void
write_totals(struct jsonw *w, const struct status_totals *totals)
{
	if (totals != NULL) {
		write_histogram(w, "latency", &totals->latency);
	} else {
		jsonw_key(w, "latency");
		jsonw_null(w);
	}
	write_database(w, totals);
	write_cache(w, totals);
}

void
status_write(const struct status_facts *status, struct strbuf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_member_string(&w, "service", status->facts->service);
	jsonw_member_string(&w, "version", status->facts->version);
	jsonw_member_time(&w, "timestamp", status->facts->real_ns);
	snapshot_write(&w, status->snapshot);
	write_health(&w, status);
	write_queue(&w, status->facts);
	write_totals(&w, status->totals);
	jsonw_key(&w, "top_errors");
	error_list_write(&w, status->errors);
	jsonw_member_string(&w, "log_level", status->log_level);
	jsonw_key(&w, "log_levels_set");
	level_list_write(&w, status->levels, status->facts->mono_ns);
	jsonw_end_object(&w);
}
