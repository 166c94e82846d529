/* test_log_process.c - the log writer's process: started, killed and started again, taken over, stopped, bounded. */
#include "log_process.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/rings_fixture.h"
#include "clock.h"
#include "log.h"
#include "owner.h"
#include "run_suite.h"
#include "scoreboard.h"
#include "worker.h"

static struct rings rings;
static struct log_process process;

/* Signals as the supervisor has them. */
static void
setup(void)
{
	const int numbers[] = {SIGTERM, SIGUSR1, SIGUSR2};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	rings_setup(&rings);
	process = (struct log_process){.config = &rings.config};
}

static void
teardown(void)
{
	if (process.side.pid > 0)
		log_process_stop(&process, 0);
	rings_teardown(&rings);
}

static void
put(unsigned slot, uint64_t number)
{
	ck_assert(rings_put(&rings, &(struct rings_line){.slot = slot, .number = number}));
	const struct ring wake = scoreboard_ring(rings.board, SCOREBOARD_SUPERVISOR, RING_LOG);
	const struct ring ring = scoreboard_ring(rings.board, slot, RING_LOG);
	ring_wake(&ring, &wake.shared->wake, false);
}

static void
wait_for_number(const char *path, uint64_t number)
{
	char text[32];
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	snprintf(text, sizeof text, "\"n\":%ju,", (uintmax_t)number);
	while (rings_count(path, text) == 0) {
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
		usleep(1000);
	}
}

