/* test_correlation.c - which correlation IDs are taken over, and those that are made. */
#include "correlation.h"
#include "run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	bool valid;
} cases[] = {
	{"a", true},     {"A-b_c.9", true}, {"", false},         {NULL, false},  {"a b", false},
	{"a,b", false},  {"a\n", false},    {"\xc3\xa4", false}, {"a/b", false}, {" a", false},
	{"a\"b", false}, {"{a}", false},    {"\x7f", false},     {"-", true},
};

START_TEST(judges)
{
	ck_assert(correlation_id_valid(cases[_i].text) == cases[_i].valid);
}
END_TEST

START_TEST(bounds_the_length)
{
	char text[CORRELATION_ID_MAX + 2];
	memset(text, 'a', sizeof text);
	text[CORRELATION_ID_MAX + 1] = '\0';
	ck_assert(!correlation_id_valid(text));
	text[CORRELATION_ID_MAX] = '\0';
	ck_assert(correlation_id_valid(text));
}
END_TEST

/* RFC 9562 section 5.4: the version is 4, the variant 10xx. */
START_TEST(makes_random_uuids)
{
	char one[UUID_TEXT_BYTES], two[UUID_TEXT_BYTES];
	correlation_id_make(one);
	correlation_id_make(two);
	ck_assert_uint_eq(strlen(one), 36);
	ck_assert_uint_eq(strspn(one, "0123456789abcdef-"), 36);
	ck_assert_int_eq(one[14], '4');
	ck_assert_ptr_nonnull(strchr("89ab", one[19]));
	ck_assert_str_ne(one, two);
	ck_assert(correlation_id_valid(one));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("correlation");
	TCase *tcase = tcase_create("correlation");
	tcase_add_loop_test(tcase, judges, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(tcase, bounds_the_length);
	tcase_add_test(tcase, makes_random_uuids);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
