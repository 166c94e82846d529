/*
 * test_redis_sentinel.c - sentinels that are not there, are silent, lie or talk nonsense, and which one is asked first.
 * Real ones are in tests/system/test_sentinel.py.
 */
#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "err.h"
#include "fake_server.h"
#include "redis_link.h"
#include "run_suite.h"

#define TIMEOUT_MS 400
#define PRIMARY "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define REPLICA "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$9\r\nconnected\r\n:0\r\n"
#define NOT_THE_PRIMARY "the server that the sentinels name is not the primary"

static int
serve(const char *data)
{
	const struct fake_answer answer = {.data = data, .size_bytes = strlen(data), .repeat = 1, .each = true};
	return fake_tcp_server(&answer);
}

/* One that names a port of 127.0.0.1. */
static int
sentinel_of(int port)
{
	char data[128], text[16];
	snprintf(text, sizeof text, "%d", port);
	snprintf(data, sizeof data, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(text), text);
	return serve(data);
}

static struct redis *
at(int count, ...)
{
	char url[512] = "redis+sentinel://";
	struct err err;
	va_list ports;
	va_start(ports, count);
	for (int i = 0; i < count; i++)
		snprintf(url + strlen(url), sizeof url - strlen(url), "%s127.0.0.1:%d", i > 0 ? "," : "",
		         va_arg(ports, int));
	va_end(ports);
	strcat(url, "/secretservice");
	const struct redis_config config = {
		.url = url, .timeout_ms = TIMEOUT_MS, .ttl_default_ms = 60000, .ping_idle_ms = 60000};
	struct redis *redis = redis_create(&config, &err);
	ck_assert_msg(redis != NULL, "%s", err.text);
	return redis;
}

/* An operation's outcome, in time and without a secret; *size -1: there was no value. */
static enum vt_result
get(struct redis *redis)
{
	struct arena *arena = arena_create(4096, (size_t)1 << 20);
	const char *value;
	size_t size;
	int64_t start_ns = clock_mono_ns();
	enum vt_result result = redis_get(redis, arena, "key", DEADLINE_NEVER, &value, &size);
	ck_assert_int_lt((clock_mono_ns() - start_ns) / NS_PER_MS, 3 * TIMEOUT_MS);
	ck_assert_ptr_null(strstr(redis_error(redis), "secret"));
	ck_assert_ptr_null(strstr(redis_error(redis), "127.0.0.1"));
	arena_destroy(arena);
	return result;
}

/* The fake answers every question with its role: it is connected to then, and a GET is out of step with it. */
static void
expect_connected(struct redis *redis)
{
	ck_assert_int_eq(get(redis), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "what answers does not speak the protocol");
}

START_TEST(the_primary_is_found)
{
	struct redis *redis = at(1, sentinel_of(serve(PRIMARY)));
	expect_connected(redis);
	redis_destroy(redis);
}
END_TEST

START_TEST(a_replica_is_not_taken_for_it)
{
	struct redis *redis = at(1, sentinel_of(serve(REPLICA)));
	ck_assert_int_eq(get(redis), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), NOT_THE_PRIMARY);
	redis_destroy(redis);
}
END_TEST

/* As a server that has no ROLE, or what only seems to be one. */
START_TEST(a_role_that_is_none)
{
	static const char *const roles[] = {"+master\r\n", "$6\r\nmaster\r\n", "*0\r\n",
	                                    "*-1\r\n",     "*1\r\n:1\r\n",     ":1\r\n"};
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		struct redis *redis = at(1, sentinel_of(serve(roles[i])));
		ck_assert_int_eq(get(redis), VT_UNAVAILABLE);
		ck_assert_msg(strcmp(redis_error(redis), NOT_THE_PRIMARY) == 0, "%s: %s", roles[i], redis_error(redis));
		redis_destroy(redis);
	}
}
END_TEST

START_TEST(who_does_not_answer_is_passed_over)
{
	int good = sentinel_of(serve(PRIMARY));
	struct redis *redis = at(3, 1, fake_black_hole(), good);
	expect_connected(redis);
	/* From now on the good one is asked first, which takes no time. */
	redis_drop(redis);
	redis_ping_begin(redis);
	redis_ping_abandon(redis);
	int64_t start_ns = clock_mono_ns();
	expect_connected(redis);
	ck_assert_int_lt((clock_mono_ns() - start_ns) / NS_PER_MS, TIMEOUT_MS / 4);
	redis_destroy(redis);
}
END_TEST