static int
reap(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void
start(void)
{
	ck_assert_int_le(log_process_due_ns(&process), clock_mono_ns());
	log_process_keep(&process);
	ck_assert_int_gt(process.side.pid, 0);
	ck_assert_int_eq(log_process_due_ns(&process), DEADLINE_NEVER);
	ck_assert_int_eq(log_process_reader(&process), process.side.pid);
}

START_TEST(is_started_and_writes)
{
	char path[64], name[32] = "";
	start();
	pid_t pid = process.side.pid;
	log_process_keep(&process);
	ck_assert_int_eq(process.side.pid, pid);
	put(0, 0);
	wait_for_number(rings.path, 0);
	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	snprintf(name, sizeof name, "%s", rings_contents(path));
	ck_assert_str_eq(name, "vitalsd:log\n");
	put(1, 1);
	log_process_stop(&process, IN_TIME_MS);
	ck_assert_int_eq(process.side.pid, 0);
	rings_ck_each_once(rings.path, 2);
	ck_assert_uint_eq(rings_count(rings.path, "Log writer died"), 0);
}
END_TEST

START_TEST(is_started_again_when_it_is_killed)
{
	start();
	pid_t first = process.side.pid;
	put(0, 0);
	wait_for_number(rings.path, 0);
	kill(first, SIGKILL);
	int status = reap(first);
	put(0, 1);
	ck_assert(!log_process_reaped(&process, 1, status));
	ck_assert(log_process_reaped(&process, first, status));
	start();
	ck_assert_int_ne(process.side.pid, first);
	wait_for_number(rings.path, 1);
	ck_assert_uint_eq(rings_count(rings.path, "Log writer died"), 1);
	ck_assert_uint_eq(rings_count(rings.path, "\"signal\":\"SIGKILL\""), 1);
	/* Again and again: not at once any more. */
	pid_t second = process.side.pid;
	kill(second, SIGKILL);
	ck_assert(log_process_reaped(&process, second, reap(second)));
	ck_assert_int_gt(log_process_due_ns(&process), clock_mono_ns());
	log_process_keep(&process);
	ck_assert_int_eq(process.side.pid, 0);
}
END_TEST

/* By who tells every process of the service to end: nothing died, and it is not the end of the service. */
START_TEST(one_that_was_told_to_end_did_not_die)
{
	start();
	pid_t pid = process.side.pid;
	kill(pid, SIGTERM);
	int status = reap(pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert(log_process_reaped(&process, pid, status));
	start();
	log_process_stop(&process, IN_TIME_MS);
	ck_assert_uint_eq(rings_count(rings.path, "died"), 0);
}
END_TEST

/* A worker, forked by the test, that lives in a slot until it is killed. */
static pid_t
fork_worker(unsigned slot)
{
	pid_t pid = fork();
	if (pid == 0) {
		slot_claim(scoreboard_slot(rings.board, slot), ROLE_WORKER, 1);
		for (;;)
			pause();
	}
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (slot_pid(scoreboard_slot(rings.board, slot)) != pid)
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
	return pid;
}

START_TEST(outlives_the_workers)
{
	pid_t worker = fork_worker(2);
	start();
	put(2, 0);
	kill(process.side.pid, SIGTERM);
	wait_for_number(rings.path, 0);
	put(2, 1);
	wait_for_number(rings.path, 1);
	ck_assert_int_eq(waitpid(process.side.pid, NULL, WNOHANG), 0);
	put(2, 2);
	kill(worker, SIGKILL);
	reap(worker);
	ck_assert_int_eq(reap(process.side.pid), 0);
	process.side.pid = 0;
	rings_ck_each_once(rings.path, 3);
}
END_TEST

/* The supervisor is killed: a process in between stands for it. */
START_TEST(outlives_the_supervisor)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t supervisor = fork();
	if (supervisor == 0) {
		log_process_keep(&process);
		put(0, 0);
		wait_for_number(rings.path, 0);
		put(SCOREBOARD_SUPERVISOR, 1);
		raise(SIGKILL);
	}
	ck_assert(WIFSIGNALED(reap(supervisor)));
	ck_assert_int_gt(wait(NULL), 0); /* the log writer, ours by now */
	rings_ck_each_once(rings.path, 2);
}
END_TEST

START_TEST(opens_files_anew)
{
	start();
	put(0, 0);
	wait_for_number(rings.path, 0);
	ck_assert_int_eq(rename(rings.path, rings.moved), 0);
	log_process_reopen(&process);
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (access(rings.path, F_OK) != 0)
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
	put(0, 1);
	wait_for_number(rings.path, 1);
	rings_ck_each_once(rings.moved, 1);
}
END_TEST

/* As the next program does it. */
START_TEST(is_taken_over_with_its_rings)
{
	start();
	pid_t former = process.side.pid;
	put(0, 0);
	struct log_process next = {.config = &rings.config};
	log_process_take_over(&next, former, FORMER_SAME_RINGS);
	log_process_keep(&next);
	ck_assert_int_eq(next.side.pid, 0);
	ck_assert_int_eq(log_process_reader(&next), former);
	put(0, 1);
	ck_assert_int_eq(reap(former), 0);
	ck_assert(log_process_reaped(&next, former, 0));
	process = next;
	put(0, 2);
	start();
	log_process_stop(&process, IN_TIME_MS);
	rings_ck_each_once(rings.path, 3);
}
END_TEST

START_TEST(one_of_other_rings_ends_with_its_workers)
{
	pid_t worker = fork_worker(1);
	start();
	pid_t former = process.side.pid;
	struct log_process next = {.config = &rings.config};
	log_process_take_over(&next, former, FORMER_OTHER_RINGS);
	ck_assert_int_le(log_process_due_ns(&next), clock_mono_ns());
	ck_assert_int_eq(log_process_reader(&next), 0);
	put(1, 0);
	wait_for_number(rings.path, 0);
	kill(worker, SIGKILL);
	reap(worker);
	ck_assert_int_eq(reap(former), 0);
	process.side.pid = 0;
}
END_TEST

START_TEST(a_former_one_that_does_not_end_is_killed)
{
	pid_t former = fork_worker(1);
	struct log_process next = {.config = &rings.config};
	log_process_take_over(&next, former, FORMER_SAME_RINGS);
	next.side.former_ends_ns = clock_mono_ns() - 1;
	log_process_keep(&next);
	/* Where it does not even die of that, the supervisor does not turn in circles. */
	ck_assert_int_gt(log_process_due_ns(&next), clock_mono_ns());
	ck_assert(WIFSIGNALED(reap(former)));
}
END_TEST

START_TEST(keeps_what_is_not_decided_before_it_leaves)
{
	start();
	ck_assert(rings_put(&rings, &(struct rings_line){.slot = 0, .number = 0, .kind = FRAME_END, .key = 9}));
	scoreboard_abandon_rings(rings.board, 0);
	log_process_reopen(&process);
	const struct ring ring = scoreboard_ring(rings.board, 0, RING_LOG);
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (atomic_load(&ring.shared->tail) != atomic_load(&ring.shared->head))
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
	ck_assert_str_eq(rings_contents(rings.path), "");
	kill(process.side.pid, WORKER_RETIRE);
	log_writer_nudge(rings.board, LOG_WRITER_ALL, 0);
	ck_assert_int_eq(reap(process.side.pid), 0);
	process.side.pid = 0;
	rings_ck_each_once(rings.path, 1);
}
END_TEST

START_TEST(a_stuck_sink_keeps_nobody_from_stopping)
{
	rings_log_to(&rings, "/dev/full");
	start();
	put(0, 0);
	int64_t begun_ns = clock_mono_ns();
	log_process_stop(&process, 1500);
	ck_assert_int_eq(process.side.pid, 0);
	ck_assert_int_lt(clock_mono_ns() - begun_ns, 20 * NS_PER_S);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(one_that_hangs_is_killed_at_the_stop)
{
	start();
	put(0, 0);
	wait_for_number(rings.path, 0);
	kill(process.side.pid, SIGSTOP);
	log_process_stop(&process, 50);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	put(0, 1);
	log_process_stop(&process, 50); /* none */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_process");
	TCase *tcase = tcase_create("log_process");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, is_started_and_writes);
	tcase_add_test(tcase, is_started_again_when_it_is_killed);
	tcase_add_test(tcase, one_that_was_told_to_end_did_not_die);
	tcase_add_test(tcase, outlives_the_workers);
	tcase_add_test(tcase, outlives_the_supervisor);
	tcase_add_test(tcase, opens_files_anew);
	tcase_add_test(tcase, is_taken_over_with_its_rings);
	tcase_add_test(tcase, one_of_other_rings_ends_with_its_workers);
	tcase_add_test(tcase, a_former_one_that_does_not_end_is_killed);
	tcase_add_test(tcase, keeps_what_is_not_decided_before_it_leaves);
	tcase_add_test(tcase, a_stuck_sink_keeps_nobody_from_stopping);
	tcase_add_test(tcase, one_that_hangs_is_killed_at_the_stop);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
