/* test_admission.c - what is let through to libfcgi, and what is not. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "param_scan.h"
#include "records.h"
#include "run_suite.h"

static const struct admission_limits limits = {.max_params = 4, .max_params_bytes = 2048, .max_head_bytes = 8192};
static struct bytes bytes;

static struct admission
examine(void)
{
	struct admission admission;
	admission_examine(&admission, &limits, bytes.data, bytes.size);
	return admission;
}

static void
ck_refused(const char *reason)
{
	struct admission admission = examine();
	ck_assert_int_eq(admission.verdict, ADMISSION_REFUSED);
	ck_assert_ptr_nonnull(strstr(admission.reason, reason));
}

static void
setup(void)
{
	bytes.size = 0;
}

START_TEST(a_whole_request_is_told_to_the_byte)
{
	head_add(&bytes, 7, "GET", "/", -1);
	size_t head = bytes.size;
	body_add(&bytes, 7, "");
	struct admission admission = examine();
	ck_assert_int_eq(admission.verdict, ADMISSION_WHOLE);
	ck_assert_uint_eq(admission.head_bytes, head);
	ck_assert_uint_eq(admission.request_bytes, bytes.size);
	ck_assert_uint_eq(admission.request_id, 7);
	ck_assert_int_eq(admission.content_length, -1);
	ck_assert_ptr_null(admission.malformed);
}
END_TEST

START_TEST(what_follows_is_not_counted)
{
	head_add(&bytes, 1, "POST", "/", 3);
	body_add(&bytes, 1, "abc");
	size_t first = bytes.size;
	head_add(&bytes, 1, "GET", "/", -1);
	struct admission admission = examine();
	ck_assert_int_eq(admission.verdict, ADMISSION_WHOLE);
	ck_assert_uint_eq(admission.request_bytes, first);
	ck_assert_int_eq(admission.content_length, 3);
}
END_TEST

START_TEST(every_prefix_is_incomplete_then_head_then_whole)
{
	head_add(&bytes, 1, "POST", "/", 3);
	size_t head = bytes.size;
	body_add(&bytes, 1, "abc");
	size_t whole = bytes.size;
	for (bytes.size = 0; bytes.size <= whole; bytes.size++) {
		enum admission_verdict expected = bytes.size < head    ? ADMISSION_INCOMPLETE
		                                  : bytes.size < whole ? ADMISSION_HEAD
		                                                       : ADMISSION_WHOLE;
		ck_assert_msg(examine().verdict == expected, "at %zu", bytes.size);
	}
}
END_TEST

START_TEST(parameters_may_be_cut_anywhere)
{
	static struct bytes params;
	params.size = 0;
	pair_add(&params, "CONTENT_LENGTH", "12345");
	char value[300];
	memset(value, 'v', sizeof value);
	pair_add_sized(&params, "LONG", 4, value, sizeof value);
	begin_add(&bytes, 1, 1, 1);
	for (size_t i = 0; i < params.size; i++)
		record_add(&bytes, 4, 1, params.data + i, 1, (int)(i % 3));
	record_add(&bytes, 4, 1, NULL, 0, 255);
	struct admission admission = examine();
	ck_assert_int_eq(admission.verdict, ADMISSION_HEAD);
	ck_assert_int_eq(admission.content_length, 12345);
}
END_TEST

START_TEST(hostile_records_are_refused)
{
	static const unsigned char begin_body[8] = {0, 1, 1};
	static const struct {
		int type, id;
		const char *reason;
	} first[] = {{4, 1, "before BEGIN"}, {5, 1, "before BEGIN"},  {9, 0, "management"},  {11, 0, "management"},
	             {2, 1, "before BEGIN"}, {77, 1, "before BEGIN"}, {1, 0, "request ID 0"}};
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		bytes.size = 0;
		record_add(&bytes, first[i].type, first[i].id, begin_body, 8, 0);
		ck_refused(first[i].reason);
	}
	static const struct {
		int type, id;
		const char *reason;
	} second[] = {{1, 1, "cannot stand there"}, {5, 1, "cannot stand there"},  {2, 1, "aborted"},
	              {9, 0, "management"},         {4, 2, "another request"},     {3, 1, "cannot stand there"},
	              {4, 0, "management"},         {200, 1, "cannot stand there"}};
	for (size_t i = 0; i < sizeof second / sizeof *second; i++) {
		bytes.size = 0;
		begin_add(&bytes, 1, 1, 1);
		record_add(&bytes, second[i].type, second[i].id, begin_body, 8, 0);
		ck_refused(second[i].reason);
	}
}
END_TEST

START_TEST(version_role_and_size_of_begin_are_looked_at)
{
	begin_add(&bytes, 1, 1, 1);
	bytes.data[0] = 2;
	ck_refused("version 1");
	for (int role = 0; role < 5; role++) {
		bytes.size = 0;
		begin_add(&bytes, 1, role, 1);
		ck_assert_int_eq(examine().verdict, role == 1 ? ADMISSION_INCOMPLETE : ADMISSION_REFUSED);
	}
	bytes.size = 0;
	record_add(&bytes, 1, 1, "1234567", 7, 0);
	ck_refused("wrong size");
}
END_TEST

static void
params_add(const struct bytes *params)
{
	bytes.size = 0;
	begin_add(&bytes, 1, 1, 1);
	record_add(&bytes, 4, 1, params->data, params->size, 0);
	record_add(&bytes, 4, 1, NULL, 0, 0);
}

START_TEST(lengths_that_lie_are_refused)
{
	static const struct {
		unsigned char data[12];
		size_t size;
		const char *reason;
	} cases[] = {
		{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a'}, 9, "longer than the limit"},
		{{0xff, 0xff, 0xff, 0xff, 0x00}, 5, "longer than the limit"},
		{{0x80, 0x00, 0x08, 0x01, 0x00}, 5, "longer than the limit"},
		{{5, 5, 'a', 'b'}, 4, "within a pair"},
		{{5}, 1, "within a pair"},
		{{0x80, 0}, 2, "within a pair"},
		{{1, 0x80, 0, 0}, 4, "within a pair"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct bytes params;
		params.size = 0;
		bytes_add(&params, cases[i].data, cases[i].size);
		params_add(&params);
		ck_refused(cases[i].reason);
	}
}
END_TEST

START_TEST(number_and_size_of_parameters_are_bounded)
{
	static struct bytes params;
	for (size_t count = 3; count <= 5; count++) {
		params.size = 0;
		for (size_t i = 0; i < count; i++)
			pair_add(&params, "NAME", i == 0 ? "" : "value");
		params_add(&params);
		ck_assert_int_eq(examine().verdict, count <= 4 ? ADMISSION_HEAD : ADMISSION_REFUSED);
	}
	static char value[4096];
	memset(value, 'v', sizeof value);
	params.size = 0;
	pair_add_sized(&params, "A", 1, value, 1024);
	pair_add_sized(&params, "B", 1, value, 1024);
	params_add(&params);
	ck_refused("larger than the limit");
}
END_TEST

START_TEST(a_head_that_never_ends_is_refused)
{
	begin_add(&bytes, 1, 1, 1);
	for (int i = 0; i < 100; i++)
		record_add(&bytes, 4, 1, "\1", i == 0 ? 1 : 1, 255);
	ck_assert_int_eq(examine().verdict, ADMISSION_REFUSED);
}
END_TEST

/* Few parameters, and whole; what makes it large is padding. */
START_TEST(a_whole_head_is_bounded_too)
{
	static char value[64];
	memset(value, 'v', sizeof value);
	for (size_t size = 16; size <= 48; size += 32) {
		static struct bytes pair;
		pair.size = 0;
		pair_add_sized(&pair, "A", 1, value, size);
		bytes.size = 0;
		begin_add(&bytes, 1, 1, 1);
		for (size_t i = 0; i < pair.size; i++)
			record_add(&bytes, 4, 1, pair.data + i, 1, 255);
		record_add(&bytes, 4, 1, NULL, 0, 0);
		if (size == 16)
			ck_assert_int_eq(examine().verdict, ADMISSION_HEAD);
		else
			ck_refused("head larger than the limit");
	}
}
END_TEST

