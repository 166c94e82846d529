/* test_command_words.c - how a command is split into words. */
#include <check.h>
#include <string.h>

#include "command_words.h"
#include "err.h"
#include "run_suite.h"

static const struct {
	const char *text, *words[6];
} good[] = {
	{"/bin/x", {"/bin/x"}},
	{"  /bin/x  a\tb ", {"/bin/x", "a", "b"}},
	{"/bin/x 'a b' \"c d\"", {"/bin/x", "a b", "c d"}},
	{"/bin/x a'b'\"c\"d", {"/bin/x", "abcd"}},
	{"/bin/x '' \"\"", {"/bin/x", "", ""}},
	{"/bin/x 'a\\b' \"a\\\"b\" a\\ b", {"/bin/x", "a\\b", "a\"b", "a b"}},
	{"/bin/x $HOME *.c | wc ;", {"/bin/x", "$HOME", "*.c", "|", "wc"}},
	{"/bin/x \\", {"/bin/x", "\\"}},
};

START_TEST(splits)
{
	struct command_words words;
	struct err err = {""};
	ck_assert_msg(command_words_split(&words, good[_i].text, &err) == 0, "%s", err.text);
	for (size_t i = 0; i < 6 && good[_i].words[i] != NULL; i++)
		ck_assert_str_eq(words.argv[i], good[_i].words[i]);
	ck_assert_ptr_null(words.argv[words.count]);
}
END_TEST

static const char *const bad[] = {"", "  ", "x", "./x", "/x 'a", "/x \"a", "'", "/x a\"'"};

START_TEST(refuses)
{
	struct command_words words;
	struct err err = {""};
	ck_assert_int_eq(command_words_split(&words, bad[_i], &err), -1);
	ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(has_bounds)
{
	static char text[2 * COMMAND_WORDS_BYTES];
	struct command_words words;
	memset(text, 'a', sizeof text - 1);
	text[0] = '/';
	ck_assert_int_eq(command_words_split(&words, text, NULL), -1);
	text[COMMAND_WORDS_BYTES - COMMAND_WORDS_MOST - 1] = '\0';
	ck_assert_int_eq(command_words_split(&words, text, NULL), 0);
	for (size_t i = 1; i < 2 * COMMAND_WORDS_MOST; i += 2)
		text[i] = ' ';
	text[2 * COMMAND_WORDS_MOST - 1] = '\0';
	ck_assert_int_eq(command_words_split(&words, text, NULL), 0);
	ck_assert_uint_eq(words.count, COMMAND_WORDS_MOST);
	strcat(text, " b");
	ck_assert_int_eq(command_words_split(&words, text, NULL), -1);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	Suite *suite = suite_create("command_words");
	TCase *tc = tcase_create("command_words");
	tcase_add_loop_test(tc, splits, 0, COUNT(good));
	tcase_add_loop_test(tc, refuses, 0, COUNT(bad));
	tcase_add_test(tc, has_bounds);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