/* One that has been left behind names a former primary: the next one is asked next time. */
START_TEST(one_that_is_wrong_is_not_asked_first_again)
{
	struct redis *redis = at(2, sentinel_of(serve(REPLICA)), sentinel_of(serve(PRIMARY)));
	ck_assert_int_eq(get(redis), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), NOT_THE_PRIMARY);
	ck_assert(breaker_find_well(redis->breaker, clock_mono_ns()));
	expect_connected(redis);
	redis_destroy(redis);
}
END_TEST

START_TEST(nonsense)
{
	static const struct {
		const char *data, *error;
	} cases[] = {
		{"*-1\r\n", "the sentinels do not know the service"},
		{"$-1\r\n", "the sentinels do not know the service"},
		{"-NOAUTH secret\r\n", "the sentinels do not let this service in"},
		{"-ERR secret\r\n", "no sentinel answers"},
		{"HTTP/1.1 400 secret\r\n", "no sentinel answers"},
		{"*1000000000\r\n", "no sentinel answers"}, /* and no memory for so many */
		{"*2\r\n$6\r\nsecret\r\n", "no sentinel answers"},
		{"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "no sentinel answers"},
		{"+127.0.0.1:6379\r\n", "a sentinel's answer cannot be read"},
		{"*0\r\n", "a sentinel's answer cannot be read"},
		{"*1\r\n$9\r\n127.0.0.1\r\n", "a sentinel's answer cannot be read"},
		{"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "a sentinel's answer cannot be read"},
		{"*2\r\n$9\r\n127.0.0.1\r\n:6379\r\n", "a sentinel's answer cannot be read"},
		{"*2\r\n$9\r\n127.0.0.1\r\n$5\r\n70000\r\n", "a sentinel's answer cannot be read"},
		{"*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n", "a sentinel's answer cannot be read"},
		{"*2\r\n$9\r\n127.0.0.1\r\n$5\r\n6379x\r\n", "a sentinel's answer cannot be read"},
		{"*2\r\n*0\r\n*0\r\n", "a sentinel's answer cannot be read"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct redis *redis = at(1, serve(cases[i].data));
		enum vt_result result = get(redis);
		ck_assert_msg(result == VT_UNAVAILABLE, "%s: %d", cases[i].data, (int)result);
		ck_assert_msg(strcmp(redis_error(redis), cases[i].error) == 0, "%s: %s", cases[i].data,
		              redis_error(redis));
		redis_destroy(redis);
	}
}
END_TEST

START_TEST(a_host_that_is_too_long)
{
	static char data[1024];
	snprintf(data, sizeof data, "*2\r\n$400\r\n%0400d\r\n$4\r\n6379\r\n", 1);
	struct redis *redis = at(1, serve(data));
	ck_assert_int_eq(get(redis), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "a sentinel's answer cannot be read");
	redis_destroy(redis);
}
END_TEST

START_TEST(an_array_without_end_is_cut_off)
{
	static char data[100000] = "*30000\r\n";
	size_t size = strlen(data);
	while (size + 4 < sizeof data) {
		memcpy(data + size, ":1\r\n", 4);
		size += 4;
	}
	const struct fake_answer answer = {.data = data, .size_bytes = size, .repeat = 1, .each = true};
	struct redis *redis = at(1, fake_tcp_server(&answer));
	ck_assert_int_eq(get(redis), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "no sentinel answers");
	redis_destroy(redis);
}
END_TEST

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	Suite *suite = suite_create("redis_sentinel");
	TCase *tc = tcase_create("redis_sentinel");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_primary_is_found);
	tcase_add_test(tc, a_replica_is_not_taken_for_it);
	tcase_add_test(tc, a_role_that_is_none);
	tcase_add_test(tc, who_does_not_answer_is_passed_over);
	tcase_add_test(tc, one_that_is_wrong_is_not_asked_first_again);
	tcase_add_test(tc, nonsense);
	tcase_add_test(tc, a_host_that_is_too_long);
	tcase_add_test(tc, an_array_without_end_is_cut_off);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
