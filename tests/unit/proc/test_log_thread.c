/* test_log_thread.c - the log writer as a thread: its own ring, what dead neighbours left, reopening, the end. */
#include "log_thread.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/rings_fixture.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "owner.h"
#include "run_suite.h"
#include "scoreboard.h"

#define OWN 1

static struct rings rings;

static void
setup(void)
{
	rings_setup(&rings);
	rings.config.scope = LOG_WRITER_SLOT;
	rings.config.slot = OWN;
	slot_claim(scoreboard_slot(rings.board, OWN), ROLE_WORKER, 0);
}

static void
teardown(void)
{
	rings_teardown(&rings);
}

static struct log_thread *
start(void)
{
	struct err err = {""};
	struct log_thread *thread = log_thread_start(&rings.config, &err);
	ck_assert_msg(thread != NULL, "%s", err.text);
	return thread;
}

static void
put(unsigned slot, uint64_t number)
{
	ck_assert(rings_put(&rings, &(struct rings_line){.slot = slot, .number = number}));
}

static void
wait_for_count(const char *path, const char *text, size_t count)
{
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (rings_count(path, text) < count) {
		ck_assert_msg(clock_mono_ns() < deadline_ns, "%zu times %s", rings_count(path, text), text);
		usleep(1000);
	}
}

START_TEST(writes_while_it_runs_and_at_its_end)
{
	struct log_thread *thread = start();
	put(OWN, 0);
	wait_for_count(rings.path, "\"n\":0,", 1);
	for (uint64_t i = 1; i < 200; i++)
		put(OWN, i);
	log_thread_stop(thread);
	log_thread_stop(NULL);
	rings_ck_each_once(rings.path, 200);
}
END_TEST

/* The log's own functions, from several threads' point of view one ring. */
START_TEST(the_log_goes_through_it)
{
	struct log_thread *thread = start();
	const struct ring ring = scoreboard_ring(rings.board, OWN, RING_LOG);
	log_use_ring(rings.log, &ring, &ring.shared->wake);
	for (int i = 0; i < 100; i++)
		log_event(rings.log, VT_INFO, "t", "through the ring", VT_INT("i", i));
	wait_for_count(rings.path, "through the ring", 100);
	log_thread_stop(thread);
	log_use_ring(rings.log, NULL, NULL);
}
END_TEST

START_TEST(opens_the_file_anew)
{
	struct log_thread *thread = start();
	put(OWN, 0);
	wait_for_count(rings.path, "\"n\":0,", 1);
	ck_assert_int_eq(rename(rings.path, rings.moved), 0);
	log_thread_reopen(thread);
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (access(rings.path, F_OK) != 0)
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
	put(OWN, 1);
	wait_for_count(rings.path, "\"n\":1,", 1);
	log_thread_stop(thread);
	rings_ck_each_once(rings.moved, 1);
}
END_TEST

/* One that was killed, and one that ended while the sink took nothing. */
START_TEST(writes_what_dead_neighbours_left)
{
	put(0, 0);
	put(2, 1);
	put(3, 99);
	atomic_store(&scoreboard_slot(rings.board, 0)->owner, owner_self() + (UINT64_C(1) << OWNER_PID_BITS));
	pid_t neighbour = fork();
	if (neighbour == 0) {
		slot_claim(scoreboard_slot(rings.board, 3), ROLE_WORKER, 0);
		for (;;)
			pause();
	}
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (atomic_load(&scoreboard_slot(rings.board, 3)->owner) == 0)
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
	struct log_thread *thread = start();
	wait_for_count(rings.path, "\"n\":0,", 1);
	wait_for_count(rings.path, "\"n\":1,", 1);
	ck_assert_uint_eq(rings_count(rings.path, "\"n\":99,"), 0);
	kill(neighbour, SIGKILL);
	ck_assert_int_eq(waitpid(neighbour, NULL, 0), neighbour);
	wait_for_count(rings.path, "\"n\":99,", 1);
	log_thread_stop(thread);
	ck_assert_uint_eq(rings_count(rings.path, "\"n\":"), 3);
}
END_TEST

START_TEST(a_stuck_sink_keeps_nobody_from_ending)
{
	rings_log_to(&rings, "/dev/full");
	struct log_thread *thread = start();
	put(OWN, 0);
	int64_t begun_ns = clock_mono_ns();
	log_thread_stop(thread);
	ck_assert_int_lt(clock_mono_ns() - begun_ns, 20 * NS_PER_S);
	rings_log_to(&rings, rings.path);
	thread = start();
	log_thread_stop(thread);
	rings_ck_each_once(rings.path, 1);
}
END_TEST

START_TEST(does_not_start_where_another_reads)
{
	struct err err = {""};
	int go[2];
	char byte;
	ck_assert_int_eq(pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		rings_writer(&rings);
		_exit(write(go[1], "x", 1) == 1 ? pause() : 1);
	}
	ck_assert_int_eq(read(go[0], &byte, 1), 1);
	ck_assert_ptr_null(log_thread_start(&rings.config, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "Another process"));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	log_thread_stop(start());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_thread");
	TCase *tcase = tcase_create("log_thread");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, writes_while_it_runs_and_at_its_end);
	tcase_add_test(tcase, the_log_goes_through_it);
	tcase_add_test(tcase, opens_the_file_anew);
	tcase_add_test(tcase, writes_what_dead_neighbours_left);
	tcase_add_test(tcase, a_stuck_sink_keeps_nobody_from_ending);
	tcase_add_test(tcase, does_not_start_where_another_reads);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
