/*
 * health_draft.c - the health answers as application/health+json, draft-inadarei-api-health-check-06.
 *
 * status is pass, warn (a check that is not critical fails; still a 2xx, section 3.1) or fail. checks has
 * an array for each "component:measurement" (section 4); what is not configured is no component. The
 * queue's capacity is a key of our own (section 4.10).
 */
#include <stdio.h>

#include "clock.h"
#include "health.h"
#include "jsonw.h"
#include "strbuf.h"

/* The key of each shape's checks and how the component is called there. */
static const struct {
	const char *measurement, *component_type, *unit;
} shapes[] = {
	[CHECK_SHAPE_TEXT] = {"responseTime", "datastore", "ms"},
	[CHECK_SHAPE_MEMORY] = {"utilization", "system", "percent"},
	[CHECK_SHAPE_DISK] = {"utilization", "system", "percent"},
};

static const char *
status_word(const struct check_report *check)
{
	if (health_check_warns(check))
		return "warn";
	if (!health_check_fails(check))
		return "pass";
	return check->importance == CHECK_CRITICAL ? "fail" : "warn";
}

static const char *
overall_word(const struct health_answer *answer)
{
	if (!answer->verdict.passes)
		return "fail";
	if (answer->route == HEALTH_DETAILED)
		for (size_t i = 0; i < answer->report->count; i++)
			if (health_check_fails(&answer->report->checks[i]) ||
			    health_check_warns(&answer->report->checks[i]))
				return "warn";
	return "pass";
}

static void
write_text(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_string(w, text);
}

/* When the check ran, on the clock that people read. */
static void
write_time(struct jsonw *w, const struct health_facts *facts, const struct check_result *result)
{
	char timestamp[RFC3339_BYTES];
	if (result->checked_ns == 0)
		return;
	clock_rfc3339(facts->real_ns - (facts->mono_ns - result->checked_ns), timestamp);
	write_text(w, "time", timestamp);
}

static void
write_observed(struct jsonw *w, const struct check_report *check)
{
	if (check->shape == CHECK_SHAPE_TEXT ? check->result.checked_ns == 0 : !health_numbers_known(check))
		return;
	jsonw_key(w, "observedValue");
	if (check->shape == CHECK_SHAPE_TEXT)
		jsonw_fixed(w, (double)check->result.duration_ns / (double)NS_PER_MS, 3);
	else
		jsonw_fixed(w, check->result.percent, 1);
	write_text(w, "observedUnit", shapes[check->shape].unit);
}

static void
write_check(struct jsonw *w, const struct health_facts *facts, const struct check_report *check)
{
	jsonw_begin_object(w);
	write_text(w, "componentId", check->name);
	write_text(w, "componentType", shapes[check->shape].component_type);
	write_observed(w, check);
	write_text(w, "status", status_word(check));
	write_time(w, facts, &check->result);
	if (health_check_fails(check) || health_check_warns(check))
		write_text(w, "output", check->result.text);
	jsonw_end_object(w);
}

/* All disks share one key: the first opens the array, the rest are written with it. */
static void
write_group(struct jsonw *w, const struct health_answer *answer, size_t first)
{
	const struct health_report *report = answer->report;
	char key[192];
	snprintf(key, sizeof key, "%s:%s", report->checks[first].name, shapes[report->checks[first].shape].measurement);
	jsonw_key(w, key);
	jsonw_begin_array(w);
	for (size_t i = first; i < report->count; i++)
		if (i == first ||
		    (report->checks[i].shape == CHECK_SHAPE_DISK && report->checks[first].shape == CHECK_SHAPE_DISK))
			write_check(w, answer->facts, &report->checks[i]);
	jsonw_end_array(w);
}

/* Read at this moment, and no failure by itself: how much is too much is for /health/ready to say. */
static void
write_queue(struct jsonw *w, const struct health_facts *facts)
{
	char timestamp[RFC3339_BYTES];
	if (!facts->queue_known)
		return;
	clock_rfc3339(facts->real_ns, timestamp);
	jsonw_key(w, "pool:connections");
	jsonw_begin_array(w);
	jsonw_begin_object(w);
	write_text(w, "componentId", "queue");
	write_text(w, "componentType", "component");
	jsonw_key(w, "observedValue");
	jsonw_uint(w, facts->queue.pending);
	write_text(w, "observedUnit", "connections");
	jsonw_key(w, "capacity");
	jsonw_uint(w, facts->queue.capacity);
	write_text(w, "status", "pass");
	write_text(w, "time", timestamp);
	jsonw_end_object(w);
	jsonw_end_array(w);
}

static void
write_checks(struct jsonw *w, const struct health_answer *answer)
{
	bool disks_written = false;
	jsonw_key(w, "checks");
	jsonw_begin_object(w);
	for (size_t i = 0; i < answer->report->count; i++) {
		const struct check_report *check = &answer->report->checks[i];
		if (check->result.status == CHECK_NOT_CONFIGURED || (check->shape == CHECK_SHAPE_DISK && disks_written))
			continue;
		disks_written = disks_written || check->shape == CHECK_SHAPE_DISK;
		write_group(w, answer, i);
	}
	write_queue(w, answer->facts);
	jsonw_end_object(w);
}

void
health_write_draft(const struct health_answer *answer, struct strbuf *out)
{
	struct jsonw w;
	bool shown = answer->view == HEALTH_SHOWN;
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	write_text(&w, "status", overall_word(answer));
	write_text(&w, "version", answer->facts->version);
	write_text(&w, "serviceId", answer->facts->service);
	if (!answer->verdict.passes && shown)
		write_text(&w, "output", answer->verdict.reason);
	if (answer->route == HEALTH_DETAILED && shown)
		write_checks(&w, answer);
	jsonw_end_object(&w);
}
