/* test_connection.c - real libfcgi behind admission, over a socket pair: what is answered, kept, closed. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "err.h"
#include "log.h"
#include "records.h"
#include "redact.h"
#include "run_suite.h"
#include "scoreboard.h"
#include "strbuf.h"
#include "watcher.h"

#define BODY_BUFFER 4096
#define ANSWER_WAIT_MS 5000

enum reading { READ_ALL, READ_NOTHING };

static char directory[] = "/tmp/vt-conn-XXXXXX";
static struct scoreboard *board;
static struct redact *redact;
static struct log *log_;
static struct watcher *watcher;
static struct fcgi *fcgi;
static struct conn_table table;
static struct connection *connection;
static int peer;
static struct bytes bytes;

/* What the handler saw of the last request. */
static struct {
	enum reading reading;
	unsigned served, finished;
	char *const *params;
	char uri[64], body[65536];
	size_t body_size, answer_size;
	enum vt_result body_result;
	bool malformed;
	struct strbuf response;
	char storage[1 << 20];
} seen;

/* What the peer sends right after the next look into the socket. */
static struct bytes after_look;

/* In place of the C library's: a peer cannot be timed better. */
ssize_t
recv(int fd, void *buffer, size_t size, int flags)
{
	ssize_t n = syscall(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL);
	if (fd != peer && n > 0 && after_look.size > 0) {
		ck_assert_int_eq(send(peer, after_look.data, after_look.size, MSG_NOSIGNAL), (ssize_t)after_look.size);
		after_look.size = 0;
	}
	return n;
}

static void
serve(void *context, struct exchange *exchange)
{
	(void)context;
	seen.served++;
	seen.params = exchange->params;
	seen.malformed = exchange->malformed != NULL;
	for (size_t i = 0; exchange->params[i] != NULL; i++)
		sscanf(exchange->params[i], "REQUEST_URI=%63s", seen.uri);
	seen.body_size = 0;
	size_t got = 1;
	seen.body_result = VT_OK;
	while (seen.reading == READ_ALL && seen.body_result == VT_OK && got > 0) {
		seen.body_result = exchange->body.read(exchange->body.context, seen.body + seen.body_size,
		                                       sizeof seen.body - seen.body_size, &got);
		seen.body_size += got;
	}
	strbuf_init_fixed(&seen.response, seen.storage, sizeof seen.storage);
	strbuf_printf(&seen.response, "Status: 200 OK\r\n\r\n%s:%zu", seen.uri, seen.body_size);
	while (seen.response.length < seen.answer_size)
		strbuf_putc(&seen.response, 'x');
	exchange->head = &seen.response;
}

static void
finish(void *context)
{
	char uri[64] = "";
	(void)context;
	/* Its variables are still there, after the response. */
	for (size_t i = 0; seen.params[i] != NULL; i++)
		sscanf(seen.params[i], "REQUEST_URI=%63s", uri);
	ck_assert_str_eq(uri, seen.uri);
	seen.finished++;
}

