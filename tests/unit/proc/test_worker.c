/*
 * test_worker.c - the loop of a worker: connections shared out fairly, and a listener that cannot be watched
 * for a moment.
 *
 * Each worker is a child process; epoll_ctl() is this program's own, so that it can be made to fail.
 */
#include "worker.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "handoff.h"
#include "listener.h"
#include "log.h"
#include "records.h"
#include "redact.h"
#include "run_suite.h"
#include "strbuf.h"

#define WORKERS 3
#define LISTENERS 2
#define WAIT_MS 10000
#define SLOW_MS 700

static char directory[64];
static struct redact *redact;
static struct log *log_;
static struct scoreboard *board;
static struct listener listeners[LISTENERS];
static pid_t workers[WORKERS];
static struct handoff handoff;
static uint64_t max_requests;
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

/* "/slow" stays for SLOW_MS, or until the worker is let go. */
static void
stay(const struct exchange *exchange)
{
	for (size_t i = 0; exchange->params[i] != NULL; i++)
		if (strcmp(exchange->params[i], "REQUEST_URI=/slow") == 0)
			poll(NULL, 0, SLOW_MS);
}

static void
serve(void *context, struct exchange *exchange)
{
	static struct strbuf head;
	static char storage[64];
	(void)context;
	stay(exchange);
	strbuf_init_fixed(&head, storage, sizeof storage);
	strbuf_puts(&head, "Status: 204 No Content\r\n\r\n");
	exchange->head = &head;
}

static void
finish(void *context)
{
	(void)context;
}

static void
setup(void)
{
	char path[96], text[112];
	struct err err;
	struct address address;
	bool was_there;
	strcpy(directory, "/tmp/test_worker.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/board", directory);
	board = scoreboard_create(path, WORKERS, &was_there, &err);
	ck_assert_ptr_nonnull(board);
	for (int i = 0; i < LISTENERS; i++) {
		snprintf(text, sizeof text, "unix:%s/%d.sock", directory, i);
		ck_assert_int_eq(address_parse(&address, text, &err), 0);
		struct listener_config config = {.backlog = 64, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
		ck_assert_int_eq(listener_open(&listeners[i], &address, &config, &err), 0);
	}
	redact = redact_create(NULL);
	log_ = log_create(&(struct log_config){.level = VT_CRITICAL, .redact = redact}, &err);
	exclusive_calls = failing_call = 0;
	handoff = (struct handoff){.send_fd = -1, .receive_fd = -1};
	max_requests = 0;
	memset(workers, 0, sizeof workers);
}

static void
teardown(void)
{
	for (int i = 0; i < WORKERS; i++)
		if (workers[i] > 0) {
			kill(workers[i], SIGKILL);
			waitpid(workers[i], NULL, 0);
		}
	for (int i = 0; i < LISTENERS; i++)
		listener_close(&listeners[i], LISTENER_REMOVE_FILE);
	handoff_close(&handoff);
	log_destroy(log_);
	redact_destroy(redact);
	scoreboard_unlink(board);
	scoreboard_close(board);
	rmdir(directory);
}

static void
start_worker(unsigned index, size_t max_connections)
{
	struct slot *slot = scoreboard_slot(board, index);
	workers[index] = fork();
	ck_assert_int_ge(workers[index], 0);
	if (workers[index] > 0) {
		for (int64_t end_ns = deadline_in_ms(WAIT_MS); atomic_load(&slot->state) != SLOT_IDLE; poll(NULL, 0, 1))
			ck_assert(clock_mono_ns() < end_ns);
		return;
	}
	struct err err;
	struct worker_config config = {
		.listeners = listeners,
		.listener_count = LISTENERS,
		.handoff = &handoff,
		.handoff_after_ms = 2,
		.max_requests = max_requests,
		.max_connections = max_connections,
		.fcgi = {.limits = {.max_params = 50, .max_params_bytes = 16384, .max_head_bytes = 65536},
	                 .admission_timeout_ms = 60000,
	                 .request_timeout_ms = 10000,
	                 .body_buffer_bytes = 4096,
	                 .max_pending_bytes = 1 << 20,
	                 .handler = {.serve = serve, .finish = finish},
	                 .log = log_,
	                 .slot = slot},
		.slot = slot,
	};
	slot_claim(slot, ROLE_WORKER, 0);
	_exit(worker_run(&config, &err) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int
connect_to(const struct listener *listener)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&listener->address.storage, listener->address.length), 0);
	return fd;
}

