/*
 * test_database_outage.c - what becomes of statements when PostgreSQL restarts, freezes, crashes or ends a
 * connection. Every outcome must come in time: within three times its bound on a busy machine.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "database_fixture.h"
#include "err.h"
#include "io_wait.h"
#include "run_suite.h"

#define IN_TIME(start_ns, bound_ms) ck_assert_int_lt(fixture_ms_since(start_ns), (bound_ms)*3)

START_TEST(restart_between_statements)
{
	struct database *db = fixture_database();
	ck_assert_int_eq(fixture_number(db, "SELECT 7 AS n"), 7);
	private_postgres_down(&pg);
	private_postgres_up(&pg);
	/* Nothing was sent on the dead connection: no statement fails. */
	ck_assert_int_eq(fixture_number(db, "SELECT 8 AS n"), 8);
	database_destroy(db);
}
END_TEST

START_TEST(stopped_server_fails_at_once_and_recovers)
{
	struct database *db = fixture_database();
	ck_assert_int_eq(fixture_number(db, "SELECT 7 AS n"), 7);
	private_postgres_down(&pg);
	int64_t start_ns = clock_mono_ns();
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
		ck_assert_str_eq(database_error(db), "the socket does not exist");
	}
	IN_TIME(start_ns, 300);
	ck_assert_int_eq(fixture_ping(db, 500), VT_UNAVAILABLE);
	fixture_no_secret(database_error(db));
	/* One record for the whole outage. */
	const char *record = strstr(fixture_log(), "Database connection failed");
	ck_assert_ptr_nonnull(record);
	ck_assert_ptr_null(strstr(record + 1, "Database connection failed"));
	private_postgres_up(&pg);
	ck_assert_int_lt(fixture_recovers_ms(db, 5000), 1500);
	ck_assert_ptr_nonnull(strstr(fixture_log(), "Database connection restored"));
	database_destroy(db);
}
END_TEST

START_TEST(ping_ends_the_back_off)
{
	struct database *db = fixture_database();
	private_postgres_down(&pg);
	int64_t until_ns = deadline_in_ms(1500); /* the back-off has grown to its longest */
	while (clock_mono_ns() < until_ns) {
		fixture_run(db, "SELECT 1", 0, NULL);
		private_server_nap();
	}
	private_postgres_up(&pg);
	ck_assert_int_eq(fixture_ping(db, 3000), VT_OK);
	ck_assert_int_eq(fixture_number(db, "SELECT 8 AS n"), 8);
	/* The next outage begins with a short one again, which is over before the server has started. */
	private_postgres_down(&pg);
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
	private_postgres_up(&pg);
	ck_assert_int_lt(fixture_recovers_ms(db, 5000), 150);
	database_destroy(db);
}
END_TEST

START_TEST(frozen_server_times_out)
{
	struct database *db = fixture_database();
	long first = fixture_number(db, "SELECT pg_backend_pid() AS n");
	private_server_signal(&pg, SIGSTOP);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 'late'", 300, NULL), VT_TIMEOUT);
	IN_TIME(start_ns, 300);
	ck_assert_int_ge(fixture_ms_since(start_ns), 299);
	ck_assert_str_eq(database_error(db), "no answer in time");
	/* The next one opens a connection, which the frozen postmaster's socket accepts and nobody answers. */
	start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 2", 0, NULL), VT_UNAVAILABLE);
	IN_TIME(start_ns, 1000);
	ck_assert_str_eq(database_error(db), "connecting timed out");
	start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 2", 0, NULL), VT_UNAVAILABLE);
	ck_assert_int_lt(fixture_ms_since(start_ns), 100); /* in the back-off */
	start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_ping(db, 200), VT_TIMEOUT);
	IN_TIME(start_ns, 200);
	private_server_signal(&pg, SIGCONT);
	ck_assert_int_lt(fixture_recovers_ms(db, 5000), 1500);
	ck_assert_int_eq(fixture_number(db, "SELECT 2 AS n"), 2); /* and not "late" */
	ck_assert_int_ne(fixture_number(db, "SELECT pg_backend_pid() AS n"), first);
	database_destroy(db);
}
END_TEST

START_TEST(frozen_server_at_the_pre_ping)
{
	struct err err;
	struct database_config config = fixture_config();
	config.ping_idle_ms = 0;
	config.connect_timeout_ms = 300;
	struct database *db = database_create(&config, &err);
	ck_assert_int_eq(fixture_number(db, "SELECT 7 AS n"), 7);
	private_server_signal(&pg, SIGSTOP);
	int64_t start_ns = clock_mono_ns();
	/* The pre-ping's time, then the new connection's. */
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
	IN_TIME(start_ns, 600);
	private_server_signal(&pg, SIGCONT);
	fixture_recovers_ms(db, 5000);
	database_destroy(db);
}
END_TEST

