/* test_jsonw.c - what is written is JSON on one line, whatever goes in. */
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsoncheck.h"
#include "jsonw.h"
#include "run_suite.h"
#include "strbuf.h"

static char storage[65536];

static void
start(struct jsonw *w, struct strbuf *out)
{
	strbuf_init_fixed(out, storage, sizeof storage);
	jsonw_init(w, out);
}

START_TEST(commas_and_nesting)
{
	struct strbuf out;
	struct jsonw w;
	start(&w, &out);
	jsonw_begin_object(&w);
	jsonw_key(&w, "a");
	jsonw_begin_array(&w);
	jsonw_int(&w, -1);
	jsonw_uint(&w, UINT64_MAX);
	jsonw_begin_object(&w);
	jsonw_end_object(&w);
	jsonw_begin_array(&w);
	jsonw_end_array(&w);
	jsonw_null(&w);
	jsonw_end_array(&w);
	jsonw_key(&w, "b");
	jsonw_bool(&w, true);
	jsonw_key(&w, "c");
	jsonw_raw(&w, "[1]", 3);
	jsonw_key(&w, "d");
	jsonw_bool(&w, false);
	jsonw_end_object(&w);
	ck_assert_str_eq(out.data, "{\"a\":[-1,18446744073709551615,{},[],null],\"b\":true,\"c\":[1],\"d\":false}");
}
END_TEST

START_TEST(strings)
{
	static const struct {
		const char *text, *written;
	} cases[] = {
		{"", "\"\""},
		{"plain /", "\"plain /\""},
		{"\"\\", "\"\\\"\\\\\""},
		{"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
		{"\x01\x1b\x1f\x7f", "\"\\u0001\\u001b\\u001f\\u007f\""},
		{"\xc3\xa4\xf0\x9f\x98\x80", "\"\xc3\xa4\xf0\x9f\x98\x80\""},
		{"a\xff"
	         "b",
	         "\"a\xef\xbf\xbd"
	         "b\""},
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\"\\u0080\\u009b\\u009f\xc2\xa0\""},
		{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct strbuf out;
		struct jsonw w;
		start(&w, &out);
		jsonw_string(&w, cases[i].text);
		ck_assert_str_eq(out.data, cases[i].written);
	}
}
END_TEST

/* Eight bytes are looked at in one go: each byte that is escaped, at each place among others. */
START_TEST(every_byte_at_every_place)
{
	for (int c = 0; c < 256; c++)
		for (size_t place = 0; place < 24; place++) {
			char text[24], expected[64];
			struct strbuf out;
			struct jsonw w;
			size_t most;
			memset(text, place % 2 == 0 ? '!' : '~', sizeof text);
			text[place] = (char)c;
			start(&w, &out);
			jsonw_bytes(&w, text, sizeof text);
			ck_assert_int_eq(json_check(out.data, out.length, 1, NULL), 0);
			ck_assert_uint_eq(jsonw_character(text + place, 1, &most), 1);
			ck_assert_uint_le(out.length, 2 + sizeof text - 1 + most);
			snprintf(expected, sizeof expected, "\"%.*s", (int)place, text);
			ck_assert_int_eq(strncmp(out.data, expected, strlen(expected)), 0);
			bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
			ck_assert(!plain || out.length == sizeof text + 2);
			ck_assert(plain || out.length > sizeof text + 2);
		}
}
END_TEST

START_TEST(a_nul_is_escaped)
{
	struct strbuf out;
	struct jsonw w;
	start(&w, &out);
	jsonw_bytes(&w, "a\0b", 3);
	ck_assert_str_eq(out.data, "\"a\\u0000b\"");
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		double value;
		const char *written;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1.5, "1.5"},
		{0.1, "0.1"},
		{1e21, "1e+21"},
		{7.2e-05, "0.000072"},
		{-1e-6, "-0.000001"},
		{1e-9, "0.000000001"},
		{1e-10, "1e-10"},
		{1.0 / 30000, "3.3333333333333335e-05"},
		{1.0 / 3, "0.33333333333333331"},
		{NAN, "null"},
		{INFINITY, "null"},
		{-INFINITY, "null"},
		{123456789012345678.0, "1.2345678901234568e+17"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct strbuf out;
		struct jsonw w;
		start(&w, &out);
		jsonw_double(&w, cases[i].value);
		ck_assert_str_eq(out.data, cases[i].written);
		ck_assert_int_eq(json_check(out.data, out.length, 1, NULL), 0);
	}
}
END_TEST

START_TEST(fixed_digits)
{
	struct strbuf out;
	struct jsonw w;
	start(&w, &out);
	jsonw_begin_array(&w);
	jsonw_fixed(&w, 12.345678, 2);
	jsonw_fixed(&w, NAN, 2);
	jsonw_fixed(&w, 1, 0);
	jsonw_end_array(&w);
	ck_assert_str_eq(out.data, "[12.35,null,1]");
}
END_TEST

START_TEST(any_bytes_make_one_valid_line)
{
	unsigned seed = 1;
	for (int round = 0; round < 2000; round++) {
		char bytes[64];
		for (size_t i = 0; i < sizeof bytes; i++) {
			seed = seed * 1103515245U + 12345U;
			bytes[i] = (char)(seed >> 16);
		}
		struct strbuf out;
		struct jsonw w;
		start(&w, &out);
		jsonw_begin_object(&w);
		jsonw_key(&w, "k");
		jsonw_bytes(&w, bytes, sizeof bytes);
		jsonw_end_object(&w);
		ck_assert(!out.failed);
		ck_assert_ptr_null(strpbrk(out.data, "\n\r"));
		ck_assert_int_eq(json_check(out.data, out.length, 1, NULL), 0);
	}
}
END_TEST

START_TEST(no_room_is_the_buffers_failure)
{
	char small[4];
	struct strbuf out;
	struct jsonw w;
	strbuf_init_fixed(&out, small, sizeof small);
	jsonw_init(&w, &out);
	jsonw_string(&w, "too long");
	ck_assert(out.failed);
}
END_TEST

START_TEST(a_key_without_a_value_is_a_bug) /* raises SIGABRT */
{
	struct strbuf out;
	struct jsonw w;
	start(&w, &out);
	jsonw_begin_object(&w);
	jsonw_key(&w, "a");
	jsonw_key(&w, "b");
}
END_TEST

START_TEST(an_end_too_many_is_a_bug) /* raises SIGABRT */
{
	struct strbuf out;
	struct jsonw w;
	start(&w, &out);
	jsonw_end_object(&w);
}
END_TEST

START_TEST(nesting_without_end_is_a_bug) /* raises SIGABRT */
{
	struct strbuf out;
	struct jsonw w;
	start(&w, &out);
	for (int i = 0; i < JSONW_MAX_DEPTH; i++)
		jsonw_begin_array(&w);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("jsonw");
	TCase *tc = tcase_create("jsonw");
	tcase_add_test(tc, commas_and_nesting);
	tcase_add_test(tc, strings);
	tcase_add_test(tc, a_nul_is_escaped);
	tcase_add_test(tc, every_byte_at_every_place);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, fixed_digits);
	tcase_add_test(tc, any_bytes_make_one_valid_line);
	tcase_add_test(tc, no_room_is_the_buffers_failure);
	tcase_add_test_raise_signal(tc, a_key_without_a_value_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, an_end_too_many_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, nesting_without_end_is_a_bug, SIGABRT);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
