/* test_checks.c - when checks run, whose results are used, and what is logged; the checks themselves are doubles. */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_kind.h"
#include "checks.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "redact.h"
#include "run_suite.h"
#include "settings.h"

#define TIMEOUT_MS 300
#define CACHE_MS 60000
#define PROCESSES 8

/* What the doubles find and how often they ran, for all processes. */
static struct {
	_Atomic int runs, fails, hangs, inside, worst, arrived;
} * shared;

static char folder[64], board_path[96], log_path[96];
static char *critical_names[] = {"one"};
static struct settings settings;
static struct scoreboard *board;
static struct redact *redact;
static struct log *event_log;
static struct checks *checks;

static void
double_start(void *state)
{
	(void)state;
	int inside = atomic_fetch_add(&shared->inside, 1) + 1;
	if (inside > atomic_load(&shared->worst))
		atomic_store(&shared->worst, inside);
	atomic_fetch_add(&shared->runs, 1);
}

static enum io_progress
double_step(void *state, struct io_want *want, struct check_result *result)
{
	(void)state;
	(void)want;
	if (atomic_load(&shared->hangs) != 0)
		return IO_WAIT;
	atomic_fetch_sub(&shared->inside, 1);
	if (atomic_load(&shared->fails) != 0)
		check_fail(result, "out of order");
	else
		result->status = CHECK_HEALTHY;
	return IO_DONE;
}

static void
double_abandon(void *state)
{
	(void)state;
	atomic_fetch_sub(&shared->inside, 1);
}

static void
none_start(void *state)
{
	(void)state;
}

static enum io_progress
none_step(void *state, struct io_want *want, struct check_result *result)
{
	(void)state;
	(void)want;
	result->status = CHECK_NOT_CONFIGURED;
	return IO_DONE;
}

static const struct check_kind double_kind = {
	.name = "one", .start = double_start, .step = double_step, .abandon = double_abandon};
static const struct check_kind none_kind = {.name = "two", .start = none_start, .step = none_step};

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_checks_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(board_path, sizeof board_path, "%s/board", folder);
	snprintf(log_path, sizeof log_path, "%s/log", folder);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	board = scoreboard_create(board_path, &(struct scoreboard_shape){.slots = 1}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	redact = redact_create(NULL);
	event_log = log_create(&(struct log_config){.level = VT_INFO, .file = log_path, .redact = redact}, &err);
	ck_assert_msg(event_log != NULL, "%s", err.text);
	settings = (struct settings){.health_check_timeout_ms = TIMEOUT_MS, .health_cache_ms = CACHE_MS};
	settings.critical_checks = (struct text_list){.count = 1, .items = critical_names};
	const struct check table[] = {{.kind = &double_kind, .name = "one"}, {.kind = &none_kind, .name = "two"}};
	checks = checks_create_of(&(struct checks_config){.settings = &settings, .board = board, .log = event_log},
	                          table, 2);
	ck_assert_ptr_nonnull(checks);
}

static void
teardown(void)
{
	checks_destroy(checks);
	log_destroy(event_log);
	redact_destroy(redact);
	scoreboard_close(board);
	munmap(shared, sizeof *shared);
	unlink(board_path);
	unlink(log_path);
	rmdir(folder);
}

/* Makes the published result of the double so many milliseconds old. */
static void
age_results(int64_t age_ms)
{
	for (unsigned i = 0; i < 2; i++) {
		struct check_result result;
		ck_assert(check_read(board, i, &result));
		result.checked_ns = clock_mono_ns() - age_ms * NS_PER_MS;
		check_publish(board, i, &result);
	}
}

static int
log_lines(const char *what)
{
	char line[LOG_RECORD_MAX_BYTES];
	int count = 0;
	FILE *file = fopen(log_path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof line, file) != NULL)
		count += strstr(line, what) != NULL;
	fclose(file);
	return count;
}

START_TEST(test_fresh_results_are_used)
{
	struct health_report report;
	for (int i = 0; i < 5; i++) {
		checks_collect(checks, &report);
		ck_assert_uint_eq(report.count, 2);
		ck_assert_str_eq(report.checks[0].name, "one");
		ck_assert_int_eq(report.checks[0].importance, CHECK_CRITICAL);
		ck_assert_int_eq(report.checks[0].result.status, CHECK_HEALTHY);
		ck_assert_str_eq(report.checks[1].name, "two");
		ck_assert_int_eq(report.checks[1].importance, CHECK_WARNS);
		ck_assert_int_eq(report.checks[1].result.status, CHECK_NOT_CONFIGURED);
		ck_assert_ptr_null(health_first_failure(&report));
	}
	ck_assert_int_eq(atomic_load(&shared->runs), 1);
	age_results(CACHE_MS + 1000);
	checks_collect(checks, &report);
	ck_assert_int_eq(atomic_load(&shared->runs), 2);
}
END_TEST