START_TEST(abandoned_ping_leaves_nothing_behind)
{
	struct database *db = fixture_database();
	ck_assert_int_eq(fixture_number(db, "SELECT 7 AS n"), 7);
	private_server_signal(&pg, SIGSTOP);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_ping(db, 200), VT_TIMEOUT);
	IN_TIME(start_ns, 200);
	private_server_signal(&pg, SIGCONT);
	/* An abandoned ping is no reason for a back-off. */
	ck_assert_int_eq(fixture_number(db, "SELECT 8 AS n"), 8);
	database_destroy(db);
}
END_TEST

static bool
runs(const char *what)
{
	char sql[128];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%s%%' AND state = 'active'",
	         what);
	return private_postgres_number(&pg, sql) > 0;
}

/* It would run for a minute; statement_timeout would end it after two and a half seconds. */
START_TEST(a_statement_that_timed_out_is_cancelled)
{
	struct database *db = fixture_database();
	fixture_number(db, "SELECT 7 AS n");
	int before = fixture_free_descriptor();
	ck_assert_int_eq(fixture_run(db, "SELECT pg_sleep(60)", 50, NULL), VT_TIMEOUT);
	int64_t start_ns = clock_mono_ns();
	while (runs("SELECT pg_sleep") || fixture_free_descriptor() >= before) {
		ck_assert_int_lt(fixture_ms_since(start_ns), 1500);
		private_server_nap();
	}
	ck_assert_uint_eq(database_counts(db)->cancels, 1);
	ck_assert_uint_eq(database_counts(db)->ends[END_TIMEOUT], 1);
	database_destroy(db);
}
END_TEST

/*
 * Cancelling waits for a server that is frozen, the caller does not; nor does the end of the worker. A cancel that comes
 * before the backend has read the statement does nothing: then it is the client's absence that ends it, a second later.
 */
START_TEST(cancelling_waits_for_nobody)
{
	struct err err;
	struct database_config config = fixture_config();
	config.query_timeout_ms = 60000; /* not the server's own limit */
	struct database *db = database_create(&config, &err);
	fixture_number(db, "SELECT 7 AS n");
	private_server_signal(&pg, SIGSTOP);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT pg_sleep(61)", 100, NULL), VT_TIMEOUT);
	IN_TIME(start_ns, 100);
	start_ns = clock_mono_ns();
	database_destroy(db);
	IN_TIME(start_ns, 250);
	private_server_signal(&pg, SIGCONT);
	start_ns = clock_mono_ns();
	while (runs("SELECT pg_sleep(61")) {
		ck_assert_int_lt(fixture_ms_since(start_ns), 10000);
		private_server_nap();
	}
}
END_TEST

/* Who cannot cancel any more, since it was killed: the server looks whether its client is still there. */
START_TEST(a_killed_client_leaves_no_statement_behind)
{
	struct err err;
	struct database_config config = fixture_config();
	config.query_timeout_ms = 60000;
	pid_t client = fork();
	if (client == 0) {
		struct database *db = database_create(&config, &err);
		fixture_run(db, "SELECT pg_sleep(62)", 0, NULL);
		_exit(0);
	}
	int64_t start_ns = clock_mono_ns();
	while (!runs("SELECT pg_sleep(62")) {
		ck_assert_int_lt(fixture_ms_since(start_ns), 5000);
		private_server_nap();
	}
	kill(client, SIGKILL);
	start_ns = clock_mono_ns();
	while (runs("SELECT pg_sleep(62")) {
		ck_assert_int_lt(fixture_ms_since(start_ns), 3000);
		private_server_nap();
	}
}
END_TEST

START_TEST(little_time_says_nothing_about_the_server)
{
	struct database *db = fixture_database();
	ck_assert_int_eq(fixture_run(db, "SELECT pg_sleep(5)", 50, NULL), VT_TIMEOUT);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_number(db, "SELECT 8 AS n"),
	                 8); /* on another connection, without a wait for the first */
	IN_TIME(start_ns, 100);
	long pid = fixture_number(db, "SELECT pg_backend_pid() AS n");
	const struct database_query late = {.sql = "SELECT 1", .deadline_ns = clock_mono_ns() - 1};
	struct vt_rows *rows;
	ck_assert_int_eq(database_query(db, &late, &rows), VT_TIMEOUT);
	ck_assert_int_eq(fixture_number(db, "SELECT pg_backend_pid() AS n"), pid);
	database_destroy(db);
}
END_TEST

START_TEST(server_ends_long_statements_itself)
{
	struct database *db = fixture_database();
	ck_assert_int_eq(fixture_run(db, "SET statement_timeout = 100", 0, NULL), VT_OK);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT pg_sleep(5)", 0, NULL), VT_TIMEOUT);
	IN_TIME(start_ns, 400);
	ck_assert_str_eq(database_error(db), "the statement was cancelled (SQLSTATE 57014)");
	database_destroy(db);
}
END_TEST

START_TEST(killed_backend_before_a_statement)
{
	struct database *db = fixture_database();
	char sql[96];
	long pid = fixture_number(db, "SELECT pg_backend_pid() AS n");
	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%ld, 5000)", pid);
	private_postgres_number(&pg, sql);
	ck_assert_int_ne(fixture_number(db, "SELECT pg_backend_pid() AS n"), pid);
	pid = fixture_number(db, "SELECT pg_backend_pid() AS n");
	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%ld, 5000)", pid);
	private_postgres_number(&pg, sql);
	ck_assert_int_eq(fixture_ping(db, 2000), VT_OK);
	database_destroy(db);
}
END_TEST

