/* test_obituary.c - what the record of a death says, for real deaths of real processes. */
#include <check.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "crash.h"
#include "err.h"
#include "log.h"
#include "obituary.h"
#include "redact.h"
#include "run_suite.h"

static char directory[] = "/tmp/vt-obituary-XXXXXX";
static char board_path[64], log_path[64];
static struct scoreboard *board;
static struct redact *redact;
static struct log *log_;

static void
setup(void)
{
	struct err err;
	bool was_there;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(board_path, sizeof board_path, "%s/board", directory);
	snprintf(log_path, sizeof log_path, "%s/log", directory);
	board = scoreboard_create(board_path, &(struct scoreboard_shape){.slots = 1}, &was_there, &err);
	redact = redact_create(NULL);
	log_ = log_create(&(struct log_config){.level = VT_INFO, .file = log_path, .redact = redact}, &err);
	ck_assert_ptr_nonnull(board);
	ck_assert_ptr_nonnull(log_);
}

static void
teardown(void)
{
	log_destroy(log_);
	redact_destroy(redact);
	scoreboard_unlink(board);
	scoreboard_close(board);
	unlink(log_path);
	rmdir(directory);
}

/* The wait status of a child that claims the slot and then ends as told: by a signal, or by this exit status. */
static int
die(int signal_number, int exit_status, const struct slot_request *request)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct slot *slot = scoreboard_slot(board, 0);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		slot_claim(slot, ROLE_WORKER, 1);
		if (request != NULL) {
			slot_set_request(slot, request);
			slot_set_phase(slot, PHASE_DATABASE);
		}
		if (signal_number != 0) {
			signal(signal_number, SIG_DFL);
			raise(signal_number);
		}
		_exit(exit_status);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static struct json_object *
