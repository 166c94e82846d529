/* test_place.c - where the scoreboard stands by default. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "place.h"
#include "run_suite.h"

static char directory[] = "/tmp/vt-place-XXXXXX";

START_TEST(in_the_runtime_directory_of_an_ordinary_user)
{
	char path[256], expected[64];
	struct err err;
	struct stat st;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	setenv("XDG_RUNTIME_DIR", directory, 1);
	ck_assert_int_eq(scoreboard_place(path, sizeof path, 1000, "unix:/a", &err), 0);
	snprintf(expected, sizeof expected, "%s/vitals/scoreboard-", directory);
	ck_assert_int_eq(strncmp(path, expected, strlen(expected)), 0);
	expected[strlen(expected) - strlen("/scoreboard-")] = '\0';
	ck_assert_int_eq(stat(expected, &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	rmdir(expected);
	rmdir(directory);
}
END_TEST

START_TEST(without_one_in_shared_memory)
{
	char path[256];
	struct err err;
	static const char *const unusable[] = {NULL, "", "relative"};
	for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
		unsetenv("XDG_RUNTIME_DIR");
		if (unusable[i] != NULL)
			setenv("XDG_RUNTIME_DIR", unusable[i], 1);
		ck_assert_int_eq(scoreboard_place(path, sizeof path, 1000, "unix:/a", &err), 0);
		ck_assert_int_eq(strncmp(path, "/dev/shm/vitals-1000-", 21), 0);
	}
}
END_TEST

START_TEST(two_services_of_one_user_do_not_meet)
{
	char first[256], second[256], again[256];
	struct err err;
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_int_eq(scoreboard_place(first, sizeof first, 1000, "unix:/a", &err), 0);
	ck_assert_int_eq(scoreboard_place(second, sizeof second, 1000, "unix:/b", &err), 0);
	ck_assert_int_eq(scoreboard_place(again, sizeof again, 1000, "unix:/a", &err), 0);
	ck_assert_str_ne(first, second);
	ck_assert_str_eq(first, again);
}
END_TEST

START_TEST(a_directory_that_cannot_be_made_is_told)
{
	char path[256];
	struct err err;
	setenv("XDG_RUNTIME_DIR", "/proc/nowhere", 1);
	ck_assert_int_eq(scoreboard_place(path, sizeof path, 1000, "unix:/a", &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "/proc/nowhere/vitals"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("place");
	TCase *tc = tcase_create("place");
	tcase_add_test(tc, in_the_runtime_directory_of_an_ordinary_user);
	tcase_add_test(tc, without_one_in_shared_memory);
	tcase_add_test(tc, two_services_of_one_user_do_not_meet);
	tcase_add_test(tc, a_directory_that_cannot_be_made_is_told);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
