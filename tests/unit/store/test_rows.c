/* test_rows.c - fields as C values and as JSON, from a real PostgreSQL and from texts that no server would send. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "database_fixture.h"
#include "jsonw.h"
#include "rows.h"
#include "run_suite.h"
#include "strbuf.h"

static struct vt_rows *
ask(struct database *db, const char *sql)
{
	struct vt_rows *rows;
	ck_assert_msg(fixture_run(db, sql, 0, &rows) == VT_OK, "%s: %s", sql, database_error(db));
	return rows;
}

static const struct {
	const char *sql;
	enum vt_result result;
	int64_t value;
} ints[] = {
	{"SELECT 42 AS n", VT_OK, 42},
	{"SELECT -7::int2 AS n", VT_OK, -7},
	{"SELECT 9223372036854775807 AS n", VT_OK, INT64_MAX},
	{"SELECT (-9223372036854775808)::int8 AS n", VT_OK, INT64_MIN},
	{"SELECT 9223372036854775808::numeric AS n", VT_ERROR, 0},
	{"SELECT -9223372036854775809::numeric AS n", VT_ERROR, 0},
	{"SELECT 12::numeric AS n", VT_OK, 12},
	{"SELECT 12.0::numeric AS n", VT_ERROR, 0},
	{"SELECT '7' AS n", VT_OK, 7},
	{"SELECT ' 7' AS n", VT_ERROR, 0},
	{"SELECT '+7' AS n", VT_ERROR, 0},
	{"SELECT '7 ' AS n", VT_ERROR, 0},
	{"SELECT '' AS n", VT_ERROR, 0},
	{"SELECT '-' AS n", VT_ERROR, 0},
	{"SELECT true AS n", VT_ERROR, 0},
	{"SELECT NULL::int AS n", VT_MISS, 0},
	{"SELECT 1 AS other", VT_NOT_FOUND, 0},
	{"SELECT 1 AS n WHERE false", VT_NOT_FOUND, 0},
};

START_TEST(whole_numbers)
{
	struct database *db = fixture_database();
	for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
		struct vt_rows *rows = ask(db, ints[i].sql);
		int64_t value = 99;
		enum vt_result result = vt_value_int(rows, 0, "n", &value);
		ck_assert_msg(result == ints[i].result, "%s: %d", ints[i].sql, (int)result);
		ck_assert_msg(value == ints[i].value, "%s", ints[i].sql);
		rows_destroy(rows);
	}
	database_destroy(db);
}
END_TEST

static const struct {
	const char *sql;
	enum vt_result result;
	double value;
} doubles[] = {
	{"SELECT 1.5::float8 AS n", VT_OK, 1.5},
	{"SELECT 0.1::numeric AS n", VT_OK, 0.1},
	{"SELECT -3 AS n", VT_OK, -3},
	{"SELECT 1e-320::float8 AS n", VT_OK, 1e-320},
	{"SELECT '-Infinity'::float4 AS n", VT_OK, -INFINITY},
	{"SELECT 'Infinity'::numeric AS n", VT_OK, INFINITY},
	{"SELECT 1e400::numeric AS n", VT_ERROR, 0},
	{"SELECT '0x10' AS n", VT_ERROR, 0},
	{"SELECT 'inf' AS n", VT_ERROR, 0},
	{"SELECT '' AS n", VT_ERROR, 0},
	{"SELECT '1.5.2' AS n", VT_ERROR, 0},
	{"SELECT NULL::float8 AS n", VT_MISS, 0},
	{"SELECT 1 AS other", VT_NOT_FOUND, 0},
};

START_TEST(numbers)
{
	struct database *db = fixture_database();
	double value;
	for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
		struct vt_rows *rows = ask(db, doubles[i].sql);
		value = 99;
		enum vt_result result = vt_value_double(rows, 0, "n", &value);
		ck_assert_msg(result == doubles[i].result, "%s: %d", doubles[i].sql, (int)result);
		ck_assert_msg(!(value < doubles[i].value) && !(value > doubles[i].value), "%s: %g", doubles[i].sql,
		              value);
		rows_destroy(rows);
	}
	struct vt_rows *rows = ask(db, "SELECT 'NaN'::float8 AS n");
	ck_assert_int_eq(vt_value_double(rows, 0, "n", &value), VT_OK);
	ck_assert(isnan(value));
	rows_destroy(rows);
	database_destroy(db);
}
END_TEST

START_TEST(truth)
{
	struct database *db = fixture_database();
	struct vt_rows *rows = ask(db, "SELECT true AS t, false AS f, NULL::bool AS n, 'true' AS x");
	bool value = false;
	ck_assert_int_eq(vt_value_bool(rows, 0, "t", &value), VT_OK);
	ck_assert(value);
	ck_assert_int_eq(vt_value_bool(rows, 0, "x", &value), VT_ERROR);
	ck_assert(!value);
	value = true;
	ck_assert_int_eq(vt_value_bool(rows, 0, "f", &value), VT_OK);
	ck_assert(!value);
	ck_assert_int_eq(vt_value_bool(rows, 0, "n", &value), VT_MISS);
	ck_assert_int_eq(vt_value_bool(rows, 1, "t", &value), VT_NOT_FOUND);
	ck_assert_int_eq(vt_value_bool(rows, 0, NULL, &value), VT_NOT_FOUND);
	ck_assert_int_eq(vt_value_bool(NULL, 0, "t", &value), VT_NOT_FOUND);
	ck_assert_str_eq(vt_column_name(rows, 1), "f");
	ck_assert_ptr_null(vt_column_name(rows, 4));
	rows_destroy(rows);
	database_destroy(db);
}
END_TEST

static const struct {
	const char *sql, *json;
} fields[] = {
	{"SELECT '{1,2,NULL}'::int[] AS a", "{\"a\":[1,2,null]}"},
	{"SELECT '{}'::int[] AS a", "{\"a\":[]}"},
	{"SELECT '{{1,2},{3,4}}'::int8[] AS a", "{\"a\":[[1,2],[3,4]]}"},
	{"SELECT '[0:1]={5,6}'::int[] AS a", "{\"a\":[5,6]}"},
	{"SELECT ARRAY[true,false,NULL] AS a", "{\"a\":[true,false,null]}"},
	{"SELECT ARRAY[0.10,'NaN']::numeric[] AS a", "{\"a\":[0.10,\"NaN\"]}"},
	{"SELECT ARRAY['a','b c','','NULL',NULL,'q\"\\}',E'\\n'] AS a",
         "{\"a\":[\"a\",\"b c\",\"\",\"NULL\",null,\"q\\\"\\\\}\",\"\\n\"]}"},
	{"SELECT ARRAY['{\"x\":[1,2]}','null']::jsonb[] AS a", "{\"a\":[{\"x\": [1, 2]},null]}"},
	{"SELECT '2026-01-02 03:04:05.678'::timestamp AS a", "{\"a\":\"2026-01-02T03:04:05.678\"}"},
	{"SELECT set_config('timezone', 'Asia/Kolkata', false) AS z", "{\"z\":\"Asia/Kolkata\"}"},
	{"SELECT '2026-01-02 03:04:05+00'::timestamptz AS a", "{\"a\":\"2026-01-02T08:34:05+05:30\"}"},
	{"SELECT set_config('timezone', 'UTC', false) AS z", "{\"z\":\"UTC\"}"},
	{"SELECT '2026-01-02 03:04:05+00'::timestamptz AS a, ARRAY['2026-01-02 03:04:05+00'::timestamptz] AS b",
         "{\"a\":\"2026-01-02T03:04:05+00:00\",\"b\":[\"2026-01-02T03:04:05+00:00\"]}"},
	{"SELECT 'infinity'::timestamptz AS a, '0044-03-15 10:00:00 BC'::timestamp AS b",
         "{\"a\":\"infinity\",\"b\":\"0044-03-15 10:00:00 BC\"}"},
	{"SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS a, '\\x00ff'::bytea AS b",
         "{\"a\":\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\",\"b\":\"\\\\x00ff\"}"},
	{"SELECT int4range(1, 5) AS a", "{\"a\":\"[1,5)\"}"},
};

START_TEST(json_of_types)
{
	struct database *db = fixture_database();
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		struct vt_rows *rows = ask(db, fields[i].sql);
		struct strbuf out;
		char storage[512];
		strbuf_init_fixed(&out, storage, sizeof storage);
		ck_assert(rows_write_json(rows, 0, &out));
		ck_assert_str_eq(out.data, fields[i].json);
		rows_destroy(rows);
	}
	database_destroy(db);
}
END_TEST

/* The server's own opinion of the same values. */
START_TEST(json_as_the_server_writes_it)
{
	static const char values[] =
		"ARRAY[1,NULL,3] AS a, ARRAY['x\"y','','NULL'] AS b, true AS c, 12.50 AS d, NULL::int AS e, "
		"'2026-01-02 03:04:05.25+00'::timestamptz AS f, 'text' AS g, '{\"k\":[1]}'::json AS h";
	struct database *db = fixture_database();
	char sql[600], storage[600];
	struct strbuf out;
	snprintf(sql, sizeof sql, "SELECT %s", values);
	struct vt_rows *rows = ask(db, sql);
	strbuf_init_fixed(&out, storage, sizeof storage);
	ck_assert(rows_write_json(rows, 0, &out));
	snprintf(sql, sizeof sql, "SELECT row_to_json(t)::jsonb = $$%s$$::jsonb AS same FROM (SELECT %s) t", out.data,
	         values);
	rows_destroy(rows);
	rows = ask(db, sql);
	ck_assert_str_eq(vt_value(rows, 0, "same"), "t");
	rows_destroy(rows);
	database_destroy(db);
}
END_TEST

/* Not an array, whatever its type says: a string, and JSON in any case. */
static const char *const broken[] = {"",     "{",     "}",       "{1", "{\"",  "{\"\\", "{1}}",
                                     "{1}x", "[0:1]", "[0:1]={", "x",  "{{1}", "{\"a}"};

START_TEST(broken_arrays_are_strings)
{
	char storage[128], wanted = broken[_i][0];
	struct strbuf out;
	struct jsonw w;
	strbuf_init_fixed(&out, storage, sizeof storage);
	jsonw_init(&w, &out);
	rows_field_json(&w, 1007, broken[_i], strlen(broken[_i]));
	ck_assert_int_eq(out.data[0], '"');
	ck_assert_msg(wanted == '\0' || out.data[1] == wanted || out.data[1] == '\\', "%s", out.data);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rows");
	TCase *tc = tcase_create("rows");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, whole_numbers);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, truth);
	tcase_add_test(tc, json_of_types);
	tcase_add_test(tc, json_as_the_server_writes_it);
	tcase_add_loop_test(tc, broken_arrays_are_strings, 0, sizeof broken / sizeof broken[0]);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