static void
ask(int fd, const char *uri)
{
	static struct bytes bytes;
	bytes.size = 0;
	head_add(&bytes, 1, "GET", uri, -1);
	body_add(&bytes, 1, "");
	ck_assert_int_eq(send(fd, bytes.data, bytes.size, MSG_NOSIGNAL), (ssize_t)bytes.size);
}

/* True where anything came back in time. */
static bool
has_answer(int fd)
{
	char answer[512];
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	return poll(&wait, 1, WAIT_MS) == 1 && recv(fd, answer, sizeof answer, 0) > 0;
}

static bool
answered(int fd)
{
	ask(fd, "/");
	return has_answer(fd);
}

/* With siblings: the same pair for every worker that is started from now on. */
static void
let_hand_over(void)
{
	struct err err;
	ck_assert_int_eq(handoff_open(&handoff, &err), 0);
}

static void
connect_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fds[i] = connect_to(&listeners[0]);
		ck_assert(answered(fds[i]));
	}
}

static void
close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* The worker's exit status once it has ended by itself. */
static int
end_of(unsigned index)
{
	int status;
	ck_assert_int_eq(waitpid(workers[index], &status, 0), workers[index]);
	workers[index] = 0;
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Each comes when all are idle: the kernel alone would give every one to the same worker. */
START_TEST(connections_are_shared_out)
{
	enum { CONNECTIONS = 8 * WORKERS };
	int fds[CONNECTIONS];
	for (unsigned i = 0; i < WORKERS; i++)
		start_worker(i, 100);
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = connect_to(&listeners[0]);
		ck_assert(answered(fds[i]));
	}
	/* A worker that is still on its way back to waiting may be passed over once in a while. */
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_uint_ge(atomic_load(&scoreboard_slot(board, i)->requests), 2);
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
}
END_TEST

/* The call after which one listener is watched and the other is not, at the end of a pause and after an accept. */
START_TEST(a_listener_that_cannot_be_watched_is_tried_again)
{
	static const int calls[] = {3, 4, 5};
	failing_call = calls[_i];
	start_worker(0, 1);
	int first = connect_to(&listeners[0]);
	ck_assert_int_eq(send(first, "\1", 1, MSG_NOSIGNAL), 1); /* a request that arrives: not idle */
	int second = connect_to(&listeners[1]);
	/* The worker is full: it pauses, of which nothing is seen from outside, and tries again every 100 ms. */
	struct pollfd wait = {.fd = second, .events = POLLIN};
	ck_assert_int_eq(poll(&wait, 1, 300), 0);
	close(first);
	ck_assert(answered(second));
	close(second);
}
END_TEST

START_TEST(stops_when_told)
{
	int status;
	start_worker(0, 10);
	int fd = connect_to(&listeners[1]);
	ck_assert(answered(fd));
	kill(workers[0], SIGTERM);
	ck_assert_int_eq(waitpid(workers[0], &status, 0), workers[0]);
	workers[0] = 0;
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
	char byte;
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	close(fd);
}
END_TEST

START_TEST(a_slow_request_holds_up_no_other_connection)
{
	enum { CONNECTIONS = 12 };
	int fds[CONNECTIONS];
	let_hand_over();
	start_worker(0, 100);
	start_worker(1, 100);
	connect_all(fds, CONNECTIONS);
	int64_t begun_ns = clock_mono_ns();
	ask(fds[0], "/slow");
	for (size_t i = 1; i < CONNECTIONS; i++)
		ck_assert(answered(fds[i]));
	/* Answered by the other worker while the first was still asleep, unless this machine was. */
	if (clock_mono_ns() - begun_ns < SLOW_MS * NS_PER_MS)
		ck_assert_int_eq(recv(fds[0], &(char){0}, 1, MSG_DONTWAIT), -1);
	ck_assert(has_answer(fds[0]));
	uint64_t given = 0, taken = 0;
	for (unsigned i = 0; i < 2; i++) {
		given += atomic_load(&scoreboard_slot(board, i)->given);
		taken += atomic_load(&scoreboard_slot(board, i)->taken);
	}
	ck_assert_uint_gt(given, 0);
	ck_assert_uint_eq(given, taken);
	close_all(fds, CONNECTIONS);
}
END_TEST

