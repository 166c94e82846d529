/* test_strbuf.c - texts in fixed storage and in an arena; all or nothing; stickiness. */
#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "run_suite.h"
#include "strbuf.h"

START_TEST(fixed_storage_takes_all_or_nothing)
{
	char storage[8];
	struct strbuf sb;
	strbuf_init_fixed(&sb, storage, sizeof storage);
	ck_assert_str_eq(sb.data, "");
	strbuf_puts(&sb, "abc");
	strbuf_puts(&sb, "defgh");
	ck_assert(sb.failed);
	ck_assert_str_eq(sb.data, "abc");
	strbuf_putc(&sb, 'x');
	ck_assert_str_eq(sb.data, "abc");
	strbuf_reset(&sb);
	ck_assert(!sb.failed);
	strbuf_puts(&sb, "1234567");
	ck_assert(!sb.failed);
	ck_assert_str_eq(sb.data, "1234567");
	strbuf_putc(&sb, '8');
	ck_assert(sb.failed);
}
END_TEST

START_TEST(printf_is_all_or_nothing_too)
{
	char storage[8];
	struct strbuf sb;
	strbuf_init_fixed(&sb, storage, sizeof storage);
	strbuf_printf(&sb, "%d", 1234567);
	ck_assert_str_eq(sb.data, "1234567");
	strbuf_printf(&sb, "%d", 8);
	ck_assert(sb.failed);
	ck_assert_str_eq(sb.data, "1234567");
	strbuf_printf(&sb, "%d", 9);
	ck_assert_uint_eq(sb.length, 7);
	strbuf_truncate(&sb, 3);
	strbuf_printf(&sb, "%s", "");
	ck_assert(!sb.failed);
	ck_assert_str_eq(sb.data, "123");
}
END_TEST

START_TEST(arena_storage_grows)
{
	struct arena *arena = arena_create(256, 1 << 20);
	struct strbuf sb;
	strbuf_init_arena(&sb, arena, 0);
	for (int i = 0; i < 5000; i++)
		strbuf_printf(&sb, "%04d,", i);
	ck_assert(!sb.failed);
	ck_assert_uint_eq(sb.length, 25000);
	ck_assert_mem_eq(sb.data + 24995, "4999,", 6);
	arena_destroy(arena);
}
END_TEST

START_TEST(growth_copies_in_proportion)
{
	struct arena *arena = arena_create(256, 1 << 20);
	struct strbuf sb;
	strbuf_init_arena(&sb, arena, 1);
	for (int i = 0; i < 100000; i++)
		strbuf_putc(&sb, 'x');
	ck_assert(!sb.failed);
	ck_assert_uint_lt(arena_used(arena), 400000);
	arena_destroy(arena);
}
END_TEST

START_TEST(arena_at_its_bound_fails_the_text)
{
	struct arena *arena = arena_create(256, 512);
	struct strbuf sb;
	strbuf_init_arena(&sb, arena, 100);
	strbuf_puts(&sb, "kept");
	char big[600] = {0};
	memset(big, 'x', sizeof big - 1);
	strbuf_puts(&sb, big);
	ck_assert(sb.failed);
	ck_assert_str_eq(sb.data, "kept");
	struct strbuf late;
	strbuf_init_arena(&late, arena, 8);
	ck_assert(late.failed);
	ck_assert_str_eq(late.data, "");
	strbuf_reset(&late);
	ck_assert(late.failed);
	strbuf_putc(&late, 'x');
	ck_assert_str_eq(late.data, "");
	arena_destroy(arena);
}
END_TEST

START_TEST(reserve_and_commit)
{
	char storage[16];
	struct strbuf sb;
	strbuf_init_fixed(&sb, storage, sizeof storage);
	char *to = strbuf_reserve(&sb, 4);
	ck_assert_ptr_eq(to, storage);
	memcpy(to, "abcd", 4);
	strbuf_commit(&sb, 2);
	ck_assert_str_eq(sb.data, "ab");
	ck_assert_ptr_null(strbuf_reserve(&sb, SIZE_MAX));
	ck_assert(sb.failed);
	strbuf_truncate(&sb, 1);
	ck_assert(!sb.failed);
	ck_assert_str_eq(sb.data, "a");
	strbuf_append(&sb, "x\0y", 3);
	ck_assert_uint_eq(sb.length, 4);
	ck_assert_mem_eq(sb.data, "ax\0y", 5);
}
END_TEST

START_TEST(commit_of_more_than_reserved_is_a_bug) /* raises SIGABRT */
{
	char storage[4];
	struct strbuf sb;
	strbuf_init_fixed(&sb, storage, sizeof storage);
	strbuf_commit(&sb, 4);
}
END_TEST

START_TEST(truncate_past_the_end_is_a_bug) /* raises SIGABRT */
{
	char storage[4];
	struct strbuf sb;
	strbuf_init_fixed(&sb, storage, sizeof storage);
	strbuf_truncate(&sb, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("strbuf");
	TCase *tc = tcase_create("strbuf");
	tcase_add_test(tc, fixed_storage_takes_all_or_nothing);
	tcase_add_test(tc, printf_is_all_or_nothing_too);
	tcase_add_test(tc, arena_storage_grows);
	tcase_add_test(tc, growth_copies_in_proportion);
	tcase_add_test(tc, arena_at_its_bound_fails_the_text);
	tcase_add_test(tc, reserve_and_commit);
	tcase_add_test_raise_signal(tc, commit_of_more_than_reserved_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, truncate_past_the_end_is_a_bug, SIGABRT);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
