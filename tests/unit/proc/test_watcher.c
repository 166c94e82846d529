/* test_watcher.c - the thread that acts when the main thread cannot. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "run_suite.h"
#include "watcher.h"

#define TICK_MS 5
#define IN_TIME_MS 5000

static int pair[2];

static void
setup(void)
{
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
	ck_assert(!shut_down_within(6 * TICK_MS)); /* long enough to have gone to sleep */
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

/* ---- Slow requests ---- */

static atomic_int slow_calls;

static void
note_slow(void *context)
{
	ck_assert_ptr_eq(context, &slow_calls);
	atomic_fetch_add(&slow_calls, 1);
}

static struct watcher *
start_noting(void)
{
	struct err err;
	atomic_store(&slow_calls, 0);
	struct watcher *watcher = watcher_create(
		&(struct watcher_config){.slow_ms = TICK_MS, .on_slow = note_slow, .context = &slow_calls}, &err);
	ck_assert_ptr_nonnull(watcher);
	return watcher;
}

static bool
slow_calls_come_to(int wanted)
{
	for (int64_t end_ns = deadline_in_ms(IN_TIME_MS); atomic_load(&slow_calls) < wanted; poll(NULL, 0, 1))
		if (clock_mono_ns() > end_ns)
			return false;
	return true;
}

START_TEST(a_slow_request_is_noticed_once_and_so_is_the_next)
{
	struct watcher *watcher = start_noting();
	for (int i = 1; i <= 5; i++) {
		watcher_request_begin(watcher);
		ck_assert(slow_calls_come_to(i));
		poll(NULL, 0, 8 * TICK_MS); /* many more ticks of the same request */
		ck_assert_int_eq(atomic_load(&slow_calls), i);
		watcher_request_end(watcher);
		if (i == 3)
			poll(NULL, 0, 60 * TICK_MS); /* long enough to have gone to sleep */
	}
	watcher_destroy(watcher);
}
END_TEST

START_TEST(requests_that_end_in_time_are_never_slow)
{
	struct watcher *watcher = start_noting();
	int64_t end_ns = deadline_in_ms(40 * TICK_MS), longest_ns = 0;
	while (clock_mono_ns() < end_ns) {
		int64_t begun_ns = clock_mono_ns();
		watcher_request_begin(watcher);
		watcher_request_end(watcher);
		int64_t took_ns = clock_mono_ns() - begun_ns;
		longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
	}
	/* On a busy machine one of them may have been interrupted for that long. */
	if (longest_ns < TICK_MS * NS_PER_MS)
		ck_assert_int_eq(atomic_load(&slow_calls), 0);
	watcher_destroy(watcher);
}
END_TEST

START_TEST(between_requests_nothing_is_slow)
{
	struct watcher *watcher = start_noting();
	watcher_request_begin(watcher);
	watcher_request_end(watcher);
	int before = atomic_load(&slow_calls);
	poll(NULL, 0, 10 * TICK_MS);
	ck_assert_int_eq(atomic_load(&slow_calls), before);
	watcher_destroy(watcher);
}
END_TEST

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
	tcase_add_test(tc, a_slow_request_is_noticed_once_and_so_is_the_next);
	tcase_add_test(tc, requests_that_end_in_time_are_never_slow);
	tcase_add_test(tc, between_requests_nothing_is_slow);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
