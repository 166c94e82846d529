/* test_check_run.c - checks side by side: fast, slow and hanging ones under one deadline. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_kind.h"
#include "clock.h"
#include "run_suite.h"

/* A check that is done once so many bytes can be read from its pipe; 0: at once. */
struct double_check {
	int pipe[2];
	int bytes_wanted;
	int started, steps, abandoned;
};

static void
double_start(void *state)
{
	((struct double_check *)state)->started++;
}

static enum io_progress
double_step(void *state, struct io_want *want, struct check_result *result)
{
	struct double_check *check = state;
	char byte;
	check->steps++;
	while (check->bytes_wanted > 0) {
		if (read(check->pipe[0], &byte, 1) != 1) {
			*want = (struct io_want){.fd = check->pipe[0], .events = POLLIN};
			return IO_WAIT;
		}
		check->bytes_wanted--;
	}
	result->status = CHECK_HEALTHY;
	return IO_DONE;
}

static void
double_abandon(void *state)
{
	((struct double_check *)state)->abandoned++;
}

static const struct check_kind double_kind = {
	.name = "double", .start = double_start, .step = double_step, .abandon = double_abandon};

static void
open_pipe(struct double_check *check, int bytes_wanted)
{
	*check = (struct double_check){.bytes_wanted = bytes_wanted};
	ck_assert_int_eq(pipe2(check->pipe, O_NONBLOCK | O_CLOEXEC), 0);
}

static void
close_pipe(struct double_check *check)
{
	close(check->pipe[0]);
	close(check->pipe[1]);
}

START_TEST(test_all_at_once)
{
	struct double_check doubles[2];
	struct check checks[2];
	struct check_result results[2];
	for (int i = 0; i < 2; i++) {
		open_pipe(&doubles[i], 0);
		checks[i] = (struct check){.kind = &double_kind, .state = &doubles[i]};
	}
	int64_t before = clock_mono_ns();
	check_run(checks, 2, 60000, results);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(results[i].status, CHECK_HEALTHY);
		ck_assert_int_ge(results[i].checked_ns, before);
		ck_assert_int_ge(results[i].duration_ns, 0);
		ck_assert_int_eq(doubles[i].started, 1);
		ck_assert_int_eq(doubles[i].steps, 1);
		ck_assert_int_eq(doubles[i].abandoned, 0);
		close_pipe(&doubles[i]);
	}
}
END_TEST

START_TEST(test_a_hanging_check_hides_nobody)
{
	enum { HANGING, SLOW, FAST, COUNT };
	struct double_check doubles[COUNT];
	struct check checks[COUNT];
	struct check_result results[COUNT];
	static const int wanted[COUNT] = {[HANGING] = 1, [SLOW] = 2, [FAST] = 0};
	for (int i = 0; i < COUNT; i++) {
		open_pipe(&doubles[i], wanted[i]);
		checks[i] = (struct check){.kind = &double_kind, .state = &doubles[i]};
	}
	/* The slow one gets its two bytes from another process, one after the other. */
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 2; i++) {
			usleep(20000);
			(void)!write(doubles[SLOW].pipe[1], "x", 1);
		}
		_exit(0);
	}
	int64_t before = clock_mono_ns();
	check_run(checks, COUNT, 1000, results);
	int64_t took_ms = (clock_mono_ns() - before) / NS_PER_MS;
	ck_assert_int_eq(results[FAST].status, CHECK_HEALTHY);
	ck_assert_int_eq(results[SLOW].status, CHECK_HEALTHY);
	ck_assert_int_ge(results[SLOW].duration_ns, 20 * NS_PER_MS);
	ck_assert_int_eq(results[HANGING].status, CHECK_FAILED);
	ck_assert_str_eq(results[HANGING].text, "unhealthy: no answer within 1000 ms");
	ck_assert_int_eq(doubles[HANGING].abandoned, 1);
	ck_assert_int_eq(doubles[SLOW].abandoned, 0);
	/* Stepped when its descriptor was ready, not in a loop. */
	ck_assert_int_le(doubles[HANGING].steps, 1);
	ck_assert_int_le(doubles[SLOW].steps, 3);
	ck_assert_int_ge(took_ms, 1000);
	ck_assert_int_lt(took_ms, 3000);
	for (int i = 0; i < COUNT; i++)
		close_pipe(&doubles[i]);
}
END_TEST

START_TEST(test_fail_is_cut_to_fit)
{
	struct check_result result = {0};
	char cause[1000];
	memset(cause, 'c', sizeof cause - 1);
	cause[sizeof cause - 1] = '\0';
	check_fail(&result, "%s", cause);
	ck_assert_int_eq(result.status, CHECK_FAILED);
	ck_assert_uint_eq(strlen(result.text), sizeof result.text - 1);
	ck_assert_int_eq(strncmp(result.text, "unhealthy: ccc", 14), 0);
}
END_TEST

START_TEST(test_percent)
{
	static const struct {
		uint64_t part, whole;
		double percent;
	} table[] = {
		{0, 0, 0},    {0, 10, 0},     {10, 10, 100}, {1, 3, 33.3},
		{2, 3, 66.7}, {1, 1000, 0.1}, {1, 10000, 0}, {UINT64_MAX, UINT64_MAX, 100},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		ck_assert_double_eq_tol(check_percent(table[i].part, table[i].whole), table[i].percent, 1e-9);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("check_run");
	TCase *tc = tcase_create("check_run");
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_all_at_once);
	tcase_add_test(tc, test_a_hanging_check_hides_nobody);
	tcase_add_test(tc, test_fail_is_cut_to_fit);
	tcase_add_test(tc, test_percent);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