record_of_death(const struct death *death)
{
	char line[4096];
	obituary_write(log_, scoreboard_slot(board, 0), death);
	FILE *file = fopen(log_path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
	fclose(file);
	struct json_object *record = json_tokener_parse(line);
	ck_assert_ptr_nonnull(record);
	return record;
}

static struct json_object *
record_of(int wait_status)
{
	return record_of_death(&(struct death){.worker = 7,
	                                       .pid = 4711,
	                                       .generation = 3,
	                                       .wait_status = wait_status,
	                                       .lived_ms = 1500,
	                                       .restart_delay_ms = 200});
}

/* "" where the record has no such field. */
static const char *
field(struct json_object *record, const char *name)
{
	struct json_object *value;
	return json_object_object_get_ex(record, name, &value) ? json_object_get_string(value) : "";
}

START_TEST(a_signal_is_named)
{
	struct json_object *record = record_of(die(SIGSEGV, 0, NULL));
	ck_assert_str_eq(field(record, "message"), "Worker died");
	ck_assert_str_eq(field(record, "level"), "ERROR");
	ck_assert_str_eq(field(record, "worker"), "7");
	ck_assert_str_eq(field(record, "pid"), "4711");
	ck_assert_str_eq(field(record, "generation"), "3");
	ck_assert_str_eq(field(record, "cause"), "signal");
	ck_assert_str_eq(field(record, "signal"), "SIGSEGV");
	ck_assert_str_eq(field(record, "core_dumped"), "false");
	ck_assert_str_eq(field(record, "exit_code"), "");
	ck_assert_str_eq(field(record, "correlation_id"), "");
	ck_assert_double_eq(strtod(field(record, "lived_seconds"), NULL), 1.5);
	ck_assert_double_eq(strtod(field(record, "restart_delay_seconds"), NULL), 0.2);
	json_object_put(record);
}
END_TEST

START_TEST(an_exit_status_is_told)
{
	struct json_object *record = record_of(die(0, 3, NULL));
	ck_assert_str_eq(field(record, "message"), "Worker died");
	ck_assert_str_eq(field(record, "cause"), "exit");
	ck_assert_str_eq(field(record, "exit_code"), "3");
	ck_assert_str_eq(field(record, "signal"), "");
	json_object_put(record);
}
END_TEST

START_TEST(an_end_that_was_asked_for_is_no_error)
{
	struct json_object *record = record_of(die(0, 0, NULL));
	ck_assert_str_eq(field(record, "message"), "Worker ended");
	ck_assert_str_eq(field(record, "level"), "INFO");
	ck_assert_str_eq(field(record, "cause"), "");
	ck_assert_str_eq(field(record, "exit_code"), "0");
	ck_assert_str_eq(field(record, "generation"), "3");
	json_object_put(record);
}
END_TEST

START_TEST(the_request_in_flight_is_told)
{
	struct slot_request request = {.started_ns = clock_mono_ns(),
	                               .correlation_id = "id-1",
	                               .method = "GET",
	                               .path = "/users/42",
	                               .route = "/users/{id}"};
	struct json_object *record = record_of(die(SIGKILL, 0, &request));
	ck_assert_str_eq(field(record, "signal"), "SIGKILL");
	ck_assert_str_eq(field(record, "correlation_id"), "id-1");
	ck_assert_str_eq(field(record, "path"), "/users/42");
	ck_assert_str_eq(field(record, "route"), "/users/{id}");
	ck_assert_str_eq(field(record, "phase"), "database");
	ck_assert(strtod(field(record, "elapsed_seconds"), NULL) >= 0);
	json_object_put(record);
}
END_TEST

static volatile int *volatile nowhere = (int *)0x10;

/* As die(), by a fault of its own or a signal that it sends itself. */
static int
crash(int signal_number)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct slot *slot = scoreboard_slot(board, 0);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		slot_claim(slot, ROLE_WORKER, 1);
		crash_watch(slot);
		if (signal_number == 0)
			*nowhere = 1;
		raise(signal_number);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static struct json_object *
record_of_crash(int wait_status, pid_t pid)
{
	return record_of_death(&(struct death){.pid = pid, .wait_status = wait_status});
}

START_TEST(a_crash_says_where_it_was)
{
	struct json_object *record = record_of_crash(crash(0), 4711);
	ck_assert_str_eq(field(record, "level"), "ERROR");
	ck_assert_str_eq(field(record, "signal"), "SIGSEGV");
	ck_assert_str_eq(field(record, "exception"), "SIGSEGV at 0x10");
	ck_assert_ptr_nonnull(strstr(field(record, "backtrace"), "test_obituary+0x"));
	json_object_put(record);
}
END_TEST

START_TEST(a_crash_says_whose_signal_it_was)
{
	char sent[64];
	int status = crash(SIGSEGV);
	struct crash_report report;
	ck_assert(slot_get_crash(scoreboard_slot(board, 0), &report));
	struct json_object *record = record_of_crash(status, report.sender);
	ck_assert_str_eq(field(record, "exception"), "SIGSEGV");
	json_object_put(record);
	ck_assert_int_eq(truncate(log_path, 0), 0);
	record = record_of_crash(status, report.sender + 1);
	snprintf(sent, sizeof sent, "SIGSEGV sent by process %d", (int)report.sender);
	ck_assert_str_eq(field(record, "exception"), sent);
	json_object_put(record);
}
END_TEST

START_TEST(no_crash_is_told_where_there_was_none)
{
	struct json_object *record = record_of(die(SIGKILL, 0, NULL));
	ck_assert_str_eq(field(record, "exception"), "");
	ck_assert_str_eq(field(record, "backtrace"), "");
	json_object_put(record);
}
END_TEST

/* Killed while it wrote the request: what is whole is told. */
START_TEST(a_request_that_was_being_written_is_told)
{
	struct slot *slot = scoreboard_slot(board, 0);
	int status = die(SIGKILL, 0, NULL);
	slot_set_state(slot, SLOT_BUSY);
	seqlock_write_begin(&slot->request_lock);
	strcpy(slot->request.correlation_id, "id-3");
	strcpy(slot->request.method, "GET");
	strcpy(slot->request.path, "/us");
	struct json_object *record = record_of(status);
	ck_assert_str_eq(field(record, "correlation_id"), "id-3");
	ck_assert_str_eq(field(record, "method"), "GET");
	ck_assert_str_eq(field(record, "path"), "");
	ck_assert_str_eq(field(record, "elapsed_seconds"), "");
	json_object_put(record);
}
END_TEST

/* A handler that called exit(): the client has no answer, so it is a death for all that the status is 0. */
START_TEST(an_exit_in_the_middle_of_a_request_is_a_death)
{
	struct slot_request request = {
		.started_ns = clock_mono_ns(), .correlation_id = "id-2", .method = "GET", .path = "/exit"};
	int status = die(0, 0, &request);
	ck_assert(!death_in_order(scoreboard_slot(board, 0), status));
	struct json_object *record = record_of(status);
	ck_assert_str_eq(field(record, "message"), "Worker died");
	ck_assert_str_eq(field(record, "level"), "ERROR");
	ck_assert_str_eq(field(record, "cause"), "exit");
	ck_assert_str_eq(field(record, "exit_code"), "0");
	ck_assert_str_eq(field(record, "correlation_id"), "id-2");
	json_object_put(record);
}
END_TEST

START_TEST(only_an_exit_of_0_outside_a_request_is_in_order)
{
	static const struct {
		int signal_number, exit_status;
		bool in_order;
	} cases[] = {{0, 0, true}, {0, 1, false}, {0, 255, false}, {SIGTERM, 0, false}, {SIGKILL, 0, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = die(cases[i].signal_number, cases[i].exit_status, NULL);
		ck_assert_msg(death_in_order(scoreboard_slot(board, 0), status) == cases[i].in_order, "case %zu", i);
	}
}
END_TEST

START_TEST(the_cause_is_told_from_the_status_and_from_what_was_seen)
{
	static const struct {
		int signal_number, exit_status;
		bool overdue, oom_killed;
		enum death_cause cause;
		const char *name;
	} cases[] = {
		{SIGKILL, 0, false, true, DEATH_OOM, "oom"},
		{SIGKILL, 0, false, false, DEATH_SIGNAL, "signal"},
		{SIGSEGV, 0, false, true, DEATH_SIGNAL, "signal"},
		{SIGTERM, 0, false, true, DEATH_SIGNAL, "signal"},
		{SIGKILL, 0, true, false, DEATH_TIMEOUT, "timeout"},
		{SIGKILL, 0, true, true, DEATH_TIMEOUT, "timeout"},
		{SIGSEGV, 0, true, false, DEATH_TIMEOUT, "timeout"},
		{0, 1, false, true, DEATH_EXIT, "exit"},
		{0, 1, false, false, DEATH_EXIT, "exit"},
		{0, 1, true, false, DEATH_TIMEOUT, "timeout"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct death death = {.wait_status = die(cases[i].signal_number, cases[i].exit_status, NULL),
		                      .overdue = cases[i].overdue,
		                      .oom_killed = cases[i].oom_killed};
		ck_assert_msg(death_cause(&death) == cases[i].cause, "case %zu", i);
		ck_assert_str_eq(death_cause_name(death_cause(&death)), cases[i].name);
	}
}
END_TEST

START_TEST(what_was_seen_stands_in_the_record)
{
	struct death death = {.wait_status = die(SIGKILL, 0, NULL), .generation = 4000000000U, .oom_killed = true};
	struct json_object *record = record_of_death(&death);
	ck_assert_str_eq(field(record, "cause"), "oom");
	ck_assert_str_eq(field(record, "signal"), "SIGKILL");
	ck_assert_str_eq(field(record, "generation"), "4000000000");
	json_object_put(record);
}
END_TEST

static const char *
the_log(void)
{
	static char text[8192];
	int fd = open(log_path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	ck_assert_int_ge(n, 0);
	close(fd);
	text[n] = '\0';
	return text;
}

START_TEST(a_process_without_a_supervisor_is_told_of_once_by_its_equals)
{
	const struct slot_request request = {
		.started_ns = 1, .correlation_id = "c-1", .method = "GET", .path = "/slow"};
	struct slot *slot = scoreboard_slot(board, 0);
	obituary_of_stranger(log_, board, 0);
	die(SIGKILL, 0, &request);
	uint64_t dead = atomic_load(&slot->owner);
	slot_claim(slot, ROLE_WORKER, 0);
	obituary_of_stranger(log_, board, 0);
	ck_assert_str_eq(the_log(), "");
	die(SIGKILL, 0, &request);
	ck_assert(dead != 0);
	for (int i = 0; i < 3; i++)
		obituary_of_stranger(log_, board, 0);
	const char *first = strstr(the_log(), "\"Process died\"");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, "\"Process died\""));
	ck_assert_ptr_nonnull(strstr(the_log(), "\"correlation_id\":\"c-1\""));
	ck_assert_ptr_nonnull(strstr(the_log(), "\"path\":\"/slow\""));
	ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->deaths[DEATH_SIGNAL]), 1);
}
END_TEST

