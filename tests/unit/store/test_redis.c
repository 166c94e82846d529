/*
 * test_redis.c - the connection against a real Redis: values, authentication, databases, error replies.
 * test_redis_outage.c restarts and freezes it; servers that misbehave are in test_redis_hostile.c.
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

START_TEST(set_get_delete)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	const char *text = "";
	size_t size = 1;
	ck_assert_int_eq(fixture_get(redis, "a", &text, &size), VT_MISS);
	ck_assert_ptr_null(text);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	private_redis_expect(redis, "a", "one");
	ck_assert_int_eq(private_redis_set(redis, "a", ""), VT_OK);
	private_redis_expect(redis, "a", "");
	ck_assert_int_eq(redis_delete(redis, "a", DEADLINE_NEVER), VT_OK);
	ck_assert_int_eq(redis_delete(redis, "a", DEADLINE_NEVER), VT_OK);
	ck_assert_int_eq(fixture_get(redis, "a", &text, &size), VT_MISS);
	ck_assert_int_eq(private_redis_set(redis, "key with \r\n and blanks", "x"), VT_OK);
	private_redis_expect(redis, "key with \r\n and blanks", "x");
	redis_destroy(redis);
}
END_TEST

START_TEST(values_of_any_bytes_and_sizes)
{
	static const size_t sizes[] = {1, 255, 256, 16383, 16384, 16385, (size_t)1 << 20, (size_t)16 << 20};
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	char *bytes = malloc((size_t)16 << 20);
	for (size_t i = 0; i < (size_t)16 << 20; i++)
		bytes[i] = (char)(i * 31 + i / 256); /* every byte, NUL and CR LF among them */
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const struct redis_item item = {.key = "bytes", .value = bytes, .size_bytes = sizes[i]};
		const char *text;
		size_t size;
		/* The large ones may take longer than the time-out on a busy machine; a miss of time is no fault here. */
		enum vt_result result = redis_set(redis, &item, DEADLINE_NEVER);
		if (result == VT_OK)
			result = fixture_get(redis, "bytes", &text, &size);
		if (sizes[i] >= (size_t)1 << 20 && (result == VT_TIMEOUT || result == VT_UNAVAILABLE))
			continue;
		ck_assert_msg(result == VT_OK, "%zu: %d, %s", sizes[i], (int)result, redis_error(redis));
		ck_assert_uint_eq(size, sizes[i]);
		ck_assert_mem_eq(text, bytes, size);
		ck_assert_int_eq(text[size], '\0');
		arena_reset(arena);
	}
	free(bytes);
	redis_destroy(redis);
}
END_TEST

START_TEST(refuses_what_could_not_be_read_back)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	const struct redis_item item = {.key = "big", .value = "x", .size_bytes = ((size_t)16 << 20) + 1};
	ck_assert_int_eq(redis_set(redis, &item, DEADLINE_NEVER), VT_ERROR);
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	redis_destroy(redis);
}
END_TEST

START_TEST(memory_of_the_request_runs_out)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	struct arena *small = arena_create(64, 64);
	const char *text;
	size_t size;
	ck_assert_int_eq(
		private_redis_set(redis, "a",
	                          "more than sixty-four bytes, which is all that the request may have in this case"),
		VT_OK);
	ck_assert_int_eq(redis_get(redis, small, "a", DEADLINE_NEVER, &text, &size), VT_NO_MEMORY);
	ck_assert_ptr_null(text);
	arena_destroy(small);
	ck_assert_int_eq(private_redis_set(redis, "b", "two"), VT_OK);
	redis_destroy(redis);
}
END_TEST

