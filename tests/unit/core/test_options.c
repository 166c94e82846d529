/* test_options.c - command lines, right and wrong. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "options.h"
#include "run_suite.h"

#define MAX_ARGUMENTS 6

static int
parse(struct options *options, const char *const *arguments, struct err *err)
{
	char *argv[MAX_ARGUMENTS + 1] = {(char *)(uintptr_t) "vitalsd"};
	int argc = 1;
	for (; arguments[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	return options_parse(options, argc, argv, err);
}

START_TEST(right_command_lines)
{
	static const struct {
		const char *arguments[MAX_ARGUMENTS];
		enum options_action action;
		const char *env_file;
	} cases[] = {
		{{NULL}, ACTION_SERVE, NULL},
		{{"--check", NULL}, ACTION_CHECK, NULL},
		{{"--print-settings", NULL}, ACTION_PRINT_SETTINGS, NULL},
		{{"--help", NULL}, ACTION_HELP, NULL},
		{{"--version", NULL}, ACTION_VERSION, NULL},
		{{"--env-file", "a.env", NULL}, ACTION_SERVE, "a.env"},
		{{"--env-file=b.env", "--check", NULL}, ACTION_CHECK, "b.env"},
		{{"--check", "--env-file", "--odd", NULL}, ACTION_CHECK, "--odd"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct options options;
		struct err err;
		ck_assert_int_eq(parse(&options, cases[i].arguments, &err), 0);
		ck_assert_int_eq(options.action, cases[i].action);
		ck_assert_pstr_eq(options.env_file, cases[i].env_file);
	}
}
END_TEST

START_TEST(wrong_command_lines)
{
	static const struct {
		const char *arguments[MAX_ARGUMENTS];
		const char *says;
	} cases[] = {
		{{"--env-file", NULL}, "--env-file needs"},
		{{"--env-filex", NULL}, "\"--env-filex\" is not an option"},
		{{"--chek", NULL}, "\"--chek\" is not an option"},
		{{"file", NULL}, "\"file\" is not an option"},
		{{"", NULL}, "\"\" is not an option"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct options options;
		struct err err;
		ck_assert_int_eq(parse(&options, cases[i].arguments, &err), -1);
		ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("options");
	TCase *tc = tcase_create("options");
	tcase_add_test(tc, right_command_lines);
	tcase_add_test(tc, wrong_command_lines);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
