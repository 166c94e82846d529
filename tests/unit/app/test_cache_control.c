/* test_cache_control.c - the Cache-Control field as it should be, and as it should not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cache_control.h"
#include "run_suite.h"

#define NONE (-1)
#define MOST INT64_C(2147483648)

static void
ck_same(const struct cache_control *is, const struct cache_control *should, const char *field)
{
	ck_assert_msg(is->no_store == should->no_store, "%s: no_store", field);
	ck_assert_msg(is->no_cache == should->no_cache, "%s: no_cache", field);
	ck_assert_msg(is->is_private == should->is_private, "%s: private", field);
	ck_assert_msg(is->must_revalidate == should->must_revalidate, "%s: must_revalidate", field);
	ck_assert_msg(is->only_if_cached == should->only_if_cached, "%s: only_if_cached", field);
	ck_assert_msg(is->max_age_s == should->max_age_s, "%s: max-age %jd", field, (intmax_t)is->max_age_s);
	ck_assert_msg(is->s_maxage_s == should->s_maxage_s, "%s: s-maxage %jd", field, (intmax_t)is->s_maxage_s);
	ck_assert_msg(is->stale_while_revalidate_s == should->stale_while_revalidate_s, "%s: while %jd", field,
	              (intmax_t)is->stale_while_revalidate_s);
	ck_assert_msg(is->stale_if_error_s == should->stale_if_error_s, "%s: error %jd", field,
	              (intmax_t)is->stale_if_error_s);
}

static const struct {
	const char *field;
	bool no_store, no_cache, is_private, must_revalidate, only_if_cached;
} flags[] = {
	{"", 0, 0, 0, 0, 0},
	{"no-store", 1, 0, 0, 0, 0},
	{"no-cache", 0, 1, 0, 0, 0},
	{"private", 0, 0, 1, 0, 0},
	{"must-revalidate", 0, 0, 0, 1, 0},
	{"proxy-revalidate", 0, 0, 0, 1, 0},
	{"only-if-cached", 0, 0, 0, 0, 1},
	{"public, immutable, no-transform, must-understand", 0, 0, 0, 0, 0},
	{"No-Store,NO-CACHE\t, pRIVATE", 1, 1, 1, 0, 0},
	{"private=\"Set-Cookie, X\", no-cache=Set-Cookie", 0, 1, 1, 0, 0},
	/* Empty elements, RFC 9110 section 5.6.1.2 */
	{",, ,\t,no-store,,", 1, 0, 0, 0, 0},
	{" ", 0, 0, 0, 0, 0},
	{",", 0, 0, 0, 0, 0},
	/* What is in quotes is none */
	{"x=\"no-store\"", 0, 0, 0, 0, 0},
	{"x=\"a, no-store\", private", 0, 0, 1, 0, 0},
	{"x=\"a\\\", no-store\", private", 0, 0, 1, 0, 0},
	{"x=\"a\\\\\", no-store", 1, 0, 0, 0, 0},
	{"x=\"a, no-store", 0, 0, 0, 0, 0},
	{"no-cache, x=\", no-store\\", 0, 1, 0, 0, 0},
	{"\"no-store\"", 0, 0, 0, 0, 0},
	/* Not quite */
	{"no-storee", 0, 0, 0, 0, 0},
	{"no-stor", 0, 0, 0, 0, 0},
	{"no store", 0, 0, 0, 0, 0},
	{"x no-store; private", 0, 0, 0, 0, 0},
	{"=no-store", 0, 0, 0, 0, 0},
	{"no-store=", 1, 0, 0, 0, 0},
};

START_TEST(flags_are_read)
{
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		struct cache_control control;
		const struct cache_control should = {.no_store = flags[i].no_store,
		                                     .no_cache = flags[i].no_cache,
		                                     .is_private = flags[i].is_private,
		                                     .must_revalidate = flags[i].must_revalidate,
		                                     .only_if_cached = flags[i].only_if_cached,
		                                     .max_age_s = NONE,
		                                     .s_maxage_s = NONE,
		                                     .stale_while_revalidate_s = NONE,
		                                     .stale_if_error_s = NONE};
		cache_control_init(&control);
		cache_control_add(&control, flags[i].field);
		ck_same(&control, &should, flags[i].field);
	}
}
END_TEST

