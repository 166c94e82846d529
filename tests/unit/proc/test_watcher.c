/*
 * test_watcher.c - the thread that acts when the main thread cannot.
 *
 * syscall() and pthread_mutex_trylock() are this program's own: the one counts how often the watcher rests, so that
 * tests wait for ticks and for its sleep, the other holds it where it is about to call on_slow().
 */
#include <check.h>
#include <dlfcn.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "run_suite.h"
#include "watcher.h"

#define TICK_MS 5
#define IN_TIME_MS 5000

static int pair[2];

/* Rests with a time limit, and without one; tries to have the connections. */
static _Atomic unsigned ticks, sleeps, tries;
/* The next try is held until it is let go. */
enum hold { HOLD_NOTHING, HOLD_NEXT, HOLD_HELD };
static _Atomic enum hold hold;

/* What on_slow() is given, and what it sees. */
struct slow {
	_Atomic unsigned calls, intrusions; /* intrusions: calls while the main thread had the connections */
	_Atomic unsigned tries;             /* as they were at the last call */
	_Atomic bool main_has, ending, finished, signals_blocked;
};
static struct slow slow;

static void
next_definition(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);
	ck_assert_ptr_nonnull(found);
	memcpy(function, &found, sizeof found);
}

long
syscall(long number, ...)
{
	long (*real)(long, ...), a[6];
	va_list list;
	next_definition("syscall", &real);
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_futex && a[1] == FUTEX_WAIT_PRIVATE)
		(a[3] != 0 ? &ticks : &sleeps)[0]++;
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int
pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	int (*real)(pthread_mutex_t *);
	enum hold next = HOLD_NEXT;
	next_definition("pthread_mutex_trylock", &real);
	tries++;
	if (atomic_compare_exchange_strong(&hold, &next, HOLD_HELD))
		while (hold == HOLD_HELD)
			sched_yield();
	return real(mutex);
}

static void
setup(void)
{
	ticks = sleeps = tries = 0;
	hold = HOLD_NOTHING;
	slow = (struct slow){.main_has = true};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
}

static void
teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

static struct watcher *
start(pid_t supervisor)
{
	struct err err;
	struct watcher *watcher = watcher_create(
		&(struct watcher_config){.supervisor = supervisor, .orphan_grace_ms = 50, .slow_ms = TICK_MS}, &err);
	ck_assert_ptr_nonnull(watcher);
	return watcher;
}

static void
on_slow(void *context)
{
	struct slow *seen = context;
	sigset_t blocked;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	seen->signals_blocked = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGPROF) == 1;
	seen->intrusions += seen->main_has;
	seen->tries = tries;
	seen->calls++;
}

static struct watcher *
start_with(void (*when_slow)(void *context), int64_t tick_ms)
{
	struct err err;
	struct watcher *watcher = watcher_create(
		&(struct watcher_config){.slow_ms = tick_ms, .on_slow = when_slow, .context = &slow}, &err);
	ck_assert_ptr_nonnull(watcher);
	return watcher;
}

static void
begin(struct watcher *watcher)
{
	slow.main_has = false;
	watcher_request_begin(watcher);
}

static void
end(struct watcher *watcher)
{
	watcher_request_end(watcher);
	slow.main_has = true;
}

static void
wait_until_at_least(_Atomic unsigned *value, unsigned least)
{
	for (int64_t end_ns = deadline_in_ms(IN_TIME_MS); *value < least; poll(NULL, 0, 1))
		ck_assert_int_lt(clock_mono_ns(), end_ns);
}

static void
let_it_tick(unsigned times)
{
	wait_until_at_least(&ticks, ticks + times);
}

static bool
shut_down_within(int ms)
{
	struct pollfd wait = {.fd = pair[1], .events = POLLRDHUP};
	return poll(&wait, 1, ms) == 1;
}

