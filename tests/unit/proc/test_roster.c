/* test_roster.c - seats for every slot, posts for every worker that pools may have, and who is where. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "err.h"
#include "roster.h"
#include "run_suite.h"

#define SLOTS 10

static char folder[64], path[96];
static struct scoreboard *board;
static struct roster roster;
/* The first of a fixed size, the second empty, the third one that may grow. */
static const struct pool pools[] = {{.role = ROLE_WORKER, .count = 2, .count_max = 2},
                                    {.role = ROLE_WORKER, .count = 0, .count_max = 0},
                                    {.role = ROLE_ADMIN, .count = 1, .count_max = 3}};

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_roster_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	ck_assert_int_eq(roster_init(&roster, board, pools, sizeof pools / sizeof *pools, &err), 0);
}

static void
teardown(void)
{
	roster_fini(&roster);
	scoreboard_unlink(board);
	scoreboard_close(board);
	rmdir(folder);
}

START_TEST(every_slot_has_an_empty_seat)
{
	ck_assert_uint_eq(roster.seat_count, SLOTS);
	for (unsigned i = 0; i < SLOTS; i++) {
		ck_assert_uint_eq(roster.seats[i].index, i);
		ck_assert_ptr_eq(roster.seats[i].slot, scoreboard_slot(board, i));
		ck_assert_int_eq(roster.seats[i].pid, 0);
		ck_assert_int_eq(roster.seats[i].told, TOLD_NOTHING);
	}
	ck_assert_uint_eq(roster_living(&roster), 0);
}
END_TEST

START_TEST(every_pool_has_as_many_vacant_posts_as_it_may_grow_to)
{
	static const struct pool *const expected[] = {&pools[0], &pools[0], &pools[2], &pools[2], &pools[2]};
	ck_assert_uint_eq(roster.post_count, sizeof expected / sizeof *expected);
	for (unsigned i = 0; i < roster.post_count; i++) {
		ck_assert_ptr_eq(roster.posts[i].pool, expected[i]);
		ck_assert_ptr_null(roster.posts[i].seat);
		ck_assert_int_eq(roster.posts[i].restart_ns, 0);
		ck_assert(!roster.posts[i].served);
		ck_assert_uint_eq(roster.posts[i].history.young_deaths, 0);
	}
}
END_TEST

START_TEST(the_first_empty_seat_is_found_until_all_are_taken)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct seat *seat = roster_empty_seat(&roster);
		ck_assert_ptr_eq(seat, &roster.seats[i]);
		ck_assert_uint_eq(roster_living(&roster), i);
		seat->pid = (pid_t)(1000 + i);
	}
	ck_assert_ptr_null(roster_empty_seat(&roster));
	ck_assert_uint_eq(roster_living(&roster), SLOTS);
	roster.seats[7].pid = 0;
	roster.seats[3].pid = 0;
	ck_assert_ptr_eq(roster_empty_seat(&roster), &roster.seats[3]);
	ck_assert_uint_eq(roster_living(&roster), SLOTS - 2);
}
END_TEST

START_TEST(a_seat_is_found_by_its_worker_s_pid)
{
	for (unsigned i = 0; i < SLOTS; i++)
		roster.seats[i].pid = (pid_t)(1000 + i);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_ptr_eq(roster_seat_of(&roster, (pid_t)(1000 + i)), &roster.seats[i]);
	ck_assert_ptr_null(roster_seat_of(&roster, 999));
	ck_assert_ptr_null(roster_seat_of(&roster, 1000 + SLOTS));
	ck_assert_ptr_null(roster_seat_of(&roster, -1));
}
END_TEST

START_TEST(a_post_is_found_by_its_seat_and_who_has_none_retires)
{
	for (unsigned i = 0; i < roster.post_count; i++)
		roster.posts[i].seat = &roster.seats[2 * i];
	for (unsigned i = 0; i < roster.seat_count; i++) {
		struct post *expected = i % 2 == 0 ? &roster.posts[i / 2] : NULL;
		ck_assert_ptr_eq(roster_post_of(&roster, &roster.seats[i]), expected);
	}
	roster.posts[1].seat = NULL;
	ck_assert_ptr_null(roster_post_of(&roster, &roster.seats[2]));
}
END_TEST

START_TEST(a_worker_serves_when_its_own_slot_says_so)
{
	static const struct {
		enum slot_state state;
		bool serves;
	} cases[] = {{SLOT_FREE, false}, {SLOT_STARTING, false}, {SLOT_IDLE, true},
	             {SLOT_BUSY, true},  {SLOT_STOPPING, false}, {SLOT_DEAD, false}};
	struct seat *seat = &roster.seats[4];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		slot_claim(seat->slot, ROLE_WORKER, 1);
		slot_set_state(seat->slot, cases[i].state);
		seat->pid = getpid();
		ck_assert_msg(seat_serves(seat) == cases[i].serves, "%s", slot_state_name(cases[i].state));
		/* It was forked, but has not claimed its slot yet: the words there are the former worker's. */
		seat->pid = getpid() + 1;
		ck_assert_msg(!seat_serves(seat), "%s", slot_state_name(cases[i].state));
		slot_release(seat->slot);
		slot_set_state(seat->slot, cases[i].state);
		ck_assert_msg(!seat_serves(seat), "%s", slot_state_name(cases[i].state));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("roster");
	TCase *tc = tcase_create("roster");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_slot_has_an_empty_seat);
	tcase_add_test(tc, every_pool_has_as_many_vacant_posts_as_it_may_grow_to);
	tcase_add_test(tc, the_first_empty_seat_is_found_until_all_are_taken);
	tcase_add_test(tc, a_seat_is_found_by_its_worker_s_pid);
	tcase_add_test(tc, a_post_is_found_by_its_seat_and_who_has_none_retires);
	tcase_add_test(tc, a_worker_serves_when_its_own_slot_says_so);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
