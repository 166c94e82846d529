/* test_tracking.c - a promise, its end by word and by time, and who settles what has lapsed. */
#include <check.h>
#include <stdlib.h>

#include "clock.h"
#include "run_suite.h"
#include "tracking.h"

#define AT(ms) ((ms)*NS_PER_MS)

START_TEST(a_promise_holds_until_its_time)
{
	struct tracking tracking = {0};
	ck_assert_int_eq(tracking_look(&tracking, AT(5000)), TRACKING_NONE);
	tracking_promise(&tracking, AT(6000));
	ck_assert_int_eq(tracking_look(&tracking, AT(5000)), TRACKING_HOLDS);
	ck_assert_int_eq(tracking_look(&tracking, AT(6000) - 1), TRACKING_HOLDS);
	ck_assert_int_eq(tracking_look(&tracking, AT(6000)), TRACKING_LAPSED);
	tracking_promise(&tracking, AT(7000));
	ck_assert_int_eq(tracking_look(&tracking, AT(6000)), TRACKING_HOLDS);
	tracking_promise(&tracking, 0);
	ck_assert_int_eq(tracking_look(&tracking, AT(6000)), TRACKING_NONE);
}
END_TEST

START_TEST(what_lapsed_is_settled_and_what_was_renewed_is_not)
{
	struct tracking tracking = {0};
	tracking_promise(&tracking, AT(6000));
	tracking_settle(&tracking, AT(5000));
	ck_assert_int_eq(tracking_look(&tracking, AT(5000)), TRACKING_HOLDS);
	tracking_settle(&tracking, AT(6000));
	ck_assert_int_eq(tracking_look(&tracking, AT(6000)), TRACKING_NONE);
	tracking_promise(&tracking, AT(8000));
	tracking_settle(&tracking, AT(6001));
	ck_assert_int_eq(tracking_look(&tracking, AT(6001)), TRACKING_HOLDS);
}
END_TEST

START_TEST(another_boot_promises_nothing)
{
	struct tracking tracking = {0};
	tracking_promise(&tracking, AT(90000000));
	ck_assert_int_eq(tracking_look(&tracking, AT(5000)), TRACKING_LAPSED);
	tracking_settle(&tracking, AT(5000));
	ck_assert_int_eq(tracking_look(&tracking, AT(5000)), TRACKING_NONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tracking");
	TCase *tc = tcase_create("tracking");
	tcase_add_test(tc, a_promise_holds_until_its_time);
	tcase_add_test(tc, what_lapsed_is_settled_and_what_was_renewed_is_not);
	tcase_add_test(tc, another_boot_promises_nothing);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
