/* test_slot.c - slots for processes without a supervisor, how long a slot's worker is busy, and names. */
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
#include "owner.h"
#include "run_suite.h"
#include "scoreboard.h"

#define SLOTS 8
#define PROCESSES 16
#define TURNS 300
#define IN_TIME_MS 30000
#define ONE_TICK (UINT64_C(1) << OWNER_PID_BITS)

static char folder[64], path[96];
static struct scoreboard *board;

static void
setup(void)
{
	struct err err = {.text = ""};
	snprintf(folder, sizeof folder, "/tmp/vt_slot_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_share(path, &(struct scoreboard_shape){.slots = SLOTS}, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
}

static void
teardown(void)
{
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

/* ---- Taking a slot ---- */

START_TEST(free_slots_are_taken_in_order_until_there_is_none)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = scoreboard_take_slot(board, i % 2 == 0 ? ROLE_WORKER : ROLE_ADMIN);
		ck_assert_ptr_eq(slot, scoreboard_slot(board, i));
		ck_assert_uint_eq(atomic_load(&slot->owner), owner_self());
		ck_assert_int_eq(atomic_load(&slot->role), i % 2 == 0 ? ROLE_WORKER : ROLE_ADMIN);
		ck_assert_int_eq(atomic_load(&slot->state), SLOT_STARTING);
		ck_assert_int_gt(atomic_load(&slot->worker_started_ns), 0);
	}
	ck_assert_ptr_null(scoreboard_take_slot(board, ROLE_WORKER));
	slot_release(scoreboard_slot(board, 5));
	ck_assert_ptr_eq(scoreboard_take_slot(board, ROLE_WORKER), scoreboard_slot(board, 5));
	ck_assert_ptr_null(scoreboard_take_slot(board, ROLE_WORKER));
}
END_TEST

