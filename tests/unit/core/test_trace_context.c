/* test_trace_context.c - W3C Trace Context level 2: traceparent, tracestate, sampling. */
#include "run_suite.h"
#include "trace_context.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE "12345678901234567890123456789012"
#define SPAN "1234567890123456"
#define MEMBERS 33

static const char *const valid[] = {
	"00-" TRACE "-" SPAN "-00",       "00-" TRACE "-" SPAN "-01",       "00-" TRACE "-" SPAN "-ff",
	" 00-" TRACE "-" SPAN "-00",      "\t00-" TRACE "-" SPAN "-00",     "00-" TRACE "-" SPAN "-00 ",
	"00-" TRACE "-" SPAN "-00\t",     "\t 00-" TRACE "-" SPAN "-00 \t", "01-" TRACE "-" SPAN "-00",
	"cc-" TRACE "-" SPAN "-01",       "cc-" TRACE "-" SPAN "-01-",      "cc-" TRACE "-" SPAN "-01-what-the-future",
	"fe-" TRACE "-" SPAN "-01-\xff,",
};

static const char *const invalid[] = {
	"",
	" ",
	"0",
	"00",
	"00-" TRACE "-" SPAN,
	"00-" TRACE "-" SPAN "-",
	"00-" TRACE "-" SPAN "-0",
	"00-" TRACE "-" SPAN "-001",
	"00-" TRACE "-" SPAN "-01.",
	"00-" TRACE "-" SPAN "-01-",
	"00-" TRACE "-" SPAN "-01-more",
	"00-" TRACE "-" SPAN "-01,00-" TRACE "-" SPAN "-01",
	"00-" TRACE "-" SPAN "-01, 00-" TRACE "-" SPAN "-01",
	"00-" TRACE "-" SPAN "-01,",
	"cc-" TRACE "-" SPAN "-01.",
	"cc-" TRACE "-" SPAN "-01,cc-" TRACE "-" SPAN "-01",
	"cc-" TRACE "-" SPAN "-010",
	"cc-" TRACE "-" SPAN "-0",
	"ff-" TRACE "-" SPAN "-01",
	"FF-" TRACE "-" SPAN "-01",
	"CC-" TRACE "-" SPAN "-01",
	".0-" TRACE "-" SPAN "-01",
	"0.-" TRACE "-" SPAN "-01",
	"000-" TRACE "-" SPAN "-01",
	"0-" TRACE "-" SPAN "-01",
	"-" TRACE "-" SPAN "-01",
	"00-00000000000000000000000000000000-" SPAN "-01",
	"00-1234567890123456789012345678901g-" SPAN "-01",
	"00-A2345678901234567890123456789012-" SPAN "-01",
	"00-.2345678901234567890123456789012-" SPAN "-01",
	"00-" TRACE "3-" SPAN "-01",
	"00-1234567890123456789012345678901-" SPAN "-01",
	"00-" TRACE "-0000000000000000-01",
	"00-" TRACE "-123456789012345.-01",
	"00-" TRACE "-A234567890123456-01",
	"00-" TRACE "-" SPAN "7-01",
	"00-" TRACE "-123456789012345-01",
	"00-" TRACE "-" SPAN "-.0",
	"00-" TRACE "-" SPAN "-0.",
	"00-" TRACE "-" SPAN "-0A",
	"00_" TRACE "_" SPAN "_01",
	"00-" TRACE "- " SPAN "-01",
	"00 -" TRACE "-" SPAN "-01",
	"\n00-" TRACE "-" SPAN "-01",
};

static void
well_formed(const struct trace_context *trace)
{
	ck_assert_uint_eq(strspn(trace->trace_id, "0123456789abcdef"), TRACE_ID_BYTES - 1);
	ck_assert_uint_eq(strspn(trace->span_id, "0123456789abcdef"), SPAN_ID_BYTES - 1);
	ck_assert_uint_eq(strlen(trace->flags_text), 2);
	ck_assert_uint_eq(strtoul(trace->flags_text, NULL, 16), trace->flags);
}

START_TEST(a_valid_one_is_continued)
{
	struct trace_context trace;
	ck_assert_msg(trace_continue(&trace, valid[_i]), "%s", valid[_i]);
	well_formed(&trace);
	ck_assert_str_eq(trace.trace_id, TRACE);
	ck_assert_str_eq(trace.parent_id, SPAN);
	ck_assert_str_ne(trace.span_id, SPAN);
}
END_TEST

START_TEST(an_invalid_one_is_not)
{
	struct trace_context trace;
	ck_assert_msg(!trace_continue(&trace, invalid[_i]), "%s", invalid[_i]);
	ck_assert_str_eq(trace.trace_id, "");
	ck_assert_str_eq(trace.parent_id, "");
	ck_assert_uint_eq(trace.flags, 0);
}
END_TEST

