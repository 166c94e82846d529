/* test_query.c - query parameters: decoded once, repeated ones, malformed ones. */
#include "http_fixture.h"
#include "run_suite.h"

#include <stdlib.h>

/* pairs: name, value, name, value … */
static const struct {
	const char *query;
	enum vt_result result;
	const char *pairs[9];
} cases[] = {
	{"", VT_OK, {NULL}},
	{"a=1", VT_OK, {"a", "1"}},
	{"a=1&b=2", VT_OK, {"a", "1", "b", "2"}},
	{"a=1&a=2&b=3&a=", VT_OK, {"a", "1", "a", "2", "b", "3", "a", ""}},
	{"a", VT_OK, {"a", ""}},
	{"a&b", VT_OK, {"a", "", "b", ""}},
	{"=1", VT_OK, {"", "1"}},
	{"=", VT_OK, {"", ""}},
	{"&&a=1&&", VT_OK, {"a", "1"}},
	{"a=b=c", VT_OK, {"a", "b=c"}},
	{"a=1;b=2", VT_OK, {"a", "1;b=2"}},
	{"a=x+y%20z%2B", VT_OK, {"a", "x y z+"}},
	{"a%3Db=1%262", VT_OK, {"a=b", "1&2"}},
	{"na+me=1", VT_OK, {"na me", "1"}},
	{"a=%2541", VT_OK, {"a", "%41"}},
	{"a=%C3%A4", VT_OK, {"a", "\xc3\xa4"}},
	{"a=%ff", VT_OK, {"a", "\xff"}},
	{"a=%zz&b=2", VT_BAD_INPUT, {"b", "2"}},
	{"b=2&a=%", VT_BAD_INPUT, {"b", "2"}},
	{"%4=1", VT_BAD_INPUT, {NULL}},
	{"a=%00", VT_BAD_INPUT, {NULL}},
	{"a%00b=1&c=2", VT_BAD_INPUT, {"c", "2"}},
};

START_TEST(table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		f.req.query_string = cases[i].query;
		ck_assert_msg(request_parse_query(&f.req) == cases[i].result, "\"%s\"", cases[i].query);
		ck_assert_int_eq(request_parse_query(&f.req), cases[i].result);
		size_t n = 0;
		for (; cases[i].pairs[2 * n] != NULL; n++) {
			ck_assert_uint_lt(n, f.req.query_count);
			ck_assert_str_eq(f.req.query[n].name, cases[i].pairs[2 * n]);
			ck_assert_str_eq(f.req.query[n].value, cases[i].pairs[2 * n + 1]);
		}
		ck_assert_uint_eq(f.req.query_count, n);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(parameters_by_name_and_number)
{
	struct fixture f;
	fixture_init(&f);
	fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "REQUEST_URI=/x?a=1&b=x&a=2&A=3"));
	ck_assert_str_eq(vt_query_param(&f.req, "a", 0), "1");
	ck_assert_str_eq(vt_query_param(&f.req, "a", 1), "2");
	ck_assert_ptr_null(vt_query_param(&f.req, "a", 2));
	ck_assert_str_eq(vt_query_param(&f.req, "A", 0), "3");
	ck_assert_ptr_null(vt_query_param(&f.req, "c", 0));
	fixture_fini(&f);
}
END_TEST

START_TEST(the_web_servers_query_string_wins)
{
	struct fixture f;
	fixture_init(&f);
	fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "REQUEST_URI=/x?a=1", "QUERY_STRING=a=2"));
	ck_assert_str_eq(vt_query_param(&f.req, "a", 0), "2");
	fixture_fini(&f);
}
END_TEST

START_TEST(no_memory)
{
	struct fixture f;
	fixture_init(&f);
	f.req.query_string = "a=1";
	arena_fail(f.arena);
	ck_assert_int_eq(request_parse_query(&f.req), VT_NO_MEMORY);
	ck_assert_ptr_null(vt_query_param(&f.req, "a", 0));
	fixture_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("query");
	TCase *tc = tcase_create("query");
	tcase_add_test(tc, table);
	tcase_add_test(tc, parameters_by_name_and_number);
	tcase_add_test(tc, the_web_servers_query_string_wins);
	tcase_add_test(tc, no_memory);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
