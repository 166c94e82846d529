/* test_database_transaction.c - transactions: done or not at all, on one connection, and over when they should be. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "database_fixture.h"
#include "run_suite.h"

static const struct database_query nothing = {.deadline_ns = DEADLINE_NEVER};

static long
rows_kept(void)
{
	return private_postgres_number(&pg, "SELECT count(*) FROM kept");
}

static struct database *
with_table(void)
{
	private_postgres_number(&pg, "DROP TABLE IF EXISTS kept");
	private_postgres_number(&pg, "CREATE TABLE kept (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
	return fixture_database();
}

static void
begin(struct database *db)
{
	ck_assert_msg(database_begin(db, VT_TX_DEFAULT, &nothing) == VT_OK, "%s", database_error(db));
	ck_assert(database_in_transaction(db));
}

START_TEST(all_or_nothing)
{
	struct database *db = with_table();
	begin(db);
	long pid = fixture_number(db, "SELECT pg_backend_pid() AS n");
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (2)", 0, NULL), VT_OK);
	ck_assert_int_eq(rows_kept(), 0);
	ck_assert_int_eq(database_commit(db, &nothing), VT_OK);
	ck_assert(!database_in_transaction(db));
	ck_assert_int_eq(rows_kept(), 2);
	begin(db);
	ck_assert_int_eq(fixture_run(db, "DELETE FROM kept", 0, NULL), VT_OK);
	ck_assert_int_eq(database_rollback(db, &nothing), VT_OK);
	ck_assert_int_eq(rows_kept(), 2);
	ck_assert_int_eq(fixture_number(db, "SELECT pg_backend_pid() AS n"), pid);
	ck_assert_uint_eq(database_counts(db)->committed, 1);
	ck_assert_uint_eq(database_counts(db)->rolled_back, 1);
	database_destroy(db);
}
END_TEST

static const struct {
	enum vt_transaction kind;
	const char *level, *reads;
} kinds[] = {
	{VT_TX_DEFAULT, "read committed", "off"},
	{VT_TX_REPEATABLE_READ, "repeatable read", "off"},
	{VT_TX_SERIALIZABLE, "serializable", "off"},
	{VT_TX_READ_ONLY, "repeatable read", "on"},
};

START_TEST(kinds_of_transactions)
{
	struct database *db = with_table();
	struct vt_rows *rows;
	ck_assert_int_eq(database_begin(db, kinds[_i].kind, &nothing), VT_OK);
	ck_assert_int_eq(fixture_run(db,
	                             "SELECT current_setting('transaction_isolation') AS level, "
	                             "current_setting('transaction_read_only') AS reads",
	                             0, &rows),
	                 VT_OK);
	ck_assert_str_eq(vt_value(rows, 0, "level"), kinds[_i].level);
	ck_assert_str_eq(vt_value(rows, 0, "reads"), kinds[_i].reads);
	rows_destroy(rows);
	ck_assert_int_eq(database_commit(db, &nothing), VT_OK);
	database_destroy(db);
}
END_TEST

/* The first failure is what everything comes to, and nothing of it is done. */
START_TEST(the_first_failure_decides)
{
	struct database *db = with_table();
	begin(db);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	ck_assert_int_eq(fixture_run(db, "SELECT 1/0", 0, NULL), VT_BAD_INPUT);
	ck_assert(database_transaction_failed(db));
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (2)", 0, NULL), VT_BAD_INPUT);
	ck_assert_int_eq(fixture_run(db, "SELECT no_such_column", 0, NULL), VT_BAD_INPUT);
	ck_assert_int_eq(database_commit(db, &nothing), VT_BAD_INPUT);
	ck_assert(!database_in_transaction(db));
	ck_assert_int_eq(rows_kept(), 0);
	ck_assert_int_eq(fixture_number(db, "SELECT 5 AS n"), 5);
	ck_assert_ptr_null(strstr(fixture_log(), "25P02"));
	database_destroy(db);
}
END_TEST

START_TEST(savepoints)
{
	struct database *db = with_table();
	begin(db);
	ck_assert_int_eq(fixture_run(db, "SAVEPOINT a", 0, NULL), VT_OK);
	ck_assert_int_eq(fixture_run(db, "SELECT 1/0", 0, NULL), VT_BAD_INPUT);
	ck_assert_int_eq(fixture_run(db, "ROLLBACK TO a", 0, NULL), VT_OK);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	ck_assert_int_eq(database_commit(db, &nothing), VT_OK);
	ck_assert_int_eq(rows_kept(), 1);
	database_destroy(db);
}
END_TEST

