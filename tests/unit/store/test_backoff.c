/* test_backoff.c - the waits between attempts: bounds, growth, chance. */
#include <check.h>
#include <stdlib.h>

#include "backoff.h"
#include "clock.h"
#include "run_suite.h"

static int64_t
wait_ms_after(unsigned failures, uint32_t chance_number)
{
	struct backoff backoff = {0};
	for (unsigned i = 0; i < failures; i++)
		backoff_fail(&backoff, 1000 * NS_PER_MS, chance_number);
	return (backoff.until_ns - 1000 * NS_PER_MS) / NS_PER_MS;
}

START_TEST(grows_to_its_bound)
{
	static const struct {
		unsigned failures;
		int64_t longest_ms;
	} cases[] = {{1, 100}, {2, 200}, {3, 400}, {4, 800}, {5, 1000}, {6, 1000}, {1000, 1000}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_int_eq(wait_ms_after(cases[i].failures, 0), cases[i].longest_ms);
		ck_assert_int_eq(wait_ms_after(cases[i].failures, UINT32_MAX), cases[i].longest_ms / 2);
		int64_t middle_ms = wait_ms_after(cases[i].failures, UINT32_MAX / 2);
		ck_assert_int_gt(middle_ms, cases[i].longest_ms / 2);
		ck_assert_int_lt(middle_ms, cases[i].longest_ms);
	}
}
END_TEST

START_TEST(is_over_when_its_time_has_come)
{
	struct backoff backoff = {0};
	ck_assert(backoff_over(&backoff, 0));
	backoff_fail(&backoff, 5 * NS_PER_S, 0);
	ck_assert(!backoff_over(&backoff, 5 * NS_PER_S));
	ck_assert(!backoff_over(&backoff, 5 * NS_PER_S + 100 * NS_PER_MS - 1));
	ck_assert(backoff_over(&backoff, 5 * NS_PER_S + 100 * NS_PER_MS));
}
END_TEST

START_TEST(reset_begins_anew)
{
	struct backoff backoff = {0};
	for (int i = 0; i < 10; i++)
		backoff_fail(&backoff, 5 * NS_PER_S, 0);
	backoff_reset(&backoff);
	ck_assert(backoff_over(&backoff, 5 * NS_PER_S));
	backoff_fail(&backoff, 5 * NS_PER_S, 0);
	ck_assert(backoff_over(&backoff, 5 * NS_PER_S + 100 * NS_PER_MS));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *tc = tcase_create("backoff");
	tcase_add_test(tc, grows_to_its_bound);
	tcase_add_test(tc, is_over_when_its_time_has_come);
	tcase_add_test(tc, reset_begins_anew);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
