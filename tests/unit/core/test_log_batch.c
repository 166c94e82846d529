/* test_log_batch.c - lines in a batch: room, what is done, and which line a byte is of. */
#include "log_batch.h"

#include <check.h>
#include <signal.h>
#include <string.h>

#include "run_suite.h"

static struct log_batch batch;

static void
setup(void)
{
	ck_assert_int_eq(log_batch_init(&batch, 1024), 0);
}

static void
teardown(void)
{
	log_batch_fini(&batch);
	log_batch_fini(&batch);
}

static void
add(const char *line)
{
	char *place = log_batch_add(&batch, strlen(line), 2);
	ck_assert_ptr_nonnull(place);
	memcpy(place, line, strlen(line));
}

START_TEST(lines_stand_behind_each_other)
{
	ck_assert(log_batch_done(&batch));
	add("one\n");
	add("two, longer\n");
	ck_assert_uint_eq(batch.count, 2);
	ck_assert_mem_eq(batch.bytes, "one\ntwo, longer\n", 16);
	ck_assert(batch.lines[1].start == 4 && batch.lines[1].size_bytes == 12 && batch.lines[1].level == 2);
	ck_assert(!log_batch_done(&batch));
	batch.done_bytes = batch.extra_bytes = 16;
	ck_assert(log_batch_done(&batch));
	log_batch_reset(&batch);
	ck_assert(log_batch_done(&batch) && batch.count == 0 && batch.size_bytes == 0 && batch.extra_bytes == 0);
}
END_TEST

START_TEST(is_full_by_bytes_and_by_lines)
{
	ck_assert_ptr_null(log_batch_add(&batch, 1025, 0));
	ck_assert_ptr_null(log_batch_add(&batch, SIZE_MAX, 0));
	ck_assert_ptr_nonnull(log_batch_add(&batch, 1000, 0));
	ck_assert_ptr_null(log_batch_add(&batch, 25, 0));
	ck_assert_ptr_eq(log_batch_add(&batch, 24, 0), batch.bytes + 1000);
	ck_assert_ptr_null(log_batch_add(&batch, 1, 0));
	ck_assert_uint_eq(batch.count, 2);
	log_batch_reset(&batch);
	while (log_batch_add(&batch, 1, 0) != NULL)
		continue;
	ck_assert_uint_eq(batch.count, batch.capacity);
	ck_assert_uint_lt(batch.size_bytes, 1024);
}
END_TEST

START_TEST(the_last_line_can_be_taken_back)
{
	add("one\n");
	add("two\n");
	log_batch_remove_last(&batch);
	add("three\n");
	ck_assert_uint_eq(batch.count, 2);
	ck_assert_uint_eq(batch.size_bytes, 10);
	ck_assert_mem_eq(batch.bytes, "one\nthree\n", 10);
}
END_TEST

START_TEST(nothing_can_be_taken_back_from_none)
{
	log_batch_remove_last(&batch);
}
END_TEST

START_TEST(tells_the_line_of_each_byte)
{
	static const size_t wanted[] = {0, 0, 0, 0, 1, 2, 2, 3};
	add("abc\n");
	add("\n");
	add("d\n");
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		batch.done_bytes = i;
		ck_assert_uint_eq(log_batch_line(&batch), wanted[i]);
	}
	log_batch_reset(&batch);
	ck_assert_uint_eq(log_batch_line(&batch), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_batch");
	TCase *tcase = tcase_create("log_batch");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, lines_stand_behind_each_other);
	tcase_add_test(tcase, is_full_by_bytes_and_by_lines);
	tcase_add_test(tcase, the_last_line_can_be_taken_back);
	tcase_add_test_raise_signal(tcase, nothing_can_be_taken_back_from_none, SIGABRT);
	tcase_add_test(tcase, tells_the_line_of_each_byte);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
