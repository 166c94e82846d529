/*
 * health_plain.c - our own shape of the health answers, application/json, the default.
 *
 * The shape is kept whatever fails: a check that gave no numbers has nulls in their place, and warnings
 * is always an array. Members are only ever added, at the end of their object.
 */
#include <stdio.h>

#include "clock.h"
#include "health.h"
#include "jsonw.h"
#include "jsonw_member.h"
#include "strbuf.h"

static void
write_stamp(struct jsonw *w, const struct health_facts *facts)
{
	char timestamp[RFC3339_BYTES];
	clock_rfc3339(facts->real_ns, timestamp);
	jsonw_key(w, "timestamp");
	jsonw_string(w, timestamp);
	jsonw_key(w, "version");
	jsonw_string(w, facts->version);
}

static void
write_bytes(struct jsonw *w, const char *key, const struct check_report *check, uint64_t bytes)
{
	jsonw_key(w, key);
	if (health_numbers_known(check))
		jsonw_uint(w, bytes);
	else
		jsonw_null(w);
}

static void
write_numbers(struct jsonw *w, const struct check_report *check)
{
	jsonw_begin_object(w);
	write_bytes(w, "total", check, check->result.total_bytes);
	write_bytes(w, check->shape == CHECK_SHAPE_MEMORY ? "available" : "free", check, check->result.free_bytes);
	jsonw_key(w, "percent");
	if (health_numbers_known(check))
		jsonw_fixed(w, check->result.percent, 1);
	else
		jsonw_null(w);
	jsonw_end_object(w);
}

static const char *
text_of(const struct check_report *check)
{
	if (check->result.status == CHECK_HEALTHY)
		return "healthy";
	return check->result.status == CHECK_NOT_CONFIGURED ? "not configured" : check->result.text;
}

static void
write_queue(struct jsonw *w, const struct health_facts *facts)
{
	jsonw_key(w, "queue");
	jsonw_begin_object(w);
	jsonw_key(w, "pending");
	if (facts->queue_known)
		jsonw_uint(w, facts->queue.pending);
	else
		jsonw_null(w);
	jsonw_key(w, "capacity");
	if (facts->queue_known)
		jsonw_uint(w, facts->queue.capacity);
	else
		jsonw_null(w);
	jsonw_end_object(w);
}

/* Members that are not known, since ENABLE_METRICS is off, are left out. */
static void
write_database(struct jsonw *w, const struct database_pool *pool)
{
	jsonw_key(w, "database");
	jsonw_begin_object(w);
	jsonw_member_uint(w, "size", pool->size);
	jsonw_member_uint(w, "max", pool->most);
	jsonw_member_uint(w, "in_use", pool->in_use);
	jsonw_member_uint(w, "overflow", pool->overflow);
	if (pool->counted) {
		jsonw_member_uint(w, "connected", pool->connected);
		jsonw_member_uint(w, "reconnects", pool->reconnects);
		jsonw_member_uint(w, "connect_failures", pool->connect_failures);
		jsonw_member_uint(w, "moves", pool->moves);
		jsonw_member_uint(w, "recycled", pool->recycled);
		jsonw_member_uint(w, "ended_by_server", pool->ended_by_server);
		jsonw_member_uint(w, "timed_out", pool->timed_out);
		jsonw_member_uint(w, "prepared_again", pool->prepared_again);
	}
	jsonw_end_object(w);
}

static void
write_pool(struct jsonw *w, const struct health_facts *facts)
{
	const struct pool_summary *pool = &facts->pool;
	jsonw_key(w, "pool");
	jsonw_begin_object(w);
	jsonw_key(w, "workers");
	jsonw_uint(w, pool->workers);
	jsonw_key(w, "idle");
	jsonw_uint(w, pool->idle);
	jsonw_key(w, "busy");
	jsonw_uint(w, pool->busy);
	write_queue(w, facts);
	if (facts->database.configured)
		write_database(w, &facts->database);
	jsonw_end_object(w);
}

static void
write_pressure(struct jsonw *w, const struct pressure *pressure)
{
	jsonw_key(w, "pressure");
	jsonw_begin_object(w);
	for (unsigned i = 0; i < PRESSURE_RESOURCES; i++) {
		const struct pressure_share *share = &pressure->shares[i];
		if (!share->known)
			continue;
		jsonw_key(w, pressure_name((enum pressure_resource)i));
		jsonw_begin_object(w);
		jsonw_key(w, "some");
		jsonw_fixed(w, share->some, 2);
		if (share->full_known) {
			jsonw_key(w, "full");
			jsonw_fixed(w, share->full, 2);
		}
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

static void
write_checks(struct jsonw *w, const struct health_answer *answer)
{
	jsonw_key(w, "checks");
	jsonw_begin_object(w);
	for (size_t i = 0; i < answer->report->count; i++) {
		const struct check_report *check = &answer->report->checks[i];
		jsonw_key(w, check->name);
		if (check->shape == CHECK_SHAPE_TEXT)
			jsonw_string(w, text_of(check));
		else
			write_numbers(w, check);
	}
	write_pool(w, answer->facts);
	if (pressure_known(&answer->facts->pressure))
		write_pressure(w, &answer->facts->pressure);
	jsonw_end_object(w);
}

/* What does not degrade the service, and what the numbers alone do not tell. */
static bool
is_warning(const struct check_report *check)
{
	return health_check_fails(check) && (check->importance == CHECK_WARNS || check->shape != CHECK_SHAPE_TEXT);
}

static void
write_warnings(struct jsonw *w, const struct health_report *report)
{
	jsonw_key(w, "warnings");
	jsonw_begin_array(w);
	for (size_t i = 0; i < report->count; i++) {
		const struct check_report *check = &report->checks[i];
		char sentence[512];
		if (health_check_warns(check))
			snprintf(sentence, sizeof sentence, "The check %s gives a %s.", check->name,
			         check->result.text);
		else if (is_warning(check))
			snprintf(sentence, sizeof sentence, "The check %s is %s.", check->name, check->result.text);
		else
			continue;
		jsonw_string(w, sentence);
	}
	jsonw_end_array(w);
}

void
health_write_plain(const struct health_answer *answer, struct strbuf *out)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_key(&w, "status");
	jsonw_string(&w, health_word(answer->route, answer->verdict.passes));
	if (answer->route == HEALTH_BASIC || answer->route == HEALTH_DETAILED || answer->view == HEALTH_WITHHELD) {
		write_stamp(&w, answer->facts);
	} else if (!answer->verdict.passes) {
		jsonw_key(&w, "reason");
		jsonw_string(&w, answer->verdict.reason);
	}
	if (answer->route == HEALTH_DETAILED && answer->view == HEALTH_SHOWN) {
		write_checks(&w, answer);
		write_warnings(&w, answer->report);
	}
	jsonw_end_object(&w);
}
