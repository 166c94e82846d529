/* test_log_undecided.c - records that are true only if their request is not begun again. */
#include "log_undecided.h"

#include <check.h>
#include <string.h>

#include "clock.h"
#include "log_ring.h"
#include "run_suite.h"

#define AT INT64_C(1000000000)
#define DUE (AT + LOG_UNDECIDED_MS * NS_PER_MS)
#define KEPT_MAX 256

static struct log_undecided *undecided;

static void
setup(void)
{
	undecided = log_undecided_create();
	ck_assert_ptr_nonnull(undecided);
}

static void
teardown(void)
{
	log_undecided_destroy(undecided);
	log_undecided_destroy(NULL);
}

static bool
add(uint64_t key, int64_t mono_ns)
{
	const struct frame frame = {.size_bytes = sizeof key, .mono_ns = mono_ns, .key = key};
	char *record = log_undecided_add(undecided, &frame, mono_ns);
	if (record != NULL)
		memcpy(record, &key, sizeof key);
	return record != NULL;
}

static void
begin(uint64_t key, int64_t mono_ns)
{
	log_undecided_begun(undecided, &(struct frame){.key = key, .mono_ns = mono_ns});
}

/* The key of the next one that is true; 0: none. */
static uint64_t
next(int64_t now_ns, enum undecided_wait wait)
{
	struct frame frame;
	const char *record;
	uint64_t key;
	if (!log_undecided_next(undecided, now_ns, wait, &frame, &record))
		return 0;
	memcpy(&key, record, sizeof key);
	ck_assert_uint_eq(key, frame.key);
	return key;
}

START_TEST(is_true_when_its_time_is_over)
{
	ck_assert_int_eq(log_undecided_due_ns(undecided), DEADLINE_NEVER);
	ck_assert(add(7, AT));
	ck_assert_int_eq(log_undecided_due_ns(undecided), DUE);
	ck_assert_uint_eq(next(DUE - 1, UNDECIDED_WAIT), 0);
	ck_assert_uint_eq(next(DUE, UNDECIDED_WAIT), 7);
	ck_assert_uint_eq(next(DUE, UNDECIDED_WAIT), 0);
	ck_assert_int_eq(log_undecided_due_ns(undecided), DEADLINE_NEVER);
}
END_TEST

START_TEST(is_true_at_the_end)
{
	ck_assert(add(7, AT) && add(8, AT));
	begin(8, AT + 1);
	ck_assert_uint_eq(next(AT, UNDECIDED_END), 7);
	ck_assert_uint_eq(next(AT, UNDECIDED_END), 0);
}
END_TEST

START_TEST(is_wrong_when_its_request_begins_again)
{
	begin(7, AT - 1); /* its own begin */
	ck_assert(add(7, AT) && add(8, AT) && add(9, AT));
	begin(9, AT + 5);
	ck_assert_uint_eq(next(AT + 6, UNDECIDED_WAIT), 0);
	ck_assert_uint_eq(next(DUE, UNDECIDED_WAIT), 7);
	ck_assert_uint_eq(next(DUE, UNDECIDED_WAIT), 8);
	ck_assert_uint_eq(next(DUE, UNDECIDED_WAIT), 0);
	/* Begun again before it was known to be undecided. */
	begin(10, AT + 1);
	ck_assert(add(10, AT));
	ck_assert_uint_eq(next(DUE, UNDECIDED_WAIT), 0);
}
END_TEST

START_TEST(keeps_no_more_than_it_may)
{
	for (uint64_t i = 1; i <= KEPT_MAX; i++)
		ck_assert(add(i, AT));
	ck_assert(!add(1000, AT));
	begin(5, AT + 1);
	uint64_t sum = 0;
	for (int i = 0; i < KEPT_MAX - 1; i++)
		sum += next(DUE, UNDECIDED_WAIT);
	ck_assert_uint_eq(sum, KEPT_MAX * (KEPT_MAX + 1) / 2 - 5);
	ck_assert_uint_eq(next(DUE, UNDECIDED_WAIT), 0);
	ck_assert(add(1000, AT));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_undecided");
	TCase *tcase = tcase_create("log_undecided");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, is_true_when_its_time_is_over);
	tcase_add_test(tcase, is_true_at_the_end);
	tcase_add_test(tcase, is_wrong_when_its_request_begins_again);
	tcase_add_test(tcase, keeps_no_more_than_it_may);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
