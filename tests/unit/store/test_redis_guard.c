/*
 * test_redis_guard.c - the breaker before a real Redis, shared: who pays, who is spared, who probes, and what a
 * connection from before is worth afterwards.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "io_wait.h"
#include "owner.h"
#include "redis_fixture.h"
#include "redis_link.h"
#include "redis_watch.h"
#include "run_suite.h"

#define TIMEOUT_MS 300

static struct breaker *breaker;

static void
share(void)
{
	fixture_each();
	breaker = mmap(NULL, sizeof *breaker, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(breaker, MAP_FAILED);
}

static void
unshare_breaker(void)
{
	munmap(breaker, sizeof *breaker);
	fixture_after_each();
}

static struct redis_config
configuration(void)
{
	static char url[128];
	char path[96];
	private_redis_socket(&server, path, sizeof path);
	snprintf(url, sizeof url, "unix://%s", path);
	return (struct redis_config){.url = url,
	                             .timeout_ms = TIMEOUT_MS,
	                             .ttl_default_ms = 60000,
	                             .ping_idle_ms = 60000,
	                             .breaker = breaker};
}

static struct redis *
open_one(void)
{
	struct err err;
	const struct redis_config config = configuration();
	struct redis *redis = redis_create(&config, &err);
	ck_assert_msg(redis != NULL, "%s", err.text);
	return redis;
}

static enum breaker_state
state(void)
{
	return breaker_state(breaker_look(breaker));
}

START_TEST(one_pays_for_all)
{
	struct redis *payer = open_one(), *other = open_one();
	ck_assert_int_eq(private_redis_set(payer, "a", "one"), VT_OK);
	ck_assert_int_eq(private_redis_set(other, "a", "one"), VT_OK);
	private_server_signal(&server, SIGSTOP);
	ck_assert_int_eq(private_redis_set(payer, "a", "two"), VT_TIMEOUT);
	int64_t start_ns = clock_mono_ns();
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(private_redis_set(other, "a", "two"), VT_UNAVAILABLE);
	ck_assert_int_lt(private_redis_ms_since(start_ns), TIMEOUT_MS);
	ck_assert_str_eq(redis_error(other), "not asked at present, since it did not answer");
	private_server_signal(&server, SIGCONT);
	ck_assert_int_lt(private_redis_recovers_ms(other), 1500);
	private_redis_expect(payer, "a", "two"); /* sent, and carried out after the thaw */
	redis_destroy(payer);
	redis_destroy(other);
}
END_TEST

/* Processes that hang together: each began when the one before it had waited for a third of its time. */
START_TEST(who_waits_is_let_go)
{
	enum { PROCESSES = 3 };
	pid_t pids[PROCESSES];
	private_server_signal(&server, SIGSTOP);
	int64_t start_ns = clock_mono_ns();
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0) {
			struct redis *redis = open_one();
			int64_t begin_ns = start_ns + i * TIMEOUT_MS / PROCESSES * NS_PER_MS;
			while (clock_mono_ns() < begin_ns)
				private_server_nap();
			enum vt_result result = private_redis_set(redis, "a", "one");
			_exit(result == VT_TIMEOUT ? 1 : result == VT_UNAVAILABLE ? 2 : 3);
		}
	}
	int paid = 0, spared = 0;
	for (int i = 0; i < PROCESSES; i++) {
		int status;
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status));
		paid += WEXITSTATUS(status) == 1;
		spared += WEXITSTATUS(status) == 2;
	}
	ck_assert_int_eq(paid, 1);
	ck_assert_int_eq(spared, PROCESSES - 1);
	ck_assert_uint_eq(atomic_load(&breaker->opened), 1);
	private_server_signal(&server, SIGCONT);
}
END_TEST

START_TEST(a_connection_from_before_is_not_used_again)
{
	struct redis *redis = open_one(), *other = open_one();
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	const void *before = redis->context;
	ck_assert(breaker_fail(breaker, breaker_look(breaker), clock_mono_ns()));
	ck_assert(breaker_find_well(breaker, clock_mono_ns()));
	redis_drop_unfit(redis);
	ck_assert_ptr_null(redis->context);
	ck_assert_ptr_nonnull(before);
	private_redis_expect(redis, "a", "one");
	redis_drop_unfit(redis);
	ck_assert_ptr_nonnull(redis->context);
	redis_destroy(redis);
	redis_destroy(other);
}
END_TEST

