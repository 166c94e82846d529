/*
 * test_log_shared.c - a log that heeds levels in shared memory, tells of their changes once, and counts its errors
 * there under fingerprints that no client chooses.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "error_table.h"
#include "log.h"
#include "log_errors.h"
#include "log_levels.h"
#include "owner.h"
#include "redact.h"
#include "run_suite.h"

#define PROCESSES 4

static struct {
	struct level_control levels;
	struct error_table errors;
	_Atomic int go;
} * shared;
static char path[] = "/tmp/test_log_shared.XXXXXX", name[sizeof path];
static struct redact *redact;
static struct log *the_log;
static char text[1 << 16];

static void
setup(void)
{
	struct err err = {.text = ""};
	strcpy(name, path);
	close(mkstemp(name));
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	redact = redact_create(NULL);
	the_log = log_create(&(struct log_config){.level = VT_INFO, .file = name, .redact = redact}, &err);
	ck_assert_msg(the_log != NULL, "%s", err.text);
	log_share(the_log, &(struct log_shared){.levels = &shared->levels, .errors = &shared->errors});
}

static void
teardown(void)
{
	log_destroy(the_log);
	redact_destroy(redact);
	munmap(shared, sizeof *shared);
	unlink(name);
}

static void
set(enum level_scope scope, const char *target, enum vt_level level, int64_t until_ns)
{
	struct err err = {.text = ""};
	struct level_override override = {.scope = (uint8_t)scope,
	                                  .level = (uint8_t)level,
	                                  .until_ns = until_ns,
	                                  .set_real_ns = NS_PER_S,
	                                  .set_by_uid = 33,
	                                  .set_by_pid = 4711};
	snprintf(override.text, sizeof override.text, "%s", target);
	ck_assert_msg(log_levels_set(&shared->levels, &override, deadline_in_ms(5000), &err) == 0, "%s", err.text);
}

static int64_t
in_an_hour(void)
{
	return clock_mono_ns() + 3600 * NS_PER_S;
}

static const char *
written(void)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static unsigned
times(const char *what)
{
	unsigned count = 0;
	for (const char *at = written(); (at = strstr(at, what)) != NULL; at++)
		count++;
	return count;
}

static void
record(enum vt_level level, const char *message, const struct log_context *context)
{
	log_write(the_log, &(struct log_record){.level = level,
	                                        .logger = "vitals.request",
	                                        .message = message,
	                                        .site = LOG_SITE,
	                                        .context = context});
}

/* ---- Levels ---- */

static const struct log_context context = {.correlation_id = "id-1", .route = "/users/{id}"};
static const struct log_context another = {.correlation_id = "id-2", .route = "/x"};

START_TEST(one_id_alone_is_logged_at_debug)
{
	set(LEVEL_CORRELATION_ID, "id-1", VT_DEBUG, in_an_hour());
	ck_assert(log_enabled_for(the_log, VT_DEBUG, "vitals.request", &context));
	ck_assert(!log_enabled_for(the_log, VT_DEBUG, "vitals.request", &another));
	ck_assert(!log_enabled(the_log, VT_DEBUG));
	ck_assert(log_asked_for(the_log, VT_DEBUG, "vitals.request", &context));
	ck_assert(!log_asked_for(the_log, VT_DEBUG, "vitals.request", &another));
	/* LOG_LEVEL alone asks for nothing. */
	ck_assert(!log_asked_for(the_log, VT_CRITICAL, "vitals.request", &another));
	record(VT_DEBUG, "mine", &context);
	record(VT_DEBUG, "another's", &another);
	record(VT_DEBUG, "nobody's", NULL);
	ck_assert_uint_eq(times("\"mine\""), 1);
	ck_assert_uint_eq(times("another's"), 0);
	ck_assert_uint_eq(times("nobody's"), 0);
}
END_TEST

START_TEST(a_level_can_be_raised_too)
{
	set(LEVEL_ROUTE, "/users/{id}", VT_ERROR_LEVEL, in_an_hour());
	record(VT_WARNING, "quiet", &context);
	record(VT_ERROR_LEVEL, "loud", &context);
	record(VT_INFO, "other", &another);
	ck_assert_uint_eq(times("quiet"), 0);
	ck_assert_uint_eq(times("loud"), 1);
	ck_assert_uint_eq(times("other"), 1);
}
END_TEST

START_TEST(an_end_and_a_reset_bring_back_the_level_and_the_quiet)
{
	struct err err;
	unsigned ended;
	set(LEVEL_EVERYTHING, "", VT_DEBUG, clock_mono_ns());
	ck_assert(!log_enabled(the_log, VT_DEBUG));
	record(VT_INFO, "notices", NULL);
	ck_assert_uint_eq(times("\"Log level ended\""), 1);
	ck_assert_uint_eq(times("\"scope\":\"everything\",\"set_level\":\"DEBUG\""), 2);
	ck_assert(log_levels_quiet(&shared->levels));
	set(LEVEL_EVERYTHING, "", VT_DEBUG, in_an_hour());
	ck_assert(log_enabled(the_log, VT_DEBUG));
	ck_assert_int_eq(log_levels_reset(&shared->levels, deadline_in_ms(5000), &ended, &err), 0);
	ck_assert(!log_enabled(the_log, VT_DEBUG));
	record(VT_INFO, "notices", NULL);
	ck_assert_uint_eq(times("\"Log levels reset\""), 1);
	ck_assert(log_levels_quiet(&shared->levels));
}
END_TEST

