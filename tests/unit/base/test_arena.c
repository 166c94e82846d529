/* test_arena.c - bump allocation, the bound, stickiness, clean-ups. */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "run_suite.h"

START_TEST(allocations_are_aligned_and_apart)
{
	struct arena *arena = arena_create(1024, 65536);
	unsigned char *last = NULL;
	for (size_t size = 0; size < 200; size++) {
		unsigned char *p = arena_alloc(arena, size);
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		ck_assert_ptr_ne(p, last == p ? p + 1 : last);
		memset(p, 0xAB, size);
		if (last != NULL && size > 1)
			ck_assert_uint_eq(last[size - 2], 0xAB);
		last = p;
	}
	ck_assert(!arena_failed(arena));
	arena_destroy(arena);
}
END_TEST

START_TEST(zalloc_clears_and_copies_are_closed)
{
	struct arena *arena = arena_create(256, 4096);
	memset(arena_alloc(arena, 200), 0xFF, 200);
	arena_reset(arena);
	unsigned char *p = arena_zalloc(arena, 200);
	for (size_t i = 0; i < 200; i++)
		ck_assert_uint_eq(p[i], 0);
	ck_assert_str_eq(arena_strndup(arena, "abcdef", 3), "abc");
	ck_assert_str_eq(arena_strdup(arena, ""), "");
	ck_assert_str_eq(arena_printf(arena, "%s-%d", "x", 42), "x-42");
	arena_destroy(arena);
}
END_TEST

START_TEST(bound_holds_and_failure_is_sticky)
{
	struct arena *arena = arena_create(128, 1024);
	ck_assert_ptr_nonnull(arena_alloc(arena, 512));
	ck_assert_ptr_null(arena_alloc(arena, 1024));
	ck_assert(arena_failed(arena));
	ck_assert_ptr_null(arena_alloc(arena, 1));
	arena_reset(arena);
	ck_assert(!arena_failed(arena));
	ck_assert_uint_eq(arena_used(arena), 0);
	ck_assert_ptr_nonnull(arena_alloc(arena, 800));
	arena_destroy(arena);
}
END_TEST

START_TEST(absurd_sizes_fail_without_overflow)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX / 2, 1025};
	struct arena *arena = arena_create(128, 1024);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		ck_assert_ptr_null(arena_alloc(arena, sizes[i]));
		arena_reset(arena);
		ck_assert_ptr_null(arena_strndup(arena, "", sizes[i]));
		ck_assert(arena_failed(arena));
		arena_reset(arena);
	}
	arena_destroy(arena);
}
END_TEST

START_TEST(whole_bound_can_be_used)
{
	struct arena *arena = arena_create(128, 1024);
	size_t got = 0;
	while (arena_alloc(arena, 16) != NULL)
		got += 16;
	ck_assert_uint_eq(got, 1024);
	ck_assert_uint_eq(arena_used(arena), 1024);
	arena_destroy(arena);
}
END_TEST

START_TEST(fail_marks_by_hand)
{
	struct arena *arena = arena_create(128, 1024);
	arena_fail(arena);
	ck_assert(arena_failed(arena));
	ck_assert_ptr_null(arena_alloc(arena, 1));
	arena_destroy(arena);
	arena_destroy(NULL);
}
END_TEST

struct trace {
	char text[8];
	size_t length;
};

struct mark {
	struct trace *trace;
	char letter;
};

static void
leave_mark(void *arg)
{
	struct mark *mark = arg;
	mark->trace->text[mark->trace->length++] = mark->letter;
}

START_TEST(cleanups_run_last_first_and_once)
{
	struct trace trace = {.length = 0};
	struct mark marks[] = {{&trace, 'a'}, {&trace, 'b'}, {&trace, 'c'}};
	struct arena *arena = arena_create(256, 1024);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(arena_on_reset(arena, leave_mark, &marks[i]), 0);
	arena_reset(arena);
	ck_assert_str_eq(trace.text, "ba");
	arena_reset(arena);
	ck_assert_str_eq(trace.text, "ba");
	ck_assert_int_eq(arena_on_reset(arena, leave_mark, &marks[2]), 0);
	arena_destroy(arena);
	ck_assert_str_eq(trace.text, "bac");
}
END_TEST

START_TEST(cleanup_that_cannot_be_registered_runs_at_once)
{
	struct trace trace = {.length = 0};
	struct mark mark = {&trace, 'x'};
	struct arena *arena = arena_create(64, 64);
	arena_fail(arena);
	ck_assert_int_eq(arena_on_reset(arena, leave_mark, &mark), -1);
	ck_assert_str_eq(trace.text, "x");
	arena_reset(arena);
	ck_assert_str_eq(trace.text, "x");
	arena_destroy(arena);
}
END_TEST

START_TEST(chunk_larger_than_bound_is_a_bug) /* raises SIGABRT */
{
	arena_create(2048, 1024);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tc = tcase_create("arena");
	tcase_add_test(tc, allocations_are_aligned_and_apart);
	tcase_add_test(tc, zalloc_clears_and_copies_are_closed);
	tcase_add_test(tc, bound_holds_and_failure_is_sticky);
	tcase_add_test(tc, absurd_sizes_fail_without_overflow);
	tcase_add_test(tc, whole_bound_can_be_used);
	tcase_add_test(tc, fail_marks_by_hand);
	tcase_add_test(tc, cleanups_run_last_first_and_once);
	tcase_add_test(tc, cleanup_that_cannot_be_registered_runs_at_once);
	tcase_add_test_raise_signal(tc, chunk_larger_than_bound_is_a_bug, SIGABRT);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
