/*
 * test_flight.c - one leader a hash over all processes: boarding, landing, waiting, dead and late leaders, and races.
 */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "flight.h"
#include "owner.h"
#include "process_stat.h"
#include "run_suite.h"

#define PROBES 4 /* as in flight.c */
#define HASHES_MOST 3

/* What the processes of a case share. */
static struct shared {
	struct flight_table table;
	_Atomic uint32_t step, violations, leads;
	_Atomic int32_t leaders[HASHES_MOST];
} * shared;

static void
setup(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void
teardown(void)
{
	munmap(shared, sizeof *shared);
}

/* The nth hash that is looked for from that place on. */
static uint64_t
hash_at(uint64_t n, unsigned place)
{
	return (n + 1) << OWNER_PID_BITS | place;
}

static enum flight_turn
board(uint64_t hash, struct flight_seat *seat)
{
	return flight_board(&shared->table, hash, INT64_MAX, seat);
}

/* By the parent and by children alike: false after five seconds. */
static bool
reaches(_Atomic uint32_t *word, uint32_t least)
{
	int64_t deadline_ns = deadline_in_ms(5000);
	while (atomic_load(word) < least && clock_mono_ns() < deadline_ns)
		sched_yield();
	return atomic_load(word) >= least;
}

static void
wait_child(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x", (unsigned)status);
}

/* The body runs in a process of its own and returns its exit status. */
static pid_t
start(int (*body)(uint64_t hash), uint64_t hash)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(body(hash));
	return pid;
}

/* ---- Turns -------------------------------------------------------------------------------------- */

START_TEST(the_first_leads_the_next_follows)
{
	static const unsigned places[] = {0, 1, FLIGHTS - 1, FLIGHTS, 12345};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct flight_seat leader, follower;
		uint64_t hash = hash_at(i, places[i]);
		ck_assert_int_eq(board(hash, &leader), FLIGHT_LEADS);
		ck_assert_int_eq(board(hash, &follower), FLIGHT_FOLLOWS);
		ck_assert_ptr_eq(follower.flight, leader.flight);
		flight_land(&leader);
		ck_assert_ptr_null(leader.flight);
		ck_assert(flight_wait(&follower, DEADLINE_NEVER));
		ck_assert_int_eq(board(hash, &leader), FLIGHT_LEADS);
		flight_land(&leader);
	}
}
END_TEST

START_TEST(one_who_followed_sees_the_next_flight_as_another)
{
	struct flight_seat leader, follower;
	board(hash_at(1, 7), &leader);
	board(hash_at(1, 7), &follower);
	flight_land(&leader);
	ck_assert_int_eq(board(hash_at(1, 7), &leader), FLIGHT_LEADS);
	ck_assert(flight_wait(&follower, 0));
	flight_land(&leader);
}
END_TEST

START_TEST(full_at_its_probes_it_goes_alone)
{
	static const unsigned places[] = {0, 100, FLIGHTS - 2};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct flight_seat seats[PROBES], one_more;
		for (unsigned n = 0; n < PROBES; n++)
			ck_assert_int_eq(board(hash_at(n, places[i]), &seats[n]), FLIGHT_LEADS);
		ck_assert_int_eq(board(hash_at(PROBES, places[i]), &one_more), FLIGHT_ALONE);
		ck_assert_ptr_null(one_more.flight);
		flight_land(&one_more);
		for (unsigned n = 0; n < PROBES; n++)
			ck_assert_int_eq(board(hash_at(n, places[i]), &one_more), FLIGHT_FOLLOWS);
		flight_land(&seats[2]);
		ck_assert_int_eq(board(hash_at(PROBES, places[i]), &seats[2]), FLIGHT_LEADS);
		for (unsigned n = 0; n < PROBES; n++)
			flight_land(&seats[n]);
	}
}
END_TEST

/* A flight before it in the probes has landed: the one behind is found all the same. */
START_TEST(found_behind_a_free_one)
{
	struct flight_seat first, second, follower;
	board(hash_at(1, 50), &first);
	board(hash_at(2, 50), &second);
	flight_land(&first);
	ck_assert_int_eq(board(hash_at(2, 50), &follower), FLIGHT_FOLLOWS);
	ck_assert_ptr_eq(follower.flight, second.flight);
}
END_TEST

