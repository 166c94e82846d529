/* test_handoff.c - connections in messages: what arrives, what stays, what is never given. */
#include "handoff.h"

#include <check.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "run_suite.h"

#define MANY 300

static struct handoff handoff;
static struct conn_table giver, taker;
static int epoll_fd;
static int peers[MANY];
static size_t peer_count;
static size_t added_count;

static size_t
open_descriptors(void)
{
	size_t count = 0;
	DIR *directory = opendir("/proc/self/fd");
	ck_assert_ptr_nonnull(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void
setup(void)
{
	struct err err;
	ck_assert_int_eq(handoff_open(&handoff, &err), 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(epoll_fd, 0);
	memset(&giver, 0, sizeof giver);
	memset(&taker, 0, sizeof taker);
	peer_count = added_count = 0;
}

static void
teardown(void)
{
	conn_table_fini(&giver);
	conn_table_fini(&taker);
	handoff_close(&handoff);
	while (peer_count > 0)
		close(peers[--peer_count]);
	close(epoll_fd);
}

/* A connection of the giver's in its epoll set; its other end is the newest of peers. */
static struct connection *
connection_of_giver(int64_t deadline_ns)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	peers[peer_count++] = pair[1];
	struct connection *connection = conn_table_add(&giver, pair[0], deadline_ns);
	ck_assert_ptr_nonnull(connection);
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = connection};
	ck_assert_int_eq(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event), 0);
	return connection;
}

static void
give_bytes(struct connection *connection, size_t size)
{
	ck_assert(conn_table_reserve(&giver, connection, size));
	for (size_t i = 0; i < size; i++)
		connection->pending[i] = (unsigned char)(i * 7);
	connection->pending_bytes = size;
}

static void
count_added(void *context, struct connection *connection)
{
	(void)context;
	ck_assert_int_ge(connection->fd, 0);
	added_count++;
}

static size_t
take_all(void)
{
	size_t messages = 0;
	while (handoff_take(&handoff, &taker, count_added, NULL))
		messages++;
	return messages;
}

/* What the peer sends arrives at this connection. */
static bool
joined(int peer, const struct connection *connection)
{
	char byte = 0;
	return send(peer, "x", 1, MSG_NOSIGNAL) == 1 && recv(connection->fd, &byte, 1, MSG_DONTWAIT) == 1 &&
	       byte == 'x';
}

START_TEST(idle_connections_arrive_with_their_deadline)
{
	connection_of_giver(1000);
	connection_of_giver(2000);
	ck_assert_uint_eq(handoff_give(&handoff, &giver, epoll_fd), 2);
	ck_assert_uint_eq(giver.count, 0);
	ck_assert_uint_eq(giver.given, 2);
	ck_assert_uint_eq(take_all(), 1);
	ck_assert_uint_eq(added_count, 2);
	ck_assert_uint_eq(taker.lists[CONN_IDLE].count, 2);
	struct connection *first = conn_table_oldest_idle(&taker);
	ck_assert_int_eq(first->deadline_ns, 1000);
	ck_assert(joined(peers[0], first));
	ck_assert(joined(peers[1], first->next));
}
END_TEST

static const size_t sizes[] = {1, 4096, 200000};

START_TEST(bytes_that_have_arrived_travel)
{
	struct connection *connection = connection_of_giver(DEADLINE_NEVER);
	give_bytes(connection, sizes[_i]);
	conn_table_move(&giver, connection, CONN_ARRIVING, 77);
	ck_assert_uint_eq(handoff_give(&handoff, &giver, epoll_fd), 1);
	ck_assert_uint_eq(giver.pending_bytes, 0);
	take_all();
	struct connection *taken = taker.lists[CONN_ARRIVING].first;
	ck_assert_ptr_nonnull(taken);
	ck_assert_int_eq(taken->deadline_ns, 77);
	ck_assert_uint_eq(taken->pending_bytes, sizes[_i]);
	for (size_t i = 0; i < sizes[_i]; i++)
		ck_assert_uint_eq(taken->pending[i], (unsigned char)(i * 7));
	ck_assert(joined(peers[0], taken));
}
END_TEST