START_TEST(a_deadline_shuts_the_connection_down)
{
	struct watcher *watcher = start(0);
	watcher_request_begin(watcher);
	watcher_arm(watcher, pair[0], deadline_in_ms(20));
	ck_assert(shut_down_within(IN_TIME_MS));
	ck_assert(watcher_disarm(watcher));
	watcher_request_end(watcher);
	watcher_destroy(watcher);
}
END_TEST

START_TEST(disarmed_in_time_it_does_nothing)
{
	struct watcher *watcher = start(0);
	for (int i = 0; i < 20; i++) {
		watcher_request_begin(watcher);
		watcher_arm(watcher, pair[0], deadline_in_ms(IN_TIME_MS));
		ck_assert(!watcher_disarm(watcher));
		watcher_request_end(watcher);
	}
	ck_assert(!shut_down_within(4 * TICK_MS));
	watcher_destroy(watcher);
}
END_TEST

START_TEST(it_wakes_again_after_having_slept)
{
	struct watcher *watcher = start(0);
	wait_until_at_least(&sleeps, 1);
	watcher_request_begin(watcher);
	watcher_arm(watcher, pair[0], deadline_in_ms(1));
	ck_assert(shut_down_within(IN_TIME_MS));
	watcher_disarm(watcher);
	watcher_request_end(watcher);
	watcher_destroy(watcher);
}
END_TEST

/* A parent that dies leaves a child whose request never ends; the child's end is seen by its socket. */
START_TEST(an_orphan_s_request_does_not_run_for_ever)
{
	pid_t parent = fork();
	if (parent == 0) {
		pid_t supervisor = getpid();
		pid_t child = fork();
		if (child == 0) {
			close(pair[1]);
			watcher_request_begin(start(supervisor));
			for (;;)
				pause();
		}
		close(pair[0]);
		_exit(child > 0 ? 0 : 1);
	}
	int status;
	close(pair[0]);
	ck_assert_int_eq(waitpid(parent, &status, 0), parent);
	ck_assert_int_eq(status, 0);
	ck_assert(shut_down_within(IN_TIME_MS));
	pair[0] = -1;
}
END_TEST

/* ---- Slow requests ------------------------------------------------------------------------------ */

START_TEST(on_slow_is_called_once_a_request)
{
	struct watcher *watcher = start_with(on_slow, TICK_MS);
	for (unsigned i = 1; i <= 3; i++) {
		begin(watcher);
		wait_until_at_least(&slow.calls, i);
		let_it_tick(4);
		ck_assert_uint_eq(slow.calls, i);
		end(watcher);
		ck_assert_uint_eq(slow.calls, i);
	}
	ck_assert_uint_eq(slow.intrusions, 0);
	ck_assert(slow.signals_blocked);
	watcher_destroy(watcher);
}
END_TEST

static void
keep_busy_until(int64_t end_ns)
{
	while (clock_mono_ns() < end_ns)
		;
}

/* Should one last longer than a tick, because this thread did not get on, it may be called for that one. */
START_TEST(on_slow_is_not_called_for_requests_that_end_within_a_tick)
{
	enum { SHORT_TICK_MS = 10 };
	struct watcher *watcher = start_with(on_slow, SHORT_TICK_MS);
	unsigned short_ones = 0;
	while (ticks < 30) {
		unsigned calls = slow.calls;
		int64_t begun_ns = clock_mono_ns();
		begin(watcher);
		keep_busy_until(begun_ns + SHORT_TICK_MS * NS_PER_MS / 5);
		end(watcher);
		if (clock_mono_ns() - begun_ns >= SHORT_TICK_MS * NS_PER_MS)
			continue;
		ck_assert_uint_eq(slow.calls, calls);
		short_ones++;
	}
	ck_assert_uint_gt(short_ones, 0);
	watcher_destroy(watcher);
}
END_TEST

