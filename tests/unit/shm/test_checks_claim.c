/* test_checks_claim.c - one runner among many processes, runners that die, waiters, and published results. */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "layout.h"
#include "run_suite.h"
#include "scoreboard.h"

#define PROCESSES 8
#define RUNS_EACH 200

static char folder[64], path[96];
static struct scoreboard *board;
static struct {
	_Atomic int inside, worst, runs, go;
} * counts;

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_claim_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = 1}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(counts, MAP_FAILED);
}

static void
teardown(void)
{
	scoreboard_close(board);
	munmap(counts, sizeof *counts);
	unlink(path);
	rmdir(folder);
}

static int
join(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(test_claim_and_release)
{
	int64_t now = clock_mono_ns();
	ck_assert(checks_claim(board, now, now + NS_PER_S));
	ck_assert(!checks_claim(board, now, now + NS_PER_S));
	checks_release(board);
	ck_assert(checks_claim(board, now, now + NS_PER_S));
	/* Past its deadline it can be taken; the first holder's release then takes nothing away. */
	uint64_t first = board->held;
	ck_assert(checks_claim(board, now + 2 * NS_PER_S, now + 3 * NS_PER_S));
	uint64_t second = board->held;
	board->held = first;
	checks_release(board);
	ck_assert(!checks_claim(board, now + 2 * NS_PER_S, now + 3 * NS_PER_S));
	board->held = second;
	checks_release(board);
	checks_release(board);
	ck_assert(checks_claim(board, now, now + NS_PER_S));
}
END_TEST

START_TEST(test_child_does_not_release_its_parents_claim)
{
	int64_t now = clock_mono_ns();
	ck_assert(checks_claim(board, now, now + 60 * NS_PER_S));
	pid_t pid = fork();
	if (pid == 0) {
		checks_release(board);
		_exit(0);
	}
	ck_assert_int_eq(join(pid), 0);
	ck_assert(!checks_claim(board, now, now + NS_PER_S));
}
END_TEST

/* Claims until it has run so often; counts how many are inside at the same time. */
static void
claim_often(void)
{
	for (int runs = 0; runs < RUNS_EACH;) {
		int64_t now = clock_mono_ns();
		if (!checks_claim(board, now, now + 60 * NS_PER_S)) {
			checks_wait(board, now + NS_PER_S);
			continue;
		}
		int inside = atomic_fetch_add(&counts->inside, 1) + 1;
		if (inside > atomic_load(&counts->worst))
			atomic_store(&counts->worst, inside);
		runs++;
		atomic_fetch_add(&counts->runs, 1);
		if (runs % 16 == 0)
			usleep(100); /* lets others run into the claim */
		atomic_fetch_sub(&counts->inside, 1);
		checks_release(board);
	}
}

START_TEST(test_one_runner_among_eight_processes)
{
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0) {
			claim_often();
			_exit(0);
		}
	for (int i = 0; i < PROCESSES; i++)
		ck_assert_int_eq(join(pids[i]), 0);
	ck_assert_int_eq(atomic_load(&counts->worst), 1);
	ck_assert_int_eq(atomic_load(&counts->runs), PROCESSES * RUNS_EACH);
}
END_TEST

/* Waits for the other process of two; counts->go counts the arrivals of the n-th meeting. */
static void
meet(int n)
{
	atomic_fetch_add(&counts->go, 1);
	for (unsigned spins = 0; atomic_load(&counts->go) < 2 * (n + 1); spins++)
		if (spins > 10000)
			sched_yield();
}

/* Both try at the same moment, again and again; counts->worst is the most winners of a round. */
static void
race(bool first)
{
	int64_t end_ns = deadline_in_ms(2000);
	for (int n = 0; atomic_load(&counts->inside) == 0; n += 3) {
		int64_t now = clock_mono_ns();
		meet(n);
		if (checks_claim(board, now, now + 60 * NS_PER_S))
			atomic_fetch_add(&counts->runs, 1);
		meet(n + 1);
		if (first) {
			int winners = atomic_exchange(&counts->runs, 0);
			if (winners != 1)
				atomic_store(&counts->worst, 1 + winners);
			atomic_store(&board->file->control.claim, 0);
			atomic_store(&counts->inside, clock_mono_ns() > end_ns);
		}
		meet(n + 2);
	}
}

START_TEST(test_two_at_once_one_wins)
{
	pid_t pid = fork();
	if (pid == 0) {
		race(false);
		_exit(0);
	}
	race(true);
	ck_assert_int_eq(join(pid), 0);
	ck_assert_int_eq(atomic_load(&counts->worst), 0);
}
END_TEST

