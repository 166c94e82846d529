/* test_err.c - sentences for the operator. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "run_suite.h"

START_TEST(sets_and_returns_minus_one)
{
	struct err err;
	ck_assert_int_eq(err_set(&err, "WORKERS is %d: %s.", 7, "too few"), -1);
	ck_assert_str_eq(err.text, "WORKERS is 7: too few.");
	ck_assert_int_eq(err_set(NULL, "nobody asks"), -1);
}
END_TEST

START_TEST(cuts_what_is_too_long)
{
	struct err err;
	char text[2000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err_set(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("err");
	TCase *tc = tcase_create("err");
	tcase_add_test(tc, sets_and_returns_minus_one);
	tcase_add_test(tc, cuts_what_is_too_long);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
