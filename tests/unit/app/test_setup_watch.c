/* test_setup_watch.c - what a setup has left behind in the process is named. */
#include "setup_watch.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_suite.h"

static struct setup_watch watch;

static void
setup(void)
{
	setup_watch_begin(&watch);
}

static void
assert_named(const char *word)
{
	const char *sentence = setup_watch_end(&watch);
	ck_assert_ptr_nonnull(sentence);
	ck_assert_msg(strstr(sentence, word) != NULL, "%s", sentence);
}

START_TEST(nothing)
{
	ck_assert_ptr_null(setup_watch_end(&watch));
}
END_TEST

START_TEST(a_directory)
{
	ck_assert_int_eq(chdir("/proc"), 0);
	assert_named("working directory");
}
END_TEST

START_TEST(a_mask)
{
	umask(umask(0) ^ 0111);
	assert_named("umask");
}
END_TEST

static void *
wait_for_byte(void *fd)
{
	char byte;
	return read(*(int *)fd, &byte, 1) == 1 ? fd : NULL;
}

START_TEST(a_thread)
{
	int pair[2];
	pthread_t thread;
	ck_assert_int_eq(pipe(pair), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_byte, &pair[0]), 0);
	assert_named("thread");
	ck_assert_int_eq(write(pair[1], "x", 1), 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(a_child_goes_no_further)
{
	int status;
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		setup_watch_end(&watch);
		_exit(42);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
	ck_assert_ptr_null(setup_watch_end(&watch));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("setup_watch");
	TCase *tc = tcase_create("setup_watch");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, a_directory);
	tcase_add_test(tc, a_mask);
	tcase_add_test(tc, a_thread);
	tcase_add_test(tc, a_child_goes_no_further);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
