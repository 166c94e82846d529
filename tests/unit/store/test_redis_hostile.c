/*
 * test_redis_hostile.c - the connection to Redis against servers that are not there, do not answer, or answer nonsense:
 * each operation ends within its time, holds no more memory than its bound, and says why without an address.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "fake_server.h"
#include "io_wait.h"
#include "redis.h"
#include "redis_reply.h"
#include "run_suite.h"

#define TIMEOUT_MS 200

static char dir[] = "/tmp/vitals-fake-XXXXXX";
static char path[64];

static void
start(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/secret.sock", dir);
}

static void
stop(void)
{
	unlink(path);
	rmdir(dir);
}

static struct redis *
at(const char *url, int64_t timeout_ms)
{
	struct err err;
	const struct redis_config config = {
		.url = url, .timeout_ms = timeout_ms, .ttl_default_ms = 60000, .ping_idle_ms = 60000};
	struct redis *redis = redis_create(&config, &err);
	ck_assert_msg(redis != NULL, "%s", err.text);
	return redis;
}

static struct redis *
at_path(int64_t timeout_ms)
{
	char url[96];
	snprintf(url, sizeof url, "unix://%s", path);
	return at(url, timeout_ms);
}

/* One get, in time, without a value or a secret. */
static enum vt_result
get(struct redis *redis, int64_t bound_ms)
{
	struct arena *arena = arena_create(4096, (size_t)64 << 20);
	const char *value = "";
	size_t size;
	int64_t start_ns = clock_mono_ns();
	enum vt_result result = redis_get(redis, arena, "key", DEADLINE_NEVER, &value, &size);
	ck_assert_int_lt((clock_mono_ns() - start_ns) / NS_PER_MS, bound_ms * 3);
	ck_assert_int_ne(result, VT_OK);
	ck_assert_ptr_null(value);
	ck_assert_ptr_null(strstr(redis_error(redis), "secret"));
	ck_assert_ptr_null(strstr(redis_error(redis), "127.0.0.1"));
	arena_destroy(arena);
	return result;
}

START_TEST(nonsense)
{
	static const struct {
		const char *data;
		enum vt_result result;
		const char *error;
	} cases[] = {
		{"HTTP/1.1 400 Bad Request\r\n\r\n", VT_UNAVAILABLE, "what answers does not speak the protocol"},
		{"\r\n", VT_UNAVAILABLE, "what answers does not speak the protocol"},
		{"*1000000000\r\n", VT_UNAVAILABLE, "what answers does not speak the protocol"},
		{"*-1\r\n", VT_UNAVAILABLE, "what answers does not speak the protocol"},
		{"$-2\r\n", VT_UNAVAILABLE, "what answers does not speak the protocol"},
		{"$99999999999999999999\r\n", VT_UNAVAILABLE, NULL},
		{"$9223372036854775807\r\n", VT_TIMEOUT, "no answer in time"},
		{"$x\r\n", VT_UNAVAILABLE, NULL},
		{":1\r\n", VT_UNAVAILABLE, "the reply does not belong to the command"},
		{"+OK\r\n", VT_UNAVAILABLE, "the reply does not belong to the command"},
		{"$5\r\nab", VT_TIMEOUT, "no answer in time"},
		{"-LOADING secret words\r\n", VT_UNAVAILABLE, "the server is loading its data"},
		{"-READONLY x\r\n", VT_UNAVAILABLE, "the server is a read-only replica"},
		{"-MASTERDOWN x\r\n", VT_UNAVAILABLE, "the replica has lost its master"},
		{"-secret error\r\n", VT_ERROR, "the server answered with an error"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct fake_answer answer = {
			.data = cases[i].data, .size_bytes = strlen(cases[i].data), .repeat = 1};
		pid_t pid = fake_server(path, &answer);
		struct redis *redis = at_path(TIMEOUT_MS);
		enum vt_result result = get(redis, TIMEOUT_MS);
		ck_assert_msg(result == cases[i].result, "%s: %d, %s", cases[i].data, (int)result, redis_error(redis));
		if (cases[i].error != NULL)
			ck_assert_str_eq(redis_error(redis), cases[i].error);
		redis_destroy(redis);
		kill(pid, SIGKILL);
	}
}
END_TEST

START_TEST(nul_as_a_type)
{
	const struct fake_answer answer = {.data = "\0\0\0\r\n", .size_bytes = 5, .repeat = 1};
	fake_server(path, &answer);
	struct redis *redis = at_path(TIMEOUT_MS);
	ck_assert_int_eq(get(redis, TIMEOUT_MS), VT_UNAVAILABLE);
	redis_destroy(redis);
}
END_TEST

START_TEST(a_reply_without_end_is_cut_off)
{
	static char part[65536] = "$536870912\r\n";
	const struct fake_answer answer = {.data = part, .size_bytes = sizeof part, .repeat = 8192};
	struct rusage before, after;
	fake_server(path, &answer);
	struct redis *redis = at_path(30000);
	getrusage(RUSAGE_SELF, &before);
	ck_assert_int_eq(get(redis, 30000), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "the reply is too large");
	getrusage(RUSAGE_SELF, &after);
	/* About 16 MiB and what the allocator holds back (much, under a sanitizer), never the announced 512. */
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 300 * 1024);
	redis_destroy(redis);
}
END_TEST

