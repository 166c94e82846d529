/* test_policy.c - what the supervisor decides, case by case: restarts, the size of a pool, requests that last too long. */
#include <check.h>
#include <stdlib.h>

#include "clock.h"
#include "policy.h"
#include "run_suite.h"

#define LEAST 2
#define MOST 16
#define IDLE_MS 1000
#define START_MS 10000

/* ---- Restarts ---- */

START_TEST(a_death_after_a_life_is_followed_at_once)
{
	struct restart_history history = {0};
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(policy_after_death(&history, POLICY_YOUNG_MS), 0);
}
END_TEST

START_TEST(young_deaths_in_a_row_wait_longer_up_to_the_bound)
{
	static const int64_t expected[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
	struct restart_history history = {0};
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		ck_assert_int_eq(policy_after_death(&history, POLICY_YOUNG_MS - 1), expected[i]);
}
END_TEST

START_TEST(one_life_forgives_all)
{
	struct restart_history history = {0};
	for (int i = 0; i < 5; i++)
		policy_after_death(&history, 0);
	ck_assert_int_eq(policy_after_death(&history, POLICY_YOUNG_MS), 0);
	ck_assert_int_eq(policy_after_death(&history, 0), 0);
	ck_assert_int_eq(policy_after_death(&history, 0), POLICY_FIRST_DELAY_MS);
}
END_TEST

START_TEST(the_count_never_overflows_the_delay)
{
	struct restart_history history = {.young_deaths = 4000000000U};
	ck_assert_int_eq(policy_after_death(&history, 0), POLICY_MAX_DELAY_MS);
}
END_TEST

/* ---- The size of the pool ---- */

/* Of so many wanted workers all serve, and none is busy. */
static struct pool_demand
idle_pool(unsigned wanted)
{
	return (struct pool_demand){
		.least = LEAST, .most = MOST, .wanted = wanted, .serving = wanted, .idle_timeout_ms = IDLE_MS};
}

static struct pool_demand
busy_pool(unsigned wanted)
{
	struct pool_demand demand = idle_pool(wanted);
	demand.busy = wanted;
	demand.all_busy_ms = POLICY_GROW_AFTER_MS;
	return demand;
}

START_TEST(a_busy_pool_grows_by_one_two_four_up_to_the_most)
{
	static const unsigned expected[] = {3, 5, 9, 16, 16, 16};
	struct pool_history history = {0};
	unsigned wanted = LEAST;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		struct pool_demand demand = busy_pool(wanted);
		wanted = policy_pool_size(&history, &demand, START_MS);
		ck_assert_uint_eq(wanted, expected[i]);
	}
}
END_TEST

START_TEST(it_grows_exactly_to_the_most_from_anywhere)
{
	for (unsigned most = 1; most <= 40; most++) {
		struct pool_history history = {0};
		struct pool_demand demand = busy_pool(1);
		demand.most = most;
		for (unsigned rounds = 0; demand.wanted < most; rounds++) {
			ck_assert_uint_lt(rounds, 8);
			unsigned wanted = policy_pool_size(&history, &demand, START_MS);
			ck_assert_uint_gt(wanted, demand.wanted);
			ck_assert_uint_le(wanted, most);
			demand.wanted = demand.serving = demand.busy = wanted;
		}
		ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), most);
	}
}
END_TEST

START_TEST(a_short_crowd_is_no_reason_to_grow)
{
	for (int64_t busy_ms = 0; busy_ms <= POLICY_GROW_AFTER_MS + 1; busy_ms++) {
		struct pool_history history = {0};
		struct pool_demand demand = busy_pool(LEAST);
		demand.all_busy_ms = busy_ms;
		ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS),
		                  busy_ms < POLICY_GROW_AFTER_MS ? LEAST : LEAST + 1);
	}
}
END_TEST

/* Neither more nor fewer, and nothing is remembered of it. */
START_TEST(nothing_is_decided_before_those_asked_for_serve)
{
	for (unsigned serving = 0; serving < 8; serving++)
		for (unsigned busy = 0; busy <= serving; busy++) {
			struct pool_history history = {.step = 2, .needless_since_ms = 1};
			struct pool_demand demand = idle_pool(8);
			demand.serving = serving;
			demand.busy = busy;
			demand.all_busy_ms = busy == serving ? 10 * POLICY_GROW_AFTER_MS : 0;
			ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), 8);
			ck_assert_uint_eq(history.step, 2);
			ck_assert_int_eq(history.needless_since_ms, 1);
		}
}
END_TEST

START_TEST(steps_start_again_after_somebody_was_free)
{
	struct pool_history history = {0};
	struct pool_demand demand = busy_pool(LEAST);
	demand.wanted = policy_pool_size(&history, &demand, START_MS);
	demand = busy_pool(demand.wanted);
	demand.wanted = policy_pool_size(&history, &demand, START_MS);
	ck_assert_uint_eq(demand.wanted, LEAST + 3);
	demand = busy_pool(demand.wanted);
	demand.busy--;
	demand.all_busy_ms = 0;
	ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), LEAST + 3);
	demand = busy_pool(LEAST + 3);
	ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), LEAST + 4);
}
END_TEST

START_TEST(steps_go_on_where_everyone_took_a_new_request)
{
	struct pool_history history = {0};
	struct pool_demand demand = busy_pool(LEAST);
	ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), LEAST + 1);
	demand = busy_pool(LEAST + 1);
	demand.all_busy_ms = 1;
	ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), LEAST + 1);
	demand.all_busy_ms = POLICY_GROW_AFTER_MS;
	ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), LEAST + 3);
}
END_TEST

