/* test_base64.c - RFC 4648: its vectors, and what is no base64. */
#include <check.h>
#include <string.h>

#include "base64.h"
#include "run_suite.h"

START_TEST(the_vectors_of_section_10)
{
	static const struct {
		const char *text, *bytes;
	} table[] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
		{"++//", "\xfb\xef\xff"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char out[16];
		ck_assert_int_eq(base64_decode(table[i].text, out, sizeof out), (long)strlen(table[i].bytes));
		ck_assert_str_eq(out, table[i].bytes);
	}
}
END_TEST

START_TEST(what_is_not_base64_is_refused)
{
	static const char *const table[] = {
		"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "====", "Z===", "Zm 9", "Zm9v\n", "Zm-_", "=m9v", "Zm=v"};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char out[16];
		ck_assert_msg(base64_decode(table[i], out, sizeof out) == -1, "%s", table[i]);
	}
}
END_TEST

START_TEST(there_has_to_be_room_for_all_and_the_nul)
{
	char out[8] = "xxxxxxx";
	ck_assert_int_eq(base64_decode("Zm9v", out, 4), 3);
	ck_assert_int_eq(base64_decode("Zm9v", out, 3), -1);
	ck_assert_int_eq(base64_decode("", out, 0), -1);
	ck_assert_int_eq(base64_decode("", out, 1), 0);
	ck_assert_str_eq(out + 4, "xxx");
}
END_TEST

START_TEST(a_nul_is_a_byte)
{
	char out[8];
	ck_assert_int_eq(base64_decode("YQBi", out, sizeof out), 3);
	ck_assert_int_eq(memcmp(out, "a\0b", 4), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base64");
	TCase *tc = tcase_create("base64");
	tcase_add_test(tc, the_vectors_of_section_10);
	tcase_add_test(tc, what_is_not_base64_is_refused);
	tcase_add_test(tc, there_has_to_be_room_for_all_and_the_nul);
	tcase_add_test(tc, a_nul_is_a_byte);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