START_TEST(test_killed_runner_holds_the_claim_to_its_deadline_only)
{
	int64_t claim_deadline_ns = deadline_in_ms(300);
	pid_t pid = fork();
	if (pid == 0) {
		checks_claim(board, clock_mono_ns(), claim_deadline_ns);
		raise(SIGKILL);
	}
	ck_assert(WIFSIGNALED(join(pid)));
	ck_assert(!checks_claim(board, claim_deadline_ns - NS_PER_MS, claim_deadline_ns + NS_PER_S));
	/* The waiter's own deadline is far; the dead runner's ends the wait. */
	ck_assert(checks_wait(board, deadline_in_ms(20000)));
	int64_t now = clock_mono_ns();
	ck_assert_int_ge(now, claim_deadline_ns);
	ck_assert_int_lt(now, claim_deadline_ns + 5 * NS_PER_S);
	ck_assert(checks_claim(board, now + NS_PER_MS, now + NS_PER_S));
}
END_TEST

START_TEST(test_wait_ends_at_its_deadline)
{
	int64_t now = clock_mono_ns();
	ck_assert(checks_claim(board, now, now + 60 * NS_PER_S));
	int64_t deadline_ns = deadline_in_ms(50);
	ck_assert(!checks_wait(board, deadline_ns));
	ck_assert_int_ge(clock_mono_ns(), deadline_ns);
	checks_release(board);
	ck_assert(checks_wait(board, deadline_in_ms(20000)));
}
END_TEST

START_TEST(test_release_wakes_the_waiters)
{
	int64_t now = clock_mono_ns();
	ck_assert(checks_claim(board, now, now + 60 * NS_PER_S));
	pid_t pids[PROCESSES];
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0) {
			atomic_fetch_add(&counts->inside, 1);
			_exit(checks_wait(board, deadline_in_ms(30000)) ? 0 : 1);
		}
	while (atomic_load(&counts->inside) < PROCESSES)
		usleep(1000);
	checks_release(board);
	for (int i = 0; i < PROCESSES; i++)
		ck_assert_int_eq(join(pids[i]), 0);
	ck_assert_int_lt(clock_mono_ns() - now, 20 * NS_PER_S);
}
END_TEST

START_TEST(test_publish_and_read)
{
	struct check_result result = {.checked_ns = 12, .status = CHECK_FAILED, .percent = 1.5, .text = "unhealthy: x"};
	struct check_result back;
	ck_assert(!check_read(board, 3, &back));
	check_publish(board, 3, &result);
	ck_assert(check_read(board, 3, &back));
	ck_assert_int_eq(back.status, CHECK_FAILED);
	ck_assert_double_eq(back.percent, 1.5);
	ck_assert_str_eq(back.text, "unhealthy: x");
	ck_assert(!check_read(board, 4, &back));
}
END_TEST

START_TEST(test_writer_killed_in_the_middle)
{
	struct check_result result = {.checked_ns = 12, .status = CHECK_HEALTHY}, back;
	check_publish(board, 0, &result);
	pid_t pid = fork();
	if (pid == 0) {
		seqlock_write_begin(&board->file->checks[0].lock);
		board->file->checks[0].sealed.result.total_bytes = 99;
		raise(SIGKILL);
	}
	ck_assert(WIFSIGNALED(join(pid)));
	ck_assert(!check_read(board, 0, &back));
	check_publish(board, 0, &result);
	ck_assert(check_read(board, 0, &back));
}
END_TEST

START_TEST(test_late_bytes_of_a_frozen_writer_fail_the_checksum)
{
	struct check_result result = {.checked_ns = 12, .status = CHECK_HEALTHY, .total_bytes = 5}, back;
	check_publish(board, 0, &result);
	/* What a writer leaves that woke after its successor had published: an even counter over mixed bytes. */
	board->file->checks[0].sealed.result.total_bytes = 6;
	ck_assert(!check_read(board, 0, &back));
	check_publish(board, 0, &result);
	ck_assert(check_read(board, 0, &back));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("checks_claim");
	TCase *tc = tcase_create("checks_claim");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_claim_and_release);
	tcase_add_test(tc, test_child_does_not_release_its_parents_claim);
	tcase_add_test(tc, test_one_runner_among_eight_processes);
	tcase_add_test(tc, test_two_at_once_one_wins);
	tcase_add_test(tc, test_killed_runner_holds_the_claim_to_its_deadline_only);
	tcase_add_test(tc, test_wait_ends_at_its_deadline);
	tcase_add_test(tc, test_release_wakes_the_waiters);
	tcase_add_test(tc, test_publish_and_read);
	tcase_add_test(tc, test_writer_killed_in_the_middle);
	tcase_add_test(tc, test_late_bytes_of_a_frozen_writer_fail_the_checksum);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