START_TEST(what_says_nothing_of_the_server_opens_nothing)
{
	struct redis *redis = open_one();
	const char *text;
	size_t size;
	private_redis_command(&server, "lpush alist 1");
	ck_assert_int_eq(fixture_get(redis, "alist", &text, &size), VT_ERROR);
	private_redis_command(&server, "config set maxmemory 1");
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_UNAVAILABLE);
	private_redis_command(&server, "config set maxmemory 0");
	private_redis_command(&server, "client kill type normal");
	redis->used_ns = 0; /* one that was well a moment ago would be used without a look */
	private_server_signal(&server, SIGSTOP);
	ck_assert_int_eq(redis_get(redis, arena, "a", deadline_in_ms(20), &text, &size), VT_TIMEOUT);
	private_server_signal(&server, SIGCONT);
	ck_assert_int_eq(state(), BREAKER_CLOSED);
	redis_destroy(redis);
}
END_TEST

START_TEST(a_read_only_replica_is_read_and_not_reconnected_to_each_time)
{
	struct redis *redis = open_one();
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	private_redis_command(&server, "replicaof 127.0.0.1 1");
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "the server is a read-only replica");
	ck_assert_int_eq(redis->state, REDIS_ABSENT);
	private_redis_expect(redis, "a", "one");
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_UNAVAILABLE);
	ck_assert_int_eq(redis->state, REDIS_READY);
	ck_assert_int_eq(state(), BREAKER_CLOSED);
	private_redis_command(&server, "replicaof no one");
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_OK);
	redis_destroy(redis);
}
END_TEST

/* The keeper's rounds until the breaker has the state; returns how long that took. */
static int64_t
watch_until(struct redis_watch *watch, enum breaker_state wanted, int64_t bound_ms)
{
	int64_t start_ns = clock_mono_ns();
	while (state() != wanted) {
		struct io_want want;
		int64_t due_ns = redis_watch_step(watch, &want);
		ck_assert_int_lt(private_redis_ms_since(start_ns), bound_ms);
		if (want.fd >= 0)
			io_wait(&want, due_ns);
		else if (state() != wanted)
			private_server_nap();
	}
	return private_redis_ms_since(start_ns);
}

START_TEST(the_keeper_probes_and_closes)
{
	struct err err;
	const struct redis_config config = configuration();
	struct redis_watch *watch = redis_watch_create(&config, &err);
	struct redis *redis = open_one();
	struct io_want want;
	ck_assert_msg(watch != NULL, "%s", err.text);
	ck_assert(breaker_keep(breaker, owner_self()));
	ck_assert_int_eq(redis_watch_step(watch, &want), DEADLINE_NEVER);
	ck_assert_int_eq(want.fd, -1);
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	private_server_signal(&server, SIGSTOP);
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_TIMEOUT);
	ck_assert_int_le(redis_watch_step(watch, &want), deadline_in_ms(TIMEOUT_MS));
	ck_assert_int_eq(state(), BREAKER_HALF_OPEN);
	watch_until(watch, BREAKER_OPEN, 5000); /* its own time-out */
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_UNAVAILABLE);
	private_server_signal(&server, SIGCONT);
	ck_assert_int_lt(watch_until(watch, BREAKER_CLOSED, 5000), 2000);
	private_redis_expect(redis, "a", "two");
	/* A server that is gone refuses, which is known at once. */
	private_redis_down(&server);
	ck_assert_int_eq(private_redis_set(redis, "a", "three"), VT_UNAVAILABLE);
	ck_assert_int_eq(state(), BREAKER_OPEN);
	redis_watch_step(watch, &want);
	private_redis_up(&server, NULL);
	watch_until(watch, BREAKER_CLOSED, 5000);
	redis_destroy(redis);
	redis_watch_destroy(watch);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis_guard");
	TCase *tc = tcase_create("redis_guard");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, share, unshare_breaker);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, one_pays_for_all);
	tcase_add_test(tc, who_waits_is_let_go);
	tcase_add_test(tc, a_connection_from_before_is_not_used_again);
	tcase_add_test(tc, what_says_nothing_of_the_server_opens_nothing);
	tcase_add_test(tc, a_read_only_replica_is_read_and_not_reconnected_to_each_time);
	tcase_add_test(tc, the_keeper_probes_and_closes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
