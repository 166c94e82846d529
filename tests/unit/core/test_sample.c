/* test_sample.c - which requests a ratio takes. */
#include "sample.h"

#include <check.h>
#include <stdio.h>

#include "run_suite.h"

#define IDS 20000

START_TEST(all_or_none)
{
	ck_assert(sample_takes("", 1000000) && sample_takes("a", 1000000) && sample_takes("a", 1000001));
	ck_assert(!sample_takes("", 0) && !sample_takes("a", 0) && !sample_takes("a", -1));
}
END_TEST

/* IDs that are counted up are as good as random ones; a larger ratio takes all that a smaller one does. */
START_TEST(about_as_many_as_wanted)
{
	static const int64_t ratios[] = {1000, 10000, 100000, 500000, 990000};
	unsigned taken[5] = {0};
	for (unsigned n = 0; n < IDS; n++) {
		char id[32];
		bool before = false;
		snprintf(id, sizeof id, "request-%05u", n);
		for (size_t i = 0; i < 5; i++) {
			bool takes = sample_takes(id, ratios[i]);
			ck_assert_msg(takes || !before, "%s", id);
			taken[i] += before = takes;
		}
	}
	for (size_t i = 0; i < 5; i++) {
		double expected = (double)IDS * (double)ratios[i] / 1e6;
		ck_assert_msg(taken[i] > expected * 0.9 - 15 && taken[i] < expected * 1.1 + 15, "%u of %f", taken[i],
		              expected);
	}
}
END_TEST

/* Other services decide alike, so these never change. */
START_TEST(the_same_everywhere)
{
	static const struct {
		const char *id;
		int64_t least; /* the smallest ratio that takes it */
	} cases[] = {
		{"", 936770},
		{"a", 510295},
		{"0f8fad5b-d9cb-469f-a165-70867728950e", 337130},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_msg(sample_takes(cases[i].id, cases[i].least), "%s", cases[i].id);
		ck_assert_msg(!sample_takes(cases[i].id, cases[i].least - 1), "%s", cases[i].id);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sample");
	TCase *tc = tcase_create("sample");
	tcase_add_test(tc, all_or_none);
	tcase_add_test(tc, about_as_many_as_wanted);
	tcase_add_test(tc, the_same_everywhere);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
