/* test_log_merge.c - records of several rings in one order, what a reader before had taken, and rings with rubbish. */
#include "log_merge.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "run_suite.h"

#define RINGS 3
#define RING_BYTES 1024

static struct log_ring heads[RINGS];
static char bytes[RINGS][RING_BYTES];
static struct log_merge merge;

static void
setup(void)
{
	memset(heads, 0, sizeof heads);
	ck_assert_int_eq(log_merge_init(&merge, RINGS), 0);
	for (size_t i = 0; i < RINGS; i++)
		merge.sources[i].ring = (struct ring){&heads[i], bytes[i], RING_BYTES};
}

static void
teardown(void)
{
	log_merge_fini(&merge);
	log_merge_fini(&merge);
}

static void
put(size_t ring, int64_t mono_ns, enum frame_kind kind)
{
	const struct frame frame = {.size_bytes = 8, .kind = (uint8_t)kind, .mono_ns = mono_ns};
	ck_assert(ring_put(&merge.sources[ring].ring, &frame, "record \n"));
}

/* The times of what is read on, "1 2 3"; at most so many. */
static void
ck_reads(const char *wanted, size_t most)
{
	char text[128] = "";
	struct merge_source *source;
	for (size_t i = 0; i < most && (source = log_merge_next(&merge)) != NULL; i++) {
		char *at = text + strlen(text);
		snprintf(at, 16, "%s%d", i > 0 ? " " : "", (int)source->frame.mono_ns);
		merge_source_advance(source);
	}
	ck_assert_str_eq(text, wanted);
}

START_TEST(none_are_none)
{
	log_merge_begin(&merge, MERGE_READABLE);
	ck_assert_ptr_null(log_merge_next(&merge));
}
END_TEST

START_TEST(the_oldest_comes_first)
{
	put(0, 3, FRAME_PLAIN);
	put(0, 6, FRAME_PLAIN);
	put(1, 1, FRAME_BEGIN);
	put(1, 4, FRAME_PLAIN);
	put(1, 7, FRAME_PLAIN);
	put(2, 2, FRAME_PLAIN);
	put(2, 5, FRAME_PLAIN);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("1 2 3 4 5 6 7", SIZE_MAX);
	/* Nothing was given back. */
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("1 2 3", 3);
	log_merge_commit(&merge);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("4 5 6 7", SIZE_MAX);
	log_merge_commit(&merge);
	for (size_t i = 0; i < RINGS; i++)
		ck_assert_uint_eq(heads[i].tail, heads[i].head);
}
END_TEST

START_TEST(of_equal_times_always_the_same_comes_first)
{
	for (size_t i = RINGS; i > 0; i--)
		put(i - 1, 9, FRAME_PLAIN);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_assert_ptr_eq(log_merge_next(&merge), &merge.sources[0]);
}
END_TEST

START_TEST(stops_in_front_of_what_is_held)
{
	put(0, 1, FRAME_PLAIN);
	put(0, 2, FRAME_END);
	put(0, 3, FRAME_PLAIN);
	put(1, 4, FRAME_PLAIN);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("1 4", SIZE_MAX);
	log_merge_commit(&merge);
	ring_settle(&merge.sources[0].ring);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("2 3", SIZE_MAX);
}
END_TEST

START_TEST(a_successor_reads_what_was_taken)
{
	put(0, 1, FRAME_PLAIN);
	put(1, 2, FRAME_PLAIN);
	put(0, 3, FRAME_PLAIN);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("1 2", 2);
	log_merge_take(&merge);
	put(2, 0, FRAME_PLAIN);
	log_merge_begin(&merge, MERGE_TAKEN);
	ck_reads("1 2", SIZE_MAX);
	log_merge_untake(&merge);
	log_merge_begin(&merge, MERGE_TAKEN);
	ck_reads("", SIZE_MAX);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("0 1 2 3", SIZE_MAX);
}
END_TEST

START_TEST(a_ring_with_rubbish_is_passed_over)
{
	put(0, 1, FRAME_PLAIN);
	put(0, 5, FRAME_PLAIN);
	put(1, 2, FRAME_PLAIN);
	memset(bytes[0] + ring_bytes_of(8), 0xff, 4);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_assert(!merge.sources[0].damaged);
	ck_reads("1 2", SIZE_MAX);
	ck_assert(merge.sources[0].damaged && !merge.sources[1].damaged);
	log_merge_commit(&merge);
	ck_assert_uint_eq(heads[0].tail, heads[0].head);
	put(0, 6, FRAME_PLAIN);
	log_merge_begin(&merge, MERGE_READABLE);
	ck_reads("6", SIZE_MAX);
}
END_TEST

START_TEST(positions_that_cannot_be_are_put_right)
{
	static const uint64_t positions[][2] = {
		{RING_BYTES * 3, 0}, {0, RING_BYTES}, {UINT64_MAX - 7, 8}, {8, UINT64_MAX - 7}};
	for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
		heads[0].head = positions[i][0];
		heads[0].tail = positions[i][1];
		memset(bytes[0], 0, sizeof bytes[0]);
		log_merge_begin(&merge, MERGE_READABLE);
		ck_reads("", SIZE_MAX);
		log_merge_commit(&merge);
		ck_assert_uint_eq(heads[0].tail, heads[0].head);
		put(0, 1, FRAME_PLAIN);
		log_merge_begin(&merge, MERGE_READABLE);
		ck_reads("1", SIZE_MAX);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_merge");
	TCase *tcase = tcase_create("log_merge");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, none_are_none);
	tcase_add_test(tcase, the_oldest_comes_first);
	tcase_add_test(tcase, of_equal_times_always_the_same_comes_first);
	tcase_add_test(tcase, stops_in_front_of_what_is_held);
	tcase_add_test(tcase, a_successor_reads_what_was_taken);
	tcase_add_test(tcase, a_ring_with_rubbish_is_passed_over);
	tcase_add_test(tcase, positions_that_cannot_be_are_put_right);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
