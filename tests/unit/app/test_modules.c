/* test_modules.c - which files are loaded as modules, and which are refused before they are looked into. */
#include "app.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_suite.h"
#include "settings.h"

static char dir[64], file[96], other[96];
static struct settings_reader *reader;

static void
setup(void)
{
	strcpy(dir, "/tmp/test_modules.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/module.so", dir);
	snprintf(other, sizeof other, "%s/link.so", dir);
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
teardown(void)
{
	settings_destroy(reader);
	reader = NULL;
	unlink(other);
	unlink(file);
	rmdir(dir);
}

/* The first problem that MODULES with this path has, or "". */
static const char *
problem_of(const char *path)
{
	char line[256];
	char *environment[] = {line, NULL};
	snprintf(line, sizeof line, "MODULES=%s", path);
	settings_destroy(reader);
	reader = settings_read(NULL, environment);
	ck_assert_ptr_nonnull(reader);
	ck_assert_ptr_null(settings_problem(reader, 0));
	struct vt_app app = {.settings = reader};
	app_load_modules(&app, settings_values(reader));
	const char *problem = settings_problem(reader, 0);
	return problem != NULL ? problem : "";
}

START_TEST(others_may_not_be_able_to_write)
{
	static const struct {
		mode_t dir_mode, file_mode;
		gid_t gid;
		const char *problem;
	} cases[] = {
		{0755, 0755, 0, "cannot be loaded"},  {0700, 0600, 0, "cannot be loaded"},
		{0755, 0757, 0, "written by others"}, {0757, 0755, 0, "written by others"},
		{01777, 0755, 0, "cannot be loaded"}, {0755, 01777, 0, "written by others"},
		{0755, 0775, 1, "written by others"}, {0775, 0755, 1, "written by others"},
		{0755, 0775, 0, "cannot be loaded"},  {0775, 0755, 0, "cannot be loaded"},
	};
	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_int_eq(chown(dir, 0, cases[i].gid), 0);
		ck_assert_int_eq(chown(file, 0, cases[i].gid), 0);
		ck_assert_int_eq(chmod(dir, cases[i].dir_mode), 0);
		ck_assert_int_eq(chmod(file, cases[i].file_mode), 0);
		const char *problem = problem_of(file);
		ck_assert_msg(strstr(problem, cases[i].problem) != NULL, "case %zu: %s", i, problem);
	}
}
END_TEST

START_TEST(another_users_file_is_refused)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(file, 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(problem_of(file), "belongs to another user"));
	ck_assert_int_eq(chown(file, 0, 0), 0);
	ck_assert_int_eq(chown(dir, 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(problem_of(file), "belongs to another user"));
}
END_TEST

START_TEST(a_link_is_judged_by_where_it_leads)
{
	ck_assert_int_eq(symlink(file, other), 0);
	ck_assert_ptr_nonnull(strstr(problem_of(other), "cannot be loaded"));
	ck_assert_int_eq(chmod(file, 0777), 0);
	ck_assert_ptr_nonnull(strstr(problem_of(other), "written by others"));
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_ptr_nonnull(strstr(problem_of(other), "cannot be read"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("modules");
	TCase *tc = tcase_create("modules");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, others_may_not_be_able_to_write);
	tcase_add_test(tc, another_users_file_is_refused);
	tcase_add_test(tc, a_link_is_judged_by_where_it_leads);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
