/* test_premises.c - what a module has changed of the process is seen, restored where it can be, and told. */
#include "premises.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "redact.h"
#include "run_suite.h"

static char directory[64], log_path[96];
static struct premises premises;
static struct redact *redact;
static struct log *service_log;
static int pair[2];
static uint64_t requests;

static void
setup(void)
{
	struct err err;
	strcpy(directory, "/tmp/test_premises.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(log_path, sizeof log_path, "%s/log", directory);
	redact = redact_create(NULL);
	service_log = log_create(&(struct log_config){.level = VT_DEBUG, .file = log_path, .redact = redact}, &err);
	ck_assert_ptr_nonnull(service_log);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
	premises_init(&premises);
	premises_add(&premises, pair[0]);
	premises_add(&premises, pair[1]);
	premises_add(&premises, -1);
	ck_assert_uint_eq(premises.descriptor_count, 2);
	requests = 0;
}

static void
teardown(void)
{
	premises_fini(&premises);
	log_destroy(service_log);
	redact_destroy(redact);
	unlink(log_path);
	rmdir(directory);
}

/* As after one more request, with no wait for the next look. */
static bool
intact(void)
{
	premises.next_look_ns = 0;
	return premises_intact(&premises, ++requests, service_log);
}

static const char *
logged(void)
{
	static char text[8192];
	FILE *file = fopen(log_path, "r");
	size_t size = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
	if (file != NULL)
		fclose(file);
	text[size] = '\0';
	return text;
}

START_TEST(nothing_has_changed)
{
	ck_assert(intact());
	ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(a_descriptor_is_closed)
{
	close(pair[1]);
	ck_assert(!intact());
	ck_assert_ptr_nonnull(strstr(logged(), "\"what\":\"descriptors\",\"restored\":false"));
}
END_TEST

START_TEST(a_descriptor_is_another_file)
{
	int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(dup2(other, pair[0]), pair[0]);
	ck_assert(!intact());
}
END_TEST

START_TEST(the_directory_and_signals_are_restored)
{
	char before[256], after[256];
	sigset_t pipe_blocked, now;
	struct sigaction action;
	ck_assert_ptr_nonnull(getcwd(before, sizeof before));
	ck_assert_int_eq(chdir(directory), 0);
	sigemptyset(&pipe_blocked);
	sigaddset(&pipe_blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &pipe_blocked, NULL);
	signal(SIGPIPE, SIG_DFL);
	ck_assert(intact());
	ck_assert_ptr_nonnull(getcwd(after, sizeof after));
	ck_assert_str_eq(after, before);
	sigprocmask(SIG_BLOCK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 0);
	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &action), 0);
	ck_assert(action.sa_handler == SIG_IGN);
	ck_assert_ptr_nonnull(strstr(logged(), "\"what\":\"working directory\",\"restored\":true"));
	ck_assert_ptr_nonnull(strstr(logged(), "\"what\":\"blocked signals\",\"restored\":true"));
	ck_assert_ptr_nonnull(strstr(logged(), "\"what\":\"SIGPIPE\",\"restored\":true"));
}
END_TEST

START_TEST(it_looks_after_requests_and_once_a_second)
{
	ck_assert_int_eq(premises_deadline_ns(&premises, requests), DEADLINE_NEVER);
	ck_assert(intact());
	ck_assert_int_eq(premises_deadline_ns(&premises, requests), DEADLINE_NEVER);
	close(pair[0]);
	ck_assert(premises_intact(&premises, requests, service_log));
	int64_t due_ns = premises_deadline_ns(&premises, ++requests);
	ck_assert_int_gt(due_ns, clock_mono_ns());
	ck_assert_int_le(due_ns, clock_mono_ns() + NS_PER_S);
	ck_assert(premises_intact(&premises, requests, service_log));
	premises.next_look_ns = clock_mono_ns();
	ck_assert(!premises_intact(&premises, requests, service_log));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("premises");
	TCase *tc = tcase_create("premises");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_has_changed);
	tcase_add_test(tc, a_descriptor_is_closed);
	tcase_add_test(tc, a_descriptor_is_another_file);
	tcase_add_test(tc, the_directory_and_signals_are_restored);
	tcase_add_test(tc, it_looks_after_requests_and_once_a_second);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
