/*
 * test_cache.c - both tiers and each by itself, against a real Redis: looks, expiry, tickets, tokens, and an outage.
 *
 * Two machines are two regions of memory over one Redis.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cache.h"
#include "clock.h"
#include "memory_cache.h"
#include "redis_fixture.h"
#include "run_suite.h"

#define MACHINES 2
#define LONG_MS 60000

enum tiers { MEMORY_ONLY, REDIS_ONLY, BOTH, TIERS };

static void *bytes[MACHINES];
static struct memory_cache memory[MACHINES];
static struct redis *redis;

static void
setup(void)
{
	fixture_each();
	private_redis_command(&server, "flushall");
	redis = private_redis_open(&server, "", "", LONG_MS);
	for (size_t i = 0; i < MACHINES; i++) {
		bytes[i] =
			mmap(NULL, MEMORY_CACHE_LEAST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ck_assert_ptr_ne(bytes[i], MAP_FAILED);
		memory_cache_open(&memory[i], bytes[i], MEMORY_CACHE_LEAST_BYTES);
	}
}

static void
teardown(void)
{
	for (size_t i = 0; i < MACHINES; i++)
		munmap(bytes[i], MEMORY_CACHE_LEAST_BYTES);
	redis_destroy(redis);
	fixture_after_each();
}

static struct cache *
open_on(size_t machine, enum tiers tiers, int64_t untracked_ttl_ms)
{
	struct cache *cache =
		cache_create(&(struct cache_config){.memory = tiers != REDIS_ONLY ? &memory[machine] : NULL,
	                                            .redis = tiers != MEMORY_ONLY ? redis : NULL,
	                                            .service_name = "svc",
	                                            .ttl_default_ms = LONG_MS,
	                                            .untracked_ttl_ms = untracked_ttl_ms});
	ck_assert_ptr_nonnull(cache);
	return cache;
}

static struct cache *
open_tiers(enum tiers tiers)
{
	return open_on(0, tiers, LONG_MS);
}

static struct cache_put
put_of(const char *key, const char *value)
{
	return (struct cache_put){.key = key, .value = value, .size_bytes = strlen(value)};
}

static enum vt_result
set(struct cache *cache, const char *key, const char *value)
{
	const struct cache_put put = put_of(key, value);
	return cache_set(cache, arena, &put, DEADLINE_NEVER);
}

static enum vt_result
fill(struct cache *cache, const char *key, const char *value, uint64_t ticket)
{
	const struct cache_put put = put_of(key, value);
	return cache_fill(cache, arena, &put, ticket, DEADLINE_NEVER);
}

static uint64_t
ticket_of(struct cache *cache, const char *key)
{
	return cache_ticket(cache, arena, key);
}

/* value NULL: it is not there. */
static void
expect(struct cache *cache, const char *key, const char *value, enum cache_tier tier)
{
	struct cache_look look = {.key = key};
	ck_assert_int_eq(cache_look(cache, arena, &look, 1, DEADLINE_NEVER), VT_OK);
	if (value == NULL)
		ck_assert_msg(look.value == NULL, "%s is there: %s", key, look.value);
	else
		ck_assert_pstr_eq(look.value, value);
	ck_assert_uint_eq(look.size_bytes, value != NULL ? strlen(value) : 0);
	ck_assert_str_eq(cache_tier_name(look.tier), cache_tier_name(tier));
}

/* Where a value is found that was just stored. */
static enum cache_tier
first_tier(enum tiers tiers)
{
	return tiers == REDIS_ONLY ? CACHE_REDIS : CACHE_MEMORY;
}

/* ---- Values ------------------------------------------------------------------------------------- */

