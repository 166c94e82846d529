/* test_dispatch_cached.c - what a stale answer leaves to do behind its response, and what becomes of that. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "cache.h"
#include "cache_rule.h"
#include "clock.h"
#include "dispatch_fixture.h"
#include "err.h"
#include "flight.h"
#include "kept_answer.h"
#include "run_suite.h"
#include "scoreboard.h"

static void *cache_bytes;
static struct cache_rule *rule;
static unsigned made;       /* of the cached route's answers */
static bool fails;          /* and whether the next one does */
static char made_key[1024]; /* what the last one was kept under */

static enum vt_result
cached(struct vt_request *req, struct vt_response *res)
{
	made++;
	snprintf(made_key, sizeof made_key, "%s", cache_key_of_answer(req, rule));
	if (fails)
		return VT_UNAVAILABLE;
	const char *text = arena_printf(req->with.arena, "{\"made\":%u}", made);
	return vt_json_text(res, text, strlen(text));
}

static void
set_up_cache(void)
{
	struct err err;
	const struct vt_route route = {
		.method = "GET",
		.path = "/cached/{id}",
		.cache = {.prefix = "cached", .ttl_s = 60, .stale_s = 60, .stale_if_error_s = 60}};
	cache_bytes = mmap(NULL, MEMORY_CACHE_LEAST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(cache_bytes, MAP_FAILED);
	memory_cache_open(&services.memory, cache_bytes, MEMORY_CACHE_LEAST_BYTES);
	services.cache = cache_create(
		&(struct cache_config){.memory = &services.memory, .service_name = "test", .ttl_default_ms = 60000});
	ck_assert_ptr_nonnull(services.cache);
	rule = cache_rule_create(&route, &err);
	ck_assert_ptr_nonnull(rule);
	add_route(&(struct route){.method = "GET", .path = route.path, .handler = cached, .cache = rule});
}

static void
setup(void)
{
	dispatch_fixture_setup();
	set_up_cache();
	dispatch_fixture_start();
}

static void
teardown(void)
{
	dispatch_fixture_teardown();
	cache_rules_destroy(rule);
	cache_destroy(services.cache);
	munmap(cache_bytes, MEMORY_CACHE_LEAST_BYTES);
}

/* What is kept of the cached route's answer was fresh until just now. */
static void
make_stale(void)
{
	struct arena *arena = arena_create(4096, 1 << 20);
	struct cache_look look = {.key = made_key};
	struct kept_answer answer;
	struct strbuf bytes;
	ck_assert_int_eq(cache_look(services.cache, arena, &look, 1, DEADLINE_NEVER), VT_OK);
	ck_assert_ptr_nonnull(look.value);
	ck_assert(kept_answer_read(look.value, look.size_bytes, &answer));
	answer.fresh_until_ms = clock_real_ns() / NS_PER_MS - 1;
	strbuf_init_arena(&bytes, arena, 1024);
	kept_answer_write(&bytes, &answer);
	const struct cache_put put = {.key = made_key, .value = bytes.data, .size_bytes = bytes.length};
	ck_assert_int_eq(cache_set(services.cache, arena, &put, DEADLINE_NEVER), VT_OK);
	arena_destroy(arena);
}

static bool
owes(void)
{
	const struct exchange_handler handler = dispatch_handler(dispatch);
	return handler.owes(handler.context);
}

static void
run_afterwards(void)
{
	const struct exchange_handler handler = dispatch_handler(dispatch);
	handler.afterwards(handler.context);
}

static const char *
get_cached(const char *id)
{
	return run("GET", "/cached/1?x=y", id, NULL);
}

static unsigned
flights_under_way(void)
{
	const struct flight_table *table = scoreboard_flights(services.board);
	unsigned count = 0;
	for (size_t i = 0; i < FLIGHTS; i++)
		count += atomic_load(&table->flights[i].claim) != 0;
	return count;
}

/* How many records have both texts in their line. */
static unsigned
records_with(const char *one, const char *other)
{
	char line[4096];
	unsigned count = 0;
	FILE *file = fopen(dispatch_fixture_log(), "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file) != NULL)
		count += strstr(line, one) != NULL && strstr(line, other) != NULL;
	fclose(file);
	return count;
}

START_TEST(only_a_stale_answer_leaves_something_to_do)
{
	ck_has(get_cached(NULL), "X-Cache: MISS\r\n");
	ck_assert(!owes());
	ck_has(get_cached(NULL), "X-Cache: HIT\r\n");
	ck_assert(!owes());
	run("GET", "/nothing", NULL, NULL);
	ck_assert(!owes());
	make_stale();
	ck_has(get_cached(NULL), "X-Cache: STALE\r\n");
	ck_assert(owes());
	ck_assert_uint_eq(made, 1);
	ck_assert_uint_eq(flights_under_way(), 1);
}
END_TEST

START_TEST(a_stale_answer_is_made_anew_afterwards)
{
	struct slot_request in_flight;
	get_cached("HTTP_X_CORRELATION_ID=first");
	make_stale();
	ck_has(get_cached("HTTP_X_CORRELATION_ID=stale"), "{\"made\":1}");
	run_afterwards();
	ck_assert(!owes());
	ck_assert_uint_eq(made, 2);
	ck_assert_uint_eq(flights_under_way(), 0);
	ck_assert(!slot_get_request(services.slot, &in_flight));
	const char *answer = get_cached("HTTP_X_CORRELATION_ID=third");
	ck_has(answer, "X-Cache: HIT\r\n");
	ck_has(answer, "{\"made\":2}");
	/* Under the ID of the request that found it stale, which is completed once. */
	ck_assert_uint_eq(records_with("\"Cached answer renewed\"", "\"stale\""), 1);
	ck_assert_uint_eq(records_with("\"Cached answer renewed\"", "\"route\":\"/cached/{id}\""), 1);
	ck_assert_uint_eq(records_with("\"Request completed\"", "\"stale\""), 1);
}
END_TEST

START_TEST(what_cannot_be_made_anew_stays_and_is_tried_again)
{
	get_cached(NULL);
	make_stale();
	fails = true;
	for (unsigned round = 1; round <= 2; round++) {
		ck_has(get_cached(NULL), "X-Cache: STALE\r\n");
		ck_assert(owes());
		run_afterwards();
		ck_assert(!owes());
		ck_assert_uint_eq(made, 1 + round);
		ck_assert_uint_eq(flights_under_way(), 0);
		ck_assert_uint_eq(records_with("\"Cached answer not renewed\"", "WARNING"), round);
	}
	fails = false;
	get_cached(NULL);
	run_afterwards();
	ck_has(get_cached(NULL), "{\"made\":4}");
}
END_TEST

START_TEST(while_another_makes_it_nothing_is_owed)
{
	struct flight_seat seat;
	get_cached(NULL);
	make_stale();
	get_cached(NULL);
	ck_assert(owes());
	/* As another worker would find it. */
	struct refresh taken = services.refresh;
	services.refresh = (struct refresh){.wanted = false};
	ck_has(get_cached(NULL), "X-Cache: STALE\r\n");
	ck_assert(!owes());
	seat = taken.seat;
	flight_land(&seat);
	get_cached(NULL);
	ck_assert(owes());
}
END_TEST

/* A handler may answer HEAD without a body, and that is not to be kept for GET. */
START_TEST(head_makes_nothing_anew)
{
	get_cached(NULL);
	make_stale();
	ck_has(run("HEAD", "/cached/1?x=y", NULL, NULL), "X-Cache: STALE\r\n");
	ck_assert(!owes());
	ck_assert_uint_eq(flights_under_way(), 0);
}
END_TEST

START_TEST(what_is_owed_at_the_end_is_given_up)
{
	get_cached(NULL);
	make_stale();
	get_cached(NULL);
	ck_assert_uint_eq(flights_under_way(), 1);
	dispatch_destroy(dispatch);
	ck_assert_uint_eq(flights_under_way(), 0);
	services.refresh = (struct refresh){.wanted = false};
	dispatch_fixture_start();
	ck_has(get_cached(NULL), "X-Cache: STALE\r\n");
	ck_assert(owes());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dispatch_cached");
	TCase *tc = tcase_create("dispatch_cached");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, only_a_stale_answer_leaves_something_to_do);
	tcase_add_test(tc, a_stale_answer_is_made_anew_afterwards);
	tcase_add_test(tc, what_cannot_be_made_anew_stays_and_is_tried_again);
	tcase_add_test(tc, while_another_makes_it_nothing_is_owed);
	tcase_add_test(tc, head_makes_nothing_anew);
	tcase_add_test(tc, what_is_owed_at_the_end_is_given_up);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