START_TEST(values_end_with_their_time)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	const struct redis_item item = {.key = "short", .value = "x", .size_bytes = 1, .ttl_ms = 150};
	const char *text;
	size_t size;
	enum vt_result result;
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(private_redis_set(redis, "long", "y"), VT_OK);
	ck_assert_int_eq(redis_set(redis, &item, DEADLINE_NEVER), VT_OK);
	while ((result = fixture_get(redis, "short", &text, &size)) == VT_OK) {
		IN_TIME(start_ns, 150);
		private_server_nap();
	}
	ck_assert_int_eq(result, VT_MISS);
	ck_assert_int_ge(private_redis_ms_since(start_ns), 140);
	private_redis_expect(redis, "long", "y");
	redis_destroy(redis);
}
END_TEST

START_TEST(databases_are_apart)
{
	struct redis *zero = private_redis_open(&server, "", "", 60000),
		     *three = private_redis_open(&server, "", "?db=3", 60000),
		     *far = private_redis_open(&server, "", "?db=9999", 60000);
	const char *text;
	size_t size;
	ck_assert_int_eq(private_redis_set(zero, "apart", "0"), VT_OK);
	ck_assert_int_eq(fixture_get(three, "apart", &text, &size), VT_MISS);
	ck_assert_int_eq(private_redis_set(three, "apart", "3"), VT_OK);
	private_redis_expect(zero, "apart", "0");
	private_redis_expect(three, "apart", "3");
	ck_assert_int_eq(private_redis_set(far, "apart", "x"), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(far), "the database does not exist");
	redis_destroy(zero);
	redis_destroy(three);
	redis_destroy(far);
}
END_TEST

START_TEST(authentication)
{
	static const struct {
		const char *userinfo, *error; /* NULL: let in */
	} cases[] = {
		{":" PRIVATE_REDIS_PASSWORD "@", NULL},
		{"default:" PRIVATE_REDIS_PASSWORD "@", NULL},
		{":secretwrong@", "authentication failed"},
		{"secretuser:" PRIVATE_REDIS_PASSWORD "@", "authentication failed"},
		{"", "the server wants a password"},
	};
	private_redis_down(&server);
	private_redis_up(&server, PRIVATE_REDIS_PASSWORD);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct redis *redis = private_redis_open(&server, cases[i].userinfo, "?db=1", 60000);
		enum vt_result should = cases[i].error == NULL ? VT_OK : VT_UNAVAILABLE;
		ck_assert_int_eq(private_redis_set(redis, "a", "one"), should);
		if (cases[i].error != NULL)
			ck_assert_str_eq(redis_error(redis), cases[i].error);
		else
			private_redis_expect(redis, "a", "one"); /* the replies to AUTH and SELECT are out of the way */
		ck_assert_int_eq(private_redis_ping(redis, 2000), should);
		redis_destroy(redis);
	}
	private_redis_down(&server);
}
END_TEST

START_TEST(error_replies)
{
	struct redis *redis = private_redis_open(&server, "", "", 60000);
	const char *text;
	size_t size;
	private_redis_command(&server, "lpush alist 1");
	ck_assert_int_eq(fixture_get(redis, "alist", &text, &size), VT_ERROR);
	ck_assert_str_eq(redis_error(redis), "the key holds something that is not a text");
	private_redis_command(&server, "config set maxmemory 1");
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_UNAVAILABLE);
	ck_assert_str_eq(redis_error(redis), "the server's memory bound is reached");
	ck_assert_int_eq(private_redis_ping(redis, 2000), VT_OK);
	private_redis_command(&server, "config set maxmemory 0");
	ck_assert_int_eq(private_redis_set(redis, "a", "one"), VT_OK);
	redis_destroy(redis);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis");
	TCase *tc = tcase_create("redis");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, fixture_after_each);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, set_get_delete);
	tcase_add_test(tc, values_of_any_bytes_and_sizes);
	tcase_add_test(tc, refuses_what_could_not_be_read_back);
	tcase_add_test(tc, memory_of_the_request_runs_out);
	tcase_add_test(tc, values_end_with_their_time);
	tcase_add_test(tc, databases_are_apart);
	tcase_add_test(tc, authentication);
	tcase_add_test(tc, error_replies);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