START_TEST(stores_looks_up_and_deletes)
{
	for (enum tiers tiers = 0; tiers < TIERS; tiers++) {
		struct cache *cache = open_tiers(tiers);
		expect(cache, "a", NULL, CACHE_NOWHERE);
		ck_assert_int_eq(set(cache, "a", "one"), VT_OK);
		expect(cache, "a", "one", first_tier(tiers));
		ck_assert_int_eq(set(cache, "a", ""), VT_OK);
		expect(cache, "a", "", first_tier(tiers));
		ck_assert_int_eq(fill(cache, "b", "two", ticket_of(cache, "b")), VT_OK);
		expect(cache, "b", "two", first_tier(tiers));
		ck_assert_int_eq(cache_delete(cache, arena, "a", DEADLINE_NEVER), VT_OK);
		ck_assert_int_eq(cache_delete(cache, arena, "a", DEADLINE_NEVER), VT_OK);
		expect(cache, "a", NULL, CACHE_NOWHERE);
		expect(cache, "b", "two", first_tier(tiers));
		ck_assert_int_eq(cache_delete(cache, arena, "b", DEADLINE_NEVER), VT_OK);
		cache_destroy(cache);
	}
}
END_TEST

START_TEST(keys_have_the_prefix)
{
	static const char *const prefixes[][2] = {{NULL, "svc:k"}, {"", "svc:k"}, {"mine-", "mine-k"}};
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		struct cache *cache = cache_create(&(struct cache_config){
			.redis = redis, .prefix = prefixes[i][0], .service_name = "svc", .ttl_default_ms = LONG_MS});
		private_redis_command(&server, "flushall");
		ck_assert_int_eq(set(cache, "k", "v"), VT_OK);
		private_redis_expect(redis, prefixes[i][1], "v");
		cache_destroy(cache);
	}
}
END_TEST

START_TEST(values_are_bytes)
{
	static const char value[] = "a\0b\r\n\xff";
	for (enum tiers tiers = 0; tiers < TIERS; tiers++) {
		struct cache *cache = open_tiers(tiers);
		struct cache_look look = {.key = "bytes"};
		const struct cache_put put = {.key = "bytes", .value = value, .size_bytes = sizeof value - 1};
		ck_assert_int_eq(cache_set(cache, arena, &put, DEADLINE_NEVER), VT_OK);
		ck_assert_int_eq(cache_look(cache, arena, &look, 1, DEADLINE_NEVER), VT_OK);
		ck_assert_uint_eq(look.size_bytes, sizeof value - 1);
		ck_assert_mem_eq(look.value, value, sizeof value); /* its NUL too */
		cache_destroy(cache);
	}
}
END_TEST

START_TEST(several_at_once_from_where_each_is)
{
	struct cache *cache = open_tiers(BOTH), *far = open_on(1, BOTH, LONG_MS);
	struct cache_look looks[CACHE_LOOKS_MAX] = {{.key = "redis"}, {.key = "nowhere"}, {.key = "memory"}};
	ck_assert_int_eq(set(far, "redis", "r"), VT_OK);
	ck_assert_int_eq(set(cache, "memory", "m"), VT_OK);
	ck_assert_int_eq(cache_look(cache, arena, looks, CACHE_LOOKS_MAX, DEADLINE_NEVER), VT_OK);
	ck_assert_pstr_eq(looks[0].value, "r");
	ck_assert_int_eq(looks[0].tier, CACHE_REDIS);
	ck_assert_ptr_null(looks[1].value);
	ck_assert_int_eq(looks[1].tier, CACHE_NOWHERE);
	ck_assert_pstr_eq(looks[2].value, "m");
	ck_assert_int_eq(looks[2].tier, CACHE_MEMORY);
	expect(cache, "redis", "r", CACHE_MEMORY);
	cache_destroy(cache);
	cache_destroy(far);
}
END_TEST

START_TEST(what_is_too_large_for_memory)
{
	size_t size = memory_cache_item_max_bytes(&memory[0]) + 1;
	char *value = malloc(size + 1);
	struct cache *near = open_tiers(MEMORY_ONLY), *both = open_tiers(BOTH);
	ck_assert_ptr_nonnull(value);
	memset(value, 'x', size);
	value[size] = '\0';
	ck_assert_int_eq(set(near, "large", value), VT_ERROR);
	ck_assert_str_eq(cache_error(near), "the value is too large for the embedded cache");
	expect(near, "large", NULL, CACHE_NOWHERE);
	ck_assert_int_eq(set(both, "large", "small"), VT_OK);
	ck_assert_int_eq(set(both, "large", value), VT_OK);
	expect(both, "large", value, CACHE_REDIS);
	cache_destroy(near);
	cache_destroy(both);
	free(value);
}
END_TEST

