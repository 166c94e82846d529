/* test_crash_map.c - addresses are named as the loader would name them. */
#include "crash_map.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "strbuf.h"

static struct crash_map map;
static char text[4096];

static void
setup(void)
{
	crash_map_read(&map);
}

static void
teardown(void)
{
}

static const char *
named(uintptr_t pc, enum crash_frame kind)
{
	struct strbuf out;
	strbuf_init_fixed(&out, text, sizeof text);
	crash_map_write(&map, &out, pc, kind);
	return text;
}

static void *
address_of(const char *function)
{
	void *address = dlsym(RTLD_DEFAULT, function);
	ck_assert_msg(address != NULL, "%s", function);
	return address;
}

START_TEST(an_exported_function_has_its_name)
{
	static const char *const functions[] = {"getpid", "qsort", "puts"};
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		char expected[256];
		Dl_info info;
		char *address = address_of(functions[i]);
		ck_assert_int_ne(dladdr(address, &info), 0);
		const char *slash = strrchr(info.dli_fname, '/');
		snprintf(expected, sizeof expected, "%s+%#tx (%s+0x1)", slash != NULL ? slash + 1 : info.dli_fname,
		         address + 1 - (char *)info.dli_fbase, functions[i]);
		ck_assert_str_eq(named((uintptr_t)address + 1, CRASH_FRAME_FAULT), expected);
		ck_assert(crash_map_has(&map, (uintptr_t)address));
	}
}
END_TEST

/* A call at a function's end returns to what is behind the function. */
START_TEST(a_caller_is_the_function_of_the_call)
{
	uintptr_t start = (uintptr_t)address_of("getpid");
	ck_assert_ptr_nonnull(strstr(named(start, CRASH_FRAME_FAULT), "(getpid+0x0)"));
	ck_assert_ptr_null(strstr(named(start, CRASH_FRAME_CALLER), "getpid"));
	ck_assert_ptr_nonnull(strstr(named(start + 1, CRASH_FRAME_CALLER), "(getpid+0x1)"));
}
END_TEST

static int
not_exported(void)
{
	return 4711;
}

START_TEST(another_function_has_its_object_and_offset)
{
	const char *name = named((uintptr_t)not_exported, CRASH_FRAME_FAULT);
	size_t size = strlen(program_invocation_short_name);
	ck_assert_int_eq(strncmp(name, program_invocation_short_name, size), 0);
	ck_assert_int_eq(strncmp(name + size, "+0x", 3), 0);
	ck_assert_ptr_null(strchr(name, '('));
}
END_TEST

START_TEST(other_addresses_are_told_as_they_are)
{
	ck_assert_str_eq(named(0, CRASH_FRAME_FAULT), "0x0");
	ck_assert_str_eq(named(0, CRASH_FRAME_CALLER), "0x0");
	ck_assert_str_eq(named(0x10, CRASH_FRAME_FAULT), "0x10");
	ck_assert_str_eq(named(UINTPTR_MAX, CRASH_FRAME_FAULT), "0xffffffffffffffff");
	ck_assert(!crash_map_has(&map, 0) && !crash_map_has(&map, (uintptr_t)text));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_map");
	TCase *tc = tcase_create("crash_map");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_exported_function_has_its_name);
	tcase_add_test(tc, a_caller_is_the_function_of_the_call);
	tcase_add_test(tc, another_function_has_its_object_and_offset);
	tcase_add_test(tc, other_addresses_are_told_as_they_are);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
