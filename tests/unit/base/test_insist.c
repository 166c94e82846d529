/* test_insist.c - a statement that does not hold ends the process by SIGABRT; one that holds does nothing. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "insist.h"
#include "run_suite.h"

START_TEST(what_holds_does_nothing)
{
	int evaluated = 0;
	INSIST(++evaluated == 1);
	ck_assert_int_eq(evaluated, 1);
}
END_TEST

START_TEST(what_does_not_hold_aborts) /* raises SIGABRT */
{
	volatile int one = 1;
	INSIST(one == 2);
}
END_TEST

START_TEST(a_long_condition_aborts_all_the_same) /* raises SIGABRT */
{
	char long_text[2000];
	for (size_t i = 0; i < sizeof long_text - 1; i++)
		long_text[i] = 'x';
	long_text[sizeof long_text - 1] = '\0';
	insist_failed(long_text, "file.c", 1, "function");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("insist");
	TCase *tc = tcase_create("insist");
	tcase_add_test(tc, what_holds_does_nothing);
	tcase_add_test_raise_signal(tc, what_does_not_hold_aborts, SIGABRT);
	tcase_add_test_raise_signal(tc, a_long_condition_aborts_all_the_same, SIGABRT);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
