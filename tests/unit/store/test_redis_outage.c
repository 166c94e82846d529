/*
 * test_redis_outage.c - what becomes of operations when Redis restarts, stops or freezes. Every outcome must
 * come in time: within three times its bound on a busy machine.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "redis_fixture.h"
#include "run_suite.h"

START_TEST(restart_between_operations)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000),
		     *pinging = private_redis_open(&server, "", "", 0);
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	ck_assert_int_eq(private_redis_set(pinging, "a", "one"), VT_OK);
	private_redis_down(&server);
	private_redis_up(&server, NULL);
	/* Nothing was sent on the dead connection: no operation fails. */
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_OK);
	private_redis_expect(pinging, "a", "two");
	redis_destroy(redis);
	redis_destroy(pinging);
}
END_TEST

START_TEST(stopped_server_fails_at_once_and_recovers)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	private_redis_down(&server);
	int64_t start_ns = clock_mono_ns();
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_UNAVAILABLE);
	IN_TIME(start_ns, 200);
	ck_assert_ptr_null(strstr(redis_error(redis), "server.sock"));
	ck_assert_int_eq(private_redis_ping(redis, 500), VT_UNAVAILABLE);
	private_redis_up(&server, NULL);
	ck_assert_int_lt(private_redis_recovers_ms(redis), 1500);
	redis_destroy(redis);
}
END_TEST

START_TEST(ping_ends_the_back_off)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	private_redis_down(&server);
	int64_t until_ns = deadline_in_ms(1500);
	while (clock_mono_ns() < until_ns) {
		private_redis_set(redis, "a", "one");
		private_server_nap();
	}
	private_redis_up(&server, NULL);
	ck_assert_int_eq(private_redis_ping(redis, 3000), VT_OK);
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	/* The next outage begins with a short one again. */
	private_server_signal(&server, SIGSTOP);
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_TIMEOUT);
	private_server_signal(&server, SIGCONT);
	ck_assert_int_lt(private_redis_recovers_ms(redis), 300);
	redis_destroy(redis);
}
END_TEST

START_TEST(late_answers_reach_nobody)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	const char *text;
	size_t size;
	ck_assert_int_eq(private_redis_set(redis, "first", "the first value"), VT_OK);
	ck_assert_int_eq(private_redis_set(redis, "second", "the second value"), VT_OK);
	private_server_signal(&server, SIGSTOP);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_get(redis, "first", &text, &size), VT_TIMEOUT);
	IN_TIME(start_ns, 200);
	ck_assert_int_ge(private_redis_ms_since(start_ns), 199);
	ck_assert_str_eq(redis_error(redis), "no answer in time");
	/* A frozen server costs one time-out, then nothing until the back-off is over. */
	start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_get(redis, "second", &text, &size), VT_UNAVAILABLE);
	ck_assert_int_lt(private_redis_ms_since(start_ns), 50);
	private_server_signal(&server, SIGCONT);
	ck_assert_int_lt(private_redis_recovers_ms(redis), 1500);
	private_redis_expect(redis, "second", "the second value");
	private_redis_expect(redis, "first", "the first value");
	redis_destroy(redis);
}
END_TEST

START_TEST(little_time_says_nothing_about_the_server)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	const char *text;
	size_t size;
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	ck_assert_int_eq(redis_get(redis, arena, "a", clock_mono_ns() - 1, &text, &size), VT_TIMEOUT);
	private_redis_expect(redis, "a", "one");
	private_server_signal(&server, SIGSTOP);
	ck_assert_int_eq(redis_get(redis, arena, "a", deadline_in_ms(20), &text, &size), VT_TIMEOUT);
	private_server_signal(&server, SIGCONT);
	private_redis_expect(redis, "a", "one"); /* no back-off */
	redis_destroy(redis);
}
END_TEST

START_TEST(frozen_server_at_the_pings)
{
	struct redis *redis = private_redis_open(&server, "", "", 0);
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	private_server_signal(&server, SIGSTOP);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(private_redis_set(redis, "a", "two"), VT_TIMEOUT);
	IN_TIME(start_ns, 200);
	start_ns = clock_mono_ns();
	ck_assert_int_eq(private_redis_ping(redis, 100), VT_TIMEOUT);
	IN_TIME(start_ns, 100);
	private_server_signal(&server, SIGCONT);
	ck_assert_int_eq(private_redis_ping(redis, 2000), VT_OK);
	private_redis_expect(redis, "a", "one"); /* the pre-ping kept the change from being sent */
	redis_destroy(redis);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cache_outage");
	TCase *tc = tcase_create("outage");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, fixture_after_each);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, restart_between_operations);
	tcase_add_test(tc, stopped_server_fails_at_once_and_recovers);
	tcase_add_test(tc, ping_ends_the_back_off);
	tcase_add_test(tc, late_answers_reach_nobody);
	tcase_add_test(tc, little_time_says_nothing_about_the_server);
	tcase_add_test(tc, frozen_server_at_the_pings);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