START_TEST(a_commit_that_is_refused)
{
	struct database *db = with_table();
	begin(db);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1), (1)", 0, NULL), VT_OK);
	ck_assert_int_eq(database_commit(db, &nothing), VT_CONFLICT); /* deferred until now */
	ck_assert_int_eq(rows_kept(), 0);
	ck_assert_int_eq(fixture_number(db, "SELECT 5 AS n"), 5);
	ck_assert_uint_eq(database_counts(db)->rolled_back, 1);
	database_destroy(db);
}
END_TEST

/* A connection that is lost is not opened again under the transaction. */
START_TEST(a_lost_connection_stays_lost)
{
	struct database *db = with_table();
	begin(db);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	private_postgres_number(&pg, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
	                             "WHERE application_name = 'fixture'");
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (2)", 0, NULL), VT_UNAVAILABLE);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (3)", 0, NULL), VT_UNAVAILABLE);
	ck_assert_int_eq(fixture_ping(db, 2000), VT_OK); /* even if something else opens it */
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (4)", 0, NULL), VT_UNAVAILABLE);
	ck_assert_int_eq(database_commit(db, &nothing), VT_UNAVAILABLE);
	ck_assert_int_eq(rows_kept(), 0);
	ck_assert_ptr_null(strstr(fixture_log(), "Outcome of a commit unknown"));
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (5)", 0, NULL), VT_OK);
	ck_assert_int_eq(rows_kept(), 1);
	database_destroy(db);
}
END_TEST

START_TEST(a_commit_that_nobody_answers)
{
	struct database *db = with_table();
	begin(db);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	private_server_signal(&pg, SIGSTOP);
	struct database_query soon = {.deadline_ns = deadline_in_ms(200)};
	ck_assert_int_eq(database_commit(db, &soon), VT_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(fixture_log(), "Outcome of a commit unknown"));
	ck_assert(!database_in_transaction(db));
	ck_assert_uint_eq(database_counts(db)->commits_unknown, 1);
	private_server_signal(&pg, SIGCONT);
	fixture_recovers_ms(db, 5000);
	database_destroy(db);
}
END_TEST

START_TEST(a_statement_that_times_out)
{
	struct database *db = with_table();
	begin(db);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	ck_assert_int_eq(fixture_run(db, "SELECT pg_sleep(5)", 100, NULL), VT_TIMEOUT);
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_TIMEOUT);
	ck_assert_int_eq(database_commit(db, &nothing), VT_TIMEOUT);
	ck_assert_int_eq(rows_kept(), 0);
	ck_assert_int_eq(fixture_number(db, "SELECT 5 AS n"), 5);
	database_destroy(db);
}
END_TEST

START_TEST(misuse)
{
	struct database *db = with_table();
	ck_assert_int_eq(database_commit(db, &nothing), VT_ERROR);
	ck_assert_int_eq(database_rollback(db, &nothing), VT_ERROR);
	begin(db);
	ck_assert_int_eq(database_begin(db, VT_TX_DEFAULT, &nothing), VT_ERROR);
	ck_assert(database_in_transaction(db)); /* the first one goes on */
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	ck_assert_int_eq(fixture_run(db, "COMMIT", 0, NULL), VT_ERROR);
	ck_assert_str_eq(database_error(db), "the statement ended the transaction");
	ck_assert_int_eq(database_commit(db, &nothing), VT_ERROR);
	ck_assert_ptr_nonnull(strstr(fixture_log(), "Transaction misused"));
	ck_assert_int_eq(fixture_number(db, "SELECT 5 AS n"), 5);
	database_destroy(db);
}
END_TEST

START_TEST(no_time_left)
{
	struct database *db = with_table();
	begin(db);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO kept VALUES (1)", 0, NULL), VT_OK);
	struct database_query late = {.deadline_ns = clock_mono_ns() - 1};
	ck_assert_int_eq(database_commit(db, &late), VT_TIMEOUT);
	ck_assert_int_eq(rows_kept(), 0);
	ck_assert_ptr_null(strstr(fixture_log(), "Outcome of a commit unknown"));
	database_destroy(db);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("database_transaction");
	TCase *tc = tcase_create("transaction");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, all_or_nothing);
	tcase_add_loop_test(tc, kinds_of_transactions, 0, sizeof kinds / sizeof kinds[0]);
	tcase_add_test(tc, the_first_failure_decides);
	tcase_add_test(tc, savepoints);
	tcase_add_test(tc, a_commit_that_is_refused);
	tcase_add_test(tc, a_lost_connection_stays_lost);
	tcase_add_test(tc, a_commit_that_nobody_answers);
	tcase_add_test(tc, a_statement_that_times_out);
	tcase_add_test(tc, misuse);
	tcase_add_test(tc, no_time_left);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
