/*
 * test_area.c - the shared file: who may own it or share it, and what is left of a dead owner's.
 *
 * Executes itself, with arguments, as the program that goes on with an owner's descriptor.
 */
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
	ck_assert_int_eq(area_attach(&old, path, AREA_READ, &err), 0);
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
	ck_assert_int_eq(area_attach(&area, "/nowhere/at/all", AREA_READ, &err), -1);
	ck_assert_str_eq(err.text, "Cannot open the scoreboard /nowhere/at/all: No such file or directory.");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(area_attach(&area, path, AREA_READ, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is not a scoreboard"));
}
END_TEST

/* ---- Adopting ---- */

/* Lets go of the mapping but not of the descriptor, as an exec does. */
static int
forget(struct area *area)
{
	int fd = area->fd;
	area->fd = -1;
	area_close(area);
	return fd;
}

static bool
holds(const struct area *area, char byte, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (((const char *)area->base)[i] != byte)
			return false;
	return true;
}

static off_t
file_size(void)
{
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

START_TEST(test_adopted_area_keeps_contents_and_grows_and_never_shrinks)
{
	static const struct {
		size_t asked, expected;
	} table[] = {{SIZE, SIZE}, {2 * SIZE, 2 * SIZE}, {SIZE / 2, 2 * SIZE}, {5 * SIZE + 1, 5 * SIZE + 1}};
	struct area area;
	struct err err;
	bool was_there;
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, &err), 0);
	memset(area.base, 'x', SIZE);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		int fd = forget(&area);
		fcntl(fd, F_SETFD, 0);
		ck_assert_int_eq(area_adopt(&area, fd, path, table[i].asked, &err), 0);
		ck_assert_int_eq(area.fd, fd);
		ck_assert_str_eq(area.path, path);
		ck_assert_uint_eq(area.size_bytes, table[i].expected);
		ck_assert_int_eq(file_size(), (off_t)table[i].expected);
		ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		ck_assert(holds(&area, 'x', 0, SIZE));
		ck_assert(holds(&area, 0, SIZE, area.size_bytes));
		ck_assert_int_eq(in_child(try_create), 0);
	}
	area_close(&area);
}
END_TEST

START_TEST(test_what_cannot_be_adopted_is_closed)
{
	struct area area;
	struct err err = {.text = ""};
	int pipes[2];
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(area_adopt(&area, pipes[1], path, SIZE, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_assert_int_eq(fcntl(pipes[1], F_GETFD), -1);
	ck_assert_int_eq(area.fd, -1);
	close(pipes[0]);
}
END_TEST

/* The program after the exec: says how it went, and stays until nobody listens any more. */
static int
adopt_and_stay(const char *fd_text, const char *where)
{
	struct area area;
	struct err err;
	char byte;
	bool right = area_adopt(&area, atoi(fd_text), where, 2 * SIZE, &err) == 0 && holds(&area, 'x', 0, SIZE) &&
	             holds(&area, 0, SIZE, 2 * SIZE);
	bool heard = write(STDOUT_FILENO, right ? "y" : "n", 1) == 1 && read(STDIN_FILENO, &byte, 1) == 0;
	area_close(&area);
	return heard ? 0 : 1;
}

static void
create_and_execute(int input, int output)
{
	struct area area;
	bool was_there;
	char text[16];
	if (area_create(&area, path, SIZE, &was_there, NULL) != 0)
		_exit(2);
	memset(area.base, 'x', SIZE);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	fcntl(area.fd, F_SETFD, 0);
	snprintf(text, sizeof text, "%d", area.fd);
	execl("/proc/self/exe", "test_area", "adopt", text, path, NULL);
	_exit(3);
}

START_TEST(test_lock_survives_an_exec)
{
	struct area area;
	struct err err;
	bool was_there;
	int to[2], from[2], status;
	char answer = 0, owner[32];
	ck_assert_int_eq(pipe2(to, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		create_and_execute(to[0], from[1]);
	close(to[0]);
	close(from[1]);
	ck_assert_int_eq(read(from[0], &answer, 1), 1);
	ck_assert_int_eq(answer, 'y');
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, &err), -1);
	snprintf(owner, sizeof owner, "process %ld;", (long)pid);
	ck_assert_msg(strstr(err.text, owner) != NULL, "%s", err.text);
	close(to[1]);
	close(from[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, &err), 0);
	area_close(&area);
}
END_TEST

/* ---- Sharing ---- */

/* The lock that others than this process hold on the file: F_UNLCK, F_RDLCK or F_WRLCK. */
static int
lock_of_others(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR);
	if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0)
		return -1;
	close(fd);
	return lock.l_type;
}

/* 10, 11: how it is shared; 0: refused. */
static int
try_share(void)
{
	struct area area;
	struct err err;
	switch (area_share(&area, path, 4 * SIZE, &err)) {
	case AREA_REFUSED:
		return strstr(err.text, path) != NULL && area.fd == -1 ? 0 : 1;
	case AREA_SHARED:
		return area.size_bytes == SIZE && ((char *)area.base)[SIZE - 1] == 'x' ? 10 : 2;
	case AREA_ALONE:
		return area.size_bytes == 4 * SIZE ? 11 : 3;
	}
	return 4;
}

