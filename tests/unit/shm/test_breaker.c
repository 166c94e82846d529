/* test_breaker.c - the states of the breaker, its waits, and that of many processes one opens, one probes, one closes. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "breaker.h"
#include "clock.h"
#include "owner.h"
#include "run_suite.h"

#define AT(ms) ((ms)*NS_PER_MS)
#define LIMIT_MS 50

static struct breaker *breaker;

static void
start(void)
{
	breaker = mmap(NULL, sizeof *breaker, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(breaker, MAP_FAILED);
}

static void
stop(void)
{
	munmap(breaker, sizeof *breaker);
}

static enum breaker_state
state(void)
{
	return breaker_state(breaker_look(breaker));
}

static void
open_at(int64_t ms)
{
	ck_assert(breaker_fail(breaker, breaker_look(breaker), AT(ms)));
}

static uint64_t
claim_at(int64_t ms, enum breaker_asker asker)
{
	return breaker_claim(breaker, asker, AT(ms), AT(ms + LIMIT_MS));
}

START_TEST(closed_until_something_fails)
{
	ck_assert_int_eq(state(), BREAKER_CLOSED);
	ck_assert_int_eq(breaker_due_ns(breaker, BREAKER_BY_REQUEST), DEADLINE_NEVER);
	ck_assert_uint_eq(claim_at(10000, BREAKER_BY_REQUEST), 0);
	ck_assert(!breaker_find_well(breaker, AT(10000)));
	open_at(10000);
	ck_assert_int_eq(state(), BREAKER_OPEN);
	ck_assert_uint_eq(atomic_load(&breaker->opened), 1);
	ck_assert_int_eq(atomic_load(&breaker->since_ns), AT(10000));
	ck_assert(breaker_find_well(breaker, AT(10001)));
	ck_assert_int_eq(state(), BREAKER_CLOSED);
}
END_TEST

START_TEST(an_old_failure_opens_nothing)
{
	uint64_t seen = breaker_look(breaker);
	open_at(10000);
	ck_assert(!breaker_fail(breaker, seen, AT(10000)));
	ck_assert(breaker_find_well(breaker, AT(10001)));
	ck_assert(!breaker_fail(breaker, seen, AT(10002)));
	ck_assert_int_eq(state(), BREAKER_CLOSED);
	ck_assert_uint_eq(atomic_load(&breaker->opened), 1);
}
END_TEST

START_TEST(each_opening_is_an_epoch)
{
	unsigned before = breaker_epoch(breaker_look(breaker));
	open_at(10000);
	unsigned open = breaker_epoch(breaker_look(breaker));
	ck_assert_uint_ne(open, before);
	breaker_find_well(breaker, AT(10001));
	ck_assert_uint_eq(breaker_epoch(breaker_look(breaker)), open);
	for (int64_t i = 1; i < 70000; i++) { /* around its end */
		open_at(10000 + 3000 * i);
		breaker_find_well(breaker, AT(10001 + 3000 * i));
	}
	ck_assert_int_eq(state(), BREAKER_CLOSED);
	ck_assert_uint_eq(atomic_load(&breaker->opened), 70000);
}
END_TEST

/* The waits after failed probes, as a request sees them: the first is after the failure itself. */
START_TEST(the_waits_grow_to_their_bound)
{
	static const int64_t waits_ms[] = {100, 100, 200, 400, 500, 500, 500};
	int64_t ms = 10000;
	open_at(ms);
	for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
		ck_assert_int_eq(breaker_due_ns(breaker, BREAKER_BY_REQUEST), AT(ms + waits_ms[i]));
		ck_assert_uint_eq(claim_at(ms + waits_ms[i] - 1, BREAKER_BY_REQUEST), 0);
		ms += waits_ms[i];
		uint64_t claim = claim_at(ms, BREAKER_BY_REQUEST);
		ck_assert_uint_ne(claim, 0);
		ck_assert_int_eq(state(), BREAKER_HALF_OPEN);
		ck_assert(breaker_conclude(breaker, claim, false, AT(ms)));
		ck_assert_int_eq(state(), BREAKER_OPEN);
	}
}
END_TEST

START_TEST(a_claim_is_one_and_runs_out)
{
	open_at(10000);
	uint64_t first = claim_at(10100, BREAKER_BY_REQUEST);
	ck_assert_uint_ne(first, 0);
	ck_assert_uint_eq(claim_at(10100, BREAKER_BY_REQUEST), 0);
	ck_assert_uint_eq(claim_at(10100 + LIMIT_MS, BREAKER_BY_REQUEST), 0);
	/* The prober has died, or sleeps. */
	uint64_t second = claim_at(10101 + LIMIT_MS, BREAKER_BY_REQUEST);
	ck_assert_uint_ne(second, 0);
	ck_assert(!breaker_conclude(breaker, first, true, AT(10200)));
	ck_assert_int_eq(state(), BREAKER_HALF_OPEN);
	ck_assert(breaker_conclude(breaker, second, true, AT(10200)));
	ck_assert_int_eq(state(), BREAKER_CLOSED);
	ck_assert(!breaker_conclude(breaker, second, false, AT(10200)));
}
END_TEST

