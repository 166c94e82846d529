/* test_policy.c - the restart policy, case by case. */
#include <check.h>
#include <stdlib.h>

#include "policy.h"
#include "run_suite.h"

START_TEST(a_death_after_a_life_is_followed_at_once)
{
	struct restart_history history = {0};
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(policy_after_death(&history, POLICY_YOUNG_MS), 0);
}
END_TEST

START_TEST(young_deaths_in_a_row_wait_longer_up_to_the_bound)
{
	static const int64_t expected[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
	struct restart_history history = {0};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		ck_assert_int_eq(policy_after_death(&history, POLICY_YOUNG_MS - 1), expected[i]);
}
END_TEST

START_TEST(one_life_forgives_all)
{
	struct restart_history history = {0};
	for (int i = 0; i < 5; i++)
		policy_after_death(&history, 0);
	ck_assert_int_eq(policy_after_death(&history, POLICY_YOUNG_MS), 0);
	ck_assert_int_eq(policy_after_death(&history, 0), 0);
	ck_assert_int_eq(policy_after_death(&history, 0), POLICY_FIRST_DELAY_MS);
}
END_TEST

START_TEST(the_count_never_overflows_the_delay)
{
	struct restart_history history = {.young_deaths = 4000000000U};
	ck_assert_int_eq(policy_after_death(&history, 0), POLICY_MAX_DELAY_MS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tc = tcase_create("policy");
	tcase_add_test(tc, a_death_after_a_life_is_followed_at_once);
	tcase_add_test(tc, young_deaths_in_a_row_wait_longer_up_to_the_bound);
	tcase_add_test(tc, one_life_forgives_all);
	tcase_add_test(tc, the_count_never_overflows_the_delay);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
