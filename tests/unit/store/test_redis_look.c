/* test_redis_look.c - several keys in one exchange, against a real Redis. */
#include <check.h>
#include <string.h>

#include "clock.h"
#include "redis_fixture.h"
#include "run_suite.h"

static struct redis *redis;

static void
setup(void)
{
	fixture_each();
	private_redis_command(&server, "flushall");
	redis = private_redis_open(&server, "", "", 60000);
}

static void
teardown(void)
{
	redis_destroy(redis);
	fixture_after_each();
}

static enum vt_result
look(struct redis_look *looks, size_t count)
{
	return redis_look(redis, arena, looks, count, DEADLINE_NEVER);
}

START_TEST(each_with_or_without_its_time)
{
	struct redis_look looks[REDIS_LOOKS_MAX] = {{.key = "while", .with = REDIS_WITH_TTL},
	                                            {.key = "without", .with = REDIS_WITHOUT_TTL, .ttl_ms = 77},
	                                            {.key = "ever", .with = REDIS_WITH_TTL}};
	const struct redis_item item = {.key = "while", .value = "a\0b", .size_bytes = 3, .ttl_ms = 30000};
	ck_assert_int_eq(redis_set(redis, &item, DEADLINE_NEVER), VT_OK);
	private_redis_command(&server, "set without w");
	private_redis_command(&server, "set ever v");
	ck_assert_int_eq(look(looks, REDIS_LOOKS_MAX), VT_OK);
	ck_assert_uint_eq(looks[0].size_bytes, 3);
	ck_assert_mem_eq(looks[0].value, "a\0b", 4);
	ck_assert_int_gt(looks[0].ttl_ms, 20000);
	ck_assert_int_le(looks[0].ttl_ms, 30000);
	ck_assert_pstr_eq(looks[1].value, "w");
	ck_assert_int_eq(looks[1].ttl_ms, 77); /* not touched */
	ck_assert_pstr_eq(looks[2].value, "v");
	ck_assert_uint_eq(looks[2].size_bytes, 1);
	ck_assert_int_eq(looks[2].ttl_ms, -1);
}
END_TEST

/* Whichever is missing, the others get what is theirs. */
START_TEST(any_of_them_may_be_missing)
{
	static const char *const keys[REDIS_LOOKS_MAX] = {"0", "1", "2"};
	for (unsigned there = 0; there < 1U << REDIS_LOOKS_MAX; there++) {
		for (unsigned with = 0; with < 1U << REDIS_LOOKS_MAX; with++) {
			struct redis_look looks[REDIS_LOOKS_MAX];
			private_redis_command(&server, "flushall");
			for (unsigned i = 0; i < REDIS_LOOKS_MAX; i++) {
				bool timed = (with >> i & 1) != 0;
				looks[i] = (struct redis_look){.key = keys[i],
				                               .with = timed ? REDIS_WITH_TTL : REDIS_WITHOUT_TTL,
				                               .value = "x"};
				if ((there >> i & 1) != 0)
					ck_assert_int_eq(private_redis_set(redis, keys[i], keys[i]), VT_OK);
			}
			ck_assert_int_eq(look(looks, REDIS_LOOKS_MAX), VT_OK);
			for (unsigned i = 0; i < REDIS_LOOKS_MAX; i++)
				ck_assert_pstr_eq(looks[i].value, (there >> i & 1) != 0 ? keys[i] : NULL);
		}
		arena_reset(arena);
	}
}
END_TEST

/* The replies behind the one that is an error are out of the way of the next exchange. */
START_TEST(an_error_among_them)
{
	for (unsigned wrong = 0; wrong < REDIS_LOOKS_MAX; wrong++) {
		struct redis_look looks[REDIS_LOOKS_MAX] = {{.key = "text", .with = REDIS_WITH_TTL},
		                                            {.key = "text", .with = REDIS_WITHOUT_TTL},
		                                            {.key = "text", .with = REDIS_WITH_TTL}};
		private_redis_command(&server, "lpush alist 1");
		ck_assert_int_eq(private_redis_set(redis, "text", "t"), VT_OK);
		looks[wrong].key = "alist";
		ck_assert_int_eq(look(looks, REDIS_LOOKS_MAX), VT_ERROR);
		ck_assert_str_eq(redis_error(redis), "the key holds something that is not a text");
		private_redis_expect(redis, "text", "t");
	}
}
END_TEST

START_TEST(no_memory_for_a_value)
{
	struct arena *small = arena_create(64, 64);
	struct redis_look looks[] = {{.key = "short"}, {.key = "long", .with = REDIS_WITH_TTL}};
	ck_assert_int_eq(private_redis_set(redis, "short", "s"), VT_OK);
	ck_assert_int_eq(private_redis_set(redis, "long",
	                                   "more than sixty-four bytes, which is all that the request may have here"),
	                 VT_OK);
	ck_assert_int_eq(redis_look(redis, small, looks, 2, DEADLINE_NEVER), VT_NO_MEMORY);
	arena_destroy(small);
	ck_assert_int_eq(look(looks, 2), VT_OK);
	ck_assert_pstr_eq(looks[0].value, "s");
	ck_assert_ptr_nonnull(looks[1].value);
}
END_TEST

START_TEST(a_server_that_is_away)
{
	struct redis_look looks[] = {{.key = "a", .value = "x", .size_bytes = 1}};
	private_redis_down(&server);
	ck_assert_int_eq(look(looks, 1), VT_UNAVAILABLE);
	ck_assert_ptr_null(looks[0].value);
	ck_assert_uint_eq(looks[0].size_bytes, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis_look");
	TCase *tc = tcase_create("redis_look");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, each_with_or_without_its_time);
	tcase_add_test(tc, any_of_them_may_be_missing);
	tcase_add_test(tc, an_error_among_them);
	tcase_add_test(tc, no_memory_for_a_value);
	tcase_add_test(tc, a_server_that_is_away);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
