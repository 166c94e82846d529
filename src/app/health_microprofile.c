/*
 * health_microprofile.c - the health answers in the wire format of MicroProfile Health 4.0.
 *
 * There the whole is UP only if every check in it is. So a check that is not critical stays UP when it
 * fails, and says why in its data ("warning"). MicroProfile has no media type of its own: routes_health.c
 * says how it is asked for.
 */
#include "health.h"
#include "jsonw.h"
#include "strbuf.h"

static void
write_text(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_string(w, text);
}

static void
write_up(struct jsonw *w, bool up)
{
	write_text(w, "status", up ? "UP" : "DOWN");
}

static void
write_numbers(struct jsonw *w, const struct check_report *check)
{
	jsonw_key(w, "total");
	jsonw_uint(w, check->result.total_bytes);
	jsonw_key(w, check->shape == CHECK_SHAPE_MEMORY ? "available" : "free");
	jsonw_uint(w, check->result.free_bytes);
	jsonw_key(w, "percent");
	jsonw_fixed(w, check->result.percent, 1);
}

/* Data is a map of texts, numbers and booleans, and absent where there are none. */
static void
write_data(struct jsonw *w, const struct check_report *check)
{
	bool numbers = check->shape != CHECK_SHAPE_TEXT && health_numbers_known(check);
	bool fails = health_check_fails(check), warns = health_check_warns(check);
	bool absent = check->result.status == CHECK_NOT_CONFIGURED;
	if (!numbers && !fails && !warns && !absent)
		return;
	jsonw_key(w, "data");
	jsonw_begin_object(w);
	if (numbers)
		write_numbers(w, check);
	if (fails)
		write_text(w, check->importance == CHECK_CRITICAL ? "error" : "warning", check->result.text);
	if (warns)
		write_text(w, "warning", check->result.text);
	if (absent)
		write_text(w, "state", "not configured");
	jsonw_end_object(w);
}

static void
write_check(struct jsonw *w, const struct check_report *check)
{
	jsonw_begin_object(w);
	write_text(w, "name", check->name);
	write_up(w, !(check->importance == CHECK_CRITICAL && health_check_fails(check)));
	write_data(w, check);
	jsonw_end_object(w);
}

static void
write_pool(struct jsonw *w, const struct health_facts *facts)
{
	const struct pool_summary *pool = &facts->pool;
	jsonw_begin_object(w);
	write_text(w, "name", "pool");
	write_up(w, true);
	jsonw_key(w, "data");
	jsonw_begin_object(w);
	jsonw_key(w, "workers");
	jsonw_uint(w, pool->workers);
	jsonw_key(w, "idle");
	jsonw_uint(w, pool->idle);
	jsonw_key(w, "busy");
	jsonw_uint(w, pool->busy);
	if (facts->queue_known) {
		jsonw_key(w, "queue_pending");
		jsonw_uint(w, facts->queue.pending);
		jsonw_key(w, "queue_capacity");
		jsonw_uint(w, facts->queue.capacity);
	}
	jsonw_end_object(w);
	jsonw_end_object(w);
}

/* The routes for probes have one check, the verdict itself. */
static void
write_verdict(struct jsonw *w, const struct health_answer *answer)
{
	static const char *const names[] = {
		[HEALTH_LIVE] = "live", [HEALTH_READY] = "ready", [HEALTH_STARTUP] = "started"};
	jsonw_begin_object(w);
	write_text(w, "name", names[answer->route]);
	write_up(w, answer->verdict.passes);
	if (!answer->verdict.passes) {
		jsonw_key(w, "data");
		jsonw_begin_object(w);
		write_text(w, "reason", answer->verdict.reason);
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void
write_checks(struct jsonw *w, const struct health_answer *answer)
{
	if (answer->view == HEALTH_WITHHELD || answer->route == HEALTH_BASIC)
		return;
	if (answer->route != HEALTH_DETAILED) {
		write_verdict(w, answer);
		return;
	}
	for (size_t i = 0; i < answer->report->count; i++)
		write_check(w, &answer->report->checks[i]);
	write_pool(w, answer->facts);
}

void
health_write_microprofile(const struct health_answer *answer, struct strbuf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	write_up(&w, answer->verdict.passes);
	jsonw_key(&w, "checks");
	jsonw_begin_array(&w);
	write_checks(&w, answer);
	jsonw_end_array(&w);
	jsonw_end_object(&w);
}