START_TEST(needless_workers_go_one_at_a_time_after_the_idle_timeout)
{
	struct pool_history history = {0};
	struct pool_demand demand = idle_pool(5);
	int64_t due_ms = START_MS + IDLE_MS;
	ck_assert_uint_eq(policy_pool_size(&history, &demand, START_MS), 5);
	for (unsigned wanted = 5; wanted > LEAST; wanted--, due_ms += POLICY_SHRINK_EVERY_MS) {
		demand = idle_pool(wanted);
		ck_assert_uint_eq(policy_pool_size(&history, &demand, due_ms - 1), wanted);
		ck_assert_uint_eq(policy_pool_size(&history, &demand, due_ms), wanted - 1);
		demand = idle_pool(wanted - 1);
		ck_assert_uint_eq(policy_pool_size(&history, &demand, due_ms), wanted - 1);
	}
}
END_TEST

START_TEST(a_pool_never_goes_below_the_least)
{
	for (unsigned least = 1; least <= 8; least++) {
		struct pool_history history = {0};
		struct pool_demand demand = idle_pool(8);
		demand.least = least;
		for (int64_t now_ms = START_MS; now_ms < START_MS + 60000; now_ms += 100) {
			unsigned wanted = policy_pool_size(&history, &demand, now_ms);
			ck_assert_uint_le(demand.wanted - wanted, 1);
			demand.wanted = demand.serving = wanted;
			ck_assert_uint_ge(wanted, least);
		}
		ck_assert_uint_eq(demand.wanted, least);
	}
}
END_TEST

/* All pairs of idle and busy: only with more idle ones than the spare one is anybody needless. */
START_TEST(the_spare_one_is_kept)
{
	for (unsigned wanted = 1; wanted <= MOST; wanted++)
		for (unsigned busy = 0; busy <= wanted; busy++) {
			struct pool_history history = {.needless_since_ms = START_MS};
			struct pool_demand demand = idle_pool(wanted);
			bool needless = wanted > LEAST && wanted - busy > POLICY_SPARE;
			demand.busy = busy;
			ck_assert_msg(policy_pool_size(&history, &demand, START_MS + IDLE_MS) == wanted - needless,
			              "%u of %u are busy", busy, wanted);
		}
}
END_TEST

START_TEST(whoever_was_needed_meanwhile_begins_to_be_needless_anew)
{
	struct pool_history history = {0};
	struct pool_demand idle = idle_pool(4), needed = idle_pool(4);
	needed.busy = 3;
	ck_assert_uint_eq(policy_pool_size(&history, &idle, START_MS), 4);
	ck_assert_uint_eq(policy_pool_size(&history, &needed, START_MS + IDLE_MS - 2), 4);
	ck_assert_uint_eq(policy_pool_size(&history, &idle, START_MS + IDLE_MS - 1), 4);
	ck_assert_uint_eq(policy_pool_size(&history, &idle, START_MS + 2 * IDLE_MS - 2), 4);
	ck_assert_uint_eq(policy_pool_size(&history, &idle, START_MS + 2 * IDLE_MS - 1), 3);
}
END_TEST

START_TEST(a_pool_that_grew_is_not_shrunk_for_an_idleness_before)
{
	struct pool_history history = {0};
	struct pool_demand idle = idle_pool(3), busy = busy_pool(3);
	ck_assert_uint_eq(policy_pool_size(&history, &idle, START_MS), 3);
	ck_assert_uint_eq(policy_pool_size(&history, &busy, START_MS + IDLE_MS - 1), 4);
	idle = idle_pool(4);
	ck_assert_uint_eq(policy_pool_size(&history, &idle, START_MS + IDLE_MS), 4);
}
END_TEST

START_TEST(a_pool_of_a_fixed_size_never_changes)
{
	struct pool_history history = {0};
	for (int64_t now_ms = START_MS; now_ms < START_MS + 10 * IDLE_MS; now_ms += 100) {
		struct pool_demand demand = now_ms % 3 != 0 ? busy_pool(LEAST) : idle_pool(LEAST);
		demand.most = LEAST;
		ck_assert_uint_eq(policy_pool_size(&history, &demand, now_ms), LEAST);
	}
}
END_TEST

/* ---- Requests ---- */

int
main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tc = tcase_create("policy");
	tcase_add_test(tc, a_death_after_a_life_is_followed_at_once);
	tcase_add_test(tc, young_deaths_in_a_row_wait_longer_up_to_the_bound);
	tcase_add_test(tc, one_life_forgives_all);
	tcase_add_test(tc, the_count_never_overflows_the_delay);
	tcase_add_test(tc, a_busy_pool_grows_by_one_two_four_up_to_the_most);
	tcase_add_test(tc, it_grows_exactly_to_the_most_from_anywhere);
	tcase_add_test(tc, a_short_crowd_is_no_reason_to_grow);
	tcase_add_test(tc, nothing_is_decided_before_those_asked_for_serve);
	tcase_add_test(tc, steps_start_again_after_somebody_was_free);
	tcase_add_test(tc, steps_go_on_where_everyone_took_a_new_request);
	tcase_add_test(tc, needless_workers_go_one_at_a_time_after_the_idle_timeout);
	tcase_add_test(tc, a_pool_never_goes_below_the_least);
	tcase_add_test(tc, the_spare_one_is_kept);
	tcase_add_test(tc, whoever_was_needed_meanwhile_begins_to_be_needless_anew);
	tcase_add_test(tc, a_pool_that_grew_is_not_shrunk_for_an_idleness_before);
	tcase_add_test(tc, a_pool_of_a_fixed_size_never_changes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