static const struct {
	const char *field;
	int64_t max_age_s, s_maxage_s, stale_while_revalidate_s, stale_if_error_s;
} numbers[] = {
	{"max-age=60", 60, NONE, NONE, NONE},
	{"max-age=60, s-maxage=70, stale-while-revalidate=80, stale-if-error=90", 60, 70, 80, 90},
	{"s-maxage=0,max-age=0", 0, 0, NONE, NONE},
	{"MAX-AGE=\"60\"", 60, NONE, NONE, NONE},
	{"max-age = 60", 60, NONE, NONE, NONE},
	{"max-age=0060", 60, NONE, NONE, NONE},
	/* The smaller of two */
	{"max-age=60, max-age=5", 5, NONE, NONE, NONE},
	{"max-age=5, max-age=60", 5, NONE, NONE, NONE},
	{"max-age=5, max-age=x", 5, NONE, NONE, NONE},
	/* Too large */
	{"max-age=2147483647", 2147483647, NONE, NONE, NONE},
	{"max-age=2147483648", MOST, NONE, NONE, NONE},
	{"max-age=2147483649", MOST, NONE, NONE, NONE},
	{"max-age=9223372036854775808", MOST, NONE, NONE, NONE},
	{"max-age=18446744073709551617", MOST, NONE, NONE, NONE},
	{"max-age=99999999999999999999999999999999999999999999999999", MOST, NONE, NONE, NONE},
	/* No number */
	{"max-age", NONE, NONE, NONE, NONE},
	{"max-age=", NONE, NONE, NONE, NONE},
	{"max-age=\"\"", NONE, NONE, NONE, NONE},
	{"max-age=\"", NONE, NONE, NONE, NONE},
	{"max-age=\"6", NONE, NONE, NONE, NONE},
	{"max-age=6\"", NONE, NONE, NONE, NONE},
	{"max-age=-1", NONE, NONE, NONE, NONE},
	{"max-age=+1", NONE, NONE, NONE, NONE},
	{"max-age=1.5", NONE, NONE, NONE, NONE},
	{"max-age=0x10", NONE, NONE, NONE, NONE},
	{"max-age=1 2", NONE, NONE, NONE, NONE},
	{"max-age=99999999999999999999x", NONE, NONE, NONE, NONE},
	{"max-age==5", NONE, NONE, NONE, NONE},
	{"max-age=5=5", NONE, NONE, NONE, NONE},
	{"max-age=5;s-maxage=6", NONE, NONE, NONE, NONE},
	{"max-age=\xd9\xa3", NONE, NONE, NONE, NONE},
};

START_TEST(numbers_are_read)
{
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct cache_control control;
		const struct cache_control should = {.max_age_s = numbers[i].max_age_s,
		                                     .s_maxage_s = numbers[i].s_maxage_s,
		                                     .stale_while_revalidate_s = numbers[i].stale_while_revalidate_s,
		                                     .stale_if_error_s = numbers[i].stale_if_error_s};
		cache_control_init(&control);
		cache_control_add(&control, numbers[i].field);
		ck_same(&control, &should, numbers[i].field);
	}
}
END_TEST

START_TEST(lines_add_up)
{
	struct cache_control control;
	const struct cache_control should = {.no_store = true,
	                                     .is_private = true,
	                                     .max_age_s = 5,
	                                     .s_maxage_s = NONE,
	                                     .stale_while_revalidate_s = NONE,
	                                     .stale_if_error_s = NONE};
	cache_control_init(&control);
	cache_control_add(&control, "max-age=5, no-store, x=\"open");
	cache_control_add(&control, "private, max-age=6");
	ck_same(&control, &should, "both");
}
END_TEST

START_TEST(nothing_behind_the_end_is_read)
{
	static const char field[] = "x=\"\\\0\", no-store";
	struct cache_control control;
	cache_control_init(&control);
	cache_control_add(&control, field);
	ck_assert(!control.no_store);
}
END_TEST

/* In a place of exactly its size, so that a sanitizer or valgrind sees a byte too many. */
START_TEST(whatever_is_sent_is_survived)
{
	static const char *const pieces[] = {"max-age",    "=", "\"",       ",", "\\",
	                                     "9999999999", " ", "no-store", "-", "\xff"};
	unsigned seed = 7;
	for (unsigned round = 0; round < 20000; round++) {
		char text[128] = "";
		struct cache_control control;
		for (int left = rand_r(&seed) % 9; left > 0; left--)
			strcat(text, pieces[(size_t)rand_r(&seed) % (sizeof pieces / sizeof pieces[0])]);
		char *field = strdup(text);
		cache_control_init(&control);
		cache_control_add(&control, field);
		ck_assert_msg(control.max_age_s >= NONE && control.max_age_s <= MOST, "%s", field);
		ck_assert_msg(!control.no_store || strstr(field, "no-store") != NULL, "%s", field);
		ck_assert_int_eq(control.s_maxage_s, NONE);
		free(field);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cache_control");
	TCase *tc = tcase_create("cache_control");
	tcase_add_test(tc, flags_are_read);
	tcase_add_test(tc, numbers_are_read);
	tcase_add_test(tc, lines_add_up);
	tcase_add_test(tc, nothing_behind_the_end_is_read);
	tcase_add_test(tc, whatever_is_sent_is_survived);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
