/*
 * test_handoff.c - connections from one table to another: what travels, what stays, what is closed.
 *
 * Giver and taker are two tables of this process, which has the far end of every connection too. Letters that are
 * not right are real ones, received here and changed before they are sent on.
 */
#include "handoff.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "run_suite.h"

#define CONNECTIONS_MAX 400
#define MANY 100
#define COUNT_OF(array) ((int)(sizeof(array) / sizeof(array)[0]))

struct party {
	struct conn_table table;
	int epoll_fd;
	unsigned added;
};

static struct handoff handoff;
static struct party giver, taker;
static int peers[CONNECTIONS_MAX];
static size_t peer_count;

/* ---- Parties ------------------------------------------------------------------------------------ */

static void
watch(void *context, struct connection *connection)
{
	struct party *party = context;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = connection};
	ck_assert_int_eq(epoll_ctl(party->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event), 0);
	party->added++;
}

static struct connection *
connect_in_state(enum conn_state state, int64_t deadline_ns)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_uint_lt(peer_count, CONNECTIONS_MAX);
	peers[peer_count++] = pair[1];
	struct connection *connection = conn_table_add(&giver.table, pair[0], deadline_ns);
	ck_assert_ptr_nonnull(connection);
	conn_table_move(&giver.table, connection, state, deadline_ns);
	watch(&giver, connection);
	return connection;
}

/* So many bytes, other ones for every seed. */
static void
hold_bytes(struct connection *connection, size_t size, unsigned seed)
{
	ck_assert(conn_table_reserve(&giver.table, connection, size));
	for (size_t i = 0; i < size; i++)
		connection->pending[i] = (unsigned char)(i * 7 + i / 256 + seed);
	connection->pending_bytes = size;
}

static void
ck_holds_bytes(const struct connection *connection, size_t size, unsigned seed)
{
	size_t right = 0;
	ck_assert_uint_eq(connection->pending_bytes, size);
	while (right < size && connection->pending[right] == (unsigned char)(right * 7 + right / 256 + seed))
		right++;
	ck_assert_uint_eq(right, size);
}

static size_t
give(void)
{
	return handoff_give(&handoff, &giver.table, giver.epoll_fd);
}

static bool
take(void)
{
	return handoff_take(&handoff, &taker.table, watch, &taker);
}

static void
take_all(void)
{
	while (take())
		;
}

/* One connection over, which then is the taker's only one. */
static struct connection *
hand_over_one(void)
{
	ck_assert_uint_eq(give(), 1);
	ck_assert_uint_eq(giver.table.count, 0);
	take_all();
	ck_assert_uint_eq(taker.table.count, 1);
	for (size_t state = 0; state < CONN_STATES; state++)
		if (taker.table.lists[state].count == 1)
			return taker.table.lists[state].first;
	return NULL;
}

/* Whether the far end is that peer. */
static bool
talks_to(const struct connection *connection, int peer)
{
	char byte = 'x', got = '\0';
	ck_assert_int_eq(send(peer, &byte, 1, MSG_NOSIGNAL), 1);
	return recv(connection->fd, &got, 1, MSG_DONTWAIT) == 1 && got == byte;
}

