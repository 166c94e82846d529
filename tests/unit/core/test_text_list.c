/* test_text_list.c - splitting at commas. */
#include "run_suite.h"
#include "text_list.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	size_t count;
	const char *items[4];
} cases[] = {
	{"", 0, {NULL}},
	{" , ,, ", 0, {NULL}},
	{"a", 1, {"a"}},
	{"a,b", 2, {"a", "b"}},
	{"  a b ,\tc\t,,d ", 3, {"a b", "c", "d"}},
	{",x,", 1, {"x"}},
};

START_TEST(splits)
{
	struct text_list list;
	ck_assert_int_eq(text_list_split(&list, cases[_i].text), 0);
	ck_assert_uint_eq(list.count, cases[_i].count);
	for (size_t i = 0; i < list.count; i++)
		ck_assert_str_eq(list.items[i], cases[_i].items[i]);
	text_list_fini(&list);
	ck_assert_uint_eq(list.count, 0);
	text_list_fini(&list);
}
END_TEST

START_TEST(has)
{
	struct text_list list;
	ck_assert_int_eq(text_list_split(&list, "one, two"), 0);
	ck_assert(text_list_has(&list, "two"));
	ck_assert(!text_list_has(&list, "tw"));
	ck_assert(!text_list_has(&list, "TWO"));
	text_list_fini(&list);
	ck_assert(!text_list_has(&list, "two"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("text_list");
	TCase *tcase = tcase_create("text_list");
	tcase_add_loop_test(tcase, splits, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(tcase, has);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