START_TEST(test_failure_is_found_and_logged_once)
{
	struct health_report report;
	atomic_store(&shared->fails, 1);
	for (int i = 0; i < 3; i++) {
		checks_collect(checks, &report);
		ck_assert_str_eq(report.checks[0].result.text, "unhealthy: out of order");
		ck_assert_ptr_eq(health_first_failure(&report), &report.checks[0]);
		age_results(CACHE_MS + 1000);
	}
	ck_assert_int_eq(atomic_load(&shared->runs), 3);
	ck_assert_int_eq(log_lines("Check failed"), 1);
	ck_assert_int_eq(log_lines("\"result\":\"unhealthy: out of order\""), 1);
	ck_assert_int_eq(log_lines("Check recovered"), 0);
	atomic_store(&shared->fails, 0);
	checks_collect(checks, &report);
	age_results(CACHE_MS + 1000);
	checks_collect(checks, &report);
	ck_assert_int_eq(log_lines("Check recovered"), 1);
	ck_assert_int_eq(log_lines("vitals.health"), 2);
}
END_TEST

START_TEST(test_passing_is_remembered)
{
	struct health_report report;
	struct scoreboard_service *service = scoreboard_service(board);
	atomic_store(&shared->fails, 1);
	checks_collect(checks, &report);
	ck_assert_uint_eq(atomic_load(&service->checks_passed), 0);
	atomic_store(&shared->fails, 0);
	age_results(CACHE_MS + 1000);
	checks_collect(checks, &report);
	ck_assert_uint_eq(atomic_load(&service->checks_passed), 1);
	atomic_store(&shared->fails, 1);
	age_results(CACHE_MS + 1000);
	checks_collect(checks, &report);
	ck_assert_uint_eq(atomic_load(&service->checks_passed), 1);
}
END_TEST

/* Another process has the claim and never gives it back. */
static void
let_another_hold_the_claim(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(checks_claim(board, clock_mono_ns(), deadline_in_ms(60000)) ? 0 : 1);
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(test_losers_use_stale_results)
{
	struct health_report report;
	checks_collect(checks, &report);
	age_results(2 * CACHE_MS + TIMEOUT_MS - 20000);
	let_another_hold_the_claim();
	int64_t before = clock_mono_ns();
	checks_collect(checks, &report);
	ck_assert_int_lt(clock_mono_ns() - before, TIMEOUT_MS * NS_PER_MS);
	ck_assert_int_eq(report.checks[0].result.status, CHECK_HEALTHY);
	ck_assert_int_eq(atomic_load(&shared->runs), 1);
}
END_TEST

START_TEST(test_past_the_hard_age_there_is_no_result)
{
	struct health_report report;
	checks_collect(checks, &report);
	age_results(2 * CACHE_MS + TIMEOUT_MS + 1000);
	let_another_hold_the_claim();
	int64_t before = clock_mono_ns();
	checks_collect(checks, &report);
	int64_t took_ms = (clock_mono_ns() - before) / NS_PER_MS;
	ck_assert_str_eq(report.checks[0].result.text, "unhealthy: no result");
	ck_assert_int_eq(report.checks[0].result.status, CHECK_FAILED);
	ck_assert_int_eq(report.checks[1].result.status, CHECK_FAILED);
	ck_assert_int_ge(took_ms, TIMEOUT_MS);
	ck_assert_int_lt(took_ms, TIMEOUT_MS + 2000);
}
END_TEST

START_TEST(test_nothing_published_and_another_at_it)
{
	struct health_report report;
	let_another_hold_the_claim();
	checks_collect(checks, &report);
	ck_assert_str_eq(report.checks[0].result.text, "unhealthy: no result");
	ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->checks_passed), 0);
}
END_TEST

START_TEST(test_hanging_check_is_answered_in_time)
{
	struct health_report report;
	atomic_store(&shared->hangs, 1);
	int64_t before = clock_mono_ns();
	checks_collect(checks, &report);
	ck_assert_int_lt((clock_mono_ns() - before) / NS_PER_MS, TIMEOUT_MS + 2000);
	ck_assert_str_eq(report.checks[0].result.text, "unhealthy: no answer within 300 ms");
	ck_assert_int_eq(report.checks[1].result.status, CHECK_NOT_CONFIGURED);
}
END_TEST

START_TEST(test_eight_processes_one_run)
{
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0) {
			struct health_report report;
			checks_collect(checks, &report);
			_exit(report.checks[0].result.status == CHECK_HEALTHY ? 0 : 1);
		}
	int status;
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(atomic_load(&shared->runs), 1);
	ck_assert_int_eq(atomic_load(&shared->worst), 1);
}
END_TEST

