/* test_headers.c - header fields, cookies, content type and length. */
#include "http_fixture.h"
#include "run_suite.h"

#include <stdlib.h>

START_TEST(names_compare_without_case_and_dashes)
{
	static const char *const names[] = {"X-Api-Version", "x-api-version", "X_API_VERSION", "x_Api-vErsion"};
	struct fixture f;
	fixture_init(&f);
	fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "HTTP_X_API_VERSION= 7 =8", "HTTP_X_API=other"));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_str_eq(vt_header(&f.req, names[i], 0), " 7 =8");
	ck_assert_ptr_null(vt_header(&f.req, "X-Api-Version-2", 0));
	ck_assert_ptr_null(vt_header(&f.req, "X-Ap", 0));
	ck_assert_ptr_null(vt_header(&f.req, "", 0));
	ck_assert_ptr_null(vt_header(&f.req, "REQUEST-METHOD", 0));
	fixture_fini(&f);
}
END_TEST

START_TEST(repeated_headers_are_all_there)
{
	struct fixture f;
	fixture_init(&f);
	fixture_parse(&f, PARAMS("HTTP_VIA=a", "REQUEST_METHOD=GET", "HTTP_VIA=b", "HTTP_X=1", "HTTP_VIA="));
	ck_assert_str_eq(vt_header(&f.req, "Via", 0), "a");
	ck_assert_str_eq(vt_header(&f.req, "Via", 1), "b");
	ck_assert_str_eq(vt_header(&f.req, "Via", 2), "");
	ck_assert_ptr_null(vt_header(&f.req, "Via", 3));
	ck_assert_uint_eq(f.req.header_count, 4);
	fixture_fini(&f);
}
END_TEST

START_TEST(content_fields_are_headers_once)
{
	struct fixture f;
	fixture_init(&f);
	fixture_parse(&f, PARAMS("REQUEST_METHOD=POST", "CONTENT_TYPE=text/plain; charset=utf-8",
	                         "HTTP_CONTENT_TYPE=other/type", "CONTENT_LENGTH=12", "HTTP_CONTENT_LENGTH=99",
	                         "HTTP_=nameless"));
	ck_assert_str_eq(vt_header(&f.req, "Content-Type", 0), "text/plain; charset=utf-8");
	ck_assert_ptr_null(vt_header(&f.req, "Content-Type", 1));
	ck_assert_str_eq(vt_header(&f.req, "Content-Length", 0), "12");
	ck_assert_ptr_null(vt_header(&f.req, "Content-Length", 1));
	ck_assert_int_eq(vt_content_length(&f.req), 12);
	ck_assert_str_eq(vt_content_type(&f.req), "text/plain");
	fixture_fini(&f);
}
END_TEST

START_TEST(content_types)
{
	static const struct {
		const char *param, *type;
	} cases[] = {
		{"CONTENT_TYPE=application/json", "application/json"},
		{"CONTENT_TYPE=Application/JSON", "application/json"},
		{"CONTENT_TYPE=application/json;charset=UTF-8", "application/json"},
		{"CONTENT_TYPE= application/json\t; x", "application/json"},
		{"CONTENT_TYPE=;x", ""},
		{"CONTENT_TYPE=", ""},
		{"OTHER=", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", cases[i].param)), VT_OK);
		ck_assert_str_eq(vt_content_type(&f.req), cases[i].type);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(content_lengths)
{
	static const struct {
		const char *first, *second;
		int64_t length; /* -2: VT_BAD_INPUT */
	} cases[] = {
		{"CONTENT_LENGTH=0", "X=", 0},
		{"CONTENT_LENGTH=5", "X=", 5},
		{"CONTENT_LENGTH=007", "X=", 7},
		{"CONTENT_LENGTH=9223372036854775807", "X=", INT64_MAX},
		{"CONTENT_LENGTH=", "X=", -1},
		{"CONTENT_LENGTH=5", "CONTENT_LENGTH=5", 5},
		{"CONTENT_LENGTH=5", "CONTENT_LENGTH=", 5},
		{"CONTENT_LENGTH=5", "CONTENT_LENGTH=05", 5},
		{"CONTENT_LENGTH=5", "CONTENT_LENGTH=6", -2},
		{"CONTENT_LENGTH=0", "CONTENT_LENGTH=6", -2},
		{"CONTENT_LENGTH=9223372036854775808", "X=", -2},
		{"CONTENT_LENGTH=18446744073709551621", "X=", -2},
		{"CONTENT_LENGTH=99999999999999999999999", "X=", -2},
		{"CONTENT_LENGTH=-1", "X=", -2},
		{"CONTENT_LENGTH=+1", "X=", -2},
		{"CONTENT_LENGTH= 1", "X=", -2},
		{"CONTENT_LENGTH=1 ", "X=", -2},
		{"CONTENT_LENGTH=5, 5", "X=", -2},
		{"CONTENT_LENGTH=0x10", "X=", -2},
		{"CONTENT_LENGTH=1e3", "X=", -2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		enum vt_result result =
			fixture_parse(&f, PARAMS("REQUEST_METHOD=POST", cases[i].first, cases[i].second));
		ck_assert_msg(result == (cases[i].length == -2 ? VT_BAD_INPUT : VT_OK), "%s", cases[i].first);
		ck_assert_int_eq(vt_content_length(&f.req), cases[i].length == -2 ? -1 : cases[i].length);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(cookies)
{
	static const struct {
		const char *field, *value; /* of the cookie "id"; NULL: absent */
	} cases[] = {
		{"HTTP_COOKIE=id=1", "1"},
		{"HTTP_COOKIE=a=0; id=1; b=2", "1"},
		{"HTTP_COOKIE=a=0;id=1;b=2", "1"},
		{"HTTP_COOKIE=id=1; id=2", "1"},
		{"HTTP_COOKIE=id=", ""},
		{"HTTP_COOKIE=id=a=b", "a=b"},
		{"HTTP_COOKIE=id=\"q\"", "\"q\""},
		{"HTTP_COOKIE=id = 1 ", "1"},
		{"HTTP_COOKIE=id=%41", "%41"},
		{"HTTP_COOKIE=ID=1", NULL},
		{"HTTP_COOKIE=xid=1; idx=2", NULL},
		{"HTTP_COOKIE=id", NULL},
		{"HTTP_COOKIE=a=id=1", NULL},
		{"HTTP_COOKIE=;;; ;id=3;", "3"},
		{"HTTP_COOKIE=", NULL},
		{"HTTP_OTHER=id=1", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", cases[i].field));
		const char *value = vt_cookie(&f.req, "id");
		if (cases[i].value == NULL)
			ck_assert_msg(value == NULL, "%s", cases[i].field);
		else
			ck_assert_str_eq(value, cases[i].value);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(cookies_may_come_in_several_fields)
{
	struct fixture f;
	fixture_init(&f);
	fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "HTTP_COOKIE=a=1", "HTTP_COOKIE=b=2; c=3"));
	ck_assert_str_eq(vt_cookie(&f.req, "a"), "1");
	ck_assert_str_eq(vt_cookie(&f.req, "c"), "3");
	ck_assert_ptr_null(vt_cookie(&f.req, "d"));
	fixture_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("headers");
	TCase *tc = tcase_create("headers");
	tcase_add_test(tc, names_compare_without_case_and_dashes);
	tcase_add_test(tc, repeated_headers_are_all_there);
	tcase_add_test(tc, content_fields_are_headers_once);
	tcase_add_test(tc, content_types);
	tcase_add_test(tc, content_lengths);
	tcase_add_test(tc, cookies);
	tcase_add_test(tc, cookies_may_come_in_several_fields);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
