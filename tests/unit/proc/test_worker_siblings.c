/*
 * test_worker_siblings.c - workers that hand connections to each other: while a request takes long, and at their end.
 *
 * The first worker gets all connections, since the others are started later. Who answers tells whose they are.
 */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "run_suite.h"
#include "worker.h"
#include "worker_fixture.h"

#define SLOW_MS 20
#define SOME 20
#define MANY 60 /* more than a narrow socket takes, and less than a round of events has */

static uint64_t
given(unsigned index)
{
	return atomic_load(&slot_of(index)->given);
}

static uint64_t
taken(unsigned index)
{
	return atomic_load(&slot_of(index)->taken);
}

static void
ck_asked(const int *fds, size_t count, int worker)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(ask(fds[i]), worker);
}

/* Few letters fit in. */
static void
narrow_the_socket(void)
{
	int least = 1;
	ck_assert_int_eq(setsockopt(handoff.send_fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
}

static size_t
count_answered(const int *fds, size_t count)
{
	struct pollfd waits[MANY];
	ck_assert_uint_le(count, MANY);
	for (size_t i = 0; i < count; i++)
		waits[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	int answered = poll(waits, count, 0);
	ck_assert_int_ge(answered, 0);
	return (size_t)answered;
}

static void
wait_until_answered(const int *fds, size_t count, size_t least)
{
	for (int64_t end_ns = deadline_in_ms(WAIT_MS); count_answered(fds, count) < least; poll(NULL, 0, 1))
		ck_assert_int_lt(clock_mono_ns(), end_ns);
}

/* ---- A request that takes long ------------------------------------------------------------------ */

START_TEST(a_blocked_worker_s_connections_are_answered_by_a_sibling)
{
	int fds[SOME], half;
	start_worker(0);
	connect_and_ask(fds, SOME);
	send_first_half(half = connect_to(&listeners[0]));
	uint64_t before = given(0);
	block_worker(fds[0]);
	wait_until_given(0, before + SOME);
	start_worker(1);
	ck_asked(fds + 1, SOME - 1, 1);
	send_second_half(half);
	ck_assert_int_eq(answered_by(half), 1);
	ck_assert_uint_ge(taken(1), SOME);
	unblock_worker();
	ck_assert_int_eq(answered_by(fds[0]), 0);
	ck_assert_int_eq(ask(fds[0]), 0);
}
END_TEST

/* The worker sees all of them in one round of events, that of the slow one first. */
START_TEST(requests_that_came_with_a_slow_one_do_not_wait_for_it)
{
	int fds[MANY];
	start_worker(0);
	connect_and_ask(fds, MANY);
	start_worker(1);
	signal_worker(0, SIGSTOP);
	send_request(fds[0], "/block");
	for (int i = 1; i < MANY; i++)
		send_request(fds[i], "/");
	signal_worker(0, SIGCONT);
	for (int i = 1; i < MANY; i++)
		ck_assert_int_eq(answered_by(fds[i]), 1);
	unblock_worker();
	ck_assert_int_eq(answered_by(fds[0]), 0);
}
END_TEST

/* Their events were of the round that the slow request was in, and come only once. */
START_TEST(requests_that_could_not_be_given_away_are_served_after_the_slow_one)
{
	int fds[MANY];
	narrow_the_socket();
	start_worker(0);
	connect_and_ask(fds, MANY);
	signal_worker(0, SIGSTOP);
	send_request(fds[0], "/block");
	for (int i = 1; i < MANY; i++)
		send_request(fds[i], "/");
	uint64_t before = given(0);
	signal_worker(0, SIGCONT);
	wait_until_given(0, before + 1);
	ck_assert_uint_lt(given(0) - before, MANY - 1);
	ck_assert_uint_eq(count_answered(fds, MANY), 0);
	unblock_worker();
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(answered_by(fds[i]), 0); /* those that nobody took it takes back */
}
END_TEST

START_TEST(a_handler_that_may_take_any_time_keeps_the_connections)
{
	int fds[SOME];
	options.handoff_after_ms = 0;
	start_worker(0);
	connect_and_ask(fds, SOME);
	block_worker(fds[0]);
	start_worker(1);
	int other = connect_to(&listeners[0]);
	ck_assert_int_eq(ask(other), 1);
	send_request(fds[1], "/");
	unblock_worker();
	ck_assert_int_eq(answered_by(fds[0]), 0);
	ck_assert_int_eq(answered_by(fds[1]), 0);
	ck_assert_uint_eq(given(0), 0);
}
END_TEST

/* ---- The end of a worker ------------------------------------------------------------------------ */

/* Its sibling is there, or comes when it has gone: in between the connections are in the socket. */
START_TEST(who_retires_gives_everything_away)
{
	int fds[SOME], half;
	start_worker(0);
	connect_and_ask(fds, SOME);
	send_first_half(half = connect_to(&listeners[0]));
	if (_i == 0)
		start_worker(1);
	signal_worker(0, WORKER_RETIRE);
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	ck_assert_uint_eq(given(0), SOME + 1);
	if (_i == 1)
		start_worker(1);
	send_second_half(half);
	ck_assert_int_eq(answered_by(half), 1);
	ck_asked(fds, SOME, 1);
	ck_assert_uint_eq(taken(1), SOME + 1);
}
END_TEST

START_TEST(who_has_served_max_requests_gives_everything_away)
{
	int fds[SOME], half;
	options.max_requests = SOME + 1;
	start_worker(0);
	connect_and_ask(fds, SOME);
	send_first_half(half = connect_to(&listeners[0]));
	ck_assert_int_eq(ask(fds[0]), 0);
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	ck_assert_uint_eq(given(0), SOME + 1);
	options.max_requests = 0;
	start_worker(1);
	send_second_half(half);
	ck_assert_int_eq(answered_by(half), 1);
	ck_asked(fds, SOME, 1);
}
END_TEST

START_TEST(who_retires_finishes_its_request_and_gives_that_connection_away_too)
{
	int fds[SOME];
	options.handoff_after_ms = SLOW_MS;
	start_worker(0);
	connect_and_ask(fds, SOME);
	uint64_t before = given(0);
	block_worker(fds[0]);
	wait_until_given(0, before + SOME - 1);
	start_worker(1);
	signal_worker(0, WORKER_RETIRE);
	ck_asked(fds + 1, SOME - 1, 1);
	unblock_worker();
	ck_assert_int_eq(answered_by(fds[0]), 0);
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	ck_assert_int_eq(ask(fds[0]), 1);
}
END_TEST

START_TEST(who_retires_serves_what_the_socket_has_no_room_for_and_takes_nothing_more)
{
	int fds[MANY];
	narrow_the_socket();
	start_worker(0);
	connect_and_ask(fds, MANY);
	signal_worker(0, WORKER_RETIRE);
	wait_for_state(0, SLOT_STOPPING);
	wait_until_given(0, 1);
	size_t staying = MANY - given(0);
	ck_assert_uint_gt(staying, 0);
	int late = connect_to(&listeners[0]);
	send_request(late, "/");
	for (int i = 0; i < MANY; i++)
		send_request(fds[i], "/");
	wait_until_answered(fds, MANY, staying);
	ck_assert_uint_eq(count_answered(fds, MANY), staying);
	start_worker(1);
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	ck_assert_int_eq(answered_by(late), 1);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_ne(answered_by(fds[i]), NOBODY);
	ck_assert_uint_eq(given(0), MANY);
	ck_asked(fds, MANY, 1);
}
END_TEST

START_TEST(who_is_stopped_answers_what_waits_in_its_sources_first)
{
	int fds[SOME], late[SOME];
	options.handoff_after_ms = SLOW_MS;
	start_worker(0);
	connect_and_ask(fds, SOME);
	uint64_t before = given(0);
	block_worker(fds[0]);
	wait_until_given(0, before + SOME - 1); /* nobody takes them: they wait in the socket */
	for (int i = 0; i < SOME; i++)
		send_request(late[i] = connect_to(&listeners[i % LISTENERS]), "/");
	for (int i = 1; i < SOME; i++)
		send_request(fds[i], "/");
	signal_worker(0, SIGTERM);
	unblock_worker();
	for (int i = 0; i < SOME; i++) {
		ck_assert_int_eq(answered_by(fds[i]), 0);
		ck_assert_int_eq(answered_by(late[i]), 0);
	}
	ck_assert_int_eq(exit_status(0), EXIT_SUCCESS);
	for (int i = 0; i < SOME; i++) {
		ck_assert(is_closed(fds[i]));
		ck_assert(is_closed(late[i]));
	}
}
END_TEST

/* ---- Room --------------------------------------------------------------------------------------- */

/* One letter of connections as from a sibling; fds: their clients. */
static void
send_letter(int fds[HANDOFF_BATCH])
{
	struct conn_table table = {0};
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < HANDOFF_BATCH; i++) {
		int pair[2];
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		fds[i] = keep_client(pair[1]);
		ck_assert_ptr_nonnull(conn_table_add(&table, pair[0], DEADLINE_NEVER));
	}
	ck_assert_uint_eq(handoff_give(&handoff, &table, epoll_fd), HANDOFF_BATCH);
	close(epoll_fd);
}

START_TEST(a_letter_to_a_full_worker_closes_those_that_were_idle_for_longest)
{
	int fds[HANDOFF_BATCH + 2], come[HANDOFF_BATCH];
	options.max_connections = HANDOFF_BATCH + 2;
	start_worker(0);
	connect_and_ask(fds, HANDOFF_BATCH + 2);
	send_letter(come);
	for (int i = 0; i < HANDOFF_BATCH; i++)
		ck_assert(is_closed(fds[i]));
	ck_asked(fds + HANDOFF_BATCH, 2, 0);
	ck_asked(come, HANDOFF_BATCH, 0);
	ck_assert_uint_eq(taken(0), HANDOFF_BATCH);
}
END_TEST

START_TEST(a_letter_waits_where_nothing_is_idle)
{
	int fds[HANDOFF_BATCH], come[HANDOFF_BATCH];
	options.max_connections = HANDOFF_BATCH;
	start_worker(0);
	for (int i = 0; i < HANDOFF_BATCH; i++)
		send_first_half(fds[i] = connect_to(&listeners[0]));
	send_letter(come);
	send_request(come[0], "/");
	for (int i = 0; i < HANDOFF_BATCH; i++) {
		ck_assert_uint_eq(taken(0), 0);
		send_second_half(fds[i]);
		ck_assert_int_eq(answered_by(fds[i]), 0);
	}
	ck_assert_int_eq(answered_by(come[0]), 0);
	ck_asked(come, HANDOFF_BATCH, 0);
}
END_TEST

static void
setup_slow(void)
{
	workers_setup();
	options.handoff_after_ms = SLOW_MS;
}

static TCase *
slow_requests(void)
{
	TCase *tc = tcase_create("a request that takes long");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup_slow, workers_teardown);
	tcase_add_test(tc, a_blocked_worker_s_connections_are_answered_by_a_sibling);
	tcase_add_test(tc, requests_that_came_with_a_slow_one_do_not_wait_for_it);
	tcase_add_test(tc, requests_that_could_not_be_given_away_are_served_after_the_slow_one);
	tcase_add_test(tc, a_handler_that_may_take_any_time_keeps_the_connections);
	return tc;
}

static TCase *
ends(void)
{
	TCase *tc = tcase_create("the end of a worker");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, workers_setup, workers_teardown);
	tcase_add_loop_test(tc, who_retires_gives_everything_away, 0, 2);
	tcase_add_test(tc, who_has_served_max_requests_gives_everything_away);
	tcase_add_test(tc, who_retires_finishes_its_request_and_gives_that_connection_away_too);
	tcase_add_test(tc, who_retires_serves_what_the_socket_has_no_room_for_and_takes_nothing_more);
	tcase_add_test(tc, who_is_stopped_answers_what_waits_in_its_sources_first);
	return tc;
}

static TCase *
room(void)
{
	TCase *tc = tcase_create("room");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, workers_setup, workers_teardown);
	tcase_add_test(tc, a_letter_to_a_full_worker_closes_those_that_were_idle_for_longest);
	tcase_add_test(tc, a_letter_waits_where_nothing_is_idle);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("worker_siblings");
	suite_add_tcase(suite, slow_requests());
	suite_add_tcase(suite, ends());
	suite_add_tcase(suite, room());
	return run_suite(suite);
}
