/* test_time_stamp.c - time stamps as web servers write them, and what only looks like one. */
#include "time_stamp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "run_suite.h"

#define THEN (INT64_C(1700000000) * NS_PER_S)

static const struct {
	const char *text;
	int64_t real_ns;
} good[] = {
	{"1700000000.123", THEN + 123 * NS_PER_MS},
	{"1700000000.000", THEN},
	{"1700000000.5", THEN + 500 * NS_PER_MS},
	{"1700000000.123456", THEN + 123456000},
	{"1700000000.123456789", THEN + 123456789},
	{"t=1700000000.123", THEN + 123 * NS_PER_MS},
	{"t=1700000000123456", THEN + 123456000},
	{"0.0", 0},
	{"t=0", 0},
	{"9223372035.999999999", INT64_C(9223372035999999999)},
	{"t=9223372036854775", INT64_C(9223372036854775000)},
};

static const char *const bad[] = {
	"",
	" ",
	"t=",
	"t",
	"=",
	"(null)",
	"-",
	"-1700000000.123",
	"+1700000000.123",
	"t=-1700000000123456",
	" 1700000000.123",
	"1700000000.123 ",
	"1700000000.123\n",
	"1700000000.123s",
	"1700000000.12.3",
	"1700000000,123",
	"1700000000.",
	"t=1700000000.",
	".123",
	"t=.123",
	"1700000000",       /* seconds? */
	"1700000000123",    /* milliseconds? */
	"1700000000123456", /* without "t=" */
	"t=t=1700000000.123",
	"T=1700000000.123",
	"t= 1700000000.123",
	"1700000000.1234567890",
	"9223372036.0",
	"9223372036.854775807",
	"99999999999.123",
	"18446744073709551616.123",
	"t=9223372036854776",
	"t=9999999999999999",
	"t=18446744073709551616",
	"t=99999999999999999999999999999999999999999999",
	"1.7e9",
	"0x6553f100.123",
	"nan",
	"1700000000.\xff",
	"\xd9\xa1.5", /* an Arabic digit */
};

START_TEST(takes)
{
	int64_t real_ns = -7;
	ck_assert_msg(time_stamp_parse(good[_i].text, &real_ns) == 0, "%s", good[_i].text);
	ck_assert_msg(real_ns == good[_i].real_ns, "%s: %jd", good[_i].text, (intmax_t)real_ns);
}
END_TEST

START_TEST(refuses)
{
	int64_t real_ns = -7;
	ck_assert_msg(time_stamp_parse(bad[_i], &real_ns) == -1, "\"%s\"", bad[_i]);
	ck_assert_int_eq(real_ns, -7);
	ck_assert_int_eq(time_stamp_age_ns(bad[_i], THEN), -1);
}
END_TEST

/* At THEN. */
static const struct {
	const char *text;
	int64_t age_ns;
} ages[] = {
	{"1700000000.000", 0},
	{"1699999999.750", 250 * NS_PER_MS},
	{"t=1699999990000000", 10 * NS_PER_S},
	{"1700000000.001", 0}, /* clocks that differ a little */
	{"1700003600.000", 0},
	{"1700003600.001", -1},
	{"1699996400.000", 3600 * NS_PER_S},
	{"1699996399.999", -1},
	{"0.0", -1},
	{"9223372035.999999999", -1},
	{"1700000000", -1},
};

START_TEST(measures)
{
	int64_t age_ns = time_stamp_age_ns(ages[_i].text, THEN);
	ck_assert_msg(age_ns == ages[_i].age_ns, "%s: %jd", ages[_i].text, (intmax_t)age_ns);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("time_stamp");
	TCase *tc = tcase_create("time_stamp");
	tcase_add_loop_test(tc, takes, 0, (int)(sizeof good / sizeof *good));
	tcase_add_loop_test(tc, refuses, 0, (int)(sizeof bad / sizeof *bad));
	tcase_add_loop_test(tc, measures, 0, (int)(sizeof ages / sizeof *ages));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