START_TEST(signals_without_a_name_have_a_number)
{
	char name[16];
	ck_assert_str_eq(signal_name(SIGTERM, name), "SIGTERM");
	ck_assert_str_eq(signal_name(SIGRTMIN + 5, name), "signal 39");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("obituary");
	TCase *tc = tcase_create("obituary");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_signal_is_named);
	tcase_add_test(tc, an_exit_status_is_told);
	tcase_add_test(tc, an_end_that_was_asked_for_is_no_error);
	tcase_add_test(tc, the_request_in_flight_is_told);
	tcase_add_test(tc, a_crash_says_where_it_was);
	tcase_add_test(tc, a_crash_says_whose_signal_it_was);
	tcase_add_test(tc, no_crash_is_told_where_there_was_none);
	tcase_add_test(tc, a_request_that_was_being_written_is_told);
	tcase_add_test(tc, an_exit_in_the_middle_of_a_request_is_a_death);
	tcase_add_test(tc, only_an_exit_of_0_outside_a_request_is_in_order);
	tcase_add_test(tc, the_cause_is_told_from_the_status_and_from_what_was_seen);
	tcase_add_test(tc, what_was_seen_stands_in_the_record);
	tcase_add_test(tc, a_process_without_a_supervisor_is_told_of_once_by_its_equals);
	tcase_add_test(tc, signals_without_a_name_have_a_number);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
