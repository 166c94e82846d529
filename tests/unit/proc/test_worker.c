/*
 * test_worker.c - the loop of a worker that has no siblings to give to: connections shared out fairly, a listener
 * that cannot be watched for a moment, its end.
 *
 * epoll_ctl() is this program's own, so that it can be made to fail.
 */
#include "worker.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run_suite.h"
#include "worker_fixture.h"

#define SOME 20

static int exclusive_calls, failing_call; /* 0: none fails */

int
epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	if (operation == EPOLL_CTL_ADD && (event->events & EPOLLEXCLUSIVE) != 0 && ++exclusive_calls == failing_call) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll_fd, operation, fd, event);
}

static void
setup(void)
{
	workers_setup();
	exclusive_calls = failing_call = 0;
	options.alone = true;
}

/* Each comes when all are idle: the kernel alone would give every one to the same worker. */
START_TEST(connections_are_shared_out)
{
	for (unsigned i = 0; i < WORKERS; i++)
		start_worker(i);
	for (int i = 0; i < 8 * WORKERS; i++) {
		for (unsigned j = 0; j < WORKERS; j++)
			wait_until_asleep(j);
		ck_assert_int_ne(ask(connect_to(&listeners[0])), NOBODY);
	}
	/* A worker that is still on its way back to waiting may be passed over once in a while. */
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_uint_ge(atomic_load(&slot_of(i)->requests), 2);
}
END_TEST

/* The call after which one listener is watched and the other is not, at the end of a pause and after an accept. */
START_TEST(a_listener_that_cannot_be_watched_is_tried_again)
{
	static const int calls[] = {3, 4, 5};
	failing_call = calls[_i];
	options.max_connections = 1;
	start_worker(0);
	int first = connect_to(&listeners[0]);
	ck_assert_int_eq(send(first, "\1", 1, MSG_NOSIGNAL), 1); /* a request that arrives: not idle */
	int second = connect_to(&listeners[1]);
	/* The worker is full: it pauses, of which nothing is seen from outside, and tries again every 100 ms. */
	struct pollfd wait = {.fd = second, .events = POLLIN};
	ck_assert_int_eq(poll(&wait, 1, 300), 0);
	ck_assert_int_eq(shutdown(first, SHUT_RDWR), 0);
	ck_assert_int_eq(ask(second), 0);
}
END_TEST

/* What has arrived when the end comes is still answered, by whichever way the end came; then all is closed. */
static const int ends[] = {SIGTERM, SIGINT, WORKER_RETIRE};

START_TEST(stops_when_told)
{
	int fds[SOME];
	start_worker(0);
	connect_and_ask(fds, SOME);
	signal_worker(0, ends[_i]);
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	for (int i = 0; i < SOME; i++)
		ck_assert(is_closed(fds[i]));
}
END_TEST

START_TEST(answers_what_waits_before_it_stops)
{
	int fds[SOME], late[SOME];
	start_worker(0);
	connect_and_ask(fds, SOME);
	block_worker(fds[0]);
	for (int i = 0; i < SOME; i++)
		send_request(late[i] = connect_to(&listeners[i % LISTENERS]), "/");
	for (int i = 1; i < SOME; i++)
		send_request(fds[i], "/");
	signal_worker(0, ends[_i]);
	unblock_worker();
	for (int i = 0; i < SOME; i++) {
		ck_assert_int_eq(answered_by(fds[i]), 0);
		ck_assert_int_eq(answered_by(late[i]), 0);
	}
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	ck_assert(is_closed(fds[0]));
	ck_assert(is_closed(late[0]));
}
END_TEST

/* It has no room for those that wait until it lets go of those that do not. */
START_TEST(answers_what_waits_though_it_is_full)
{
	int fds[SOME], late[SOME];
	options.max_connections = SOME;
	start_worker(0);
	connect_and_ask(fds, SOME);
	block_worker(fds[0]);
	for (int i = 0; i < SOME; i++)
		send_request(late[i] = connect_to(&listeners[i % LISTENERS]), "/");
	send_request(fds[1], "/");
	signal_worker(0, ends[_i]);
	unblock_worker();
	ck_assert_int_eq(answered_by(fds[0]), 0);
	ck_assert_int_eq(answered_by(fds[1]), 0);
	for (int i = 0; i < SOME; i++)
		ck_assert_int_eq(answered_by(late[i]), 0);
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
}
END_TEST

START_TEST(stops_after_max_requests)
{
	int fds[SOME];
	options.max_requests = SOME;
	start_worker(0);
	connect_and_ask(fds, SOME);
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	for (int i = 0; i < SOME; i++)
		ck_assert(is_closed(fds[i]));
	ck_assert_uint_eq(atomic_load(&slot_of(0)->requests), SOME);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tc = tcase_create("worker");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, workers_teardown);
	tcase_add_test(tc, connections_are_shared_out);
	tcase_add_loop_test(tc, a_listener_that_cannot_be_watched_is_tried_again, 0, 3);
	tcase_add_loop_test(tc, stops_when_told, 0, 3);
	tcase_add_loop_test(tc, answers_what_waits_before_it_stops, 0, 3);
	tcase_add_loop_test(tc, answers_what_waits_though_it_is_full, 0, 3);
	tcase_add_test(tc, stops_after_max_requests);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
