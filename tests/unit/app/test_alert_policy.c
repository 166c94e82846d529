/* test_alert_policy.c - when a change of health is told: seconds on a clock of the test's own. */
#include <check.h>

#include "alert_policy.h"
#include "clock.h"
#include "run_suite.h"

#define AT(seconds) ((seconds)*NS_PER_S)

static const struct alert_rules rules = {.after_ms = 30000, .interval_ms = 300000, .retries = 2};
static struct alert_state state;

static void
setup(void)
{
	state = (struct alert_state){0};
	alert_observe(&state, ALERT_HEALTHY, AT(1000), AT(5000));
}

static void
see(enum alert_health health, int64_t seconds)
{
	alert_observe(&state, health, AT(seconds), AT(seconds + 4000));
}

START_TEST(nothing_to_tell)
{
	ck_assert_int_eq(alert_due_ns(&state, &rules), DEADLINE_NEVER);
	alert_observe(&(struct alert_state){0}, ALERT_HEALTHY, AT(1), AT(1));
	see(ALERT_HEALTHY, 1010);
	ck_assert_int_eq(state.seen_ns, AT(1000));
}
END_TEST

START_TEST(a_change_must_last)
{
	see(ALERT_DEGRADED, 1010);
	see(ALERT_DEGRADED, 1020);
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1040));
	see(ALERT_HEALTHY, 1039);
	ck_assert_int_eq(alert_due_ns(&state, &rules), DEADLINE_NEVER);
	see(ALERT_DEGRADED, 1041);
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1071));
	ck_assert_int_eq(state.seen_real_ns, AT(5041));
}
END_TEST

START_TEST(the_interval)
{
	see(ALERT_DEGRADED, 1010);
	alert_begin(&state, AT(1040));
	alert_succeed(&state);
	ck_assert_int_eq(alert_due_ns(&state, &rules), DEADLINE_NEVER);
	see(ALERT_HEALTHY, 1050);
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1340));
	see(ALERT_DEGRADED, 1060); /* what was told is true again */
	ck_assert_int_eq(alert_due_ns(&state, &rules), DEADLINE_NEVER);
	see(ALERT_HEALTHY, 1330);
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1360));
}
END_TEST

START_TEST(retries_with_growing_pauses)
{
	see(ALERT_DEGRADED, 1010);
	alert_begin(&state, AT(1040));
	ck_assert(alert_fail(&state, &rules, AT(1041)));
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1042));
	alert_begin(&state, AT(1042));
	ck_assert(alert_fail(&state, &rules, AT(1043)));
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1045));
	ck_assert_int_eq(state.begun_ns, AT(1040));
	alert_begin(&state, AT(1045));
	ck_assert(!alert_fail(&state, &rules, AT(1046)));
	ck_assert_int_eq(alert_due_ns(&state, &rules), DEADLINE_NEVER);
	see(ALERT_HEALTHY, 1050); /* its end is told nevertheless */
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1340));
}
END_TEST

START_TEST(a_pause_has_a_bound)
{
	const struct alert_rules patient = {.after_ms = 0, .retries = 100};
	see(ALERT_DEGRADED, 1010);
	for (int i = 0; i < 50; i++) {
		alert_begin(&state, AT(2000));
		ck_assert(alert_fail(&state, &patient, AT(2000)));
		ck_assert_int_le(alert_due_ns(&state, &patient), AT(2300));
	}
	ck_assert_int_eq(alert_due_ns(&state, &patient), AT(2300));
}
END_TEST

START_TEST(a_change_during_an_attempt)
{
	see(ALERT_DEGRADED, 1010);
	alert_begin(&state, AT(1040));
	see(ALERT_HEALTHY, 1041);
	alert_succeed(&state); /* told was degraded */
	ck_assert_int_eq(state.told, ALERT_DEGRADED);
	ck_assert_int_eq(alert_due_ns(&state, &rules), AT(1340));
	setup();
	see(ALERT_DEGRADED, 1010);
	alert_begin(&state, AT(1040));
	see(ALERT_HEALTHY, 1041);
	ck_assert(alert_fail(&state, &rules, AT(1042)));
	ck_assert_int_eq(alert_due_ns(&state, &rules), DEADLINE_NEVER);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("alert_policy");
	TCase *tc = tcase_create("alert_policy");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, nothing_to_tell);
	tcase_add_test(tc, a_change_must_last);
	tcase_add_test(tc, the_interval);
	tcase_add_test(tc, retries_with_growing_pauses);
	tcase_add_test(tc, a_pause_has_a_bound);
	tcase_add_test(tc, a_change_during_an_attempt);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
