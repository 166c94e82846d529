/* test_pending_count.c - what a killed worker was about to count: counted once, given up, or counted before. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "metric_store.h"
#include "pending_count.h"
#include "run_suite.h"

#define SERIES 4
#define KEY 4711
#define LONG_NS (2 * PENDING_WAIT_MS * NS_PER_MS)

static struct pending_table *table;
static struct pending_count pending;
static struct series_cells cells[SERIES], supervisors[SERIES];
static const struct pending_room room = {.cells = cells, .to = supervisors, .series = SERIES};

static void
setup(void)
{
	table = aligned_alloc(PENDING_LINE, sizeof *table);
	ck_assert_ptr_nonnull(table);
	memset(table, 0, sizeof *table);
	memset(&pending, 0, sizeof pending);
	memset(cells, 0, sizeof cells);
	memset(supervisors, 0, sizeof supervisors);
}

static void
teardown(void)
{
	free(table);
}

/* A request that began at 10 and is about to count in two series at 20. */
static void
arm(uint64_t key)
{
	atomic_store(&cells[1].buckets[5], 7);
	const struct pending_add adds[] = {
		{.index = 1, .bucket = 3, .value = 100, .counted = pending_counted(&cells[1])},
		{.index = 2, .bucket = 0, .value = 9, .counted = pending_counted(&cells[2])},
	};
	pending_begin(table, key, 10);
	pending_arm(&pending, key, adds, 2, 20);
}

static void
expect(uint64_t first, uint64_t second)
{
	ck_assert_uint_eq(atomic_load(&supervisors[1].buckets[3]), first);
	ck_assert_uint_eq(atomic_load(&supervisors[1].sum), 100 * first);
	ck_assert_uint_eq(atomic_load(&supervisors[2].buckets[0]), second);
	ck_assert_uint_eq(pending_counted(&supervisors[1]), first);
}

START_TEST(test_counted_when_nobody_begins_again)
{
	arm(KEY);
	pending_bury(table, &pending, &room, 30);
	pending_settle(table, supervisors, 40);
	expect(0, 0);
	pending_begin(table, KEY + 1, 50);
	pending_settle(table, supervisors, LONG_NS);
	expect(1, 1);
	pending_settle(table, supervisors, 2 * LONG_NS);
	pending_bury(table, &pending, &room, LONG_NS);
	pending_settle(table, supervisors, 2 * LONG_NS);
	expect(1, 1);
}
END_TEST

START_TEST(test_given_up_when_it_begins_again)
{
	/* Before the burial, and after it. */
	arm(KEY);
	pending_begin(table, KEY, 25);
	pending_bury(table, &pending, &room, 30);
	arm(KEY + 1);
	pending_bury(table, &pending, &room, 30);
	ck_assert_uint_eq(atomic_load(&table->waiting), 1);
	pending_begin(table, KEY + 1, 35);
	ck_assert_uint_eq(atomic_load(&table->waiting), 0);
	pending_settle(table, supervisors, LONG_NS);
	expect(0, 0);
}
END_TEST

START_TEST(test_seen_again_at_the_end)
{
	arm(KEY);
	pending_bury(table, &pending, &room, 30);
	/* As if it had begun just while it was buried, and had not seen that. */
	atomic_store(&table->begun[KEY % PENDING_BEGUN].mono_ns, 30);
	pending_settle(table, supervisors, LONG_NS);
	expect(0, 0);
	ck_assert_uint_eq(atomic_load(&table->waiting), 0);
}
END_TEST

START_TEST(test_counted_before_the_death)
{
	/* Killed between the first addition and the second, in a bucket that was not foreseen; then after both. */
	arm(KEY);
	atomic_store(&cells[1].buckets[4], 1);
	pending_bury(table, &pending, &room, 30);
	pending_settle(table, supervisors, LONG_NS);
	expect(0, 1);
	arm(KEY);
	pending_clear(&pending);
	pending_bury(table, &pending, &room, LONG_NS);
	pending_settle(table, supervisors, 2 * LONG_NS);
	expect(0, 1);
}
END_TEST

START_TEST(test_more_than_are_kept)
{
	for (uint64_t i = 0; i < PENDING_KEPT + 3; i++) {
		arm(KEY + i);
		pending_bury(table, &pending, &room, 30);
	}
	expect(3, 3);
	pending_settle(table, supervisors, LONG_NS);
	expect(PENDING_KEPT + 3, PENDING_KEPT + 3);
}
END_TEST

START_TEST(test_scribbled_over)
{
	arm(KEY);
	pending.adds[0].index = SERIES;
	pending.adds[1].bucket = SERIES_BUCKETS;
	pending_bury(table, &pending, &room, 30);
	arm(KEY);
	pending.count = PENDING_ADDS + 1;
	pending_bury(table, &pending, &room, 30);
	ck_assert_uint_eq(atomic_load(&table->waiting), 0);
	/* Another's key in the entry of a request's remainder says nothing of it. */
	arm(KEY);
	pending_begin(table, KEY + PENDING_BEGUN, 25);
	pending_bury(table, &pending, &room, 30);
	pending_settle(table, supervisors, LONG_NS);
	expect(1, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pending_count");
	TCase *tcase = tcase_create("pending_count");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_counted_when_nobody_begins_again);
	tcase_add_test(tcase, test_given_up_when_it_begins_again);
	tcase_add_test(tcase, test_seen_again_at_the_end);
	tcase_add_test(tcase, test_counted_before_the_death);
	tcase_add_test(tcase, test_more_than_are_kept);
	tcase_add_test(tcase, test_scribbled_over);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