START_TEST(each_state_but_serving_travels_as_it_is)
{
	for (size_t state = 0; state < CONN_STATES; state++) {
		struct connection *connection = connection_of_giver(DEADLINE_NEVER);
		connection->lingered_bytes = 100 + state;
		conn_table_move(&giver, connection, (enum conn_state)state, 10 * (int64_t)state);
	}
	ck_assert_uint_eq(handoff_give(&handoff, &giver, epoll_fd), CONN_STATES - 1);
	ck_assert_uint_eq(giver.lists[CONN_SERVING].count, 1);
	take_all();
	for (size_t state = 0; state < CONN_STATES; state++) {
		const struct connection *taken = taker.lists[state].first;
		if (state == CONN_SERVING) {
			ck_assert_ptr_null(taken);
			continue;
		}
		ck_assert_int_eq(taken->deadline_ns, 10 * (int64_t)state);
		ck_assert_uint_eq(taken->lingered_bytes, 100 + state);
	}
}
END_TEST

START_TEST(what_was_given_is_out_of_the_epoll_set)
{
	struct epoll_event event;
	connection_of_giver(DEADLINE_NEVER);
	handoff_give(&handoff, &giver, epoll_fd);
	ck_assert_int_eq(send(peers[0], "x", 1, MSG_NOSIGNAL), 1);
	/* The file is still open, in the message; had it stayed in the set, this would be an event. */
	ck_assert_int_eq(epoll_wait(epoll_fd, &event, 1, 50), 0);
}
END_TEST

START_TEST(a_full_socket_leaves_the_rest_where_it_is)
{
	for (size_t i = 0; i < MANY; i++)
		connection_of_giver((int64_t)i);
	int size = 4096;
	ck_assert_int_eq(setsockopt(handoff.send_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
	size_t given = handoff_give(&handoff, &giver, epoll_fd);
	ck_assert_uint_gt(given, 0);
	ck_assert_uint_lt(given, MANY);
	ck_assert_uint_eq(giver.count, MANY - given);
	while (giver.count > 0) {
		ck_assert_uint_gt(take_all(), 0);
		handoff_give(&handoff, &giver, epoll_fd);
	}
	take_all();
	ck_assert_uint_eq(taker.count, MANY);
	ck_assert_uint_eq(giver.given, MANY);
	for (const struct connection *c = taker.lists[CONN_IDLE].first; c != NULL; c = c->next)
		ck_assert(joined(peers[c->deadline_ns], c));
}
END_TEST

/* Sends data with one descriptor, or with none. */
static void
send_letter(const void *data, size_t size, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	memset(&control, 0, sizeof control);
	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof fd);
	}
	ck_assert_int_eq(sendmsg(handoff.send_fd, &message, MSG_NOSIGNAL), (ssize_t)size);
}

/* As a sibling of another version might send them. The first two words are version and count. */
START_TEST(letters_that_cannot_be_read_leave_nothing_open)
{
	static const uint32_t letters[][64] = {{99, 1}, {1, 1}, {1, 5}, {1, 0xffffffff}, {0}};
	static const size_t letter_sizes[] = {4, 8, 256};
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	size_t before = open_descriptors();
	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
		for (size_t k = 0; k < sizeof letter_sizes / sizeof letter_sizes[0]; k++) {
			send_letter(letters[i], letter_sizes[k], k % 2 == 0 ? pair[0] : -1);
			ck_assert(handoff_take(&handoff, &taker, count_added, NULL));
			ck_assert_uint_eq(taker.count, 0);
		}
	ck_assert_uint_eq(open_descriptors(), before);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(without_siblings_nothing_is_given)
{
	connection_of_giver(DEADLINE_NEVER);
	ck_assert_uint_eq(handoff_give(&(struct handoff){.send_fd = -1, .receive_fd = -1}, &giver, epoll_fd), 0);
	ck_assert_uint_eq(giver.count, 1);
	ck_assert(!handoff_take(&handoff, &taker, count_added, NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("handoff");
	TCase *tc = tcase_create("handoff");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, idle_connections_arrive_with_their_deadline);
	tcase_add_loop_test(tc, bytes_that_have_arrived_travel, 0, sizeof sizes / sizeof sizes[0]);
	tcase_add_test(tc, each_state_but_serving_travels_as_it_is);
	tcase_add_test(tc, what_was_given_is_out_of_the_epoll_set);
	tcase_add_test(tc, a_full_socket_leaves_the_rest_where_it_is);
	tcase_add_test(tc, letters_that_cannot_be_read_leave_nothing_open);
	tcase_add_test(tc, without_siblings_nothing_is_given);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
