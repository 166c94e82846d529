/*
 * test_database.c - statements, types, errors and texts of the database against a real PostgreSQL.
 * What happens when the server goes away is in test_database_outage.c.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "database_fixture.h"
#include "err.h"
#include "run_suite.h"
#include "strbuf.h"

START_TEST(answers_with_rows)
{
	struct database *db = fixture_database();
	struct vt_rows *rows;
	const char *const params[] = {"42", NULL, "a'b\"c"};
	const struct database_query query = {
		.sql = "SELECT $1::bigint AS id, $2::text AS nothing, $3::text AS \"someText\" UNION ALL SELECT 43, 'x', ''",
		.params = params,
		.param_count = 3,
		.deadline_ns = DEADLINE_NEVER,
	};
	ck_assert_int_eq(database_query(db, &query, &rows), VT_OK);
	ck_assert_uint_eq(vt_rows_count(rows), 2);
	ck_assert_uint_eq(vt_columns_count(rows), 3);
	ck_assert_str_eq(vt_value(rows, 0, "id"), "42");
	ck_assert_ptr_null(vt_value(rows, 0, "nothing"));
	ck_assert_str_eq(vt_value(rows, 0, "someText"), "a'b\"c");
	ck_assert_str_eq(vt_value(rows, 1, "someText"), "");
	ck_assert_ptr_null(vt_value(rows, 0, "sometext"));
	ck_assert_ptr_null(vt_value(rows, 2, "id"));
	ck_assert_ptr_null(vt_value(rows, 0, NULL));
	ck_assert_int_eq(vt_rows_affected(rows), 0);
	rows_destroy(rows);
	database_destroy(db);
}
END_TEST

START_TEST(counts_rows_affected)
{
	static const struct {
		const char *sql;
		int64_t affected;
	} cases[] = {
		{"CREATE TABLE IF NOT EXISTS counted (n int)", 0},
		{"INSERT INTO counted SELECT generate_series(1, 5)", 5},
		{"INSERT INTO counted VALUES (6) RETURNING n", 1},
		{"UPDATE counted SET n = n + 1 WHERE n > 2", 4},
		{"DELETE FROM counted", 6},
		{"DROP TABLE counted", 0},
	};
	struct database *db = fixture_database();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct vt_rows *rows;
		ck_assert_msg(fixture_run(db, cases[i].sql, 0, &rows) == VT_OK, "%s: %s", cases[i].sql,
		              database_error(db));
		ck_assert_msg(vt_rows_affected(rows) == cases[i].affected, "%s", cases[i].sql);
		rows_destroy(rows);
	}
	database_destroy(db);
}
END_TEST

START_TEST(writes_types_as_json)
{
	static const struct {
		const char *sql, *json;
	} cases[] = {
		{"SELECT true AS a, false AS b, NULL::bool AS c", "{\"a\":true,\"b\":false,\"c\":null}"},
		{"SELECT (-7)::int2 AS a, 70000::int4 AS b, 9223372036854775807::int8 AS c",
	         "{\"a\":-7,\"b\":70000,\"c\":9223372036854775807}"},
		{"SELECT 1.5::float4 AS a, 1e300::float8 AS b, 1e-7::float8 AS c, 0::float8 AS d",
	         "{\"a\":1.5,\"b\":1e+300,\"c\":1e-07,\"d\":0}"},
		{"SELECT 'NaN'::float8 AS a, 'Infinity'::float8 AS b, '-Infinity'::float4 AS c",
	         "{\"a\":\"NaN\",\"b\":\"Infinity\",\"c\":\"-Infinity\"}"},
		{"SELECT 0.10::numeric AS a, -12345678901234567890.5::numeric AS b, 'NaN'::numeric AS c",
	         "{\"a\":0.10,\"b\":-12345678901234567890.5,\"c\":\"NaN\"}"},
		{"SELECT '{\"x\": [1]}'::json AS a, '{\"x\":[1]}'::jsonb AS b, 'null'::jsonb AS c",
	         "{\"a\":{\"x\": [1]},\"b\":{\"x\": [1]},\"c\":null}"},
		{"SELECT 'q\"\\' || chr(10) || chr(233) AS a, '2026-01-02'::date AS b",
	         "{\"a\":\"q\\\"\\\\\\n\xC3\xA9\",\"b\":\"2026-01-02\"}"},
		{"SELECT 1 AS \"a\"\"b\"", "{\"a\\\"b\":1}"},
		{"SELECT 't'::text AS a, '12'::text AS b", "{\"a\":\"t\",\"b\":\"12\"}"},
	};
	struct database *db = fixture_database();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct vt_rows *rows;
		struct strbuf out;
		char storage[512];
		strbuf_init_fixed(&out, storage, sizeof storage);
		ck_assert_int_eq(fixture_run(db, cases[i].sql, 0, &rows), VT_OK);
		ck_assert(rows_write_json(rows, 0, &out));
		ck_assert_str_eq(out.data, cases[i].json);
		ck_assert(!rows_write_json(rows, 1, &out));
		rows_destroy(rows);
	}
	database_destroy(db);
}
END_TEST

START_TEST(tells_errors_by_class)
{
	static const struct {
		const char *sql;
		enum vt_result result;
		const char *error;
	} cases[] = {
		{"SELEC 1", VT_ERROR, "syntax error (SQLSTATE 42601)"},
		{"SELECT 1; SELECT 2", VT_ERROR, "syntax error (SQLSTATE 42601)"},
		{"SELECT * FROM no_such_table", VT_ERROR, "a table does not exist (SQLSTATE 42P01)"},
		{"SELECT 'abc'::text::int", VT_BAD_INPUT, "a text does not fit the type (SQLSTATE 22P02)"},
		{"SELECT 1/0", VT_BAD_INPUT, "division by zero (SQLSTATE 22012)"},
		{"DO $$ BEGIN RAISE unique_violation; END $$", VT_CONFLICT,
	         "the value exists already (SQLSTATE 23505)"},
		{"DO $$ BEGIN RAISE serialization_failure; END $$", VT_CONFLICT,
	         "changed by somebody else at the same time (SQLSTATE 40001)"},
		{"DO $$ BEGIN RAISE SQLSTATE '55P03'; END $$", VT_ERROR, "a lock is not available (SQLSTATE 55P03)"},
		{"DO $$ BEGIN RAISE SQLSTATE 'ZZ123'; END $$", VT_ERROR, "error of the database (SQLSTATE ZZ123)"},
		{"", VT_ERROR, "the statement is empty"},
		{"COPY (SELECT 1) TO STDOUT", VT_ERROR, "COPY is not served"},
		{"COPY pg_class FROM STDIN", VT_ERROR, NULL},
		{"BEGIN", VT_ERROR, "the statement left a transaction open"},
	};
	struct database *db = fixture_database();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct vt_rows *rows = (struct vt_rows *)db;
		enum vt_result result = fixture_run(db, cases[i].sql, 0, &rows);
		ck_assert_msg(result == cases[i].result, "%s: %d, %s", cases[i].sql, (int)result, database_error(db));
		ck_assert_ptr_null(rows);
		if (cases[i].error != NULL)
			ck_assert_str_eq(database_error(db), cases[i].error);
		fixture_no_secret(database_error(db));
		/* The connection, the same one or a new one, is in order afterwards. */
		ck_assert_int_eq(fixture_number(db, "SELECT 5 AS n"), 5);
	}
	database_destroy(db);
}
END_TEST