START_TEST(the_keeper_looks_at_once_and_requests_wait_for_it)
{
	uint64_t self = owner_self();
	ck_assert(breaker_keep(breaker, self));
	ck_assert(breaker_keep(breaker, self));
	open_at(10000);
	ck_assert_uint_eq(claim_at(10100, BREAKER_BY_REQUEST), 0);
	uint64_t claim = claim_at(10000, BREAKER_BY_KEEPER);
	ck_assert_uint_ne(claim, 0);
	ck_assert(breaker_conclude(breaker, claim, false, AT(10050)));
	ck_assert_uint_eq(claim_at(10149, BREAKER_BY_KEEPER), 0);
	ck_assert_uint_eq(claim_at(10150, BREAKER_BY_REQUEST), 0);
	/* It does not come: it is stopped, or has died and nobody has come after it. */
	ck_assert_uint_eq(claim_at(10149 + BREAKER_GRACE_MS, BREAKER_BY_REQUEST), 0);
	ck_assert_uint_ne(claim_at(10150 + BREAKER_GRACE_MS, BREAKER_BY_REQUEST), 0);
	breaker_leave(breaker, self);
	ck_assert_uint_eq(atomic_load(&breaker->keeper), 0);
}
END_TEST

START_TEST(one_that_is_set_back_goes_on_with_longer_waits)
{
	breaker_keep(breaker, owner_self());
	open_at(10000);
	ck_assert(breaker_conclude(breaker, claim_at(10000, BREAKER_BY_KEEPER), true, AT(10001)));
	open_at(10050);
	ck_assert_uint_eq(claim_at(10249, BREAKER_BY_KEEPER), 0);
	ck_assert(breaker_conclude(breaker, claim_at(10250, BREAKER_BY_KEEPER), true, AT(10251)));
	/* Well for a while: the next time is a first one again. */
	open_at(10251 + BREAKER_RELAPSE_MS);
	ck_assert_uint_ne(claim_at(10251 + BREAKER_RELAPSE_MS, BREAKER_BY_KEEPER), 0);
}
END_TEST

START_TEST(what_another_boot_left_is_void)
{
	open_at(100000000);
	ck_assert_uint_ne(claim_at(5000, BREAKER_BY_REQUEST), 0);
}
END_TEST

START_TEST(a_keeper_that_died_is_followed)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		breaker_keep(breaker, owner_self());
		pause();
		_exit(0);
	}
	int64_t deadline_ns = deadline_in_ms(10000);
	while (atomic_load(&breaker->keeper) == 0 && clock_mono_ns() < deadline_ns)
		usleep(1000);
	ck_assert(!breaker_keep(breaker, owner_self()));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert(breaker_keep(breaker, owner_self()));
}
END_TEST

/* Of processes that all fail, then all claim, then all conclude, one each time does. Returns how often this one did. */
static int
race(unsigned rounds, _Atomic unsigned *arrived, unsigned processes)
{
	int mine = 0;
	for (unsigned round = 0; round < rounds; round++) {
		int64_t ms = 10000 + 10000 * (int64_t)round;
		uint64_t seen = breaker_look(breaker);
		atomic_fetch_add(arrived, 1);
		while (atomic_load(arrived) < processes * (2 * round + 1))
			;
		mine += breaker_fail(breaker, seen, AT(ms));
		uint64_t claim = claim_at(ms + 100, BREAKER_BY_REQUEST);
		if (claim != 0) {
			mine += 1000;
			mine += breaker_conclude(breaker, claim, true, AT(ms + 100)) ? 0 : 1000000;
		}
		atomic_fetch_add(arrived, 1);
		while (atomic_load(arrived) < processes * (2 * round + 2))
			;
	}
	return mine;
}

START_TEST(of_many_one_opens_and_one_probes)
{
	enum { PROCESSES = 4, ROUNDS = 300 };
	struct {
		_Atomic unsigned arrived;
		_Atomic int sum;
	} *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			atomic_fetch_add(&shared->sum, race(ROUNDS, &shared->arrived, PROCESSES));
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	ck_assert_int_eq(atomic_load(&shared->sum), ROUNDS + 1000 * ROUNDS);
	ck_assert_uint_eq(atomic_load(&breaker->opened), ROUNDS);
}
END_TEST

START_TEST(an_opening_wakes_who_sleeps)
{
	uint32_t seen = atomic_load(&breaker->changes);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		breaker_sleep(breaker, &seen, deadline_in_ms(20000));
		_exit(breaker_state(breaker_look(breaker)) == BREAKER_OPEN ? 0 : 1);
	}
	int status;
	usleep(1000); /* whether it sleeps by then makes no difference */
	open_at(10000);
	int64_t begun_ns = clock_mono_ns();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_int_lt(clock_mono_ns() - begun_ns, 15 * NS_PER_S);
}
END_TEST

START_TEST(states_have_names)
{
	ck_assert_str_eq(breaker_state_name(BREAKER_CLOSED), "closed");
	ck_assert_str_eq(breaker_state_name(BREAKER_OPEN), "open");
	ck_assert_str_eq(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("breaker");
	TCase *tc = tcase_create("breaker");
	tcase_add_checked_fixture(tc, start, stop);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, closed_until_something_fails);
	tcase_add_test(tc, an_old_failure_opens_nothing);
	tcase_add_test(tc, each_opening_is_an_epoch);
	tcase_add_test(tc, the_waits_grow_to_their_bound);
	tcase_add_test(tc, a_claim_is_one_and_runs_out);
	tcase_add_test(tc, the_keeper_looks_at_once_and_requests_wait_for_it);
	tcase_add_test(tc, one_that_is_set_back_goes_on_with_longer_waits);
	tcase_add_test(tc, what_another_boot_left_is_void);
	tcase_add_test(tc, a_keeper_that_died_is_followed);
	tcase_add_test(tc, of_many_one_opens_and_one_probes);
	tcase_add_test(tc, an_opening_wakes_who_sleeps);
	tcase_add_test(tc, states_have_names);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