START_TEST(landing_twice_or_without_a_flight_does_nothing)
{
	struct flight_seat none = {0}, leader, again, follower;
	flight_land(&none);
	board(hash_at(1, 3), &leader);
	again = leader;
	flight_land(&leader);
	flight_land(&leader);
	flight_land(&again);
	ck_assert_uint_eq(atomic_load(&shared->table.flights[3].landed), 1);
	ck_assert_int_eq(board(hash_at(1, 3), &follower), FLIGHT_LEADS);
}
END_TEST

/* ---- Dead and late leaders ---------------------------------------------------------------------- */

static int
lead_and_tell(uint64_t hash)
{
	struct flight_seat seat;
	bool leads = board(hash, &seat) == FLIGHT_LEADS;
	atomic_fetch_add(&shared->step, 1);
	return leads && reaches(&shared->step, 2) ? 0 : 1;
}

START_TEST(a_dead_leader_is_over)
{
	struct flight_seat before, after;
	pid_t pid = start(lead_and_tell, hash_at(1, 9));
	ck_assert(reaches(&shared->step, 1));
	ck_assert_int_eq(board(hash_at(1, 9), &before), FLIGHT_FOLLOWS);
	ck_assert(!flight_wait(&before, 0));
	atomic_fetch_add(&shared->step, 1);
	wait_child(pid);
	ck_assert(flight_wait(&before, DEADLINE_NEVER));
	ck_assert_int_eq(board(hash_at(1, 9), &after), FLIGHT_LEADS);
	ck_assert_ptr_eq(after.flight, before.flight);
}
END_TEST

static int
follow(uint64_t hash)
{
	struct flight_seat seat;
	if (board(hash, &seat) != FLIGHT_FOLLOWS)
		return 1;
	return flight_wait(&seat, deadline_in_ms(5000)) ? 0 : 2;
}

/* Nobody wakes the follower. */
START_TEST(a_leader_that_dies_keeps_nobody_waiting)
{
	pid_t leader = start(lead_and_tell, hash_at(1, 9));
	ck_assert(reaches(&shared->step, 1));
	pid_t follower = start(follow, hash_at(1, 9));
	ck_assert(reaches(&shared->table.flights[9].waiting, 1));
	ck_assert_int_eq(kill(leader, SIGKILL), 0);
	ck_assert_int_eq(waitpid(leader, NULL, 0), leader);
	wait_child(follower);
	ck_assert_uint_eq(atomic_load(&shared->table.flights[9].waiting), 0);
}
END_TEST

/* Lands only when another has taken its flight over. */
static int
lead_too_long(uint64_t hash)
{
	struct flight_seat seat;
	bool leads = board(hash, &seat) == FLIGHT_LEADS;
	atomic_fetch_add(&shared->step, 1);
	if (!reaches(&shared->step, 2))
		return 1;
	flight_land(&seat);
	return leads ? 0 : 2;
}

START_TEST(a_flight_that_takes_too_long_is_taken_over)
{
	struct flight_seat seat, mine;
	uint64_t hash = hash_at(1, 9);
	pid_t pid = start(lead_too_long, hash);
	ck_assert(reaches(&shared->step, 1));
	ck_assert_int_eq(flight_board(&shared->table, hash, 60 * NS_PER_S, &seat), FLIGHT_FOLLOWS);
	ck_assert_int_eq(flight_board(&shared->table, hash, 0, &mine), FLIGHT_LEADS);
	ck_assert(flight_wait(&seat, 0));
	atomic_fetch_add(&shared->step, 1);
	wait_child(pid);
	/* The landing of the one that was too late is not that of its successor. */
	ck_assert_int_eq(board(hash, &seat), FLIGHT_FOLLOWS);
	ck_assert(!flight_wait(&seat, 0));
	flight_land(&mine);
	ck_assert(flight_wait(&seat, 0));
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------------ */

START_TEST(waits_until_the_deadline)
{
	static const int64_t waits_ms[] = {0, 1, 5, 45};
	struct flight_seat leader, follower;
	board(hash_at(1, 1), &leader);
	board(hash_at(1, 1), &follower);
	for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
		int64_t began_ns = clock_mono_ns();
		ck_assert(!flight_wait(&follower, began_ns + waits_ms[i] * NS_PER_MS));
		ck_assert_int_ge(clock_mono_ns() - began_ns, waits_ms[i] * NS_PER_MS);
		ck_assert_uint_eq(atomic_load(&follower.flight->waiting), 0);
	}
}
END_TEST