START_TEST(a_copy_closes_the_connection)
{
	struct database *db = fixture_database();
	int before = fixture_free_descriptor();
	ck_assert_int_eq(fixture_number(db, "SELECT 5 AS n"), 5);
	ck_assert_int_ne(fixture_free_descriptor(), before);
	ck_assert_int_eq(fixture_run(db, "COPY (SELECT generate_series(1, 100000)) TO STDOUT", 0, NULL), VT_ERROR);
	ck_assert_int_eq(fixture_free_descriptor(), before);
	database_destroy(db);
}
END_TEST

START_TEST(logs_errors_without_parameters)
{
	struct database *db = fixture_database();
	struct vt_rows *rows;
	const char *const params[] = {"parametersecret"};
	struct database_query query = {.sql = "SELECT no_such_column, $1::text",
	                               .params = params,
	                               .param_count = 1,
	                               .deadline_ns = DEADLINE_NEVER};
	ck_assert_int_eq(database_query(db, &query, &rows), VT_ERROR);
	ck_assert_ptr_nonnull(strstr(fixture_log(), "\"sqlstate\":\"42703\""));
	ck_assert_ptr_nonnull(strstr(fixture_log(), "no_such_column"));
	ck_assert_ptr_nonnull(strstr(fixture_log(), "ERROR"));
	query.sql = "SELECT $1::int"; /* class 22 is the client's affair, and its text would hold the parameter */
	ck_assert_int_eq(database_query(db, &query, &rows), VT_BAD_INPUT);
	ck_assert_ptr_null(strstr(fixture_log(), "parametersecret"));
	ck_assert_ptr_null(strstr(database_error(db), "parametersecret"));
	database_destroy(db);
}
END_TEST