START_TEST(no_memory_for_the_request)
{
	struct cache *cache = open_tiers(BOTH);
	struct arena *spent = arena_create(1, 1);
	const struct cache_put put = put_of("a", "one");
	struct cache_look look = {.key = "a"};
	char token[CACHE_TOKEN_BYTES];
	arena_fail(spent);
	ck_assert_int_eq(cache_look(cache, spent, &look, 1, DEADLINE_NEVER), VT_NO_MEMORY);
	ck_assert_int_eq(cache_set(cache, spent, &put, DEADLINE_NEVER), VT_NO_MEMORY);
	ck_assert_int_eq(cache_fill(cache, spent, &put, 0, DEADLINE_NEVER), VT_NO_MEMORY);
	ck_assert_int_eq(cache_delete(cache, spent, "a", DEADLINE_NEVER), VT_NO_MEMORY);
	ck_assert_int_eq(cache_token_ensure(cache, spent, "t", DEADLINE_NEVER, token), VT_NO_MEMORY);
	expect(cache, "a", NULL, CACHE_NOWHERE);
	arena_destroy(spent);
	cache_destroy(cache);
}
END_TEST

/* ---- How long ----------------------------------------------------------------------------------- */

/* Milliseconds that memory still has a key for; -1: it has not, INT64_MAX: for ever. */
static int64_t
left_in_memory_ms(const char *full_key)
{
	struct memory_value value;
	const struct memory_key key = memory_cache_key(full_key, strlen(full_key));
	int64_t now_ns = clock_mono_ns();
	if (!memory_cache_get(&memory[0], &key, now_ns, arena, &value))
		return -1;
	return value.expires_ns == INT64_MAX ? INT64_MAX : (value.expires_ns - now_ns) / NS_PER_MS;
}