START_TEST(nul_and_equals_deserve_a_400)
{
	static const struct {
		const char *name;
		size_t name_size;
		const char *value;
		size_t value_size;
		bool malformed;
	} cases[] = {
		{"A", 1, "v", 1, false},       {"A\0B", 3, "v", 1, true}, {"A", 1, "v\0w", 3, true},
		{"A=B", 3, "v", 1, true},      {"", 0, "v", 1, true},     {"A", 1, "x=y", 3, false},
		{"\xff", 1, "\xfe", 1, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct bytes params;
		params.size = 0;
		pair_add_sized(&params, cases[i].name, cases[i].name_size, cases[i].value, cases[i].value_size);
		params_add(&params);
		struct admission admission = examine();
		ck_assert_int_eq(admission.verdict, ADMISSION_HEAD);
		ck_assert_msg((admission.malformed != NULL) == cases[i].malformed, "case %zu", i);
	}
}
END_TEST

START_TEST(content_length_is_read_as_a_number_or_not_at_all)
{
	static const struct {
		const char *value;
		int64_t expected;
	} cases[] = {{"0", 0},    {"17", 17}, {"99999999999999999999999", INT64_MAX}, {"", -1}, {"-5", -1},
	             {"12x", -1}, {"1x2", -1}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static struct bytes params;
		params.size = 0;
		pair_add(&params, "CONTENT_LENGTHS", "1");
		pair_add(&params, "CONTENT_LENGTH", cases[i].value);
		params_add(&params);
		ck_assert_int_eq(examine().content_length, cases[i].expected);
	}
}
END_TEST

START_TEST(a_wrong_record_in_the_body_is_refused)
{
	static const struct {
		int type, request_id;
		const char *reason;
	} cases[] = {{9, 0, "management"},
	             {2, 1, "aborted"},
	             {5, 2, "another request"},
	             {1, 1, "cannot stand"},
	             {4, 1, "cannot stand"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bytes.size = 0;
		head_add(&bytes, 1, "POST", "/", 10);
		record_add(&bytes, 5, 1, "abc", 3, 0);
		ck_assert_int_eq(examine().verdict, ADMISSION_HEAD);
		record_add(&bytes, cases[i].type, cases[i].request_id, "x", 1, 0);
		ck_refused(cases[i].reason);
		bytes.size--; /* the header tells */
		ck_refused(cases[i].reason);
	}
}
END_TEST

/* The records' borders say nothing: a number is one however it was cut. */
START_TEST(content_length_is_the_same_in_pieces)
{
	static const char *const values[] = {"12x3", "17", "x", "4444x"};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		static struct bytes pair;
		struct param_scan whole, pieces;
		pair.size = 0;
		pair_add(&pair, "CONTENT_LENGTH", values[i]);
		param_scan_init(&whole, 4, 2048);
		param_scan_init(&pieces, 4, 2048);
		ck_assert(param_scan_feed(&whole, pair.data, pair.size));
		for (size_t at = 0; at < pair.size; at++)
			ck_assert(param_scan_feed(&pieces, pair.data + at, 1));
		ck_assert_int_eq(whole.content_length, pieces.content_length);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("admission");
	TCase *tc = tcase_create("admission");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_whole_request_is_told_to_the_byte);
	tcase_add_test(tc, what_follows_is_not_counted);
	tcase_add_test(tc, every_prefix_is_incomplete_then_head_then_whole);
	tcase_add_test(tc, parameters_may_be_cut_anywhere);
	tcase_add_test(tc, hostile_records_are_refused);
	tcase_add_test(tc, version_role_and_size_of_begin_are_looked_at);
	tcase_add_test(tc, lengths_that_lie_are_refused);
	tcase_add_test(tc, number_and_size_of_parameters_are_bounded);
	tcase_add_test(tc, a_head_that_never_ends_is_refused);
	tcase_add_test(tc, a_whole_head_is_bounded_too);
	tcase_add_test(tc, nul_and_equals_deserve_a_400);
	tcase_add_test(tc, content_length_is_read_as_a_number_or_not_at_all);
	tcase_add_test(tc, a_wrong_record_in_the_body_is_refused);
	tcase_add_test(tc, content_length_is_the_same_in_pieces);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