START_TEST(logs_statements_when_asked)
{
	struct err err;
	struct database_config config = fixture_config();
	config.debug_sql = true;
	struct database *db = database_create(&config, &err);
	struct vt_rows *rows;
	const char *const params[] = {"parametersecret"};
	const struct database_query query = {
		.sql = "SELECT $1::text AS shown", .params = params, .param_count = 1, .deadline_ns = DEADLINE_NEVER};
	ck_assert_int_eq(database_query(db, &query, &rows), VT_OK);
	rows_destroy(rows);
	ck_assert_ptr_nonnull(strstr(fixture_log(), "SELECT $1::text AS shown"));
	ck_assert_ptr_null(strstr(fixture_log(), "parametersecret"));
	database_destroy(db);
}
END_TEST

START_TEST(refuses_too_many_parameters)
{
	static const char *params[65536];
	struct database *db = fixture_database();
	struct vt_rows *rows;
	const struct database_query query = {
		.sql = "SELECT 1", .params = params, .param_count = 65536, .deadline_ns = DEADLINE_NEVER};
	ck_assert_int_ne(database_query(db, &query, &rows), VT_OK);
	ck_assert_ptr_null(rows);
	ck_assert_int_eq(fixture_number(db, "SELECT 5 AS n"), 5);
	database_destroy(db);
}
END_TEST

START_TEST(large_texts_both_ways)
{
	/* More than the socket's buffers hold, so that sending and receiving both have to wait. */
	const size_t size = (size_t)8 << 20;
	char *text = malloc(size + 1);
	memset(text, 'x', size);
	text[size] = '\0';
	struct database *db = fixture_database();
	struct vt_rows *rows;
	const char *const params[] = {text};
	const struct database_query query = {
		.sql = "SELECT $1::text AS t", .params = params, .param_count = 1, .deadline_ns = DEADLINE_NEVER};
	ck_assert_int_eq(database_query(db, &query, &rows), VT_OK);
	ck_assert_uint_eq(strlen(vt_value(rows, 0, "t")), size);
	rows_destroy(rows);
	free(text);
	database_destroy(db);
}
END_TEST

START_TEST(sets_up_the_session)
{
	struct database *db = fixture_database();
	struct vt_rows *rows;
	ck_assert_int_eq(
		fixture_run(db,
	                    "SELECT current_setting('statement_timeout') AS t, "
	                    "current_setting('client_connection_check_interval') AS w, "
	                    "current_setting('application_name') AS a, current_setting('client_encoding') AS e",
	                    0, &rows),
		VT_OK);
	ck_assert_str_eq(vt_value(rows, 0, "t"), "2500ms"); /* a little above ours */
	ck_assert_str_eq(vt_value(rows, 0, "w"), "1s");
	ck_assert_str_eq(vt_value(rows, 0, "a"), "fixture");
	ck_assert_str_eq(vt_value(rows, 0, "e"), "UTF8");
	rows_destroy(rows);
	database_destroy(db);
}
END_TEST