/* The watcher has found the request slow, and the request ends before it can act; in the second round another has begun. */
START_TEST(on_slow_is_not_called_for_a_request_that_has_ended)
{
	struct watcher *watcher = start_with(on_slow, TICK_MS);
	hold = HOLD_NEXT;
	begin(watcher);
	for (int64_t end_ns = deadline_in_ms(IN_TIME_MS); hold != HOLD_HELD; poll(NULL, 0, 1))
		ck_assert_int_lt(clock_mono_ns(), end_ns);
	end(watcher);
	if (_i == 1)
		begin(watcher);
	hold = HOLD_NOTHING;
	if (_i == 1) {
		wait_until_at_least(&slow.calls, 1);
		ck_assert_uint_ge(slow.tries, 2);
		end(watcher);
	}
	wait_until_at_least(&sleeps, 1); /* all is over */
	ck_assert_uint_eq(slow.calls, (unsigned)_i);
	ck_assert_uint_eq(slow.intrusions, 0);
	watcher_destroy(watcher);
}
END_TEST

/* Still at work when the main thread is on its way to the request's end. */
static void
work_on_past_the_end(void *context)
{
	struct slow *seen = context;
	seen->calls++;
	while (!seen->ending)
		sched_yield();
	for (int64_t end_ns = deadline_in_ms(2); clock_mono_ns() < end_ns;)
		sched_yield();
	seen->finished = true;
}

START_TEST(a_request_s_end_waits_for_on_slow)
{
	struct watcher *watcher = start_with(work_on_past_the_end, TICK_MS);
	for (unsigned i = 1; i <= 5; i++) {
		slow.ending = slow.finished = false;
		begin(watcher);
		wait_until_at_least(&slow.calls, i);
		slow.ending = true;
		end(watcher);
		ck_assert(slow.finished);
	}
	watcher_destroy(watcher);
}
END_TEST

START_TEST(on_slow_is_called_after_a_long_sleep_too)
{
	struct watcher *watcher = start_with(on_slow, 1);
	for (unsigned i = 1; i <= 3; i++) {
		wait_until_at_least(&sleeps, i);
		begin(watcher);
		wait_until_at_least(&slow.calls, i);
		end(watcher);
	}
	ck_assert_uint_eq(slow.intrusions, 0);
	watcher_destroy(watcher);
}
END_TEST

START_TEST(deadlines_are_kept_when_on_slow_was_called_and_when_there_is_none)
{
	struct watcher *watcher = start_with(_i == 0 ? on_slow : NULL, TICK_MS);
	begin(watcher);
	if (_i == 0)
		wait_until_at_least(&slow.calls, 1);
	let_it_tick(4);
	watcher_arm(watcher, pair[0], deadline_in_ms(1));
	ck_assert(shut_down_within(IN_TIME_MS));
	ck_assert(watcher_disarm(watcher));
	end(watcher);
	ck_assert_uint_eq(slow.calls, _i == 0);
	watcher_destroy(watcher);
}
END_TEST

static TCase *
slow_requests(void)
{
	TCase *tc = tcase_create("slow requests");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, on_slow_is_called_once_a_request);
	tcase_add_test(tc, on_slow_is_not_called_for_requests_that_end_within_a_tick);
	tcase_add_loop_test(tc, on_slow_is_not_called_for_a_request_that_has_ended, 0, 2);
	tcase_add_test(tc, a_request_s_end_waits_for_on_slow);
	tcase_add_test(tc, on_slow_is_called_after_a_long_sleep_too);
	tcase_add_loop_test(tc, deadlines_are_kept_when_on_slow_was_called_and_when_there_is_none, 0, 2);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("watcher");
	TCase *tc = tcase_create("watcher");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, a_deadline_shuts_the_connection_down);
	tcase_add_test(tc, disarmed_in_time_it_does_nothing);
	tcase_add_test(tc, it_wakes_again_after_having_slept);
	tcase_add_test(tc, an_orphan_s_request_does_not_run_for_ever);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, slow_requests());
	return run_suite(suite);
}
