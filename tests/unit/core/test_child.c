/* test_child.c - real commands: what they are given, what they say, how they end. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "run_suite.h"

#define PATIENCE_MS 20000
#define LOOK_MS 5

static struct child child;

/* Runs a line of sh to its end. */
static void
run(const char *line, const char *in, int64_t timeout_ms)
{
	char *const argv[] = {"/bin/sh", "-c", (char *)(uintptr_t)line, NULL};
	int64_t deadline_ns = deadline_in_ms(PATIENCE_MS);
	ck_assert_int_eq(child_start(&child, argv, in, timeout_ms), 0);
	while (!child_step(&child)) {
		struct pollfd polls[CHILD_POLLS];
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
		child_polls(&child, polls);
		poll(polls, CHILD_POLLS, LOOK_MS);
	}
	ck_assert_int_eq(child.pid, 0);
	ck_assert(!child_step(&child));
}

START_TEST(gets_and_says)
{
	run("cat; exit 5", "some words", PATIENCE_MS);
	ck_assert_str_eq(child.out, "some words");
	ck_assert_int_eq(WEXITSTATUS(child.wait_status), 5);
	ck_assert(!child.timed_out);
}
END_TEST

START_TEST(need_not_read)
{
	static char much[1 << 20];
	memset(much, 'x', sizeof much - 1);
	signal(SIGPIPE, SIG_IGN);
	run("exec <&-; exit 0", much, PATIENCE_MS);
	ck_assert_int_eq(child.wait_status, 0);
	run("wc -c", much, PATIENCE_MS);
	ck_assert_int_eq(atoi(child.out), (int)sizeof much - 1);
}
END_TEST

START_TEST(says_much)
{
	run("head -c 1000000 /dev/zero | tr '\\0' y", "", PATIENCE_MS);
	ck_assert_uint_eq(strlen(child.out), CHILD_OUT_BYTES - 1);
	ck_assert_int_eq(child.wait_status, 0);
}
END_TEST

START_TEST(is_killed_with_its_group)
{
	run("sleep 1000 & echo $!; wait", "", 200);
	ck_assert(child.timed_out);
	ck_assert_int_eq(WTERMSIG(child.wait_status), SIGKILL);
	pid_t grandchild = atoi(child.out);
	ck_assert_int_gt(grandchild, 1);
	int64_t deadline_ns = deadline_in_ms(PATIENCE_MS);
	while (kill(grandchild, 0) == 0 && clock_mono_ns() < deadline_ns) {
		char path[64], state[256] = "";
		snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
		FILE *file = fopen(path, "r");
		if (file == NULL || fgets(state, sizeof state, file) == NULL || strstr(state, ") Z ") != NULL)
			deadline_ns = DEADLINE_NEVER; /* dead, and whoever adopted it has not reaped it */
		if (file != NULL)
			fclose(file);
		if (deadline_ns == DEADLINE_NEVER)
			break;
		poll(NULL, 0, LOOK_MS);
	}
	ck_assert_int_lt(clock_mono_ns(), deadline_ns);
}
END_TEST

START_TEST(inherits_little)
{
	setenv("DATABASE_URL", "postgresql://u:hush@h/d", 1);
	int extra = dup(STDERR_FILENO); /* not close-on-exec */
	sigset_t blocked;
	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	run("env | grep -c DATABASE; ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status", "",
	    PATIENCE_MS);
	/* 0, 1, 2 and the one that ls has open. */
	ck_assert_msg(strncmp(child.out, "0\n4\n", 4) == 0, "%s", child.out);
	ck_assert_msg(strstr(child.out, "SigBlk:\t0000000000000000") != NULL, "%s", child.out);
	const char *ignored = strstr(child.out, "SigIgn:");
	ck_assert_ptr_nonnull(ignored);
	/* Of 32 and 33, which are the C library's own, it has ideas of its own. */
	ck_assert_uint_eq(strtoull(ignored + strlen("SigIgn:"), NULL, 16) & 0x7fffffff, 0);
	close(extra);
}
END_TEST

START_TEST(that_cannot_be_run)
{
	char *const argv[] = {"/nowhere/command", NULL};
	ck_assert_int_eq(child_start(&child, argv, "", PATIENCE_MS), ENOENT);
	ck_assert_int_eq(child.pid, 0);
	ck_assert_int_eq(child.in_fd, -1);
	ck_assert_int_eq(child.out_fd, -1);
	child_kill(&child);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("child");
	TCase *tc = tcase_create("child");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, gets_and_says);
	tcase_add_test(tc, need_not_read);
	tcase_add_test(tc, says_much);
	tcase_add_test(tc, is_killed_with_its_group);
	tcase_add_test(tc, inherits_little);
	tcase_add_test(tc, that_cannot_be_run);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
