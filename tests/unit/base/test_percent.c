/* test_percent.c - decoding once and strictly. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "percent.h"
#include "run_suite.h"
#include "strbuf.h"

static const struct {
	const char *text;
	enum percent_plus plus;
	const char *decoded; /* NULL: malformed */
} cases[] = {
	{"", PERCENT_PLUS_KEEP, ""},
	{"plain", PERCENT_PLUS_KEEP, "plain"},
	{"%41%7a", PERCENT_PLUS_KEEP, "Az"},
	{"a%20b", PERCENT_PLUS_KEEP, "a b"},
	{"%2f%2F", PERCENT_PLUS_KEEP, "//"},
	{"%252e", PERCENT_PLUS_KEEP, "%2e"},
	{"%C3%a4", PERCENT_PLUS_KEEP, "\xc3\xa4"},
	{"%ff", PERCENT_PLUS_KEEP, "\xff"},
	{"a+b", PERCENT_PLUS_KEEP, "a+b"},
	{"a+b", PERCENT_PLUS_BLANK, "a b"},
	{"a%2Bb", PERCENT_PLUS_BLANK, "a+b"},
	{"%", PERCENT_PLUS_KEEP, NULL},
	{"%4", PERCENT_PLUS_KEEP, NULL},
	{"abc%4", PERCENT_PLUS_KEEP, NULL},
	{"%zz", PERCENT_PLUS_KEEP, NULL},
	{"%4g", PERCENT_PLUS_KEEP, NULL},
	{"%g4", PERCENT_PLUS_KEEP, NULL},
	{"%%41", PERCENT_PLUS_KEEP, NULL},
	{"% 41", PERCENT_PLUS_KEEP, NULL},
	{"%+4", PERCENT_PLUS_BLANK, NULL},
	{"%-1", PERCENT_PLUS_KEEP, NULL},
	{"%u0041", PERCENT_PLUS_KEEP, NULL},
};

START_TEST(table)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char out[64];
		ssize_t n = percent_decode(out, cases[i].text, strlen(cases[i].text), cases[i].plus);
		if (cases[i].decoded == NULL) {
			ck_assert_msg(n == -1, "\"%s\" was taken", cases[i].text);
			continue;
		}
		ck_assert_msg(n == (ssize_t)strlen(cases[i].decoded), "\"%s\" gave %zd", cases[i].text, n);
		ck_assert_mem_eq(out, cases[i].decoded, (size_t)n);
	}
}
END_TEST

START_TEST(every_byte_can_be_encoded)
{
	for (unsigned c = 0; c < 256; c++) {
		static const char digits[] = "0123456789aBcDeF";
		char text[3] = {'%', digits[c / 16], digits[c % 16]};
		char out[3];
		ck_assert_int_eq(percent_decode(out, text, 3, PERCENT_PLUS_KEEP), 1);
		ck_assert_uint_eq((unsigned char)out[0], c);
	}
}
END_TEST

START_TEST(decodes_in_place_and_no_further_than_told)
{
	char text[] = "a%20b%41";
	ck_assert_int_eq(percent_decode(text, text, 5, PERCENT_PLUS_KEEP), 3);
	ck_assert_mem_eq(text, "a b", 3);
	ck_assert_int_eq(percent_decode(text, "%41", 2, PERCENT_PLUS_KEEP), -1);
}
END_TEST

START_TEST(what_is_encoded_reads_back)
{
	char text[256], encoded[1024], decoded[1024];
	struct strbuf out;
	for (unsigned c = 1; c < 256; c++)
		text[c - 1] = (char)c;
	text[255] = '\0';
	strbuf_init_fixed(&out, encoded, sizeof encoded);
	percent_encode(&out, text);
	ck_assert_uint_eq(strspn(encoded, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"),
	                  out.length);
	ck_assert_int_eq(percent_decode(decoded, encoded, out.length, PERCENT_PLUS_KEEP), 255);
	ck_assert_mem_eq(decoded, text, 255);
	strbuf_reset(&out);
	percent_encode(&out, "a-b._~/\xff'");
	ck_assert_str_eq(encoded, "a-b._~%2F%FF%27");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("percent");
	TCase *tc = tcase_create("percent");
	tcase_add_test(tc, table);
	tcase_add_test(tc, every_byte_can_be_encoded);
	tcase_add_test(tc, decodes_in_place_and_no_further_than_told);
	tcase_add_test(tc, what_is_encoded_reads_back);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
