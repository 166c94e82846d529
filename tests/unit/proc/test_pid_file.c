/* test_pid_file.c - the file with the supervisor's pid: whole, replaced, left alone where it is right. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "pid_file.h"
#include "run_suite.h"

static char folder[64], path[96];

static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/vt_pid_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/pid", folder);
}

static void
teardown(void)
{
	unlink(path);
	ck_assert_msg(rmdir(folder) == 0, "something was left in %s", folder);
}

static void
put(const char *where, const char *contents)
{
	FILE *file = fopen(where, "w");
	ck_assert_ptr_nonnull(file);
	fputs(contents, file);
	fclose(file);
}

static void
ck_contents(const char *where, const char *expected)
{
	char text[64] = "";
	int fd = open(where, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, text, sizeof text - 1), 0);
	close(fd);
	ck_assert_str_eq(text, expected);
}

/* A line that is this process's number and nothing else. */
static void
ck_ours(const char *where)
{
	char expected[32];
	snprintf(expected, sizeof expected, "%ld\n", (long)getpid());
	ck_contents(where, expected);
}

static void
write_it(void)
{
	struct err err = {.text = ""};
	ck_assert_msg(pid_file_write(path, &err) == 0, "%s", err.text);
}

START_TEST(a_file_with_another_pid_is_not_ours_to_remove)
{
	put(path, "1\n");
	pid_file_remove(path);
	ck_contents(path, "1\n");
}
END_TEST

START_TEST(the_pid_is_written_for_everyone_to_read_and_removed)
{
	struct stat st;
	umask(022);
	write_it();
	ck_ours(path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	ck_assert_int_eq(st.st_mode & 07777, 0644);
	pid_file_remove(path);
	ck_assert_int_ne(access(path, F_OK), 0);
	pid_file_remove(path);
}
END_TEST

START_TEST(without_a_path_there_is_nothing_to_do)
{
	ck_assert_int_eq(pid_file_write(NULL, NULL), 0);
	pid_file_remove(NULL);
}
END_TEST

START_TEST(what_a_former_supervisor_left_is_replaced)
{
	static const char *const contents[] = {"", "1\n", "99999999999999999999\n", "-1\n",
	                                       "a long text that is no pid at all\n"};
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		put(path, contents[i]);
		write_it();
		ck_ours(path);
	}
}
END_TEST

/* Who has it open goes on reading the old one: it is replaced, never written into. */
START_TEST(nobody_reads_half_of_it)
{
	char text[16] = "";
	put(path, "1234567\n");
	int fd = open(path, O_RDONLY);
	write_it();
	ck_assert_int_eq(read(fd, text, sizeof text - 1), 8);
	ck_assert_str_eq(text, "1234567\n");
	close(fd);
}
END_TEST

/* After a reload its user may not be allowed to write there any more. */
START_TEST(where_it_is_right_already_it_is_left_alone)
{
	struct stat before, after;
	write_it();
	ck_assert_int_eq(stat(path, &before), 0);
	write_it();
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

static int
write_as_nobody(void)
{
	struct err err;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 1;
	if (pid_file_write(path, &err) == 0)
		return 2;
	return strstr(err.text, path) != NULL && strstr(err.text, "Permission denied") != NULL ? 0 : 3;
}

START_TEST(where_it_may_not_be_written_this_is_told)
{
	int status;
	if (geteuid() != 0)
		return;
	pid_t pid = fork();
	if (pid == 0)
		_exit(write_as_nobody());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* Another process may have such a name ready to have its file overwritten. */
START_TEST(links_are_replaced_and_not_followed)
{
	char victim[96], draft[128];
	struct err err = {.text = ""};
	struct stat st;
	snprintf(victim, sizeof victim, "%s/victim", folder);
	snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid());
	put(victim, "precious\n");
	ck_assert_int_eq(symlink(victim, path), 0);
	write_it();
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	unlink(path);
	ck_assert_int_eq(symlink(victim, draft), 0);
	ck_assert_int_eq(pid_file_write(path, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_contents(victim, "precious\n");
	unlink(draft);
	unlink(victim);
}
END_TEST

START_TEST(a_fifo_does_not_make_it_wait)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	write_it();
	ck_ours(path);
}
END_TEST

START_TEST(errors_are_sentences_and_leave_no_draft)
{
	static char long_path[5000];
	struct err err = {.text = ""};
	ck_assert_int_eq(pid_file_write("/nowhere/at/all", &err), -1);
	ck_assert_str_eq(err.text, "PID_FILE: /nowhere/at/all cannot be written: No such file or directory.");
	memset(long_path, 'x', sizeof long_path - 1);
	ck_assert_int_eq(pid_file_write(long_path, &err), -1);
	ck_assert_str_eq(err.text, "PID_FILE: the path is too long.");
	/* The draft can be written, but not be renamed. */
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(pid_file_write(path, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "Is a directory"));
	rmdir(path);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pid_file");
	TCase *tc = tcase_create("pid_file");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_file_with_another_pid_is_not_ours_to_remove);
	tcase_add_test(tc, the_pid_is_written_for_everyone_to_read_and_removed);
	tcase_add_test(tc, without_a_path_there_is_nothing_to_do);
	tcase_add_test(tc, what_a_former_supervisor_left_is_replaced);
	tcase_add_test(tc, nobody_reads_half_of_it);
	tcase_add_test(tc, where_it_is_right_already_it_is_left_alone);
	tcase_add_test(tc, where_it_may_not_be_written_this_is_told);
	tcase_add_test(tc, links_are_replaced_and_not_followed);
	tcase_add_test(tc, a_fifo_does_not_make_it_wait);
	tcase_add_test(tc, errors_are_sentences_and_leave_no_draft);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
