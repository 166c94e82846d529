/* test_health_facts.c - what scoreboard and listeners say of the pool: saturated, stuck, making progress. */
#include <check.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "health_facts.h"
#include "run_suite.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"

#define SLOTS 3
#define REQUEST_TIMEOUT_MS 10000
#define SATURATED_AFTER_MS 2000
#define MAX_LISTENERS 2
#define MAX_CLIENTS 32

static char folder[64], path[96];
static struct scoreboard *board;
static struct settings settings;
static int listeners[MAX_LISTENERS], clients[MAX_CLIENTS];
static size_t client_count;
static struct services services;

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_facts_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	settings = (struct settings){.request_timeout_ms = REQUEST_TIMEOUT_MS,
	                             .saturated_after_ms = SATURATED_AFTER_MS,
	                             .ready_max_queue_percent = 50};
	services = (struct services){.settings = &settings, .board = board, .listen_fds = listeners};
	client_count = 0;
}

static void
teardown(void)
{
	while (client_count > 0)
		close(clients[--client_count]);
	while (services.listen_fd_count > 0)
		close(listeners[--services.listen_fd_count]);
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

/* busy_ms < 0: idle; the admin worker is in slot 2. */
static const struct {
	int64_t busy_ms[SLOTS];
	bool saturated, stuck;
} table[] = {
	{{-1, -1, 5}, false, false},      {{-1, 60000, 5}, false, false},   {{500, 500, 5}, false, false},
	{{500, 60000, 5}, false, false},  {{1500, 60000, 5}, false, false}, {{2500, 60000, 5}, true, false},
	{{19000, 60000, 5}, true, false}, {{21000, 60000, 5}, true, true},  {{21000, 60000, -1}, true, true},
};

START_TEST(test_pool)
{
	struct health_facts facts;
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = scoreboard_slot(board, i);
		int64_t busy_ms = table[_i].busy_ms[i];
		slot_claim(slot, i == 2 ? ROLE_ADMIN : ROLE_WORKER, 1);
		slot_set_state(slot, busy_ms < 0 ? SLOT_IDLE : SLOT_BUSY);
		if (busy_ms >= 0)
			slot_set_request(slot,
			                 &(struct slot_request){.started_ns = clock_mono_ns() - busy_ms * NS_PER_MS});
	}
	health_facts_gather(&services, &facts);
	ck_assert_uint_eq(facts.pool.workers, 2);
	ck_assert_int_eq(facts.saturated, table[_i].saturated);
	ck_assert_int_eq(facts.stuck, table[_i].stuck);
}
END_TEST

START_TEST(test_nobody_is_not_stuck)
{
	struct health_facts facts;
	health_facts_gather(&services, &facts);
	ck_assert(!facts.saturated && !facts.stuck && !facts.started && !facts.draining && !facts.checks_passed);
	ck_assert_str_eq(facts.version, "");
	atomic_store(&scoreboard_service(board)->started, 1);
	atomic_store(&scoreboard_service(board)->draining, 1);
	atomic_store(&scoreboard_service(board)->checks_passed, 1);
	health_facts_gather(&services, &facts);
	ck_assert(facts.started && facts.draining && facts.checks_passed);
}
END_TEST

/* ---- Queues ---- */

/* A listener at an abstract name of this test's, with connections that nobody accepts. */
static void
listen_with(int backlog, unsigned waiting)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int size = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "%s/%zu", folder, services.listen_fd_count);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&name, length), 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	listeners[services.listen_fd_count++] = fd;
	for (unsigned i = 0; i < waiting; i++) {
		clients[client_count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(connect(clients[client_count++], (const struct sockaddr *)&name, length), 0);
	}
}

static const struct {
	struct {
		int backlog; /* 0: there is no such listener */
		unsigned waiting;
	} listeners[MAX_LISTENERS];
	int64_t max_percent;
	struct listen_queue sum;
	bool saturated;
} queues[] = {
	{{{8, 0}}, 50, {0, 8}, false},
	{{{8, 3}}, 50, {3, 8}, false},
	{{{8, 4}}, 50, {4, 8}, true},
	{{{8, 4}}, 51, {4, 8}, false},
	{{{8, 8}}, 100, {8, 8}, true},
	{{{8, 9}}, 0, {9, 8}, false}, /* a queue takes one more than its capacity */
	{{{8, 1}}, 1, {1, 8}, true},
	{{{8, 3}, {16, 7}}, 50, {10, 24}, false},
	{{{4, 2}, {16, 0}}, 50, {2, 20}, true}, /* one that is long counts, though the other is empty */
};

START_TEST(test_queues)
{
	struct health_facts facts;
	for (size_t i = 0; i < MAX_LISTENERS && queues[_i].listeners[i].backlog > 0; i++)
		listen_with(queues[_i].listeners[i].backlog, queues[_i].listeners[i].waiting);
	settings.ready_max_queue_percent = queues[_i].max_percent;
	health_facts_gather(&services, &facts);
	ck_assert(facts.queue_known);
	ck_assert_uint_eq(facts.queue.pending, queues[_i].sum.pending);
	ck_assert_uint_eq(facts.queue.capacity, queues[_i].sum.capacity);
	ck_assert_int_eq(facts.saturated, queues[_i].saturated);
	ck_assert(!facts.stuck);
}
END_TEST

START_TEST(test_queue_unknown)
{
	struct health_facts facts;
	health_facts_gather(&services, &facts);
	ck_assert(!facts.queue_known && !facts.saturated);
	/* One that cannot be read makes the sum unknown, but not the other one shorter. */
	listeners[services.listen_fd_count++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listen_with(8, 4);
	health_facts_gather(&services, &facts);
	ck_assert(!facts.queue_known && facts.saturated);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health_facts");
	TCase *tc = tcase_create("health_facts");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_pool, 0, (int)(sizeof table / sizeof table[0]));
	tcase_add_test(tc, test_nobody_is_not_stuck);
	tcase_add_loop_test(tc, test_queues, 0, (int)(sizeof queues / sizeof queues[0]));
	tcase_add_test(tc, test_queue_unknown);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
