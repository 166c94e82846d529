/* test_area.c - the shared file: who may own it, and what is left of a dead owner's. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "err.h"
#include "run_suite.h"

#define SIZE 8192

static char folder[64], path[96];

static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/vt_area_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(folder);
}

START_TEST(test_create_and_close)
{
	struct area area;
	struct err err;
	struct stat st;
	bool was_there = true;
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, &err), 0);
	ck_assert(!was_there);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, SIZE);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	for (size_t i = 0; i < SIZE; i++)
		ck_assert_int_eq(((unsigned char *)area.base)[i], 0);
	ck_assert(fcntl(area.fd, F_GETFD) & FD_CLOEXEC);
	area_unlink(&area);
	ck_assert_int_eq(access(path, F_OK), -1);
	area_close(&area);
	area_close(&area);
}
END_TEST

/* Runs fn in a child; its exit status. */
static int
in_child(int (*fn)(void))
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(fn());
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
try_create(void)
{
	struct area area;
	struct err err = {.text = ""};
	bool was_there;
	if (area_create(&area, path, SIZE, &was_there, &err) == 0)
		return was_there ? 2 : 1;
	char parent[32];
	snprintf(parent, sizeof parent, "process %ld", (long)getppid());
	return strstr(err.text, parent) != NULL && strstr(err.text, path) != NULL ? 0 : 3;
}

START_TEST(test_second_process_is_refused)
{
	struct area area;
	struct err err;
	bool was_there;
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, &err), 0);
	ck_assert_int_eq(in_child(try_create), 0);
	/* Neither the refusal nor the child's end has cost the owner its lock. */
	ck_assert_int_eq(in_child(try_create), 0);
	area_close(&area);
}
END_TEST

/* Creates, writes and dies without tidying up. */
static int
create_and_die(void)
{
	struct area area;
	bool was_there;
	if (area_create(&area, path, SIZE, &was_there, NULL) != 0)
		return 1;
	memset(area.base, 'x', SIZE);
	return 0;
}

START_TEST(test_dead_owner_is_replaced)
{
	struct area area, old;
	struct err err;
	bool was_there = false;
	ck_assert_int_eq(in_child(create_and_die), 0);
	ck_assert_int_eq(area_attach(&old, path, &err), 0);
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, &err), 0);
	ck_assert(was_there);
	ck_assert_int_eq(*(char *)area.base, 0);
	/* Who still has the old file mapped sees nothing of the new one, and does not fall over. */
	ck_assert_int_eq(*(char *)old.base, 'x');
	ck_assert_int_eq(in_child(try_create), 0);
	area_close(&old);
	area_close(&area);
}
END_TEST

START_TEST(test_unlink_leaves_a_successors_file)
{
	struct area area;
	bool was_there;
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, NULL), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(in_child(create_and_die), 0);
	area_unlink(&area);
	ck_assert_int_eq(access(path, F_OK), 0);
	area_close(&area);
}
END_TEST

static void
expect_refused(const char *why)
{
	struct area area;
	struct err err = {.text = ""};
	bool was_there;
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, &err), -1);
	ck_assert_msg(strstr(err.text, why) != NULL, "\"%s\" does not say \"%s\"", err.text, why);
	ck_assert_int_eq(area.fd, -1);
	struct stat st;
	ck_assert_int_eq(lstat(path, &st), 0);
}

START_TEST(test_odd_files_are_refused)
{
	char target[128];
	snprintf(target, sizeof target, "%s/target", folder);
	close(open(target, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(symlink(target, path), 0);
	expect_refused("symbolic link");
	unlink(path);
	unlink(target);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_refused("not a regular file");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect_refused("directory");
	rmdir(path);
}
END_TEST

/* As an ordinary user on a file of root's that this user may write; needs root to set up. */
static int
refused_as_nobody(void)
{
	struct area area;
	struct err err = {.text = ""};
	bool was_there;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	if (area_create(&area, path, SIZE, &was_there, &err) == 0)
		return 1;
	return strstr(err.text, "belongs to user 0") != NULL ? 0 : 3;
}

START_TEST(test_foreign_file_is_refused)
{
	if (geteuid() != 0)
		return;
	close(open(path, O_CREAT | O_WRONLY, 0666));
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(in_child(refused_as_nobody), 0);
}
END_TEST

START_TEST(test_root_replaces_the_file_it_gave_away)
{
	struct area area;
	struct stat before, after;
	bool was_there;
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(in_child(create_and_die), 0);
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, NULL), 0);
	ck_assert(was_there);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(after.st_uid, 0);
	ck_assert_int_eq(area_chown(&area, 65534, (gid_t)-1, NULL), 0);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_int_eq(after.st_uid, 65534);
	area_close(&area);
}
END_TEST

START_TEST(test_errors_are_sentences)
{
	struct area area;
	struct err err;
	bool was_there;
	ck_assert_int_eq(area_create(&area, "/nowhere/at/all", SIZE, &was_there, &err), -1);
	ck_assert_str_eq(err.text, "Cannot create the scoreboard /nowhere/at/all: No such file or directory.");
	ck_assert_int_eq(area_attach(&area, "/nowhere/at/all", &err), -1);
	ck_assert_str_eq(err.text, "Cannot open the scoreboard /nowhere/at/all: No such file or directory.");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(area_attach(&area, path, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is not a scoreboard"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("area");
	TCase *tc = tcase_create("area");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_create_and_close);
	tcase_add_test(tc, test_second_process_is_refused);
	tcase_add_test(tc, test_dead_owner_is_replaced);
	tcase_add_test(tc, test_unlink_leaves_a_successors_file);
	tcase_add_test(tc, test_odd_files_are_refused);
	tcase_add_test(tc, test_foreign_file_is_refused);
	tcase_add_test(tc, test_root_replaces_the_file_it_gave_away);
	tcase_add_test(tc, test_errors_are_sentences);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
