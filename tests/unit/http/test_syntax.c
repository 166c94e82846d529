/* test_syntax.c - tokens and field values, byte by byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "syntax.h"

START_TEST(tokens)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	for (unsigned c = 0; c < 256; c++) {
		char text = (char)c;
		bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool other = c != 0 && strchr(others, (int)c) != NULL;
		ck_assert_msg(syntax_token(&text, 1) == (alphanumeric || other), "byte %u", c);
	}
	ck_assert(!syntax_token("", 0));
	ck_assert(!syntax_token("a b", 3));
}
END_TEST

START_TEST(field_values)
{
	for (unsigned c = 0; c < 256; c++) {
		char text = (char)c;
		ck_assert_msg(syntax_field_value(&text, 1) == ((c >= 0x20 && c != 0x7f) || c == '\t'), "byte %u", c);
	}
	ck_assert(syntax_field_value("", 0));
}
END_TEST

START_TEST(trimming)
{
	static const struct {
		const char *text, *trimmed;
	} cases[] = {{"", ""}, {" ", ""}, {"\t \t", ""}, {"a", "a"}, {" a b\t", "a b"}, {"\na ", "\na"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *text = cases[i].text;
		size_t size = strlen(text);
		syntax_trim(&text, &size);
		ck_assert_uint_eq(size, strlen(cases[i].trimmed));
		ck_assert_mem_eq(text, cases[i].trimmed, size);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("syntax");
	TCase *tc = tcase_create("syntax");
	tcase_add_test(tc, tokens);
	tcase_add_test(tc, field_values);
	tcase_add_test(tc, trimming);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
