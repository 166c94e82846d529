/* test_wrap_log.c - which records a request has: by LOG_SAMPLE, by its outcome, by how long it took. */
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "redact.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "run_suite.h"
#include "services.h"
#include "settings.h"
#include "wrappers.h"

#define RECORDS_MAX 8

static const struct route route = {.path = "/users/{id}"};
static char log_path[] = "/tmp/vt_wrap_log_XXXXXX";
static struct settings settings;
static struct services services = {.settings = &settings};
static struct redact *redact;
static struct arena *arena;
static struct vt_request req;
static struct vt_response res;
static struct json_object *records[RECORDS_MAX];
static size_t count;

static void
setup(void)
{
	struct err err;
	int fd = mkstemp(log_path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	settings = (struct settings){.log_sample_millionths = RATIO_WHOLE, .slow_request_ms = 1000, .log_probes = true};
	redact = redact_create(NULL);
	arena = arena_create(4096, 65536);
	services.log = log_create(&(struct log_config){.level = VT_INFO, .file = log_path, .redact = redact}, &err);
	ck_assert_ptr_nonnull(services.log);
}

static void
forget_records(void)
{
	while (count > 0)
		json_object_put(records[--count]);
	ck_assert_int_eq(truncate(log_path, 0), 0);
}

static void
teardown(void)
{
	forget_records();
	log_destroy(services.log);
	redact_destroy(redact);
	arena_destroy(arena);
	unlink(log_path);
}

static void
read_records(void)
{
	char line[8192];
	FILE *file = fopen(log_path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file) != NULL) {
		ck_assert_uint_lt(count, RECORDS_MAX);
		records[count++] = json_tokener_parse(line);
		ck_assert_ptr_nonnull(records[count - 1]);
	}
	fclose(file);
}

/* A request through the wrapper, as if it had come so long ago; at which point of it the time passed. */
struct course {
	int status;
	int64_t before_answer_ms, writing_ms;
};

static void
run(const struct course *course)
{
	static const struct request_limits limits = {.timeout_ms = 0};
	forget_records();
	request_init(&req, &(struct request_setup){.arena = arena,
	                                           .log = services.log,
	                                           .redact = redact,
	                                           .limits = &limits,
	                                           .services = &services});
	req.method = "GET";
	req.path = req.raw_path = "/users/7";
	req.query_string = "token=s3cret";
	req.client_ip = "192.0.2.1";
	req.route = &route;
	strcpy(req.correlation_id, "id-1");
	response_init(&res, arena, req.correlation_id);
	wrap_log.enter(&req, &res);
	vt_no_content(&res, course->status);
	req.started_ns -= course->before_answer_ms * NS_PER_MS;
	wrap_log.leave(&req, &res);
	req.started_ns -= course->writing_ms * NS_PER_MS;
	req.times.answered_ns -= course->writing_ms * NS_PER_MS;
	wrap_log_written(&req, &res);
	read_records();
}

static const char *
text(size_t n, const char *name)
{
	struct json_object *value;
	ck_assert_uint_lt(n, count);
	return json_object_object_get_ex(records[n], name, &value) ? json_object_get_string(value) : "";
}

static double
number(size_t n, const char *name)
{
	struct json_object *value;
	ck_assert_uint_lt(n, count);
	ck_assert_msg(json_object_object_get_ex(records[n], name, &value), "%s", name);
	return json_object_get_double(value);
}

static void
ck_messages(const char *const *messages)
{
	size_t n = 0;
	for (; messages[n] != NULL; n++)
		ck_assert_str_eq(text(n, "message"), messages[n]);
	ck_assert_uint_eq(count, n);
}

#define STARTED "Request started"
#define COMPLETED "Request completed"
#define SLOW "Slow request"

static const struct {
	int64_t sample, slow_ms;
	struct course course;
	const char *messages[4];
} table[] = {
	{RATIO_WHOLE, 1000, {200, 0, 0}, {STARTED, COMPLETED}},
	{RATIO_WHOLE, 1000, {200, 1000, 0}, {STARTED, COMPLETED, SLOW}},
	{RATIO_WHOLE, 1000, {200, 0, 1000}, {STARTED, COMPLETED, SLOW}},
	{RATIO_WHOLE, 1000, {503, 1000, 0}, {STARTED, COMPLETED, SLOW}},
	{RATIO_WHOLE, 0, {200, 3600000, 0}, {STARTED, COMPLETED}},
	{RATIO_WHOLE, 60000, {200, 49, 0}, {STARTED, COMPLETED}},
	{0, 1000, {200, 0, 0}, {NULL}},
	{0, 1000, {304, 0, 0}, {NULL}},
	{0, 1000, {404, 0, 0}, {COMPLETED}},
	{0, 1000, {500, 0, 0}, {COMPLETED}},
	{0, 1000, {200, 1000, 0}, {COMPLETED, SLOW}},
	{0, 1000, {200, 0, 1000}, {COMPLETED, SLOW}},
	{0, 1000, {200, 600, 600}, {COMPLETED, SLOW}},
	{0, 1000, {500, 1000, 0}, {COMPLETED, SLOW}},
	{0, 0, {200, 3600000, 0}, {NULL}},
};