START_TEST(none_is_none)
{
	struct trace_context trace;
	ck_assert(!trace_continue(&trace, NULL));
}
END_TEST

/* Every cut and every single wrong byte. */
START_TEST(nothing_less_is_enough)
{
	static const char whole[] = "00-" TRACE "-" SPAN "-01";
	struct trace_context trace;
	for (size_t i = 0; i < sizeof whole - 1; i++) {
		char text[sizeof whole];
		memcpy(text, whole, sizeof whole);
		text[i] = '\0';
		ck_assert_msg(!trace_continue(&trace, text), "%s", text);
		memcpy(text, whole, sizeof whole);
		text[i] = '/';
		ck_assert_msg(!trace_continue(&trace, text), "%s", text);
		text[i] = (char)0x80;
		ck_assert_msg(!trace_continue(&trace, text), "%zu", i);
	}
}
END_TEST

START_TEST(flags_that_are_not_known_are_dropped)
{
	char text[] = "00-" TRACE "-" SPAN "-xx", out[TRACEPARENT_BYTES];
	for (unsigned flags = 0; flags < 256; flags++) {
		struct trace_context trace;
		static const char digits[] = "0123456789abcdef";
		text[sizeof text - 3] = digits[flags >> 4];
		text[sizeof text - 2] = digits[flags & 15];
		ck_assert(trace_continue(&trace, text));
		ck_assert_uint_eq(trace.flags, flags & (TRACE_SAMPLED | TRACE_RANDOM));
		ck_assert(trace_sampled(&trace) == ((flags & 1) != 0));
		traceparent_write(&trace, trace.span_id, out);
		ck_assert_uint_eq(strlen(out), TRACEPARENT_BYTES - 1);
		ck_assert_str_eq(out + TRACEPARENT_BYTES - 3, trace.flags_text);
	}
}
END_TEST

START_TEST(what_is_written_is_version_00)
{
	struct trace_context trace;
	char out[TRACEPARENT_BYTES];
	ck_assert(trace_continue(&trace, "cc-" TRACE "-" SPAN "-01-more"));
	traceparent_write(&trace, "00f067aa0ba902b7", out);
	ck_assert_str_eq(out, "00-" TRACE "-00f067aa0ba902b7-01");
}
END_TEST

START_TEST(a_trace_that_starts_is_random)
{
	struct trace_context one, two;
	trace_start(&one, RATIO_WHOLE);
	trace_start(&two, 0);
	well_formed(&one);
	well_formed(&two);
	ck_assert_str_ne(one.trace_id, two.trace_id);
	ck_assert_str_ne(one.span_id, two.span_id);
	ck_assert_str_eq(one.parent_id, "");
	ck_assert_uint_eq(one.flags, TRACE_SAMPLED | TRACE_RANDOM);
	ck_assert_uint_eq(two.flags, TRACE_RANDOM);
}
END_TEST

/* By the last 56 bits alone, those from the threshold on: what is sampled at a ratio is so at every higher one. */
START_TEST(a_ratio_is_a_ratio)
{
	static const struct {
		int64_t ratio;
		int least, most;
	} cases[] = {
		{0, 0, 0}, {RATIO_WHOLE, 20000, 20000}, {RATIO_WHOLE / 2, 9400, 10600}, {RATIO_WHOLE / 100, 110, 300}};
	int sampled = 0;
	for (int i = 0; i < 20000; i++) {
		struct trace_context trace;
		trace_start(&trace, cases[_i].ratio);
		sampled += trace_sampled(&trace);
		double share = (double)strtoull(trace.trace_id + 18, NULL, 16) / (double)(UINT64_C(1) << 56);
		if (cases[_i].ratio == RATIO_WHOLE / 2)
			ck_assert(trace_sampled(&trace) == (share >= 0.5));
	}
	ck_assert_int_ge(sampled, cases[_i].least);
	ck_assert_int_le(sampled, cases[_i].most);
}
END_TEST

/* ---- tracestate ---- */

static char storage[32768];
static struct strbuf text;
static struct tracestate state;

static void
begin(void)
{
	strbuf_init_fixed(&text, storage, sizeof storage);
	tracestate_init(&state, &text);
}