static bool
is_closed(int peer)
{
	char byte;
	ssize_t n = recv(peer, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static size_t
peers_closed(void)
{
	size_t closed = 0;
	for (size_t i = 0; i < peer_count; i++)
		closed += is_closed(peers[i]);
	return closed;
}

static void
mark_heard(const struct conn_table *table, bool heard[CONNECTIONS_MAX])
{
	for (size_t state = 0; state < CONN_STATES; state++)
		for (const struct connection *c = table->lists[state].first; c != NULL; c = c->next) {
			size_t number;
			ck_assert_int_eq(recv(c->fd, &number, sizeof number, MSG_DONTWAIT), sizeof number);
			ck_assert_uint_lt(number, peer_count);
			ck_assert(!heard[number]);
			heard[number] = true;
		}
}

/* Every peer is heard by one connection of one party. */
static void
ck_nothing_is_lost(void)
{
	bool heard[CONNECTIONS_MAX] = {false};
	ck_assert_uint_eq(giver.table.count + taker.table.count, peer_count);
	for (size_t i = 0; i < peer_count; i++)
		ck_assert_int_eq(send(peers[i], &i, sizeof i, MSG_NOSIGNAL), sizeof i);
	mark_heard(&giver.table, heard);
	mark_heard(&taker.table, heard);
	for (size_t i = 0; i < peer_count; i++)
		ck_assert(heard[i]);
}

static size_t
open_fds(void)
{
	size_t count = 0;
	DIR *fds = opendir("/proc/self/fd");
	ck_assert_ptr_nonnull(fds);
	while (readdir(fds) != NULL)
		count++;
	closedir(fds);
	return count;
}

static void
setup(void)
{
	struct err err;
	ck_assert_int_eq(handoff_open(&handoff, &err), 0);
	giver = (struct party){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	taker = (struct party){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	ck_assert_int_ge(giver.epoll_fd, 0);
	ck_assert_int_ge(taker.epoll_fd, 0);
	peer_count = 0;
}

static void
teardown(void)
{
	conn_table_fini(&giver.table);
	conn_table_fini(&taker.table);
	close(giver.epoll_fd);
	close(taker.epoll_fd);
	while (peer_count > 0)
		close(peers[--peer_count]);
	handoff_close(&handoff);
}

/* ---- What travels ------------------------------------------------------------------------------- */

START_TEST(idle_connections_arrive_with_their_deadlines)
{
	static const int64_t deadlines[] = {1000, 2000, DEADLINE_NEVER};
	for (int i = 0; i < COUNT_OF(deadlines); i++)
		connect_in_state(CONN_IDLE, deadlines[i]);
	ck_assert_uint_eq(give(), 3);
	ck_assert_uint_eq(giver.table.count, 0);
	ck_assert_uint_eq(giver.table.given, 3);
	ck_assert(take());
	ck_assert(!take());
	ck_assert_uint_eq(taker.table.lists[CONN_IDLE].count, 3);
	ck_assert_uint_eq(taker.added, 3);
	const struct connection *connection = taker.table.lists[CONN_IDLE].first;
	for (int i = 0; i < COUNT_OF(deadlines); i++, connection = connection->next) {
		ck_assert_int_eq(connection->deadline_ns, deadlines[i]);
		ck_assert_ptr_null(connection->pending);
		ck_assert(talks_to(connection, peers[i]));
		ck_assert_int_eq(fcntl(connection->fd, F_GETFD), FD_CLOEXEC);
	}
}
END_TEST

START_TEST(what_arrives_goes_between_those_that_the_taker_has)
{
	struct connection *early = conn_table_add(&taker.table, dup(handoff.send_fd), 10);
	struct connection *late = conn_table_add(&taker.table, dup(handoff.send_fd), 30);
	connect_in_state(CONN_IDLE, 20);
	ck_assert_uint_eq(give(), 1);
	take_all();
	ck_assert_ptr_eq(early->next, late->previous);
	ck_assert_int_eq(early->next->deadline_ns, 20);
	ck_assert_ptr_eq(taker.table.lists[CONN_IDLE].last, late);
}
END_TEST

static const size_t sizes[] = {1, 4096, 200000};

START_TEST(a_request_s_first_bytes_travel)
{
	hold_bytes(connect_in_state(CONN_ARRIVING, 77), sizes[_i], 3);
	const struct connection *connection = hand_over_one();
	ck_assert_uint_eq(giver.table.pending_bytes, 0);
	ck_assert_uint_eq(taker.table.pending_bytes, connection->pending_capacity);
	ck_assert_int_eq(connection->state, CONN_ARRIVING);
	ck_assert_int_eq(connection->deadline_ns, 77);
	ck_holds_bytes(connection, sizes[_i], 3);
	ck_assert(talks_to(connection, peers[0]));
}
END_TEST

/* With one of each in every letter, and others between them that bring none. */
START_TEST(each_connection_gets_its_own_bytes)
{
	for (unsigned i = 0; i < 4 * HANDOFF_BATCH; i++) {
		struct connection *connection = connect_in_state(CONN_ARRIVING, i);
		if (i % 3 != 1)
			hold_bytes(connection, 100 + i, i);
	}
	ck_assert_uint_eq(give(), 4 * HANDOFF_BATCH);
	take_all();
	const struct connection *connection = taker.table.lists[CONN_ARRIVING].first;
	for (unsigned i = 0; i < 4 * HANDOFF_BATCH; i++, connection = connection->next) {
		ck_assert_ptr_nonnull(connection);
		ck_assert_int_eq(connection->deadline_ns, i);
		ck_holds_bytes(connection, i % 3 != 1 ? 100 + i : 0, i);
		ck_assert(talks_to(connection, peers[i]));
	}
}
END_TEST

START_TEST(lingering_goes_on_where_it_was)
{
	connect_in_state(CONN_LINGERING, 55)->lingered_bytes = 123456;
	const struct connection *connection = hand_over_one();
	ck_assert_int_eq(connection->state, CONN_LINGERING);
	ck_assert_int_eq(connection->deadline_ns, 55);
	ck_assert_uint_eq(connection->lingered_bytes, 123456);
}
END_TEST

START_TEST(ready_stays_ready_with_its_bytes_or_without)
{
	struct connection *given = connect_in_state(CONN_READY, DEADLINE_NEVER);
	if (_i == 1)
		hold_bytes(given, 300, 9);
	struct connection *connection = hand_over_one();
	ck_assert_ptr_eq(conn_table_ready(&taker.table), connection);
	ck_assert_int_eq(connection->deadline_ns, DEADLINE_NEVER);
	ck_holds_bytes(connection, _i == 1 ? 300 : 0, 9);
}
END_TEST

START_TEST(nothing_of_what_waits_in_a_connection_is_lost_on_the_way)
{
	char text[6] = "";
	connect_in_state(CONN_IDLE, DEADLINE_NEVER);
	ck_assert_int_eq(send(peers[0], "be", 2, MSG_NOSIGNAL), 2);
	ck_assert_uint_eq(give(), 1);
	ck_assert_int_eq(send(peers[0], "low", 3, MSG_NOSIGNAL), 3);
	ck_assert(!is_closed(peers[0]));
	take_all();
	struct epoll_event event;
	ck_assert_int_eq(epoll_wait(taker.epoll_fd, &event, 1, 0), 1);
	ck_assert_int_eq(recv(taker.table.lists[CONN_IDLE].first->fd, text, sizeof text, MSG_DONTWAIT), 5);
	ck_assert_str_eq(text, "below");
}
END_TEST

START_TEST(hundreds_arrive_from_every_state)
{
	static const enum conn_state states[] = {CONN_IDLE, CONN_READY, CONN_ARRIVING, CONN_LINGERING};
	size_t before = open_fds();
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *connection = connect_in_state(states[i % 4], i);
		if (i % 4 == CONN_ARRIVING)
			hold_bytes(connection, 1 + i, i);
	}
	ck_assert_uint_eq(open_fds(), before + 2 * (size_t)CONNECTIONS_MAX);
	for (size_t rounds = 0; giver.table.count > 0; rounds++) {
		ck_assert_uint_lt(rounds, CONNECTIONS_MAX);
		give();
		take_all();
	}
	ck_assert_uint_eq(giver.table.given, CONNECTIONS_MAX);
	ck_assert_uint_eq(open_fds(), before + 2 * (size_t)CONNECTIONS_MAX);
	for (int i = 0; i < COUNT_OF(states); i++)
		ck_assert_uint_eq(taker.table.lists[states[i]].count, CONNECTIONS_MAX / 4);
	for (const struct connection *c = taker.table.lists[CONN_ARRIVING].first; c != NULL; c = c->next)
		ck_holds_bytes(c, 1 + (size_t)c->deadline_ns, (unsigned)c->deadline_ns);
	ck_nothing_is_lost();
}
END_TEST

/* ---- What stays --------------------------------------------------------------------------------- */

START_TEST(the_one_that_is_served_stays)
{
	connect_in_state(CONN_IDLE, 1);
	struct connection *served = connect_in_state(CONN_SERVING, DEADLINE_NEVER);
	hold_bytes(served, 500, 1);
	connect_in_state(CONN_ARRIVING, 2);
	ck_assert_uint_eq(give(), 2);
	ck_assert_uint_eq(give(), 0);
	ck_assert_uint_eq(giver.table.count, 1);
	ck_assert_uint_eq(giver.table.given, 2);
	ck_assert_ptr_eq(giver.table.lists[CONN_SERVING].first, served);
	ck_holds_bytes(served, 500, 1);
	take_all();
	ck_assert_uint_eq(taker.table.count, 2);
	ck_assert(talks_to(served, peers[1]));
}
END_TEST

START_TEST(without_siblings_nothing_is_given)
{
	struct handoff none = {.send_fd = -1, .receive_fd = -1};
	struct connection *connection = connect_in_state(CONN_IDLE, 1);
	ck_assert_uint_eq(handoff_give(&none, &giver.table, giver.epoll_fd), 0);
	ck_assert_uint_eq(giver.table.count, 1);
	ck_assert_uint_eq(giver.table.given, 0);
	ck_assert(talks_to(connection, peers[0]));
}
END_TEST

static void
narrow_the_socket(void)
{
	int least = 1;
	ck_assert_int_eq(setsockopt(handoff.send_fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
}

START_TEST(what_a_full_socket_does_not_take_stays)
{
	narrow_the_socket();
	for (unsigned i = 0; i < MANY; i++)
		hold_bytes(connect_in_state(CONN_ARRIVING, i), 100, i);
	size_t before = open_fds();
	size_t given = give();
	ck_assert_uint_gt(given, 0);
	ck_assert_uint_lt(given, MANY);
	ck_assert_uint_eq(giver.table.count, MANY - given);
	ck_assert_uint_eq(giver.table.given, given);
	ck_assert_uint_eq(open_fds(), before - given); /* and no file of bytes that were not sent */
	ck_assert_uint_eq(give(), 0);
	ck_assert_uint_eq(peers_closed(), 0);
	const struct connection *first = giver.table.lists[CONN_ARRIVING].first;
	ck_assert_int_eq(first->deadline_ns, (int64_t)given);
	ck_holds_bytes(first, 100, (unsigned)given);
	take_all();
	ck_assert_uint_eq(taker.table.count, given);
	ck_nothing_is_lost();
}
END_TEST

START_TEST(what_stayed_is_given_later)
{
	narrow_the_socket();
	size_t given = 0;
	for (unsigned i = 0; i < MANY; i++)
		connect_in_state(CONN_IDLE, i);
	for (size_t rounds = 0; giver.table.count > 0; rounds++) {
		ck_assert_uint_lt(rounds, MANY);
		given += give();
		ck_assert_uint_eq(giver.table.given, given);
		take_all();
	}
	ck_assert_uint_eq(given, MANY);
	ck_assert_uint_eq(taker.table.count, MANY);
	ck_assert_uint_eq(peers_closed(), 0);
	ck_nothing_is_lost();
}
END_TEST

static rlim_t
allow_fds(rlim_t limit)
{
	struct rlimit before, now;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = (struct rlimit){.rlim_cur = limit, .rlim_max = before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &now), 0);
	return before.rlim_cur;
}

START_TEST(what_bytes_cannot_be_sent_for_stays_until_they_can)
{
	for (unsigned i = 0; i < 2; i++)
		hold_bytes(connect_in_state(CONN_ARRIVING, i), 10, i);
	rlim_t limit = allow_fds(0); /* no file can be made */
	ck_assert_uint_eq(give(), 0);
	allow_fds(limit);
	ck_assert_uint_eq(giver.table.count, 2);
	ck_assert_uint_eq(giver.table.given, 0);
	ck_assert_uint_eq(give(), 2);
	take_all();
	ck_assert_uint_eq(taker.table.count, 2);
	ck_nothing_is_lost();
}
END_TEST

/* The taker has its connections registered as the giver had; only the taker hears of them. */
START_TEST(no_event_comes_for_what_was_given)
{
	struct epoll_event events[2 * HANDOFF_BATCH];
	struct connection *served = connect_in_state(CONN_SERVING, DEADLINE_NEVER);
	for (unsigned i = 1; i < HANDOFF_BATCH; i++)
		connect_in_state(CONN_IDLE, i);
	ck_assert_int_eq(send(peers[1], "x", 1, MSG_NOSIGNAL), 1); /* an event that waits already */
	ck_assert_uint_eq(give(), HANDOFF_BATCH - 1);
	for (size_t i = 0; i < peer_count; i++)
		ck_assert_int_eq(send(peers[i], "x", 1, MSG_NOSIGNAL), 1);
	ck_assert_int_eq(epoll_wait(giver.epoll_fd, events, COUNT_OF(events), 0), 1);
	ck_assert_ptr_eq(events[0].data.ptr, served);
	take_all();
	ck_assert_int_eq(epoll_wait(taker.epoll_fd, events, COUNT_OF(events), 0), HANDOFF_BATCH - 1);
	ck_assert_int_eq(epoll_wait(giver.epoll_fd, events, COUNT_OF(events), 0), 0);
}
END_TEST

/* ---- Letters that are not right ----------------------------------------------------------------- */

struct raw_letter {
	uint32_t data[256]; /* it begins with its version and its count */
	size_t size;
	int fds[2 * HANDOFF_BATCH];
	size_t fd_count;
};

union raw_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(2 * HANDOFF_BATCH * sizeof(int))];
};

static void
receive_letter(struct raw_letter *letter)
{
	union raw_control control;
	struct iovec data = {.iov_base = letter->data, .iov_len = sizeof letter->data};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(handoff.receive_fd, &message, MSG_DONTWAIT);
	ck_assert_int_gt(n, 0);
	letter->size = (size_t)n;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ck_assert_ptr_nonnull(header);
	letter->fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(letter->fds, CMSG_DATA(header), letter->fd_count * sizeof(int));
}

/* With the first so many descriptors; all are closed here. */
static void
send_letter(struct raw_letter *letter, size_t fd_count)
{
	union raw_control control = {.bytes = {0}};
	struct iovec data = {.iov_base = letter->data, .iov_len = letter->size};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (fd_count > 0) {
		control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
		                                  .cmsg_type = SCM_RIGHTS,
		                                  .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
		memcpy(CMSG_DATA(&control.header), letter->fds, fd_count * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(handoff.send_fd, &message, MSG_DONTWAIT), (ssize_t)letter->size);
	while (letter->fd_count > 0)
		close(letter->fds[--letter->fd_count]);
}

/* A letter of four connections, of which the second and the third bring bytes; out of the socket again. */
static void
make_letter(struct raw_letter *letter)
{
	for (unsigned i = 0; i < HANDOFF_BATCH; i++) {
		struct connection *connection = connect_in_state(CONN_ARRIVING, i);
		if (i == 1 || i == 2)
			hold_bytes(connection, 10, i);
	}
	ck_assert_uint_eq(give(), HANDOFF_BATCH);
	receive_letter(letter);
	ck_assert_uint_eq(letter->fd_count, HANDOFF_BATCH + 2);
}

static const struct {
	uint32_t version, count; /* what is added to them */
	size_t size;             /* what is sent of it; 0: all */
} wrong_letters[] = {
	{.version = 1},
	{.version = UINT32_MAX}, /* the version before */
	{.count = 1},
	{.count = UINT32_MAX - HANDOFF_BATCH},
	{.size = 1},
	{.size = sizeof(uint32_t)},
	{.size = 2 * sizeof(uint32_t)},
	{.size = 100},
};

START_TEST(a_letter_that_cannot_be_read_is_closed_with_all_it_brought)
{
	struct raw_letter letter;
	size_t before = open_fds();
	make_letter(&letter);
	letter.data[0] += wrong_letters[_i].version;
	letter.data[1] += wrong_letters[_i].count;
	if (wrong_letters[_i].size > 0)
		letter.size = wrong_letters[_i].size;
	send_letter(&letter, letter.fd_count);
	ck_assert_uint_eq(peers_closed(), 0);
	ck_assert(take());
	ck_assert(!take());
	ck_assert_uint_eq(taker.table.count, 0);
	ck_assert_uint_eq(taker.added, 0);
	ck_assert_uint_eq(peers_closed(), peer_count);
	ck_assert_uint_eq(open_fds(), before + peer_count);
}
END_TEST

/* By the number of descriptors that came: which connections can be taken. */
static const struct {
	size_t came;
	bool taken[HANDOFF_BATCH];
} short_letters[] = {
	{0, {false}},
	{1, {true}},
	{2, {true}},
	{3, {true}},
	{4, {true, false, false, true}},
	{5, {true, true, false, true}},
	{6, {true, true, true, true}},
};

START_TEST(a_letter_with_fewer_descriptors_gives_what_it_can)
{
	struct raw_letter letter;
	size_t before = open_fds(), taken = 0;
	make_letter(&letter);
	send_letter(&letter, short_letters[_i].came);
	ck_assert(take());
	for (int i = 0; i < HANDOFF_BATCH; i++) {
		ck_assert_int_eq(is_closed(peers[i]), !short_letters[_i].taken[i]);
		taken += short_letters[_i].taken[i];
	}
	ck_assert_uint_eq(taker.table.count, taken);
	ck_assert_uint_eq(taker.added, taken);
	ck_assert_uint_eq(open_fds(), before + peer_count + taken);
}
END_TEST

START_TEST(bytes_that_are_fewer_than_announced_close_their_connection_alone)
{
	struct raw_letter letter;
	size_t before = open_fds();
	make_letter(&letter);
	ck_assert_int_eq(ftruncate(letter.fds[HANDOFF_BATCH], 9), 0);
	send_letter(&letter, letter.fd_count);
	ck_assert(take());
	ck_assert_uint_eq(taker.table.count, HANDOFF_BATCH - 1);
	ck_assert_uint_eq(peers_closed(), 1);
	ck_assert(is_closed(peers[1]));
	ck_holds_bytes(taker.table.lists[CONN_ARRIVING].first->next, 10, 2);
	ck_assert_uint_eq(open_fds(), before + peer_count + HANDOFF_BATCH - 1);
	ck_assert_uint_eq(taker.table.pending_bytes, taker.table.lists[CONN_ARRIVING].first->next->pending_capacity);
}
END_TEST

START_TEST(a_taker_without_descriptors_holds_none)
{
	size_t before = open_fds();
	for (unsigned i = 0; i < HANDOFF_BATCH; i++)
		connect_in_state(CONN_IDLE, i);
	ck_assert_uint_eq(give(), HANDOFF_BATCH);
	rlim_t limit = allow_fds(0);
	ck_assert(take());
	allow_fds(limit);
	ck_assert_uint_eq(taker.table.count, 0);
	ck_assert_uint_eq(peers_closed(), peer_count);
	ck_assert_uint_eq(open_fds(), before + peer_count);
	connect_in_state(CONN_IDLE, 99);
	ck_assert_int_eq(hand_over_one()->deadline_ns, 99);
}
END_TEST

/* ---- The pair ----------------------------------------------------------------------------------- */

START_TEST(the_pair_never_blocks_and_is_not_inherited_by_other_programs)
{
	const int fds[] = {handoff.send_fd, handoff.receive_fd};
	for (int i = 0; i < COUNT_OF(fds); i++) {
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_ne(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
	}
	ck_assert(!take());
	handoff_close(&handoff);
	ck_assert_int_eq(handoff.send_fd, -1);
	ck_assert_int_eq(handoff.receive_fd, -1);
	for (int i = 0; i < COUNT_OF(fds); i++)
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), -1);
	ck_assert(!take());
}
END_TEST

static TCase *
travelling(void)
{
	TCase *tc = tcase_create("what travels");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, idle_connections_arrive_with_their_deadlines);
	tcase_add_test(tc, what_arrives_goes_between_those_that_the_taker_has);
	tcase_add_loop_test(tc, a_request_s_first_bytes_travel, 0, COUNT_OF(sizes));
	tcase_add_test(tc, each_connection_gets_its_own_bytes);
	tcase_add_test(tc, lingering_goes_on_where_it_was);
	tcase_add_loop_test(tc, ready_stays_ready_with_its_bytes_or_without, 0, 2);
	tcase_add_test(tc, nothing_of_what_waits_in_a_connection_is_lost_on_the_way);
	tcase_add_test(tc, hundreds_arrive_from_every_state);
	return tc;
}

static TCase *
staying(void)
{
	TCase *tc = tcase_create("what stays");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_one_that_is_served_stays);
	tcase_add_test(tc, without_siblings_nothing_is_given);
	tcase_add_test(tc, what_a_full_socket_does_not_take_stays);
	tcase_add_test(tc, what_stayed_is_given_later);
	tcase_add_test(tc, what_bytes_cannot_be_sent_for_stays_until_they_can);
	tcase_add_test(tc, no_event_comes_for_what_was_given);
	return tc;
}

static TCase *
wrong(void)
{
	TCase *tc = tcase_create("letters that are not right");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_letter_that_cannot_be_read_is_closed_with_all_it_brought, 0, COUNT_OF(wrong_letters));
	tcase_add_loop_test(tc, a_letter_with_fewer_descriptors_gives_what_it_can, 0, COUNT_OF(short_letters));
	tcase_add_test(tc, bytes_that_are_fewer_than_announced_close_their_connection_alone);
	tcase_add_test(tc, a_taker_without_descriptors_holds_none);
	tcase_add_test(tc, the_pair_never_blocks_and_is_not_inherited_by_other_programs);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("handoff");
	suite_add_tcase(suite, travelling());
	suite_add_tcase(suite, staying());
	suite_add_tcase(suite, wrong());
	return run_suite(suite);
}