START_TEST(two_replies_to_one_command)
{
	/* The second would be the next command's: the connection is not used again. */
	const char two[] = "$-1\r\n$6\r\nstolen\r\n";
	const struct fake_answer answer = {.data = two, .size_bytes = sizeof two - 1, .repeat = 1};
	fake_server(path, &answer);
	struct redis *redis = at_path(TIMEOUT_MS);
	ck_assert_int_eq(get(redis, TIMEOUT_MS), VT_MISS);
	ck_assert_int_eq(get(redis, TIMEOUT_MS), VT_MISS);
	redis_destroy(redis);
}
END_TEST

START_TEST(nobody_serves_the_socket)
{
	unlink(path);
	struct redis *redis = at_path(TIMEOUT_MS);
	ck_assert_int_eq(get(redis, 50), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "the socket does not exist");
	redis_destroy(redis);
	close(fake_listener(path));
	redis = at_path(TIMEOUT_MS);
	ck_assert_int_eq(get(redis, 50), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "connection refused");
	redis_destroy(redis);
	redis = at("redis://127.0.0.1:1", TIMEOUT_MS);
	ck_assert_int_eq(get(redis, TIMEOUT_MS), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "connection refused");
	redis_destroy(redis);
}
END_TEST

START_TEST(a_listener_that_never_answers)
{
	static const char *const userinfo[] = {"", ":secret@"};
	for (size_t i = 0; i < 2; i++) {
		char url[128];
		int listener = fake_listener(path);
		snprintf(url, sizeof url, "unix://%s%s", userinfo[i], path);
		struct redis *redis = at(url, TIMEOUT_MS);
		ck_assert_int_eq(get(redis, TIMEOUT_MS), VT_TIMEOUT);
		ck_assert_int_eq(get(redis, 20), VT_UNAVAILABLE); /* in the back-off */
		redis_destroy(redis);
		close(listener);
	}
}
END_TEST

START_TEST(a_black_hole)
{
	char url[64];
	struct io_want want;
	enum vt_result result;
	snprintf(url, sizeof url, "redis://127.0.0.1:%d", fake_black_hole());
	struct redis *redis = at(url, TIMEOUT_MS);
	ck_assert_int_eq(get(redis, TIMEOUT_MS), VT_TIMEOUT);
	ck_assert_str_eq(redis_error(redis), "connecting timed out");
	redis_ping_begin(redis);
	int64_t deadline_ns = deadline_in_ms(100);
	while (redis_ping_step(redis, &want, &result) == IO_WAIT && io_wait(&want, deadline_ns))
		;
	ck_assert_int_ge(clock_mono_ns(), deadline_ns);
	redis_ping_abandon(redis);
	ck_assert_str_eq(redis_error(redis), "connecting timed out");
	redis_ping_abandon(redis); /* twice is harmless */
	redis_destroy(redis);
}
END_TEST

START_TEST(wrong_configurations)
{
	struct err err;
	const struct redis_config configs[] = {
		{.url = "redis://h", .timeout_ms = 0, .ttl_default_ms = 1},
		{.url = "redis://h", .timeout_ms = 1, .ttl_default_ms = 0},
		{.url = "rediss://h", .timeout_ms = 1, .ttl_default_ms = 1},
	};
	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
		err.text[0] = '\0';
		ck_assert_ptr_null(redis_create(&configs[i], &err));
		ck_assert_uint_gt(strlen(err.text), 0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cache_hostile");
	TCase *tc = tcase_create("hostile");
	tcase_add_unchecked_fixture(tc, start, stop);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, nonsense);
	tcase_add_test(tc, nul_as_a_type);
	tcase_add_test(tc, a_reply_without_end_is_cut_off);
	tcase_add_test(tc, two_replies_to_one_command);
	tcase_add_test(tc, nobody_serves_the_socket);
	tcase_add_test(tc, a_listener_that_never_answers);
	tcase_add_test(tc, a_black_hole);
	tcase_add_test(tc, wrong_configurations);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