START_TEST(memory_keeps_what_redis_has_for_as_long_as_that)
{
	static const struct {
		const char *command;
		int64_t untracked_ttl_ms, left_ms;
	} cases[] = {
		{"set svc:k v px 20000", LONG_MS, 20000}, {"set svc:k v px 20000", 5000, 5000},
		{"set svc:k v px 7000", 5000, 5000},      {"set svc:k v px 4000", 5000, 4000},
		{"set svc:k v", LONG_MS, LONG_MS},        {"set svc:k v", 5000, 5000},
		{"set svc:k v px 20000", 0, -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cache *cache = open_on(0, BOTH, cases[i].untracked_ttl_ms);
		memory_cache_clear(&memory[0]);
		private_redis_command(&server, cases[i].command);
		expect(cache, "k", "v", CACHE_REDIS);
		int64_t left_ms = left_in_memory_ms("svc:k");
		ck_assert_msg(left_ms <= cases[i].left_ms, "case %zu: %jd ms", i, (intmax_t)left_ms);
		ck_assert_msg(left_ms >= cases[i].left_ms * 3 / 4 - 1, "case %zu: %jd ms", i, (intmax_t)left_ms);
		cache_destroy(cache);
	}
}
END_TEST

START_TEST(what_is_stored_lives_for_its_time)
{
	static const struct {
		enum tiers tiers;
		int64_t ttl_ms, untracked_ttl_ms, left_ms;
	} cases[] = {
		{MEMORY_ONLY, 0, 1000, LONG_MS},
		{MEMORY_ONLY, 7000, 1000, 7000},
		{MEMORY_ONLY, INT64_MAX, 1000, INT64_MAX},
		{BOTH, 0, LONG_MS, LONG_MS},
		{BOTH, 7000, LONG_MS, 7000},
		{BOTH, 7000, 1000, 1000},
		{BOTH, 7000, 0, -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cache *cache = open_on(0, cases[i].tiers, cases[i].untracked_ttl_ms);
		struct cache_put put = put_of("k", "v");
		put.ttl_ms = cases[i].ttl_ms;
		ck_assert_int_eq(cache_set(cache, arena, &put, DEADLINE_NEVER), VT_OK);
		int64_t left_ms = left_in_memory_ms("svc:k");
		ck_assert_msg(left_ms <= cases[i].left_ms, "case %zu: %jd ms", i, (intmax_t)left_ms);
		ck_assert_msg(left_ms >= cases[i].left_ms / 4 * 3 - 1, "case %zu: %jd ms", i, (intmax_t)left_ms);
		cache_destroy(cache);
	}
}
END_TEST

/* Deleted by another machine, it is gone here once the untracked time is over, and no later. */
START_TEST(another_machine_s_change_is_seen_in_time)
{
	struct cache *here = open_on(0, BOTH, 100), *there = open_on(1, BOTH, 100);
	struct cache_look look = {.key = "k"};
	ck_assert_int_eq(set(here, "k", "old"), VT_OK);
	ck_assert_int_eq(set(there, "k", "new"), VT_OK);
	int64_t started_ns = clock_mono_ns();
	do {
		ck_assert_int_eq(cache_look(here, arena, &look, 1, DEADLINE_NEVER), VT_OK);
		ck_assert_ptr_nonnull(look.value);
		IN_TIME(started_ns, 1000);
	} while (strcmp(look.value, "new") != 0);
	ck_assert_int_eq(look.tier, CACHE_REDIS);
	cache_destroy(here);
	cache_destroy(there);
}
END_TEST

/* ---- Tickets ------------------------------------------------------------------------------------ */

START_TEST(a_late_fill_brings_nothing_back)
{
	static const enum tiers with_memory[] = {MEMORY_ONLY, BOTH};
	for (size_t i = 0; i < 2; i++) {
		struct cache *cache = open_tiers(with_memory[i]);
		uint64_t ticket = ticket_of(cache, "k");
		ck_assert_int_eq(cache_delete(cache, arena, "k", DEADLINE_NEVER), VT_OK);
		ck_assert_int_eq(fill(cache, "k", "late", ticket), VT_CONFLICT);
		expect(cache, "k", NULL, CACHE_NOWHERE);
		ticket = ticket_of(cache, "k");
		ck_assert_int_eq(set(cache, "k", "set"), VT_OK);
		ck_assert_int_eq(fill(cache, "k", "late", ticket), VT_CONFLICT);
		expect(cache, "k", "set", CACHE_MEMORY);
		if (with_memory[i] == BOTH)
			private_redis_expect(redis, "svc:k", "set");
		/* A fill voids no ticket. */
		ticket = ticket_of(cache, "k");
		ck_assert_int_eq(fill(cache, "k", "one", ticket), VT_OK);
		ck_assert_int_eq(fill(cache, "k", "two", ticket), VT_OK);
		expect(cache, "k", "two", CACHE_MEMORY);
		ck_assert_int_eq(cache_delete(cache, arena, "k", DEADLINE_NEVER), VT_OK);
		cache_destroy(cache);
	}
}
END_TEST

START_TEST(without_memory_there_are_no_tickets)
{
	struct cache *cache = open_tiers(REDIS_ONLY);
	uint64_t ticket = ticket_of(cache, "k");
	ck_assert_int_eq(cache_delete(cache, arena, "k", DEADLINE_NEVER), VT_OK);
	ck_assert_int_eq(fill(cache, "k", "v", ticket), VT_OK);
	expect(cache, "k", "v", CACHE_REDIS);
	cache_destroy(cache);
}
END_TEST

/* ---- Tokens ------------------------------------------------------------------------------------- */

static void
ensure(struct cache *cache, char token[CACHE_TOKEN_BYTES])
{
	ck_assert_int_eq(cache_token_ensure(cache, arena, "token:t", DEADLINE_NEVER, token), VT_OK);
	ck_assert_uint_eq(strspn(token, "0123456789abcdef"), CACHE_TOKEN_BYTES - 1);
	ck_assert_uint_eq(strlen(token), CACHE_TOKEN_BYTES - 1);
}

START_TEST(a_token_stays_until_it_is_renewed)
{
	for (enum tiers tiers = 0; tiers < TIERS; tiers++) {
		struct cache *cache = open_tiers(tiers);
		char first[CACHE_TOKEN_BYTES], second[CACHE_TOKEN_BYTES];
		memory_cache_clear(&memory[0]);
		private_redis_command(&server, "flushall");
		ensure(cache, first);
		expect(cache, "token:t", first, first_tier(tiers));
		ensure(cache, second);
		ck_assert_str_eq(second, first);
		expect(cache, "token:t", first, first_tier(tiers));
		if (tiers == MEMORY_ONLY)
			ck_assert_int_gt(left_in_memory_ms("svc:token:t"), INT64_C(6) * 24 * 3600 * 1000);
		ck_assert_int_eq(cache_token_renew(cache, arena, "token:t", DEADLINE_NEVER), VT_OK);
		ensure(cache, second);
		ck_assert_str_ne(second, first);
		expect(cache, "token:t", second, first_tier(tiers));
		cache_destroy(cache);
	}
}
END_TEST

START_TEST(machines_agree_on_a_token)
{
	struct cache *here = open_on(0, BOTH, LONG_MS), *there = open_on(1, BOTH, 0);
	char one[CACHE_TOKEN_BYTES], other[CACHE_TOKEN_BYTES];
	ensure(here, one);
	ensure(there, other);
	ck_assert_str_eq(other, one);
	expect(there, "token:t", one, CACHE_REDIS);
	ck_assert_int_eq(cache_token_renew(here, arena, "token:t", DEADLINE_NEVER), VT_OK);
	ensure(here, one);
	ck_assert_str_ne(one, other);
	ensure(there, other);
	ck_assert_str_eq(other, one);
	cache_destroy(here);
	cache_destroy(there);
}
END_TEST

/* ---- Redis is away ------------------------------------------------------------------------------ */

START_TEST(goes_on_without_redis)
{
	struct cache *cache = open_tiers(BOTH);
	char token[CACHE_TOKEN_BYTES];
	struct cache_look looks[] = {{.key = "there"}, {.key = "not there"}};
	ck_assert_int_eq(set(cache, "there", "v"), VT_OK);
	private_redis_down(&server);
	expect(cache, "there", "v", CACHE_MEMORY);
	ck_assert_int_eq(cache_look(cache, arena, looks, 2, DEADLINE_NEVER), VT_UNAVAILABLE);
	ck_assert_str_ne(cache_error(cache), "");
	ck_assert_pstr_eq(looks[0].value, "v");
	ck_assert_ptr_null(looks[1].value);
	ck_assert_int_eq(set(cache, "there", "another"), VT_UNAVAILABLE);
	expect(cache, "there", "another", CACHE_MEMORY);
	ck_assert_int_eq(fill(cache, "filled", "f", ticket_of(cache, "filled")), VT_UNAVAILABLE);
	expect(cache, "filled", "f", CACHE_MEMORY);
	ck_assert_int_eq(cache_token_ensure(cache, arena, "token:t", DEADLINE_NEVER, token), VT_UNAVAILABLE);
	expect(cache, "token:t", token, CACHE_MEMORY);
	ck_assert_int_eq(cache_token_renew(cache, arena, "token:t", DEADLINE_NEVER), VT_UNAVAILABLE);
	looks[0].key = "token:t";
	ck_assert_int_eq(cache_look(cache, arena, looks, 1, DEADLINE_NEVER), VT_OK);
	ck_assert_str_ne(looks[0].value, token);
	ck_assert_int_eq(cache_delete(cache, arena, "there", DEADLINE_NEVER), VT_UNAVAILABLE);
	looks[0].key = "there";
	ck_assert_int_eq(cache_look(cache, arena, looks, 1, DEADLINE_NEVER), VT_UNAVAILABLE);
	ck_assert_ptr_null(looks[0].value);
	cache_destroy(cache);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cache");
	TCase *tc = tcase_create("cache");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, stores_looks_up_and_deletes);
	tcase_add_test(tc, keys_have_the_prefix);
	tcase_add_test(tc, values_are_bytes);
	tcase_add_test(tc, several_at_once_from_where_each_is);
	tcase_add_test(tc, what_is_too_large_for_memory);
	tcase_add_test(tc, no_memory_for_the_request);
	tcase_add_test(tc, memory_keeps_what_redis_has_for_as_long_as_that);
	tcase_add_test(tc, what_is_stored_lives_for_its_time);
	tcase_add_test(tc, another_machine_s_change_is_seen_in_time);
	tcase_add_test(tc, a_late_fill_brings_nothing_back);
	tcase_add_test(tc, without_memory_there_are_no_tickets);
	tcase_add_test(tc, a_token_stays_until_it_is_renewed);
	tcase_add_test(tc, machines_agree_on_a_token);
	tcase_add_test(tc, goes_on_without_redis);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