START_TEST(killed_backend_in_a_ping)
{
	struct database *db = fixture_database();
	pid_t pid = (pid_t)fixture_number(db, "SELECT pg_backend_pid() AS n");
	enum vt_result result;
	struct io_want want;
	int64_t deadline_ns = deadline_in_ms(5000);
	/* In order when the ping begins; ended when it could answer: the ping opens another. */
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	database_ping_begin(db);
	ck_assert_int_eq(database_ping_step(db, &want, &result), IO_WAIT);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	while (database_ping_step(db, &want, &result) == IO_WAIT)
		ck_assert(io_wait(&want, deadline_ns));
	ck_assert_int_eq(result, VT_OK);
	ck_assert_int_ne(fixture_number(db, "SELECT pg_backend_pid() AS n"), pid);
	database_destroy(db);
}
END_TEST

START_TEST(killed_backend_in_a_statement)
{
	struct database *db = fixture_database();
	ck_assert_int_eq(fixture_run(db, "SELECT pg_terminate_backend(pg_backend_pid())", 0, NULL), VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(db), "the server ended the connection (SQLSTATE 57P01)");
	ck_assert_int_eq(fixture_number(db, "SELECT 8 AS n"), 8);
	database_destroy(db);
}
END_TEST

START_TEST(a_change_is_never_repeated)
{
	struct database *db = fixture_database();
	private_postgres_number(&pg, "CREATE TABLE IF NOT EXISTS changed (n int)");
	private_postgres_number(&pg, "CREATE SEQUENCE IF NOT EXISTS tries");
	/* nextval() is not rolled back: it counts how often the statement ran, whatever became of it. */
	ck_assert_int_eq(fixture_run(db,
	                             "WITH x AS (INSERT INTO changed SELECT nextval('tries') RETURNING n) "
	                             "SELECT pg_terminate_backend(pg_backend_pid()), n FROM x",
	                             0, NULL),
	                 VT_UNAVAILABLE);
	ck_assert_int_eq(fixture_number(db, "SELECT count(*) AS n FROM changed"), 0);
	ck_assert_int_eq(fixture_number(db, "SELECT last_value AS n FROM tries WHERE is_called"), 1);
	private_postgres_number(&pg, "DROP TABLE changed");
	private_postgres_number(&pg, "DROP SEQUENCE tries");
	database_destroy(db);
}
END_TEST

START_TEST(a_crashed_server_ends_the_statement)
{
	struct database *db = fixture_database();
	fixture_number(db, "SELECT 7 AS n");
	int64_t start_ns = clock_mono_ns();
	pid_t killer = fork();
	if (killer == 0) {
		while (fixture_ms_since(start_ns) < 100)
			private_server_nap();
		private_server_signal(&pg, SIGKILL);
		_exit(0);
	}
	ck_assert_int_eq(fixture_run(db, "SELECT pg_sleep(5)", 0, NULL), VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(db), "the connection was lost");
	ck_assert_int_lt(fixture_ms_since(start_ns), 1500);
	private_postgres_up(&pg);
	fixture_recovers_ms(db, 5000);
	database_destroy(db);
}
END_TEST

START_TEST(descriptors_do_not_leak)
{
	struct database *db = fixture_database();
	fixture_number(db, "SELECT 7 AS n");
	int before = fixture_free_descriptor();
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(fixture_run(db, "SELECT pg_terminate_backend(pg_backend_pid())", 0, NULL),
		                 VT_UNAVAILABLE);
		fixture_recovers_ms(db, 5000);
	}
	ck_assert_int_eq(fixture_free_descriptor(), before);
	database_destroy(db);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("database_outage");
	TCase *tc = tcase_create("outage");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, restart_between_statements);
	tcase_add_test(tc, stopped_server_fails_at_once_and_recovers);
	tcase_add_test(tc, ping_ends_the_back_off);
	tcase_add_test(tc, frozen_server_times_out);
	tcase_add_test(tc, frozen_server_at_the_pre_ping);
	tcase_add_test(tc, abandoned_ping_leaves_nothing_behind);
	tcase_add_test(tc, a_statement_that_timed_out_is_cancelled);
	tcase_add_test(tc, cancelling_waits_for_nobody);
	tcase_add_test(tc, a_killed_client_leaves_no_statement_behind);
	tcase_add_test(tc, little_time_says_nothing_about_the_server);
	tcase_add_test(tc, server_ends_long_statements_itself);
	tcase_add_test(tc, killed_backend_before_a_statement);
	tcase_add_test(tc, killed_backend_in_a_ping);
	tcase_add_test(tc, killed_backend_in_a_statement);
	tcase_add_test(tc, a_change_is_never_repeated);
	tcase_add_test(tc, a_crashed_server_ends_the_statement);
	tcase_add_test(tc, descriptors_do_not_leak);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