/* Takes a slot, is seen in the middle of a request and of writing it, and dies. */
static pid_t
die_in_a_slot(void)
{
	siginfo_t info;
	pid_t pid = fork();
	if (pid == 0) {
		struct slot *slot = scoreboard_take_slot(board, ROLE_ADMIN);
		struct slot_request request = {.started_ns = 1, .method = "GET", .path = "/last"};
		slot_set_request(slot, &request);
		slot_set_state(slot, SLOT_BUSY);
		slot_set_phase(slot, PHASE_DATABASE);
		atomic_store(&slot->connections, 9);
		atomic_store(&slot->requests, 41);
		atomic_store(&slot->given, 42);
		atomic_store(&slot->taken, 43);
		seqlock_write_begin(&slot->request_lock);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

static void
ck_moved_in(struct slot *slot)
{
	struct slot_request request = {.started_ns = clock_mono_ns(), .method = "PUT", .path = "/next"}, back;
	ck_assert_ptr_eq(slot, scoreboard_slot(board, 0));
	ck_assert_int_eq(slot_pid(slot), getpid());
	ck_assert_int_eq(atomic_load(&slot->role), ROLE_WORKER);
	ck_assert_int_eq(atomic_load(&slot->state), SLOT_STARTING);
	ck_assert_int_eq(slot_phase(slot), PHASE_NONE);
	ck_assert_uint_eq(atomic_load(&slot->connections), 0);
	ck_assert(!slot_get_request(slot, &back));
	/* Counters go on, and a request can be read again. */
	ck_assert_uint_eq(atomic_load(&slot->requests), 41);
	ck_assert_uint_eq(atomic_load(&slot->given), 42);
	ck_assert_uint_eq(atomic_load(&slot->taken), 43);
	slot_set_request(slot, &request);
	ck_assert(slot_get_request(slot, &back));
	ck_assert_str_eq(back.path, "/next");
}

START_TEST(the_slot_of_a_dead_process_is_taken_reaped_or_not)
{
	for (int reaped = 0; reaped <= 1; reaped++) {
		pid_t pid = die_in_a_slot();
		ck_assert_int_eq(slot_pid(scoreboard_slot(board, 0)), pid);
		if (reaped)
			ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		struct slot *slot = scoreboard_take_slot(board, ROLE_WORKER);
		ck_moved_in(slot);
		slot_release(slot);
	}
}
END_TEST

/* ---- The request of a dead worker ---- */

static const struct slot_request whole = {.started_ns = 7,
                                          .correlation_id = "id-1",
                                          .trace_id = "t",
                                          .method = "GET",
                                          .path = "/users/7",
                                          .route = "/users/{id}"};

/* As a worker leaves it that is killed while it writes so much of the request. */
static struct slot *
left_in_the_middle(const struct slot_request *so_far, enum slot_state state)
{
	struct slot *slot = scoreboard_slot(board, 0);
	slot_set_request(slot, NULL);
	slot_set_state(slot, state);
	seqlock_write_begin(&slot->request_lock);
	slot->request = *so_far;
	return slot;
}

START_TEST(a_request_that_was_written_is_read_whatever_the_lock_says)
{
	struct slot_request back;
	struct slot *slot = left_in_the_middle(&whole, SLOT_BUSY);
	ck_assert(!slot_get_request(slot, &back));
	ck_assert(slot_get_request_of_dead(slot, &back));
	ck_assert_int_eq(back.started_ns, 7);
	ck_assert_str_eq(back.correlation_id, "id-1");
	ck_assert_str_eq(back.route, "/users/{id}");
	slot_set_request(slot, &whole);
	ck_assert(slot_get_request_of_dead(slot, &back));
	ck_assert_str_eq(back.path, "/users/7");
	slot_set_request(slot, NULL);
	ck_assert(!slot_get_request_of_dead(slot, &back));
}
END_TEST

START_TEST(of_a_request_that_was_begun_only_what_is_whole_is_read)
{
	struct slot_request so_far = whole, back;
	so_far.started_ns = 0;
	ck_assert(slot_get_request_of_dead(left_in_the_middle(&so_far, SLOT_BUSY), &back));
	ck_assert_int_eq(back.started_ns, 0);
	ck_assert_str_eq(back.path, "/users/7");
	ck_assert_str_eq(back.route, "");
	memset(so_far.route, 0, sizeof so_far.route);
	strcpy(so_far.path, "/us");
	ck_assert(slot_get_request_of_dead(left_in_the_middle(&so_far, SLOT_BUSY), &back));
	ck_assert_str_eq(back.correlation_id, "id-1");
	ck_assert_str_eq(back.method, "GET");
	ck_assert_str_eq(back.path, "");
	so_far = (struct slot_request){.correlation_id = "id"};
	ck_assert(!slot_get_request_of_dead(left_in_the_middle(&so_far, SLOT_BUSY), &back));
	so_far = (struct slot_request){.started_ns = 0};
	ck_assert(!slot_get_request_of_dead(left_in_the_middle(&so_far, SLOT_BUSY), &back));
}
END_TEST

START_TEST(texts_of_a_dead_worker_are_closed)
{
	struct slot_request so_far, back;
	memset(&so_far, 'x', sizeof so_far);
	ck_assert(slot_get_request_of_dead(left_in_the_middle(&so_far, SLOT_BUSY), &back));
	ck_assert_uint_eq(strlen(back.correlation_id), sizeof back.correlation_id - 1);
	ck_assert_uint_eq(strlen(back.route), sizeof back.route - 1);
}
END_TEST

START_TEST(a_worker_that_was_in_no_request_left_none)
{
	struct slot_request back;
	ck_assert(!slot_get_request_of_dead(left_in_the_middle(&whole, SLOT_IDLE), &back));
	ck_assert(!slot_get_request_of_dead(left_in_the_middle(&whole, SLOT_STARTING), &back));
}
END_TEST

START_TEST(a_crash_is_read_as_far_as_it_was_written_and_forgotten_by_the_next)
{
	struct crash_report report;
	struct slot *slot = scoreboard_take_slot(board, ROLE_WORKER);
	ck_assert(!slot_get_crash(slot, &report));
	strcpy(slot->crash.backtrace, "one\ntwo and a half");
	slot->crash.address = 16;
	slot->crash.code = 1;
	atomic_store(&slot->crash.length, 3);
	ck_assert(!slot_get_crash(slot, &report));
	atomic_store(&slot->crash.signal, SIGSEGV);
	ck_assert(slot_get_crash(slot, &report));
	ck_assert_int_eq(report.signal, SIGSEGV);
	ck_assert_uint_eq(report.address, 16);
	ck_assert_str_eq(report.backtrace, "one");
	memset(slot->crash.backtrace, 'x', sizeof slot->crash.backtrace);
	atomic_store(&slot->crash.length, UINT32_MAX);
	ck_assert(slot_get_crash(slot, &report));
	ck_assert_uint_eq(strlen(report.backtrace), SLOT_BACKTRACE_BYTES - 1);
	slot_claim(slot, ROLE_WORKER, 2);
	ck_assert(!slot_get_crash(slot, &report));
	ck_assert_uint_eq(atomic_load(&slot->crash.length), 0);
}
END_TEST

START_TEST(the_slot_of_a_process_whose_pid_is_used_again_is_taken)
{
	struct slot *first = scoreboard_slot(board, 0);
	atomic_store(&first->owner, owner_self() - ONE_TICK);
	ck_assert_ptr_eq(scoreboard_take_slot(board, ROLE_WORKER), first);
	ck_assert_uint_eq(atomic_load(&first->owner), owner_self());
}
END_TEST

START_TEST(the_slot_of_a_living_process_is_left_to_it)
{
	int pipes[2];
	char byte;
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		scoreboard_take_slot(board, ROLE_WORKER);
		if (write(pipes[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	ck_assert_ptr_eq(scoreboard_take_slot(board, ROLE_WORKER), scoreboard_slot(board, 1));
	ck_assert_int_eq(slot_pid(scoreboard_slot(board, 0)), pid);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

/* ---- Many at once ---- */

/* What the processes of a test tell each other. */
struct crowd {
	_Atomic int arrived, go, taken, twice;
	_Atomic int inside[SLOTS];
};

static struct crowd *crowd;

static void
crowd_setup(void)
{
	setup();
	crowd = mmap(NULL, sizeof *crowd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(crowd, MAP_FAILED);
}

static void
crowd_teardown(void)
{
	munmap(crowd, sizeof *crowd);
	teardown();
}

static unsigned
index_of(const struct slot *slot)
{
	return scoreboard_index_of(board, slot);
}

/* True where it became so before the deadline. */
static bool
reached(_Atomic int *count, int wanted)
{
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (atomic_load(count) < wanted) {
		if (clock_mono_ns() > deadline_ns)
			return false;
		sched_yield();
	}
	return true;
}

static void
enter(const struct slot *slot)
{
	if (atomic_fetch_add(&crowd->inside[index_of(slot)], 1) != 0 || slot_pid(slot) != getpid())
		atomic_fetch_add(&crowd->twice, 1);
}

/* Starts so many processes, lets them go together; false where one of them failed. */
static bool
all_succeed(int (*act)(void))
{
	pid_t pids[PROCESSES];
	int status;
	bool success = true;
	for (int i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0) {
			atomic_fetch_add(&crowd->arrived, 1);
			_exit(reached(&crowd->go, 1) ? act() : 98);
		}
	success &= reached(&crowd->arrived, PROCESSES);
	atomic_store(&crowd->go, 1);
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		success &= status == 0;
	}
	return success;
}

/* Takes one and stays until everybody has tried. */
static int
take_and_stay(void)
{
	struct slot *slot = scoreboard_take_slot(board, ROLE_WORKER);
	if (slot != NULL)
		enter(slot);
	atomic_fetch_add(&crowd->taken, slot != NULL);
	atomic_fetch_add(&crowd->arrived, 1);
	return reached(&crowd->arrived, 2 * PROCESSES) ? 0 : 1;
}

static void
ck_each_taken_once(void)
{
	ck_assert(all_succeed(take_and_stay));
	ck_assert_int_eq(atomic_load(&crowd->twice), 0);
	ck_assert_int_eq(atomic_load(&crowd->taken), SLOTS);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_int_eq(atomic_load(&crowd->inside[i]), 1);
}

START_TEST(of_many_at_once_each_free_slot_is_one_process_s)
{
	ck_each_taken_once();
}
END_TEST

START_TEST(of_many_at_once_each_dead_process_s_slot_is_one_process_s)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		for (unsigned i = 0; i < SLOTS; i++)
			scoreboard_take_slot(board, ROLE_WORKER);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_int_eq(slot_pid(scoreboard_slot(board, i)), pid);
	ck_each_taken_once();
}
END_TEST

/* In and out again; everybody has an own counter of turns, the slot's must be their sum. */
static int
come_and_go(void)
{
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	for (int turns = 0; turns < TURNS;) {
		struct slot *slot = scoreboard_take_slot(board, ROLE_WORKER);
		if (clock_mono_ns() > deadline_ns)
			return 1;
		if (slot == NULL) {
			sched_yield();
			continue;
		}
		enter(slot);
		atomic_fetch_add(&slot->requests, 1);
		turns++;
		sched_yield();
		atomic_fetch_sub(&crowd->inside[index_of(slot)], 1);
		slot_release(slot);
	}
	return 0;
}

START_TEST(of_many_who_come_and_go_never_two_are_in_one_slot)
{
	struct pool_summary summary;
	ck_assert(all_succeed(come_and_go));
	ck_assert_int_eq(atomic_load(&crowd->twice), 0);
	scoreboard_summary(board, ROLE_WORKER, &summary);
	ck_assert_uint_eq(summary.requests, PROCESSES * TURNS);
	ck_assert_uint_eq(summary.workers, 0);
}
END_TEST

/* ---- Busy ---- */

START_TEST(only_a_busy_worker_with_a_request_is_busy_for_some_time)
{
	static const enum slot_state idle[] = {SLOT_FREE, SLOT_STARTING, SLOT_IDLE, SLOT_STOPPING, SLOT_DEAD};
	struct slot *slot = scoreboard_slot(board, 0);
	struct slot_request request = {.started_ns = 1000};
	slot_set_request(slot, &request);
	for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
		slot_set_state(slot, idle[i]);
		ck_assert_int_eq(slot_busy_ns(slot, 5000), 0);
	}
	slot_set_state(slot, SLOT_BUSY);
	ck_assert_int_eq(slot_busy_ns(slot, 5000), 4000);
	slot_set_request(slot, NULL);
	ck_assert_int_eq(slot_busy_ns(slot, 5000), 0);
}
END_TEST

START_TEST(a_request_that_began_after_the_clock_was_read_has_taken_no_time)
{
	static const struct {
		int64_t started_ns, now_ns, expected_ns;
	} cases[] = {
		{1000, 999, 0}, {1000, 1000, 0}, {1000, 1001, 1}, {1, INT64_MAX, INT64_MAX - 1}, {INT64_MAX, 1, 0}};
	struct slot *slot = scoreboard_slot(board, 0);
	slot_set_state(slot, SLOT_BUSY);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slot_request request = {.started_ns = cases[i].started_ns};
		slot_set_request(slot, &request);
		ck_assert_int_eq(slot_busy_ns(slot, cases[i].now_ns), cases[i].expected_ns);
	}
}
END_TEST

START_TEST(a_request_that_is_being_written_counts_as_none)
{
	struct slot *slot = scoreboard_slot(board, 0);
	struct slot_request request = {.started_ns = 1000};
	slot_set_state(slot, SLOT_BUSY);
	slot_set_request(slot, &request);
	seqlock_write_begin(&slot->request_lock);
	ck_assert_int_eq(slot_busy_ns(slot, 5000), 0);
	seqlock_write_end(&slot->request_lock);
	ck_assert_int_eq(slot_busy_ns(slot, 5000), 4000);
}
END_TEST

/* ---- Names ---- */

START_TEST(causes_of_death_have_names_of_their_own)
{
	static const char *const expected[DEATH_CAUSES] = {
		[DEATH_SIGNAL] = "signal", [DEATH_EXIT] = "exit", [DEATH_OOM] = "oom", [DEATH_TIMEOUT] = "timeout"};
	for (unsigned i = 0; i < DEATH_CAUSES; i++)
		ck_assert_str_eq(death_cause_name((enum death_cause)i), expected[i]);
	ck_assert_str_eq(death_cause_name(DEATH_CAUSES), "unknown");
	ck_assert_str_eq(death_cause_name((enum death_cause) - 1), "unknown");
}
END_TEST

static void
add_crowds(Suite *suite)
{
	TCase *tc = tcase_create("crowds");
	tcase_set_timeout(tc, 2.0 * IN_TIME_MS / 1000);
	tcase_add_checked_fixture(tc, crowd_setup, crowd_teardown);
	tcase_add_test(tc, of_many_at_once_each_free_slot_is_one_process_s);
	tcase_add_test(tc, of_many_at_once_each_dead_process_s_slot_is_one_process_s);
	tcase_add_test(tc, of_many_who_come_and_go_never_two_are_in_one_slot);
	suite_add_tcase(suite, tc);
}

int
main(void)
{
	Suite *suite = suite_create("slot");
	TCase *tc = tcase_create("slot");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, free_slots_are_taken_in_order_until_there_is_none);
	tcase_add_test(tc, the_slot_of_a_dead_process_is_taken_reaped_or_not);
	tcase_add_test(tc, the_slot_of_a_process_whose_pid_is_used_again_is_taken);
	tcase_add_test(tc, the_slot_of_a_living_process_is_left_to_it);
	tcase_add_test(tc, only_a_busy_worker_with_a_request_is_busy_for_some_time);
	tcase_add_test(tc, a_request_that_began_after_the_clock_was_read_has_taken_no_time);
	tcase_add_test(tc, a_request_that_is_being_written_counts_as_none);
	tcase_add_test(tc, causes_of_death_have_names_of_their_own);
	tcase_add_test(tc, a_request_that_was_written_is_read_whatever_the_lock_says);
	tcase_add_test(tc, of_a_request_that_was_begun_only_what_is_whole_is_read);
	tcase_add_test(tc, texts_of_a_dead_worker_are_closed);
	tcase_add_test(tc, a_worker_that_was_in_no_request_left_none);
	tcase_add_test(tc, a_crash_is_read_as_far_as_it_was_written_and_forgotten_by_the_next);
	suite_add_tcase(suite, tc);
	add_crowds(suite);
	return run_suite(suite);
}
