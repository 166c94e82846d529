/* test_clock.c - time stamps and deadlines. */
#include <check.h>
#include <limits.h>
#include <stdlib.h>

#include "clock.h"
#include "run_suite.h"

START_TEST(time_stamps_are_rfc_3339)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{INT64_C(1), "1970-01-01T00:00:00.000000Z"},
		{INT64_C(1999), "1970-01-01T00:00:00.000001Z"},
		{INT64_C(951782399) * NS_PER_S + 999999999, "2000-02-28T23:59:59.999999Z"},
		{INT64_C(951782400) * NS_PER_S, "2000-02-29T00:00:00.000000Z"},
		{INT64_C(4102444799) * NS_PER_S + 123456789, "2099-12-31T23:59:59.123456Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{-NS_PER_S, "1969-12-31T23:59:59.000000Z"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[RFC3339_BYTES];
		clock_rfc3339(cases[i].ns, text);
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

START_TEST(clocks_run_forward)
{
	int64_t mono = clock_mono_ns();
	ck_assert_int_ge(clock_mono_ns(), mono);
	ck_assert_int_gt(clock_real_ns(), INT64_C(1700000000) * NS_PER_S);
}
END_TEST

START_TEST(deadlines_do_not_overflow)
{
	ck_assert_int_eq(deadline_in_ms(INT64_MAX), DEADLINE_NEVER);
	ck_assert_int_eq(deadline_in_ms(INT64_MAX / NS_PER_MS), DEADLINE_NEVER);
	int64_t before = clock_mono_ns();
	int64_t deadline = deadline_in_ms(1000);
	ck_assert_int_ge(deadline, before + NS_PER_S);
	ck_assert_int_le(deadline, clock_mono_ns() + NS_PER_S);
}
END_TEST

START_TEST(poll_time_is_rounded_up_and_bounded)
{
	ck_assert_int_eq(deadline_poll_ms(DEADLINE_NEVER), -1);
	ck_assert_int_eq(deadline_poll_ms(clock_mono_ns()), 0);
	ck_assert_int_eq(deadline_poll_ms(clock_mono_ns() - NS_PER_S), 0);
	ck_assert_int_eq(deadline_poll_ms(DEADLINE_NEVER - 1), INT_MAX);
	int ms = deadline_poll_ms(clock_mono_ns() + 10000 * NS_PER_MS);
	ck_assert_int_gt(ms, 5000);
	ck_assert_int_le(ms, 10000);
	/* A part of a millisecond must not become a busy loop. */
	int64_t deadline = clock_mono_ns() + NS_PER_MS / 2;
	ms = deadline_poll_ms(deadline);
	ck_assert(ms == 1 || clock_mono_ns() >= deadline);
}
END_TEST

START_TEST(the_earlier_deadline_counts)
{
	ck_assert_int_eq(deadline_min(1, 2), 1);
	ck_assert_int_eq(deadline_min(DEADLINE_NEVER, 7), 7);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tc = tcase_create("clock");
	tcase_add_test(tc, time_stamps_are_rfc_3339);
	tcase_add_test(tc, clocks_run_forward);
	tcase_add_test(tc, deadlines_do_not_overflow);
	tcase_add_test(tc, poll_time_is_rounded_up_and_bounded);
	tcase_add_test(tc, the_earlier_deadline_counts);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