START_TEST(keeps_its_connection)
{
	struct database *db = fixture_database();
	long first = fixture_number(db, "SELECT pg_backend_pid() AS n");
	ck_assert_int_eq(fixture_ping(db, 2000), VT_OK);
	ck_assert_int_eq(fixture_number(db, "SELECT pg_backend_pid() AS n"), first);
	database_destroy(db);
}
END_TEST

START_TEST(recycles_by_age)
{
	struct err err;
	struct database_config config = fixture_config();
	config.recycle_ms = 300;
	struct database *db = database_create(&config, &err);
	int64_t start_ns = clock_mono_ns();
	long first = fixture_number(db, "SELECT pg_backend_pid() AS n");
	while (fixture_number(db, "SELECT pg_backend_pid() AS n") == first) {
		ck_assert_int_lt(fixture_ms_since(start_ns), 900);
		private_server_nap();
	}
	ck_assert_int_ge(fixture_ms_since(start_ns), 270);
	database_destroy(db);
}
END_TEST

START_TEST(pings_what_was_idle)
{
	struct err err;
	struct database_config config = fixture_config();
	config.ping_idle_ms = 0; /* every time */
	struct database *db = database_create(&config, &err);
	long first = fixture_number(db, "SELECT pg_backend_pid() AS n");
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(fixture_number(db, "SELECT pg_backend_pid() AS n"), first);
	database_destroy(db);
}
END_TEST