START_TEST(which_records_there_are)
{
	settings.log_sample_millionths = table[_i].sample;
	settings.slow_request_ms = table[_i].slow_ms;
	run(&table[_i].course);
	ck_messages(table[_i].messages);
}
END_TEST

START_TEST(both_records_are_taken_or_neither)
{
	unsigned taken = 0;
	settings.log_sample_millionths = RATIO_WHOLE / 2;
	for (int i = 0; i < 64; i++) {
		forget_records();
		run(&(struct course){.status = 200});
		ck_assert(count == 0 || count == 2);
		taken += count == 2;
	}
	ck_assert(taken == 0 || taken == 64); /* one ID, one decision */
}
END_TEST

START_TEST(what_the_start_would_have_told_is_not_lost)
{
	settings.log_sample_millionths = 0;
	run(&(struct course){.status = 500});
	ck_messages((const char *const[]){COMPLETED, NULL});
	ck_assert_str_eq(text(0, "sampled"), "false");
	ck_assert_str_eq(text(0, "url"), "/users/7?token=" REDACTED);
	ck_assert_str_eq(text(0, "client_ip"), "192.0.2.1");
	settings.log_sample_millionths = RATIO_WHOLE;
	run(&(struct course){.status = 500});
	ck_assert_str_eq(text(1, "sampled"), "");
	ck_assert_str_eq(text(1, "url"), "");
}
END_TEST

START_TEST(a_slow_request_says_where_its_time_went)
{
	run(&(struct course){.status = 200});
	req.queue_ns = 250 * NS_PER_MS;
	req.times.spent_ns[PHASE_READING] = 100 * NS_PER_MS;
	req.times.spent_ns[PHASE_DATABASE] = 700 * NS_PER_MS;
	req.times.calls[PHASE_DATABASE] = 3;
	req.times.spent_ns[PHASE_CACHE] = 50 * NS_PER_MS;
	req.times.calls[PHASE_CACHE] = 2;
	req.times.answered_ns = req.started_ns + 900 * NS_PER_MS;
	phase_note_statement(&req, "select pg_sleep($1)", 600 * NS_PER_MS);
	req.started_ns -= 4000 * NS_PER_MS;
	req.times.answered_ns -= 4000 * NS_PER_MS;
	forget_records();
	wrap_log_written(&req, &res);
	read_records();
	ck_messages((const char *const[]){SLOW, NULL});
	ck_assert_str_eq(text(0, "level"), "WARNING");
	ck_assert_str_eq(text(0, "correlation_id"), "id-1");
	ck_assert_str_eq(text(0, "method"), "GET");
	ck_assert_str_eq(text(0, "path"), "/users/7");
	ck_assert_str_eq(text(0, "route"), "/users/{id}");
	ck_assert_str_eq(text(0, "status_code"), "200");
	ck_assert_str_eq(text(0, "slowest_statement"), "select pg_sleep($1)");
	ck_assert_double_eq_tol(number(0, "slowest_statement_seconds"), 0.6, 1e-9);
	ck_assert_double_eq_tol(number(0, "queue_seconds"), 0.25, 1e-9);
	ck_assert_double_eq_tol(number(0, "reading_seconds"), 0.1, 1e-9);
	ck_assert_double_eq_tol(number(0, "handler_seconds"), 0.05, 1e-9);
	ck_assert_double_eq_tol(number(0, "database_seconds"), 0.7, 1e-9);
	ck_assert_double_eq_tol(number(0, "database_calls"), 3, 1e-9);
	ck_assert_double_eq_tol(number(0, "cache_seconds"), 0.05, 1e-9);
	ck_assert_double_eq_tol(number(0, "cache_calls"), 2, 1e-9);
	ck_assert_double_ge(number(0, "writing_seconds"), 3.0999);
	ck_assert_double_eq_tol(number(0, "duration_seconds"), 0.9 + number(0, "writing_seconds"), 2e-6);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wrap_log");
	TCase *tc = tcase_create("wrap_log");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, which_records_there_are, 0, sizeof table / sizeof *table);
	tcase_add_test(tc, both_records_are_taken_or_neither);
	tcase_add_test(tc, what_the_start_would_have_told_is_not_lost);
	tcase_add_test(tc, a_slow_request_says_where_its_time_went);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