static const struct {
	const char *fields[3];
	const char *kept; /* NULL: nothing */
} states[] = {
	{{NULL}, NULL},
	{{""}, NULL},
	{{" \t"}, NULL},
	{{",, ,"}, NULL},
	{{"foo=1"}, "foo=1"},
	{{"foo=1,bar=2"}, "foo=1,bar=2"},
	{{"foo=1", ""}, "foo=1"},
	{{"", "foo=1"}, "foo=1"},
	{{"foo=1,", ",bar=2"}, "foo=1,bar=2"},
	{{"foo=1,bar=2", "rojo=1,congo=2", "baz=3"}, "foo=1,bar=2,rojo=1,congo=2,baz=3"},
	{{"foo=1,foo=1"}, "foo=1,foo=1"},
	{{"foo=1", "foo=2"}, "foo=1,foo=2"},
	{{"foo=1 \t , \t bar=2, \t baz=3"}, "foo=1,bar=2,baz=3"},
	{{"\t foo=1 \t"}, "foo=1"},
	{{"foo= 1 2 "}, "foo= 1 2"},
	{{"0=!~"}, "0=!~"},
	{{"a_-*/@9@=1"}, "a_-*/@9@=1"},
	{{"fw529a3039@dt=FfAA"}, "fw529a3039@dt=FfAA"},
	{{"foo =1"}, NULL},
	{{"Foo=1"}, NULL},
	{{"foo.bar=1"}, NULL},
	{{"@foo=1,bar=2"}, NULL},
	{{"_foo=1"}, NULL},
	{{"=1"}, NULL},
	{{"foo"}, NULL},
	{{"foo="}, NULL},
	{{"foo= "}, NULL},
	{{"foo=,bar=3"}, NULL},
	{{"foo=bar=baz"}, NULL},
	{{"foo=1\t2"}, NULL},
	{{"foo=1\x7f"}, NULL},
	{{"foo=\xc3\xa4"}, NULL},
	{{"f\xc3\xa4=1"}, NULL},
	{{"foo=1\n"}, NULL},
	{{"foo=1", "bad", "bar=2"}, NULL},
};

START_TEST(a_state)
{
	begin();
	for (size_t i = 0; i < 3 && states[_i].fields[i] != NULL; i++)
		tracestate_add(&state, states[_i].fields[i]);
	const char *kept = tracestate_value(&state);
	if (states[_i].kept == NULL)
		ck_assert_msg(kept == NULL, "%s", states[_i].fields[0]);
	else
		ck_assert_str_eq(kept, states[_i].kept);
}
END_TEST

/* A key or value of so many bytes. */
static bool
kept_with(size_t key_size, size_t value_size)
{
	char member[1024];
	memset(member, 'z', sizeof member);
	member[key_size] = '=';
	member[key_size + 1 + value_size] = '\0';
	begin();
	tracestate_add(&state, member);
	return tracestate_value(&state) != NULL;
}

START_TEST(lengths_are_bounded)
{
	ck_assert(kept_with(1, 1));
	ck_assert(kept_with(256, 1));
	ck_assert(!kept_with(257, 1));
	ck_assert(kept_with(1, 256));
	ck_assert(!kept_with(1, 257));
	ck_assert(kept_with(256, 256));
}
END_TEST

START_TEST(members_are_counted)
{
	for (int count = 31; count <= MEMBERS; count++) {
		begin();
		for (int i = 0; i < count; i++) {
			char member[16];
			snprintf(member, sizeof member, i % 2 == 0 ? "k%d=%d" : ",k%d=%d,", i, i);
			tracestate_add(&state, member);
		}
		ck_assert((tracestate_value(&state) != NULL) == (count <= TRACESTATE_MAX_MEMBERS));
	}
}
END_TEST

START_TEST(the_longest_is_kept_whole)
{
	char member[600];
	begin();
	for (int i = 0; i < TRACESTATE_MAX_MEMBERS; i++) {
		snprintf(member, sizeof member, "%0256d=%0256d", i, i);
		tracestate_add(&state, member);
	}
	ck_assert_ptr_nonnull(tracestate_value(&state));
	ck_assert_uint_eq(text.length, TRACESTATE_MAX_MEMBERS * 514 - 1);
}
END_TEST

/* Without room it is as if there were none: half a list would tell lies. */
START_TEST(no_room_is_no_state)
{
	strbuf_init_fixed(&text, storage, 8);
	tracestate_init(&state, &text);
	tracestate_add(&state, "foo=1,bar=2");
	ck_assert_ptr_null(tracestate_value(&state));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace_context");
	TCase *tc = tcase_create("trace_context");
	tcase_add_loop_test(tc, a_valid_one_is_continued, 0, (int)(sizeof valid / sizeof *valid));
	tcase_add_loop_test(tc, an_invalid_one_is_not, 0, (int)(sizeof invalid / sizeof *invalid));
	tcase_add_test(tc, none_is_none);
	tcase_add_test(tc, nothing_less_is_enough);
	tcase_add_test(tc, flags_that_are_not_known_are_dropped);
	tcase_add_test(tc, what_is_written_is_version_00);
	tcase_add_test(tc, a_trace_that_starts_is_random);
	tcase_add_loop_test(tc, a_ratio_is_a_ratio, 0, 4);
	tcase_add_loop_test(tc, a_state, 0, (int)(sizeof states / sizeof *states));
	tcase_add_test(tc, lengths_are_bounded);
	tcase_add_test(tc, members_are_counted);
	tcase_add_test(tc, the_longest_is_kept_whole);
	tcase_add_test(tc, no_room_is_no_state);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