static void
connect_peer(void)
{
	int pair[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	peer = pair[1];
	connection = conn_table_add(&table, pair[0], DEADLINE_NEVER);
	ck_assert_ptr_nonnull(connection);
}

static void
setup(void)
{
	char path[64];
	struct err err;
	bool was_there;
	signal(SIGPIPE, SIG_IGN);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/board", directory);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = 1}, &was_there, &err);
	ck_assert_ptr_nonnull(board);
	redact = redact_create(NULL);
	log_ = log_create(&(struct log_config){.level = VT_CRITICAL, .redact = redact}, &err);
	watcher = watcher_create(&(struct watcher_config){.slow_ms = 5}, &err);
	ck_assert_ptr_nonnull(watcher);
	fcgi = fcgi_create(
		&(struct fcgi_config){.limits = {.max_params = 50, .max_params_bytes = 16384, .max_head_bytes = 65536},
	                              .admission_timeout_ms = 1000,
	                              .request_timeout_ms = 200,
	                              .body_buffer_bytes = BODY_BUFFER,
	                              .max_pending_bytes = 1 << 20,
	                              .linger_bytes = 100000,
	                              .linger_ms = 1000,
	                              .handler = {.serve = serve, .finish = finish},
	                              .watcher = watcher,
	                              .log = log_,
	                              .slot = scoreboard_slot(board, 0)},
		&err);
	ck_assert_ptr_nonnull(fcgi);
	memset(&seen, 0, sizeof seen);
	bytes.size = after_look.size = 0;
	connect_peer();
}

static void
teardown(void)
{
	conn_table_fini(&table);
	close(peer);
	fcgi_destroy(fcgi);
	watcher_destroy(watcher);
	log_destroy(log_);
	redact_destroy(redact);
	scoreboard_unlink(board);
	scoreboard_close(board);
	rmdir(directory);
}

static void
send_bytes(void)
{
	ck_assert_int_eq(send(peer, bytes.data, bytes.size, MSG_NOSIGNAL), (ssize_t)bytes.size);
	bytes.size = 0;
}

static void
visit(void)
{
	connection_visit(fcgi, &table, connection);
}

/* Visits as the event loop would, as long as the connection says that more may be there. */
static void
visit_while_ready(void)
{
	do
		visit();
	while (table.count > 0 && connection->state == CONN_READY);
}

/* Everything that has been sent back, as text; true where the other side has closed or shut down. */
static bool
receive(char *text, size_t size)
{
	size_t length = 0;
	for (;;) {
		ssize_t n = recv(peer, text + length, size - 1 - length, MSG_DONTWAIT);
		if (n <= 0) {
			text[length] = '\0';
			for (size_t i = 0; i < length; i++)
				if (text[i] == '\0')
					text[i] = '.';
			return n == 0 || errno == ECONNRESET;
		}
		length += (size_t)n;
	}
}

static void
ck_answered(const char *what)
{
	char text[8192];
	receive(text, sizeof text);
	ck_assert_msg(strstr(text, what) != NULL, "\"%s\" is not in \"%s\"", what, text);
}

START_TEST(a_request_is_answered_and_the_connection_kept)
{
	for (int i = 0; i < 3; i++) {
		head_add(&bytes, 1, "GET", "/a", -1);
		body_add(&bytes, 1, "");
		send_bytes();
		visit();
		ck_answered("Status: 200 OK\r\n\r\n/a:0");
		ck_assert_int_eq(connection->state, CONN_IDLE);
	}
	ck_assert_uint_eq(seen.finished, 3);
}
END_TEST

/*
 * libfcgi reads 8 KiB at a time: had it the socket, it would swallow the beginning of a second request, and take
 * what follows, here a value of a parameter that looks like a request, for the next one.
 */
START_TEST(what_comes_after_the_look_is_the_next_request)
{
	static struct bytes params, inner;
	static char value[16384];
	head_add(&bytes, 1, "GET", "/first", -1);
	body_add(&bytes, 1, "");
	inner.size = params.size = 0;
	head_add(&inner, 1, "GET", "/smuggled", -1);
	body_add(&inner, 1, "");
	pair_add(&params, "REQUEST_URI", "/second");
	size_t before = bytes.size + 16 + 8 + params.size + 1 + 4 + 1;
	memset(value, 'x', sizeof value);
	memcpy(value + 8192 - before, inner.data, inner.size);
	pair_add_sized(&params, "X", 1, value, 8192 - before + inner.size);
	begin_add(&after_look, 1, 1, 1);
	record_add(&after_look, 4, 1, params.data, params.size, 0);
	record_add(&after_look, 4, 1, NULL, 0, 0);
	body_add(&after_look, 1, "");
	send_bytes();
	visit();
	ck_answered("/first:0");
	ck_assert_int_eq(connection->state, CONN_IDLE);
	visit();
	ck_answered("/second:0");
	visit();
	ck_assert_uint_eq(seen.served, 2);
	ck_assert_int_eq(connection->state, CONN_IDLE);
}
END_TEST

START_TEST(without_keep_conn_it_is_closed)
{
	static struct bytes params;
	char text[8192];
	pair_add(&params, "REQUEST_URI", "/a");
	begin_add(&bytes, 1, 1, 0);
	record_add(&bytes, 4, 1, params.data, params.size, 0);
	record_add(&bytes, 4, 1, NULL, 0, 0);
	record_add(&bytes, 5, 1, NULL, 0, 0);
	send_bytes();
	visit();
	ck_assert(receive(text, sizeof text));
	ck_assert_ptr_nonnull(strstr(text, "/a:0"));
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(dripped_bytes_make_a_request)
{
	static struct bytes whole;
	head_add(&whole, 1, "POST", "/drip", 4);
	body_add(&whole, 1, "body");
	for (size_t i = 0; i < whole.size; i++) {
		ck_assert_uint_eq(seen.served, 0);
		ck_assert_int_eq(send(peer, whole.data + i, 1, MSG_NOSIGNAL), 1);
		visit_while_ready();
	}
	ck_answered("/drip:4");
	ck_assert_int_eq(connection->state, CONN_IDLE);
	ck_assert_ptr_null(connection->pending);
}
END_TEST

START_TEST(an_unread_body_is_not_the_next_request)
{
	static struct bytes inner;
	static char body[2048];
	head_add(&inner, 1, "GET", "/smuggled", -1);
	body_add(&inner, 1, "");
	memset(body, 'b', sizeof body);
	memcpy(body, inner.data, inner.size);
	seen.reading = READ_NOTHING;
	for (int together = 0; together < 2; together++) {
		seen.served = 0;
		head_add(&bytes, 1, "POST", "/first", sizeof body);
		record_add(&bytes, 5, 1, body, sizeof body, 0);
		record_add(&bytes, 5, 1, NULL, 0, 0);
		if (!together) {
			send_bytes();
			visit_while_ready();
			ck_answered("/first:0");
		}
		head_add(&bytes, 1, "GET", "/second", -1);
		body_add(&bytes, 1, "");
		send_bytes();
		visit_while_ready();
		ck_answered("/second:0");
		ck_assert_uint_eq(seen.served, 2);
	}
}
END_TEST

START_TEST(a_body_beyond_the_buffer_is_read_by_the_worker)
{
	static char body[40000];
	memset(body, 'b', sizeof body);
	seen.reading = READ_ALL;
	head_add(&bytes, 1, "POST", "/large", sizeof body);
	record_add(&bytes, 5, 1, body, 20000, 5);
	record_add(&bytes, 5, 1, body, 20000, 5);
	record_add(&bytes, 5, 1, NULL, 0, 0);
	head_add(&bytes, 1, "GET", "/next", -1);
	body_add(&bytes, 1, "");
	send_bytes();
	visit();
	ck_answered("/large:40000");
	visit_while_ready();
	ck_answered("/next:0");
}
END_TEST

START_TEST(a_large_body_nobody_reads_is_lingered_over)
{
	static char chunk[16384];
	char text[8192];
	seen.reading = READ_NOTHING;
	head_add(&bytes, 1, "POST", "/large", 1000000);
	send_bytes();
	visit();
	ck_answered("/large:0");
	ck_assert_int_eq(connection->state, CONN_LINGERING);
	for (int i = 0; table.count > 0; i++) {
		ck_assert_int_lt(i, 10);
		record_add(&bytes, 5, 1, chunk, sizeof chunk, 0);
		send_bytes();
		visit();
	}
	ck_assert(receive(text, sizeof text));
}
END_TEST

START_TEST(a_peer_that_goes_while_lingering_is_closed)
{
	seen.reading = READ_NOTHING;
	head_add(&bytes, 1, "POST", "/large", 1000000);
	send_bytes();
	visit();
	shutdown(peer, SHUT_WR);
	visit();
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(a_stalled_large_body_meets_the_deadline)
{
	seen.reading = READ_ALL;
	head_add(&bytes, 1, "POST", "/large", 1000000);
	send_bytes();
	visit();
	ck_assert_int_eq(seen.body_result, VT_TIMEOUT);
	ck_answered("/large:0");
	ck_assert_int_eq(connection->state, CONN_LINGERING);
}
END_TEST

START_TEST(a_peer_that_does_not_read_meets_the_deadline)
{
	seen.answer_size = sizeof seen.storage - 1;
	head_add(&bytes, 1, "GET", "/", -1);
	body_add(&bytes, 1, "");
	send_bytes();
	visit();
	ck_assert_uint_eq(table.count, 0);
	ck_assert_uint_eq(seen.finished, 1);
}
END_TEST

START_TEST(a_peer_that_has_said_all_is_still_answered)
{
	head_add(&bytes, 1, "GET", "/last", -1);
	send_bytes();
	visit();
	body_add(&bytes, 1, "");
	send_bytes();
	shutdown(peer, SHUT_WR);
	visit_while_ready();
	ck_answered("/last:0");
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(a_peer_that_is_gone_is_no_error)
{
	head_add(&bytes, 1, "GET", "/", -1);
	body_add(&bytes, 1, "");
	send_bytes();
	close(peer);
	peer = -1;
	visit();
	ck_assert_uint_eq(seen.finished, 1);
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

START_TEST(hostile_bytes_close_the_connection)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\1\11\0\0\0\0\0\0",
	                                    "\2\1\0\1\0\10\0\0"};
	static const size_t sizes[] = {27, 8, 8};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char text[64];
		bytes_add(&bytes, texts[i], sizes[i]);
		send_bytes();
		visit();
		ck_assert(receive(text, sizeof text));
		ck_assert_str_eq(text, "");
		ck_assert_uint_eq(table.count, 0);
		close(peer);
		connect_peer();
	}
	ck_assert_uint_eq(seen.served, 0);
}
END_TEST

START_TEST(a_malformed_parameter_reaches_the_handler_as_such)
{
	static struct bytes params;
	pair_add(&params, "REQUEST_URI", "/");
	pair_add_sized(&params, "X", 1, "a\0b", 3);
	begin_add(&bytes, 1, 1, 1);
	record_add(&bytes, 4, 1, params.data, params.size, 0);
	record_add(&bytes, 4, 1, NULL, 0, 0);
	record_add(&bytes, 5, 1, NULL, 0, 0);
	send_bytes();
	visit();
	ck_assert(seen.malformed);
}
END_TEST

START_TEST(what_waits_is_bounded)
{
	static char half[60000];
	begin_add(&bytes, 1, 1, 1);
	record_add(&bytes, 4, 1, half, 100, 0);
	bytes.size -= 50;
	send_bytes();
	visit();
	ck_assert_int_eq(connection->state, CONN_ARRIVING);
	ck_assert_uint_gt(table.pending_bytes, 0);
	table.pending_bytes = 1 << 20; /* as if others held all that is allowed */
	send(peer, half, 2000, MSG_NOSIGNAL);
	connection->pending_capacity = connection->pending_bytes; /* so that it has to grow */
	visit();
	ck_assert_uint_eq(table.count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("connection");
	TCase *tc = tcase_create("connection");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, a_request_is_answered_and_the_connection_kept);
	tcase_add_test(tc, what_comes_after_the_look_is_the_next_request);
	tcase_add_test(tc, without_keep_conn_it_is_closed);
	tcase_add_test(tc, dripped_bytes_make_a_request);
	tcase_add_test(tc, an_unread_body_is_not_the_next_request);
	tcase_add_test(tc, a_body_beyond_the_buffer_is_read_by_the_worker);
	tcase_add_test(tc, a_large_body_nobody_reads_is_lingered_over);
	tcase_add_test(tc, a_peer_that_goes_while_lingering_is_closed);
	tcase_add_test(tc, a_stalled_large_body_meets_the_deadline);
	tcase_add_test(tc, a_peer_that_does_not_read_meets_the_deadline);
	tcase_add_test(tc, a_peer_that_has_said_all_is_still_answered);
	tcase_add_test(tc, a_peer_that_is_gone_is_no_error);
	tcase_add_test(tc, hostile_bytes_close_the_connection);
	tcase_add_test(tc, a_malformed_parameter_reaches_the_handler_as_such);
	tcase_add_test(tc, what_waits_is_bounded);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
