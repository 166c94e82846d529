/*
 * test_database_prepared.c - statements that are prepared: once a connection, again after whatever took them away, and
 * never an error for it outside of a transaction.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "database_fixture.h"
#include "database_prepared.h"
#include "err.h"
#include "run_suite.h"

static enum vt_result
run(struct database *db, const char *sql, const char *parameter, char value[64])
{
	struct vt_rows *rows;
	const struct database_query query = {.sql = sql,
	                                     .prepare = true,
	                                     .params = &parameter,
	                                     .param_count = parameter != NULL,
	                                     .deadline_ns = DEADLINE_NEVER};
	enum vt_result result = database_query(db, &query, &rows);
	if (result == VT_OK && value != NULL)
		snprintf(value, 64, "%s", vt_value(rows, 0, "n"));
	rows_destroy(rows);
	return result;
}

static void
answers(struct database *db, const char *sql, const char *parameter, const char *wanted)
{
	char value[64] = "";
	enum vt_result result = run(db, sql, parameter, value);
	ck_assert_msg(result == VT_OK, "%s: %d, %s", sql, (int)result, database_error(db));
	ck_assert_str_eq(value, wanted);
}

#define DOUBLE "SELECT $1::int * 2 AS n"
#define HELD "SELECT count(*) AS n FROM pg_prepared_statements WHERE name LIKE 'vt\\_%'"

static void
counted(const struct database *db, uint64_t first, uint64_t again)
{
	ck_assert_uint_eq(database_counts(db)->prepared, first);
	ck_assert_uint_eq(database_counts(db)->prepared_again, again);
}

START_TEST(once_a_connection)
{
	struct database *db = fixture_database();
	answers(db, DOUBLE, "4", "8");
	answers(db, DOUBLE, "5", "10");
	answers(db, DOUBLE, "6", "12");
	answers(db, "SELECT 'other' AS n", NULL, "other");
	counted(db, 2, 0);
	ck_assert_int_eq(fixture_number(db, HELD), 2);
	ck_assert_int_eq(run(db, DOUBLE, "x", NULL), VT_BAD_INPUT);
	answers(db, DOUBLE, "7", "14");
	ck_assert_int_eq(run(db, "SELEC 1", NULL, NULL), VT_ERROR);
	ck_assert_int_eq(run(db, "SELECT 1/0 AS n", NULL, NULL), VT_BAD_INPUT);
	ck_assert_int_eq(run(db, "COPY (SELECT 1) TO STDOUT", NULL, NULL), VT_ERROR);
	answers(db, DOUBLE, "7", "14");
	database_destroy(db);
}
END_TEST

/* Each takes the prepared statement away, or makes it unfit. */
static const char *const thieves[] = {"DEALLOCATE ALL", "DISCARD ALL",
                                      "ALTER TABLE shaped ADD COLUMN more int DEFAULT 5",
                                      "DROP TABLE shaped; CREATE TABLE shaped AS SELECT 2::bigint AS n"};

START_TEST(taken_away)
{
	struct database *db = fixture_database();
	private_postgres_number(&pg, "DROP TABLE IF EXISTS shaped");
	private_postgres_number(&pg, "CREATE TABLE shaped AS SELECT 1 AS n");
	answers(db, "SELECT * FROM shaped", NULL, "1");
	answers(db, "SELECT * FROM shaped", NULL, "1");
	if (_i < 2)
		ck_assert_int_eq(fixture_run(db, thieves[_i], 0, NULL), VT_OK);
	else
		private_postgres_number(&pg, thieves[_i]);
	const char *wanted = _i == 3 ? "2" : "1";
	answers(db, "SELECT * FROM shaped", NULL, wanted); /* by itself, once */
	answers(db, "SELECT * FROM shaped", NULL, wanted);
	answers(db, "SELECT * FROM shaped", NULL, wanted);
	counted(db, 1, 1);
	ck_assert_ptr_null(strstr(fixture_log(), "Statement failed"));
	private_postgres_number(&pg, "DROP TABLE shaped");
	database_destroy(db);
}
END_TEST

START_TEST(after_a_restart)
{
	struct database *db = fixture_database();
	answers(db, DOUBLE, "4", "8");
	private_postgres_down(&pg);
	private_postgres_up(&pg);
	answers(db, DOUBLE, "5", "10");
	answers(db, DOUBLE, "6", "12");
	counted(db, 1, 1);
	database_destroy(db);
}
END_TEST