/* One with half a request among them. */
START_TEST(who_retires_closes_nothing)
{
	enum { CONNECTIONS = 9 };
	static struct bytes bytes;
	int fds[CONNECTIONS];
	let_hand_over();
	start_worker(0, 100);
	connect_all(fds, CONNECTIONS);
	bytes.size = 0;
	head_add(&bytes, 1, "GET", "/", -1);
	body_add(&bytes, 1, "");
	ck_assert_int_eq(send(fds[0], bytes.data, 20, MSG_NOSIGNAL), 20);
	kill(workers[0], WORKER_RETIRE);
	ck_assert_int_eq(end_of(0), EXIT_SUCCESS);
	start_worker(1, 100);
	ck_assert_int_eq(send(fds[0], bytes.data + 20, bytes.size - 20, MSG_NOSIGNAL), (ssize_t)bytes.size - 20);
	ck_assert(has_answer(fds[0]));
	for (size_t i = 1; i < CONNECTIONS; i++)
		ck_assert(answered(fds[i]));
	close_all(fds, CONNECTIONS);
}
END_TEST

START_TEST(after_its_last_request_it_retires)
{
	int fds[3];
	let_hand_over();
	max_requests = 5;
	start_worker(0, 100);
	connect_all(fds, 3);
	ck_assert(answered(fds[0]));
	ck_assert(answered(fds[1]));
	ck_assert_int_eq(end_of(0), EXIT_SUCCESS);
	ck_assert_uint_eq(atomic_load(&scoreboard_slot(board, 0)->requests), 5);
	start_worker(1, 100);
	for (size_t i = 0; i < 3; i++)
		ck_assert(answered(fds[i]));
	close_all(fds, 3);
}
END_TEST

START_TEST(without_siblings_retiring_is_stopping)
{
	int fd;
	start_worker(0, 10);
	connect_all(&fd, 1);
	kill(workers[0], WORKER_RETIRE);
	ck_assert_int_eq(end_of(0), EXIT_SUCCESS);
	ck_assert_int_eq(recv(fd, &(char){0}, 1, 0), 0);
	close(fd);
}
END_TEST

START_TEST(what_waits_when_it_is_told_to_stop_is_still_served)
{
	int kept[4], queued[4];
	let_hand_over();
	start_worker(0, 100);
	connect_all(kept, 4);
	ask(kept[0], "/slow");
	for (size_t i = 1; i < 4; i++)
		ask(kept[i], "/"); /* waits in the handoff socket before long */
	for (size_t i = 0; i < 4; i++) {
		queued[i] = connect_to(&listeners[1]);
		ask(queued[i], "/");
	}
	kill(workers[0], SIGTERM);
	for (size_t i = 0; i < 4; i++) {
		ck_assert(has_answer(kept[i]));
		ck_assert(has_answer(queued[i]));
	}
	ck_assert_int_eq(end_of(0), EXIT_SUCCESS);
	close_all(kept, 4);
	close_all(queued, 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tc = tcase_create("worker");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, connections_are_shared_out);
	tcase_add_loop_test(tc, a_listener_that_cannot_be_watched_is_tried_again, 0, 3);
	tcase_add_test(tc, stops_when_told);
	tcase_add_test(tc, a_slow_request_holds_up_no_other_connection);
	tcase_add_test(tc, who_retires_closes_nothing);
	tcase_add_test(tc, after_its_last_request_it_retires);
	tcase_add_test(tc, without_siblings_retiring_is_stopping);
	tcase_add_test(tc, what_waits_when_it_is_told_to_stop_is_still_served);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
