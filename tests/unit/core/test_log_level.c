/* test_log_level.c - which override decides. */
#include "log_level.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "run_suite.h"

#define NOW (100 * NS_PER_S)

static struct level_set set;

static void
setup(void)
{
	memset(&set, 0, sizeof set);
}

/* Each has a level of its own, by which it is known again. */
static void
add(enum level_scope scope, const char *text, int64_t until_ns)
{
	struct level_override *override = &set.overrides[set.count];
	*override = (struct level_override){.scope = (uint8_t)scope, .level = (uint8_t)set.count, .until_ns = until_ns};
	snprintf(override->text, sizeof override->text, "%s", text);
	set.count++;
}

#define NONE (-1)

static int
decided(const char *logger, const char *route, const char *id)
{
	const struct log_context context = {.route = route, .correlation_id = id};
	const struct level_override *override = log_level_decide(&set, &(struct log_target){logger, &context}, NOW);
	return override != NULL ? override->level : NONE;
}

START_TEST(the_most_specific_decides)
{
	enum { ALL, VITALS, REQUEST, DATABASE, USERS, ID };
	static const struct {
		const char *logger, *route, *id;
		int level;
	} table[] = {
		{"other", NULL, NULL, ALL},
		{NULL, NULL, NULL, ALL},
		{"vitals", NULL, NULL, VITALS},
		{"vitals.health", NULL, NULL, VITALS},
		{"vitalsx", NULL, NULL, ALL},
		{"vital", NULL, NULL, ALL},
		{"vitals.request", NULL, NULL, REQUEST},
		{"vitals.request.x", NULL, NULL, REQUEST},
		{"vitals.requests", NULL, NULL, VITALS},
		{"vitals.request", "/users/{id}", NULL, USERS},
		{"other", "/users/{id}", NULL, USERS},
		{"other", "/users/{id}/x", NULL, ALL},
		{"other", "/users/", NULL, ALL},
		{"vitals.request", "/users/{id}", "id-1", ID},
		{"other", NULL, "id-1", ID},
		{"other", NULL, "id-12", ALL},
		{"other", NULL, "id-", ALL},
		{"other", NULL, "", ALL},
	};
	add(LEVEL_EVERYTHING, "", NOW + 1);
	add(LEVEL_LOGGER, "vitals", NOW + 1);
	add(LEVEL_LOGGER, "vitals.request", NOW + 1);
	add(LEVEL_LOGGER, "vitals.database", NOW + 1);
	add(LEVEL_ROUTE, "/users/{id}", NOW + 1);
	add(LEVEL_CORRELATION_ID, "id-1", NOW + 1);
	for (int reversed = 0; reversed < 2; reversed++) {
		for (size_t i = 0; i < sizeof table / sizeof *table; i++)
			ck_assert_msg(decided(table[i].logger, table[i].route, table[i].id) == table[i].level,
			              "row %zu, reversed %d: %d", i, reversed,
			              decided(table[i].logger, table[i].route, table[i].id));
		/* The order in the set does not matter. */
		for (unsigned i = 0; i < set.count / 2; i++) {
			struct level_override kept = set.overrides[i];
			set.overrides[i] = set.overrides[set.count - 1 - i];
			set.overrides[set.count - 1 - i] = kept;
		}
	}
}
END_TEST

START_TEST(one_whose_time_is_over_does_not)
{
	add(LEVEL_EVERYTHING, "", NOW + 1);
	add(LEVEL_CORRELATION_ID, "id-1", NOW);
	ck_assert_int_eq(decided("x", NULL, "id-1"), 0);
	set.overrides[1].until_ns = NOW + 1;
	ck_assert_int_eq(decided("x", NULL, "id-1"), 1);
	/* Further than one may be set for: left by an earlier boot. */
	set.overrides[1].until_ns = NOW + LOG_LEVELS_MAX_MS * NS_PER_MS;
	ck_assert_int_eq(decided("x", NULL, "id-1"), 1);
	set.overrides[1].until_ns++;
	ck_assert_int_eq(decided("x", NULL, "id-1"), 0);
}
END_TEST

START_TEST(without_a_match_none_decides)
{
	ck_assert_int_eq(decided("vitals.request", "/users/{id}", "id-1"), NONE);
	add(LEVEL_ROUTE, "/x", NOW + 1);
	add(LEVEL_SCOPES, "", NOW + 1);
	ck_assert_int_eq(decided("vitals.request", "/users/{id}", "id-1"), NONE);
	ck_assert_ptr_null(log_level_decide(&set, &(struct log_target){NULL, NULL}, NOW));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_level");
	TCase *tc = tcase_create("log_level");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, the_most_specific_decides);
	tcase_add_test(tc, one_whose_time_is_over_does_not);
	tcase_add_test(tc, without_a_match_none_decides);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