static bool
sleeps(pid_t pid)
{
	struct process_stat process;
	ck_assert(process_stat_read(&process, pid));
	return process.state == 'S';
}

/* How long one that sleeps in another process takes to see the landing. */
static int64_t
landing_seen_after_ns(uint64_t hash)
{
	struct flight_seat seat;
	struct flight *flight = &shared->table.flights[hash % FLIGHTS];
	ck_assert_int_eq(board(hash, &seat), FLIGHT_LEADS);
	pid_t pid = start(follow, hash);
	ck_assert(reaches(&flight->waiting, 1));
	for (int64_t deadline_ns = deadline_in_ms(5000); !sleeps(pid); sched_yield())
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
	int64_t landed_ns = clock_mono_ns();
	flight_land(&seat);
	wait_child(pid);
	return clock_mono_ns() - landed_ns;
}

/* Who is not woken looks by himself, but no sooner than 20 ms after he went to sleep. */
START_TEST(landing_wakes_who_waits)
{
	int64_t fastest_ns = INT64_MAX;
	for (unsigned round = 0; round < 20; round++) {
		int64_t took_ns = landing_seen_after_ns(hash_at(round, 11));
		fastest_ns = took_ns < fastest_ns ? took_ns : fastest_ns;
	}
	ck_assert_int_lt(fastest_ns, 10 * NS_PER_MS);
}
END_TEST

/* ---- Races -------------------------------------------------------------------------------------- */

#define RACERS 3
#define ROUNDS 40000

/* As a worker would between boarding and landing, and sees whether it is the only one. */
static void
lead(unsigned which, unsigned round)
{
	if (atomic_fetch_add(&shared->leaders[which], 1) != 0)
		atomic_fetch_add(&shared->violations, 1);
	atomic_fetch_add(&shared->leads, 1);
	if (round % 4 == 0)
		sched_yield();
	atomic_fetch_sub(&shared->leaders[which], 1);
}

/* Hashes whose probes overlap, so that which places are free changes under way. */
static int
race(uint64_t seed)
{
	unsigned random = (unsigned)seed;
	if (!reaches(&shared->step, 1))
		return 1;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct flight_seat seat;
		unsigned which = (unsigned)rand_r(&random) % HASHES_MOST;
		enum flight_turn turn = flight_board(&shared->table, hash_at(which, which / 2), 60 * NS_PER_S, &seat);
		if (turn == FLIGHT_FOLLOWS)
			flight_wait(&seat, clock_mono_ns() + 50 * NS_PER_US);
		if (turn != FLIGHT_LEADS)
			continue;
		lead(which, round);
		if (round % 3 != 0)
			flight_land(&seat);
		else /* it never lands, and began long ago: the next takes it over */
			atomic_store(&seat.flight->began_ns, (int64_t)(round * RACERS + seed));
	}
	return 0;
}

START_TEST(never_two_leaders_of_one_hash)
{
	pid_t racers[RACERS];
	for (unsigned i = 0; i < RACERS; i++)
		racers[i] = start(race, i + 1);
	atomic_fetch_add(&shared->step, 1);
	for (unsigned i = 0; i < RACERS; i++)
		wait_child(racers[i]);
	ck_assert_uint_eq(atomic_load(&shared->violations), 0);
	ck_assert_uint_gt(atomic_load(&shared->leads), ROUNDS / 100);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("flight");
	TCase *tc = tcase_create("flight");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_first_leads_the_next_follows);
	tcase_add_test(tc, one_who_followed_sees_the_next_flight_as_another);
	tcase_add_test(tc, full_at_its_probes_it_goes_alone);
	tcase_add_test(tc, found_behind_a_free_one);
	tcase_add_test(tc, landing_twice_or_without_a_flight_does_nothing);
	tcase_add_test(tc, a_dead_leader_is_over);
	tcase_add_test(tc, a_leader_that_dies_keeps_nobody_waiting);
	tcase_add_test(tc, a_flight_that_takes_too_long_is_taken_over);
	tcase_add_test(tc, waits_until_the_deadline);
	tcase_add_test(tc, landing_wakes_who_waits);
	tcase_add_test(tc, never_two_leaders_of_one_hash);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
