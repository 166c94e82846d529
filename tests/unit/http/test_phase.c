/* test_phase.c - the phase that the slot shows, and the times that add up. */
#include "phase.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "request.h"
#include "run_suite.h"

static struct slot slot;
static struct vt_request req;

static void
setup(void)
{
	req = (struct vt_request){.with = {.slot = &slot}};
	slot_set_phase(&slot, PHASE_HANDLER);
}

static void
teardown(void)
{
}

static void
pass_ns(int64_t ns)
{
	for (int64_t end = clock_mono_ns() + ns; clock_mono_ns() < end;)
		;
}

START_TEST(the_slot_shows_it_and_then_what_was_before)
{
	struct phase phase = phase_enter(&req, PHASE_CACHE);
	ck_assert_int_eq(slot_phase(&slot), PHASE_CACHE);
	phase_leave(&req, &phase);
	ck_assert_int_eq(slot_phase(&slot), PHASE_HANDLER);
}
END_TEST

START_TEST(times_and_calls_add_up)
{
	int64_t took_ns = 0, begun_ns = clock_mono_ns();
	for (int i = 0; i < 3; i++) {
		struct phase phase = phase_enter(&req, PHASE_DATABASE);
		pass_ns(1000);
		took_ns += phase_leave(&req, &phase);
	}
	ck_assert_int_ge(took_ns, 3000);
	ck_assert_int_le(took_ns, clock_mono_ns() - begun_ns);
	ck_assert_int_eq(req.times.spent_ns[PHASE_DATABASE], took_ns);
	ck_assert_uint_eq(req.times.calls[PHASE_DATABASE], 3);
	ck_assert_int_eq(req.times.spent_ns[PHASE_CACHE], 0);
	ck_assert_uint_eq(req.times.calls[PHASE_CACHE], 0);
}
END_TEST

START_TEST(a_request_may_have_no_slot)
{
	req.with.slot = NULL;
	struct phase phase = phase_enter(&req, PHASE_READING);
	phase_leave(&req, &phase);
	ck_assert_uint_eq(req.times.calls[PHASE_READING], 1);
}
END_TEST

START_TEST(the_slowest_statement_is_kept)
{
	char text[] = "select 2";
	phase_note_statement(&req, "select 1", 10);
	phase_note_statement(&req, text, 30);
	phase_note_statement(&req, "select 3", 20);
	memset(text, 'x', sizeof text - 1);
	ck_assert_str_eq(req.times.slowest_statement, "select 2");
	ck_assert_int_eq(req.times.slowest_ns, 30);
}
END_TEST

START_TEST(a_long_statement_is_cut_between_characters)
{
	for (size_t shift = 0; shift < 3; shift++) {
		char text[2 * SLOWEST_STATEMENT_BYTES];
		memset(text, 'x', sizeof text);
		for (size_t i = shift; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[sizeof text - 1] = '\0';
		phase_note_statement(&req, text, 1 + (int64_t)shift);
		size_t size = strlen(req.times.slowest_statement);
		ck_assert_uint_gt(size, SLOWEST_STATEMENT_BYTES - 4);
		ck_assert_uint_lt(size, SLOWEST_STATEMENT_BYTES);
		ck_assert_uint_eq((size - shift) % 3, 0);
	}
	char exact[SLOWEST_STATEMENT_BYTES];
	memset(exact, 'y', sizeof exact - 1);
	exact[sizeof exact - 1] = '\0';
	phase_note_statement(&req, exact, 100);
	ck_assert_str_eq(req.times.slowest_statement, exact);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("phase");
	TCase *tc = tcase_create("phase");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_slot_shows_it_and_then_what_was_before);
	tcase_add_test(tc, times_and_calls_add_up);
	tcase_add_test(tc, a_request_may_have_no_slot);
	tcase_add_test(tc, the_slowest_statement_is_kept);
	tcase_add_test(tc, a_long_statement_is_cut_between_characters);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
