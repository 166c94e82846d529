/* test_program.c - what argv[0] stood for: a path, a name in PATH, or nothing that is to be found. */
#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "program.h"
#include "run_suite.h"

static char folder[64], found[PATH_MAX];

static void
make_file(const char *name, mode_t mode)
{
	int fd = open(name, O_CREAT | O_WRONLY, mode);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

/* first holds what must be passed over; second, and the folder itself, the program. */
static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/vt_program_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("first", 0700) | mkdir("second", 0700) | mkdir("first/folder", 0700), 0);
	make_file("first/prog", 0600);
	make_file("second/prog", 0700);
	make_file("second/folder", 0700);
	make_file("second/vitalsd", 0700);
	make_file("here", 0700);
	ck_assert_int_eq(symlink("prog", "second/link"), 0);
	ck_assert_int_eq(symlink("nothing", "first/link"), 0);
}

static void
teardown(void)
{
	char command[96];
	snprintf(command, sizeof command, "/bin/rm -r %s", folder);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
}

static const char *
look_up(const char *name)
{
	struct err err = {.text = ""};
	memset(found, 'x', sizeof found);
	ck_assert_msg(program_path(name, found, sizeof found, &err) == 0, "%s", err.text);
	return found;
}

/* F stands for the folder. */
static const char *
expanded(char *out, size_t size, const char *text)
{
	size_t length = 0;
	out[0] = '\0';
	for (; *text != '\0'; text++)
		length += (size_t)(*text == 'F' ? snprintf(out + length, size - length, "%s", folder)
		                                : snprintf(out + length, size - length, "%c", *text));
	return out;
}

START_TEST(an_absolute_path_stays_as_it_is)
{
	static const char *const paths[] = {"/usr/sbin/vitalsd", "/nowhere/at/all", "/", "/a/../b/./c"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		ck_assert_str_eq(look_up(paths[i]), paths[i]);
}
END_TEST

START_TEST(a_relative_path_is_below_the_working_directory)
{
	static const char *const paths[] = {"./here", "second/prog", "../nothing", "second/link"};
	char expected[PATH_MAX];
	setenv("PATH", "/", 1);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		snprintf(expected, sizeof expected, "%s/%s", folder, paths[i]);
		ck_assert_str_eq(look_up(paths[i]), expected);
	}
}
END_TEST

START_TEST(a_name_is_looked_up_in_path_as_a_shell_does)
{
	static const struct {
		const char *search, *name, *expected;
	} cases[] = {
		{"F/second", "prog", "F/second/prog"},
		{"/nowhere:F/second:F/first", "prog", "F/second/prog"},
		{"F/first:F/second", "prog", "F/second/prog"},     /* the first is not executable, */
		{"F/first:F/second", "folder", "F/second/folder"}, /* a directory, */
		{"F/first:F/second", "link", "F/second/link"},     /* a link to nothing; the second stays a link */
		{"F:F/second", "here", "F/here"},
		{"F/second/", "prog", "F/second//prog"},
		/* Entries that are empty or relative: the answer holds after a change of directory too. */
		{"", "here", "F/here"},
		{":F/second", "here", "F/here"},
		{"F/second::/nowhere", "here", "F/here"},
		{"F/second:", "here", "F/here"},
		{".", "here", "F/./here"},
		{"second", "prog", "F/second/prog"},
		{"nothing:second/../second", "prog", "F/second/../second/prog"},
	};
	char text[PATH_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		setenv("PATH", expanded(text, sizeof text, cases[i].search), 1);
		ck_assert_str_eq(look_up(cases[i].name), expanded(text, sizeof text, cases[i].expected));
	}
}
END_TEST

START_TEST(without_a_name_it_is_vitalsd)
{
	char expected[PATH_MAX];
	setenv("PATH", expanded(expected, sizeof expected, "F/first:F/second"), 1);
	expanded(expected, sizeof expected, "F/second/vitalsd");
	ck_assert_str_eq(look_up(NULL), expected);
	ck_assert_str_eq(look_up(""), expected);
}
END_TEST

START_TEST(what_is_not_to_be_found_is_at_least_the_file_that_runs)
{
	static const char *const searches[] = {"/nowhere", "", ":::", NULL};
	char expected[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", expected, sizeof expected - 1);
	ck_assert_int_gt(n, 0);
	expected[n] = '\0';
	for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
		if (searches[i] != NULL)
			setenv("PATH", searches[i], 1);
		else
			unsetenv("PATH");
		ck_assert_str_eq(look_up("no-such-program"), expected);
	}
}
END_TEST

START_TEST(an_entry_that_is_too_long_is_passed_over)
{
	static char search[3 * PATH_MAX];
	char expected[PATH_MAX];
	memset(search, 'x', 2 * PATH_MAX);
	search[0] = '/';
	snprintf(search + 2 * PATH_MAX, PATH_MAX, ":%s/second", folder);
	setenv("PATH", search, 1);
	ck_assert_str_eq(look_up("prog"), expanded(expected, sizeof expected, "F/second/prog"));
}
END_TEST

/* Never a path that was cut. */
START_TEST(what_does_not_fit_is_refused)
{
	static const char *const names[] = {"/usr/sbin/vitalsd", "./here", "no-such-program"};
	char text[PATH_MAX];
	setenv("PATH", expanded(text, sizeof text, "F/second"), 1);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t fits = strlen(look_up(names[i])) + 1;
		for (size_t size = 2; size < fits; size++) {
			struct err err = {.text = ""};
			ck_assert_msg(program_path(names[i], found, size, &err) == -1, "%s in %zu: %s", names[i], size,
			              found);
			ck_assert_str_ne(err.text, "");
		}
	}
}
END_TEST

START_TEST(a_working_directory_that_is_gone_is_told)
{
	struct err err = {.text = ""};
	ck_assert_int_eq(mkdir("gone", 0700) | chdir("gone"), 0);
	ck_assert_int_eq(rmdir("../gone"), 0);
	ck_assert_int_eq(program_path("./here", found, sizeof found, &err), -1);
	ck_assert_str_eq(err.text, "The working directory is gone: No such file or directory.");
	setenv("PATH", ":/nowhere", 1);
	ck_assert_ptr_nonnull(strstr(look_up("here"), "test_program"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("program");
	TCase *tc = tcase_create("program");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_absolute_path_stays_as_it_is);
	tcase_add_test(tc, a_relative_path_is_below_the_working_directory);
	tcase_add_test(tc, a_name_is_looked_up_in_path_as_a_shell_does);
	tcase_add_test(tc, without_a_name_it_is_vitalsd);
	tcase_add_test(tc, what_is_not_to_be_found_is_at_least_the_file_that_runs);
	tcase_add_test(tc, an_entry_that_is_too_long_is_passed_over);
	tcase_add_test(tc, what_does_not_fit_is_refused);
	tcase_add_test(tc, a_working_directory_that_is_gone_is_told);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