/* Waits for the other process of two. */
static void
meet(int n)
{
	atomic_fetch_add(&shared->arrived, 1);
	for (unsigned spins = 0; atomic_load(&shared->arrived) < 2 * (n + 1); spins++)
		if (spins > 10000)
			sched_yield();
}

#define ROUNDS 300

/* Both find the results stale at the same moment: one runs the checks, the other makes do. */
START_TEST(test_two_at_once_one_run)
{
	struct health_report report;
	checks_collect(checks, &report);
	pid_t pid = fork();
	for (int n = 0; n < ROUNDS; n++) {
		if (pid != 0)
			age_results(CACHE_MS + 1000);
		meet(2 * n);
		checks_collect(checks, &report);
		meet(2 * n + 1);
	}
	if (pid == 0)
		_exit(0);
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(atomic_load(&shared->runs), 1 + ROUNDS);
}
END_TEST

START_TEST(test_waiters_get_the_runs_results)
{
	atomic_store(&shared->hangs, 1);
	pid_t runner = fork();
	if (runner == 0) {
		struct health_report report;
		checks_collect(checks, &report);
		_exit(0);
	}
	int64_t deadline_ns = deadline_in_ms(10000);
	while (atomic_load(&shared->runs) == 0 && clock_mono_ns() < deadline_ns)
		usleep(1000);
	struct health_report report;
	checks_collect(checks, &report);
	int status;
	ck_assert_int_eq(waitpid(runner, &status, 0), runner);
	ck_assert_str_eq(report.checks[0].result.text, "unhealthy: no answer within 300 ms");
	ck_assert_int_eq(report.checks[1].result.status, CHECK_NOT_CONFIGURED);
	ck_assert_int_eq(atomic_load(&shared->runs), 1);
}
END_TEST

START_TEST(test_killed_runner)
{
	atomic_store(&shared->hangs, 1);
	pid_t runner = fork();
	if (runner == 0) {
		struct health_report report;
		checks_collect(checks, &report);
		_exit(0);
	}
	int64_t deadline_ns = deadline_in_ms(10000);
	while (atomic_load(&shared->runs) == 0 && clock_mono_ns() < deadline_ns)
		usleep(1000);
	kill(runner, SIGKILL);
	int status;
	ck_assert_int_eq(waitpid(runner, &status, 0), runner);
	atomic_store(&shared->hangs, 0);
	/* At the latest when the dead runner's claim has run out another runs them. */
	struct health_report report;
	deadline_ns = deadline_in_ms(TIMEOUT_MS + 5000);
	do
		checks_collect(checks, &report);
	while (report.checks[0].result.status != CHECK_HEALTHY && clock_mono_ns() < deadline_ns);
	ck_assert_int_eq(report.checks[0].result.status, CHECK_HEALTHY);
	ck_assert_int_eq(atomic_load(&shared->runs), 2);
}
END_TEST

START_TEST(test_first_failure)
{
	static const struct {
		enum check_importance importance;
		int32_t status;
		bool fails;
	} table[] = {
		{CHECK_CRITICAL, CHECK_FAILED, true},   {CHECK_CRITICAL, CHECK_UNKNOWN, true},
		{CHECK_CRITICAL, CHECK_HEALTHY, false}, {CHECK_CRITICAL, CHECK_NOT_CONFIGURED, false},
		{CHECK_WARNS, CHECK_FAILED, false},     {CHECK_EXCLUDED, CHECK_FAILED, false},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct health_report report = {.count = 1};
		report.checks[0] =
			(struct check_report){.importance = table[i].importance, .result.status = table[i].status};
		ck_assert_int_eq(health_first_failure(&report) != NULL, table[i].fails);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("checks");
	TCase *tc = tcase_create("checks");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_fresh_results_are_used);
	tcase_add_test(tc, test_failure_is_found_and_logged_once);
	tcase_add_test(tc, test_passing_is_remembered);
	tcase_add_test(tc, test_losers_use_stale_results);
	tcase_add_test(tc, test_past_the_hard_age_there_is_no_result);
	tcase_add_test(tc, test_nothing_published_and_another_at_it);
	tcase_add_test(tc, test_hanging_check_is_answered_in_time);
	tcase_add_test(tc, test_eight_processes_one_run);
	tcase_add_test(tc, test_two_at_once_one_run);
	tcase_add_test(tc, test_waiters_get_the_runs_results);
	tcase_add_test(tc, test_killed_runner);
	tcase_add_test(tc, test_first_failure);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