/* In a transaction the refusal undoes it: 503, and the next one is in order. */
START_TEST(taken_away_in_a_transaction)
{
	const struct database_query nothing = {.deadline_ns = DEADLINE_NEVER};
	struct database *db = fixture_database();
	answers(db, DOUBLE, "4", "8");
	ck_assert_int_eq(database_begin(db, VT_TX_DEFAULT, &nothing), VT_OK);
	ck_assert_int_eq(fixture_run(db, "DEALLOCATE ALL", 0, NULL), VT_OK);
	ck_assert_int_eq(run(db, DOUBLE, "4", NULL), VT_UNAVAILABLE);
	ck_assert_int_eq(database_commit(db, &nothing), VT_UNAVAILABLE);
	ck_assert_int_eq(database_begin(db, VT_TX_DEFAULT, &nothing), VT_OK);
	answers(db, DOUBLE, "4", "8");
	ck_assert_int_eq(database_commit(db, &nothing), VT_OK);
	database_destroy(db);
}
END_TEST

/* What a function refuses in the server's words for a plan that has changed is not the plan: never repeated. */
START_TEST(a_change_is_not_repeated)
{
	struct database *db = fixture_database();
	private_postgres_number(&pg, "CREATE SEQUENCE IF NOT EXISTS prepared_tries");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(run(db,
		                     "SELECT nextval('prepared_tries'), pg_terminate_backend(pg_backend_pid()) AS n",
		                     NULL, NULL),
		                 VT_UNAVAILABLE);
	ck_assert_int_eq(
		run(db, "DO $$ BEGIN PERFORM nextval('prepared_tries'); RAISE SQLSTATE '0A000'; END $$", NULL, NULL),
		VT_ERROR);
	ck_assert_int_eq(private_postgres_number(&pg, "SELECT last_value FROM prepared_tries"), 3);
	private_postgres_number(&pg, "DROP SEQUENCE prepared_tries");
	database_destroy(db);
}
END_TEST

START_TEST(switched_off)
{
	struct err err;
	struct database_config config = fixture_config();
	config.prepare = PREPARE_OFF;
	struct database *db = database_create(&config, &err);
	answers(db, DOUBLE, "4", "8");
	answers(db, DOUBLE, "5", "10");
	ck_assert_int_eq(fixture_number(db, HELD), 0);
	counted(db, 0, 0);
	database_destroy(db);
}
END_TEST

/* The table is bounded, here and at the server. */
START_TEST(more_than_are_kept)
{
	struct database *db = fixture_database();
	for (int i = 0; i < PREPARED_MOST + 40; i++) {
		char sql[64], wanted[16];
		snprintf(sql, sizeof sql, "SELECT %d AS n", i);
		snprintf(wanted, sizeof wanted, "%d", i);
		answers(db, sql, NULL, wanted);
		answers(db, DOUBLE, "4", "8"); /* used all the time: stays */
	}
	ck_assert_int_eq(fixture_number(db, HELD), PREPARED_MOST);
	counted(db, PREPARED_MOST + 41, 0);
	database_destroy(db);
}
END_TEST

START_TEST(names)
{
	static struct prepared table;
	struct prepared_entry *one = prepared_find(&table, "SELECT 1", 1);
	ck_assert(one->connection == 0);
	ck_assert(!prepared_make(&table, one, 1));
	char first[PREPARED_NAME_BYTES];
	memcpy(first, one->name, sizeof first);
	struct prepared_entry *two = prepared_find(&table, "SELECT 2", 1);
	ck_assert_ptr_ne(one, two);
	prepared_make(&table, two, 1);
	ck_assert_str_ne(one->name, two->name);
	ck_assert_ptr_eq(prepared_find(&table, "SELECT 1", 1), one);
	ck_assert_uint_eq(one->connection, 1);
	prepared_forget_current(&table);
	ck_assert_uint_eq(one->connection, 0);
	ck_assert(prepared_make(&table, one, 1));
	ck_assert_str_ne(one->name, first);
	prepared_fini(&table);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("database_prepared");
	TCase *tc = tcase_create("prepared");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, names);
	tcase_add_test(tc, once_a_connection);
	tcase_add_loop_test(tc, taken_away, 0, sizeof thieves / sizeof thieves[0]);
	tcase_add_test(tc, after_a_restart);
	tcase_add_test(tc, taken_away_in_a_transaction);
	tcase_add_test(tc, a_change_is_not_repeated);
	tcase_add_test(tc, switched_off);
	tcase_add_test(tc, more_than_are_kept);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