START_TEST(a_change_is_told_by_whom_it_was_made_whatever_the_level)
{
	errno = EDOM;
	set(LEVEL_LOGGER, "vitals.request", VT_CRITICAL, in_an_hour());
	errno = EDOM;
	record(VT_WARNING, "kept out", NULL);
	ck_assert_int_eq(errno, EDOM);
	ck_assert_uint_eq(times("\"INFO\",\"logger\":\"vitals.log\",\"message\":\"Log level set\""), 1);
	ck_assert_uint_eq(times("\"scope\":\"logger\",\"target\":\"vitals.request\",\"set_level\":\"CRITICAL\","
	                        "\"set_at\":\"1970-01-01T00:00:01.000000Z\",\"until\":\""),
	                  1);
	ck_assert_uint_eq(times("\"by_uid\":33,\"by_pid\":4711"), 1);
	ck_assert_uint_eq(times("kept out"), 0);
	record(VT_WARNING, "kept out", NULL);
	ck_assert_uint_eq(times("\"Log level set\""), 1);
}
END_TEST

START_TEST(of_many_processes_one_tells)
{
	pid_t pids[PROCESSES];
	int status;
	set(LEVEL_LOGGER, "a", VT_DEBUG, in_an_hour());
	set(LEVEL_LOGGER, "b", VT_DEBUG, in_an_hour());
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0) {
			while (atomic_load(&shared->go) == 0)
				;
			for (int n = 0; n < 100; n++)
				record(VT_INFO, "x", NULL);
			_exit(0);
		}
	atomic_store(&shared->go, 1);
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(times("\"Log level set\""), 2);
	ck_assert_uint_eq(times("\"target\":\"a\""), 1);
}
END_TEST

/* ---- Errors ---- */

START_TEST(an_error_has_a_fingerprint_and_is_counted)
{
	struct error_row rows[ERRORS_MAX];
	char expected[64];
	record(VT_WARNING, "no error", &context);
	record(VT_ERROR_LEVEL, "Request failed", &context);
	record(VT_ERROR_LEVEL, "Request failed", &context);
	record(VT_CRITICAL, "Worse", NULL);
	ck_assert_uint_eq(error_table_totals(&shared->errors).total, 3);
	ck_assert_uint_eq(error_table_copy(&shared->errors, rows), 2);
	ck_assert_uint_eq(rows[0].count, 2);
	ck_assert_str_eq(rows[0].correlation_id, "id-1");
	ck_assert_str_eq(rows[0].kind.route, "/users/{id}");
	ck_assert_str_eq(rows[0].kind.message, "Request failed");
	ck_assert_str_eq(rows[0].kind.place, "test_log_shared:record");
	ck_assert_str_eq(rows[1].kind.level, "CRITICAL");
	ck_assert_str_eq(rows[1].kind.route, "");
	snprintf(expected, sizeof expected, ",\"fingerprint\":\"%016llx\"}", (unsigned long long)rows[0].fingerprint);
	ck_assert_uint_eq(times(expected), 2);
	ck_assert_uint_eq(times("fingerprint"), 3);
	ck_assert_uint_eq(times("\"route\""), 0);
}
END_TEST

START_TEST(errors_that_are_not_written_count_and_none_needs_a_table)
{
	set(LEVEL_EVERYTHING, "", VT_CRITICAL, in_an_hour());
	record(VT_ERROR_LEVEL, "kept out", NULL);
	ck_assert_uint_eq(times("kept out"), 0);
	ck_assert_uint_eq(error_table_totals(&shared->errors).total, 1);
	log_share(the_log, &(struct log_shared){.levels = NULL});
	record(VT_ERROR_LEVEL, "no table", NULL);
	ck_assert_uint_eq(times("no table"), 1);
	ck_assert_uint_eq(times("fingerprint"), 1);
}
END_TEST

