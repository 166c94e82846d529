/* test_utf8.c - RFC 3629 section 4, at the edges of each range. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "utf8.h"

static const struct {
	const char *text;
	size_t length; /* of the first sequence; 0: none */
} cases[] = {
	{"a", 1},
	{"\x7f", 1},
	{"\xc2\x80", 2},
	{"\xdf\xbf", 2},
	{"\xe0\xa0\x80", 3},
	{"\xed\x9f\xbf", 3},
	{"\xee\x80\x80", 3},
	{"\xef\xbf\xbf", 3},
	{"\xf0\x90\x80\x80", 4},
	{"\xf4\x8f\xbf\xbf", 4},
	{"\xc3\xa4rger", 2},
	/* No lead byte */
	{"\x80", 0},
	{"\xbf", 0},
	{"\xc0\x80", 0},
	{"\xc1\xbf", 0},
	{"\xf5\x80\x80\x80", 0},
	{"\xf8\x88\x80\x80\x80", 0},
	{"\xfe", 0},
	{"\xff", 0},
	/* Overlong */
	{"\xe0\x80\xaf", 0},
	{"\xe0\x9f\xbf", 0},
	{"\xf0\x80\x80\xaf", 0},
	{"\xf0\x8f\xbf\xbf", 0},
	/* Surrogates */
	{"\xed\xa0\x80", 0},
	{"\xed\xbf\xbf", 0},
	/* Past U+10FFFF */
	{"\xf4\x90\x80\x80", 0},
	/* Cut short, or continued wrongly */
	{"\xc2", 0},
	{"\xe2\x82", 0},
	{"\xf0\x9f\x98", 0},
	{"\xc2\x41", 0},
	{"\xe2\x82\x41", 0},
	{"\xe2\x41\x82", 0},
	{"\xf0\x9f\x98\xc0", 0},
	{"\xf0\x9f\x41\x80", 0},
};

START_TEST(sequences_are_as_the_standard_says)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ck_assert_msg(utf8_sequence(cases[i].text, strlen(cases[i].text)) == cases[i].length, "case %zu", i);
}
END_TEST

START_TEST(valid_needs_every_sequence)
{
	ck_assert(utf8_valid("", 0));
	ck_assert(utf8_valid("a\0b", 3));
	ck_assert(utf8_valid("\xe2\x82\xac\xf0\x9f\x98\x80!", 8));
	ck_assert(!utf8_valid("ok\xff", 3));
	ck_assert(!utf8_valid("\xe2\x82\xac", 2));
}
END_TEST

START_TEST(every_code_point_round_trips)
{
	for (unsigned long c = 0; c <= 0x110000; c++) {
		char text[4];
		size_t n = 4;
		if (c < 0x80)
			n = 1, text[0] = (char)c;
		else if (c < 0x800)
			n = 2, text[0] = (char)(0xC0 | c >> 6);
		else if (c < 0x10000)
			n = 3, text[0] = (char)(0xE0 | c >> 12);
		else
			text[0] = (char)(0xF0 | c >> 18);
		for (size_t i = 1; i < n; i++)
			text[i] = (char)(0x80 | ((c >> (6 * (n - 1 - i))) & 0x3F));
		bool surrogate = c >= 0xD800 && c <= 0xDFFF;
		size_t expected = surrogate || c > 0x10FFFF ? 0 : n;
		ck_assert_uint_eq(utf8_sequence(text, n), expected);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tc = tcase_create("utf8");
	tcase_add_test(tc, sequences_are_as_the_standard_says);
	tcase_add_test(tc, valid_needs_every_sequence);
	tcase_add_test(tc, every_code_point_round_trips);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
