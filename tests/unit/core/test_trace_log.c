/* test_trace_log.c - the file for spans: appended to, opened again, refused where it is none. */
#include "run_suite.h"
#include "trace_log.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

static char dir[] = "/tmp/test_trace_log.XXXXXX";
static char path[64], other[64];
static struct trace_log *trace_log;
static struct err err;

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/spans", dir);
	snprintf(other, sizeof other, "%s/other", dir);
	trace_log = trace_log_create(path, &err);
	ck_assert_ptr_nonnull(trace_log);
}

static void
teardown(void)
{
	trace_log_destroy(trace_log);
	unlink(path);
	unlink(other);
	rmdir(dir);
}

static void
holds(const char *name, const char *text)
{
	char found[256] = "";
	FILE *file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	size_t size = fread(found, 1, sizeof found - 1, file);
	fclose(file);
	ck_assert_uint_eq(size, strlen(text));
	ck_assert_str_eq(found, text);
}

static void
put(const char *line)
{
	trace_log_write(trace_log, line, strlen(line));
}

START_TEST(lines_are_appended)
{
	struct stat st;
	put("one\n");
	put("two\n");
	holds(path, "one\ntwo\n");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_uint_eq(trace_log_dropped(trace_log), 0);
}
END_TEST

START_TEST(opened_again_by_its_name)
{
	put("one\n");
	ck_assert_int_eq(rename(path, other), 0);
	put("two\n");
	ck_assert_int_eq(trace_log_reopen(trace_log, &err), 0);
	put("three\n");
	holds(other, "one\ntwo\n");
	holds(path, "three\n");
}
END_TEST

START_TEST(the_old_one_is_kept_where_that_fails)
{
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(trace_log_reopen(trace_log, &err), -1);
	put("one\n");
	holds(other, "one\n");
	rmdir(path);
}
END_TEST

/* As on a full disk: the line that was cut stays alone, the next one is whole. */
START_TEST(a_line_that_is_cut_spoils_no_other)
{
	struct rlimit limit, was;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = was;
	limit.rlim_cur = 6;
	put("one\n");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	put("two\n");
	put("three\n");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
	put("four\n");
	holds(path, "one\ntw\nfour\n");
	ck_assert_uint_eq(trace_log_dropped(trace_log), 2);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	char link[64];
	snprintf(link, sizeof link, "%s/link", dir);
	ck_assert_ptr_null(trace_log_create("/dev/null", &err));
	ck_assert_str_eq(err.text, "The file for spans \"/dev/null\" (TRACE_FILE) is not a regular file.");
	ck_assert_ptr_null(trace_log_create("/nowhere/spans", &err));
	ck_assert_ptr_nonnull(strstr(err.text, "(TRACE_FILE) cannot be opened: No such file or directory."));
	ck_assert_int_eq(symlink(path, link), 0);
	struct trace_log *linked = trace_log_create(link, &err);
	ck_assert((linked == NULL) == (geteuid() == 0));
	trace_log_destroy(linked);
	unlink(link);
}
END_TEST

START_TEST(none_is_nothing_to_do)
{
	ck_assert_int_eq(trace_log_reopen(NULL, &err), 0);
	ck_assert_int_eq(trace_log_chown(NULL, 0, 0, &err), 0);
	trace_log_destroy(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace_log");
	TCase *tc = tcase_create("trace_log");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lines_are_appended);
	tcase_add_test(tc, opened_again_by_its_name);
	tcase_add_test(tc, the_old_one_is_kept_where_that_fails);
	tcase_add_test(tc, a_line_that_is_cut_spoils_no_other);
	tcase_add_test(tc, what_is_no_file_is_refused);
	tcase_add_test(tc, none_is_nothing_to_do);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