/* A child has its own word of ownership, not its parent's. */
START_TEST(a_child_writes_as_itself)
{
	static const struct log_record error = {.level = VT_ERROR_LEVEL, .logger = "vitals.request", .message = "m"};
	static _Atomic uint64_t self;
	char fingerprint[LOG_FINGERPRINT_BYTES];
	int status;
	log_errors_note(&shared->errors, &self, &error, fingerprint);
	ck_assert_uint_eq(self, owner_self());
	pid_t pid = fork();
	if (pid == 0) {
		log_errors_note(&shared->errors, &self, &error, fingerprint);
		_exit(self == owner_self() ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(shared->errors.entries[0].count & 0xffff, 2);
}
END_TEST

static struct error_kind
kind_of(const char *logger, const struct vt_log_site *site, const struct vt_field *field,
        const struct log_context *with)
{
	struct error_kind kind;
	log_errors_kind(&kind, &(struct log_record){.level = VT_ERROR_LEVEL,
	                                            .logger = logger,
	                                            .message = "m",
	                                            .site = site,
	                                            .context = with,
	                                            .exception = "relation \"x\" does not exist",
	                                            .fields = field,
	                                            .count = 1});
	return kind;
}

START_TEST(the_code_is_a_field_of_ours)
{
	const struct {
		const char *logger;
		struct vt_field field;
		const char *code;
	} table[] = {
		{"vitals.request", VT_INT("status_code", 503), "503"},
		{"vitals.database", VT_STR("sqlstate", "42P01"), "42P01"},
		{"vitals.database", VT_STR("sqlstate", NULL), ""},
		{"vitals.supervisor", VT_STR("signal", "SIGSEGV"), "SIGSEGV"},
		{"vitals.supervisor", VT_INT("exit_code", 3), "3"},
		{"vitals.supervisor", VT_STR("reason", "x"), ""},
		/* A module's field may be a client's. */
		{"vitals.module", VT_INT("status_code", 503), ""},
		{"vitals.module", VT_STR("signal", "x"), ""},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		ck_assert_str_eq(kind_of(table[i].logger, NULL, &table[i].field, NULL).code, table[i].code);
}
END_TEST

START_TEST(the_route_is_the_request_s_or_that_of_the_one_told_of)
{
	const struct vt_field field = VT_STR("route", "/told");
	ck_assert_str_eq(kind_of("vitals.request", NULL, &field, &context).route, "/users/{id}");
	ck_assert_str_eq(kind_of("vitals.supervisor", NULL, &field, NULL).route, "/told");
	ck_assert_str_eq(kind_of("vitals.supervisor", NULL, &field, &(struct log_context){0}).route, "/told");
	ck_assert_str_eq(kind_of("vitals.module", NULL, &field, NULL).route, "");
}
END_TEST

START_TEST(a_fingerprint_survives_edits_and_differs_by_what_matters)
{
	const struct vt_field code = VT_INT("status_code", 503), other_code = VT_INT("status_code", 500);
	const struct vt_log_site site = {"../src/app/wrap_log.c", "leave", 71}, moved = {"wrap_log.c", "leave", 99},
				 elsewhere = {"wrap_log.c", "enter", 71};
	struct error_kind kind = kind_of("vitals.request", &site, &code, &context);
	const uint64_t fingerprint = log_errors_fingerprint(&kind);
	/* Whoever keeps one finds the same error again: changing how they are made is an event. */
	ck_assert_uint_eq(fingerprint, UINT64_C(0x3f3e05a44867acb9));
	ck_assert_str_eq(kind.place, "wrap_log:leave");
	kind = kind_of("vitals.request", &moved, &code, &context);
	ck_assert_uint_eq(log_errors_fingerprint(&kind), fingerprint);
	snprintf(kind.level, sizeof kind.level, "CRITICAL");
	ck_assert_uint_eq(log_errors_fingerprint(&kind), fingerprint);
	const struct error_kind others[] = {kind_of("vitals.request", &elsewhere, &code, &context),
	                                    kind_of("vitals.request", &site, &other_code, &context),
	                                    kind_of("vitals.request", &site, &code, &another)};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_uint_ne(log_errors_fingerprint(&others[i]), fingerprint);
	/* Texts do not run into each other. */
	const struct error_kind a = {.route = "ab", .message = "c"}, b = {.route = "a", .message = "bc"};
	ck_assert_uint_ne(log_errors_fingerprint(&a), log_errors_fingerprint(&b));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_shared");
	TCase *tc = tcase_create("levels");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, one_id_alone_is_logged_at_debug);
	tcase_add_test(tc, a_level_can_be_raised_too);
	tcase_add_test(tc, an_end_and_a_reset_bring_back_the_level_and_the_quiet);
	tcase_add_test(tc, a_change_is_told_by_whom_it_was_made_whatever_the_level);
	tcase_add_test(tc, of_many_processes_one_tells);
	suite_add_tcase(suite, tc);
	tc = tcase_create("errors");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_error_has_a_fingerprint_and_is_counted);
	tcase_add_test(tc, errors_that_are_not_written_count_and_none_needs_a_table);
	tcase_add_test(tc, a_child_writes_as_itself);
	tcase_add_test(tc, the_code_is_a_field_of_ours);
	tcase_add_test(tc, the_route_is_the_request_s_or_that_of_the_one_told_of);
	tcase_add_test(tc, a_fingerprint_survives_edits_and_differs_by_what_matters);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