static void
share_alone(struct area *area, size_t size)
{
	struct err err = {.text = ""};
	ck_assert_msg(area_share(area, path, size, &err) == AREA_ALONE, "%s", err.text);
}

START_TEST(test_first_who_shares_is_alone_until_it_lets_others_in)
{
	struct area area;
	struct stat st;
	share_alone(&area, SIZE);
	ck_assert_uint_eq(area.size_bytes, SIZE);
	ck_assert(holds(&area, 0, 0, SIZE));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert(fcntl(area.fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(in_child(lock_of_others), F_WRLCK);
	memset(area.base, 'x', SIZE);
	area_let_others_in(&area);
	ck_assert_int_eq(in_child(lock_of_others), F_RDLCK);
	/* Those who come later have the size that it has, whatever they asked for. */
	ck_assert_int_eq(in_child(try_share), 10);
	ck_assert_int_eq(file_size(), SIZE);
	area_close(&area);
}
END_TEST

/* The newcomer has begun before the file is ready; that it waits for a while is not seen from here. */
START_TEST(test_who_comes_too_early_waits)
{
	struct area area;
	int pipes[2], status;
	char byte;
	share_alone(&area, SIZE);
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(write(pipes[1], "", 1) == 1 ? try_share() : 9);
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	ck_assert_int_eq(in_child(lock_of_others), F_WRLCK);
	memset(area.base, 'x', SIZE);
	area_let_others_in(&area);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 10);
	close(pipes[0]);
	close(pipes[1]);
	area_close(&area);
}
END_TEST

START_TEST(test_no_single_owner_beside_those_who_share_nor_the_reverse)
{
	struct area area;
	bool was_there;
	share_alone(&area, SIZE);
	area_let_others_in(&area);
	ck_assert_int_eq(in_child(try_create), 0);
	area_close(&area);
	ck_assert_int_eq(area_create(&area, path, SIZE, &was_there, NULL), 0);
	ck_assert(was_there);
	ck_assert_int_eq(in_child(try_share), 0);
	ck_assert_int_eq(in_child(lock_of_others), F_WRLCK);
	area_close(&area);
}
END_TEST

START_TEST(test_the_next_after_the_last_is_alone_and_finds_what_there_was)
{
	struct area area;
	share_alone(&area, SIZE);
	memset(area.base, 'x', SIZE);
	area_let_others_in(&area);
	area_close(&area);
	share_alone(&area, 2 * SIZE);
	ck_assert_uint_eq(area.size_bytes, 2 * SIZE);
	ck_assert(holds(&area, 'x', 0, SIZE));
	ck_assert(holds(&area, 0, SIZE, 2 * SIZE));
	area_close(&area);
	share_alone(&area, SIZE);
	ck_assert_uint_eq(area.size_bytes, 2 * SIZE);
	area_close(&area);
}
END_TEST

START_TEST(test_a_file_that_was_removed_is_not_shared_any_more)
{
	struct area area;
	share_alone(&area, SIZE);
	memset(area.base, 'x', SIZE);
	area_let_others_in(&area);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(in_child(try_share), 11);
	ck_assert(holds(&area, 'x', 0, SIZE));
	area_close(&area);
}
END_TEST

static void
expect_not_shared(const char *why)
{
	struct area area;
	struct err err = {.text = ""};
	struct stat st;
	ck_assert_int_eq(area_share(&area, path, SIZE, &err), AREA_REFUSED);
	ck_assert_msg(strstr(err.text, why) != NULL, "\"%s\" does not say \"%s\"", err.text, why);
	ck_assert_int_eq(area.fd, -1);
	ck_assert_int_eq(lstat(path, &st), 0);
}

START_TEST(test_odd_files_are_not_shared)
{
	char target[128];
	snprintf(target, sizeof target, "%s/target", folder);
	ck_assert_int_eq(symlink(target, path), 0);
	expect_not_shared("symbolic link");
	ck_assert_int_eq(access(target, F_OK), -1);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_not_shared("not a regular file");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect_not_shared("directory");
	rmdir(path);
}
END_TEST

static int
not_shared_as_nobody(void)
{
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	return try_share();
}

START_TEST(test_a_foreign_file_is_not_shared)
{
	if (geteuid() != 0)
		return;
	close(open(path, O_CREAT | O_WRONLY, 0666));
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(chmod(folder, 0755), 0);
	ck_assert_int_eq(in_child(not_shared_as_nobody), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "adopt") == 0)
		return adopt_and_stay(argv[2], argv[3]);
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
	tcase_add_test(tc, test_adopted_area_keeps_contents_and_grows_and_never_shrinks);
	tcase_add_test(tc, test_what_cannot_be_adopted_is_closed);
	tcase_add_test(tc, test_lock_survives_an_exec);
	tcase_add_test(tc, test_first_who_shares_is_alone_until_it_lets_others_in);
	tcase_add_test(tc, test_who_comes_too_early_waits);
	tcase_add_test(tc, test_no_single_owner_beside_those_who_share_nor_the_reverse);
	tcase_add_test(tc, test_the_next_after_the_last_is_alone_and_finds_what_there_was);
	tcase_add_test(tc, test_a_file_that_was_removed_is_not_shared_any_more);
	tcase_add_test(tc, test_odd_files_are_not_shared);
	tcase_add_test(tc, test_a_foreign_file_is_not_shared);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