START_TEST(checks_urls)
{
	static const struct {
		const char *url;
		int status;
	} cases[] = {
		{"postgresql://joesecretuser:hunter2secret@secrethost:5432/secretdatabase", 0},
		{"postgres://secrethost,other:5433/x?sslmode=require", 0},
		{"postgresql:///x?host=/run/postgresql", 0},
		{"host=/run dbname=x", 0},
		{"mysql://joesecretuser:hunter2secret@secrethost/x", -1},
		{"postgresql://joesecretuser:hunter2secret%zz@secrethost/x", -1},
		{"postgresql://joesecretuser:hunter2secret@secrethost/x?hunter2secret=1", -1},
		{"postgresql://joesecretuser:hunter2secret@secrethost:70000/x", -1},
		{"postgresql://secrethost:hunter2secret/x", -1},
		{"postgresql://[::1", -1},
		{"hunter2secret", -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = {.text = ""};
		ck_assert_msg(database_check_url(cases[i].url, &err) == cases[i].status, "%s: %s", cases[i].url,
		              err.text);
		if (cases[i].status == 0)
			continue;
		ck_assert_ptr_nonnull(strstr(err.text, "DATABASE_URL"));
		ck_assert_ptr_null(strstr(err.text, "secret"));
		const struct database_config config = {
			.url = cases[i].url, .connect_timeout_ms = 1, .query_timeout_ms = 1};
		ck_assert_ptr_null(database_create(&config, &err));
	}
}
END_TEST

/* ---- Comments ---- */

#define COMMENT "/*correlation_id='id-1',route='%2Fu'*/"

/* The text of the running statement, as the database shows it to others. */
#define SHOWN "(SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid())"

static const char *const commented[] = {
	"SELECT " SHOWN " AS n",
	"SELECT " SHOWN " AS n;",
	"SELECT " SHOWN " AS n -- the end",
	"/* first */ SELECT " SHOWN " AS n",
	"SELECT " SHOWN " AS n, '*/' AS a, $$ -- $$ AS b, 'it''s' AS c",
	"WITH a AS (SELECT 1) SELECT " SHOWN " AS n FROM a",
};

START_TEST(a_comment_shows_while_the_statement_runs)
{
	struct database *db = fixture_database();
	struct vt_rows *rows;
	const struct database_query query = {.sql = commented[_i], .comment = COMMENT, .deadline_ns = DEADLINE_NEVER};
	ck_assert_msg(database_query(db, &query, &rows) == VT_OK, "%s", database_error(db));
	const char *shown = vt_value(rows, 0, "n");
	ck_assert_msg(strstr(shown, COMMENT) != NULL, "%s", shown);
	ck_assert_int_eq(strncmp(shown, commented[_i], strlen(commented[_i])), 0);
	rows_destroy(rows);
	database_destroy(db);
}
END_TEST

/* The server shows the first KiB; only a hint has to stay in front. */
START_TEST(a_comment_of_a_long_statement_shows_too)
{
	static const struct {
		const char *start;
		bool in_front;
	} cases[] = {{"SELECT " SHOWN " AS n, '", true}, {"/*+ SeqScan(a) */ SELECT " SHOWN " AS n, '", false}};
	struct database *db = fixture_database();
	for (size_t i = 0; i < 2; i++) {
		char sql[200000];
		struct vt_rows *rows;
		size_t sizes[] = {900, 1100, 40000, 150000}; /* the last: too long to be copied */
		for (size_t n = 0; n < 4; n++) {
			size_t start = strlen(cases[i].start);
			memset(sql, 'x', sizes[n]);
			memcpy(sql, cases[i].start, start);
			strcpy(sql + sizes[n], "' AS a");
			const struct database_query query = {
				.sql = sql, .comment = COMMENT, .deadline_ns = DEADLINE_NEVER};
			ck_assert_msg(database_query(db, &query, &rows) == VT_OK, "%s", database_error(db));
			const char *shown = vt_value(rows, 0, "n");
			bool wanted = sizes[n] == 900 || (cases[i].in_front && sizes[n] < 100000);
			ck_assert_msg((strstr(shown, COMMENT) != NULL) == wanted, "%zu: %s", sizes[n], shown);
			rows_destroy(rows);
		}
	}
	database_destroy(db);
}
END_TEST

/* What is wrong with a statement is wrong with it as before, and the connection stays sound. */
START_TEST(a_comment_makes_nothing_right_and_nothing_wrong)
{
	static const struct {
		const char *sql;
		enum vt_result result;
	} cases[] = {
		{"", VT_ERROR},
		{"SELECT 'open", VT_ERROR},
		{"SELECT 1 /* open", VT_ERROR},
		{"SELECT $$ open", VT_ERROR},
		{"SELECT \"open", VT_ERROR},
		{"SELECT 1; SELECT 2", VT_ERROR},
		{"SELECT 1/0", VT_BAD_INPUT},
		{"SELECT 1 --", VT_OK},
		{"SELECT 1", VT_OK},
	};
	struct database *db = fixture_database();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int with = 0; with < 2; with++) {
			struct vt_rows *rows;
			const struct database_query query = {
				.sql = cases[i].sql, .comment = with ? COMMENT : NULL, .deadline_ns = DEADLINE_NEVER};
			enum vt_result result = database_query(db, &query, &rows);
			ck_assert_msg(result == cases[i].result, "%s: %d, %s", cases[i].sql, (int)result,
			              database_error(db));
			rows_destroy(rows);
		}
	}
	database_destroy(db);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("database");
	TCase *tc = tcase_create("database");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, answers_with_rows);
	tcase_add_test(tc, counts_rows_affected);
	tcase_add_test(tc, writes_types_as_json);
	tcase_add_test(tc, tells_errors_by_class);
	tcase_add_test(tc, a_copy_closes_the_connection);
	tcase_add_test(tc, logs_errors_without_parameters);
	tcase_add_test(tc, logs_statements_when_asked);
	tcase_add_test(tc, refuses_too_many_parameters);
	tcase_add_test(tc, large_texts_both_ways);
	tcase_add_test(tc, sets_up_the_session);
	tcase_add_test(tc, keeps_its_connection);
	tcase_add_test(tc, recycles_by_age);
	tcase_add_test(tc, pings_what_was_idle);
	tcase_add_test(tc, checks_urls);
	tcase_add_loop_test(tc, a_comment_shows_while_the_statement_runs, 0, sizeof commented / sizeof *commented);
	tcase_add_test(tc, a_comment_of_a_long_statement_shows_too);
	tcase_add_test(tc, a_comment_makes_nothing_right_and_nothing_wrong);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
