/*
 * test_jsoncheck.c - RFC 8259, document by document.
 *
 * The comments on json-c name what its version 0.16 takes for JSON even with JSON_TOKENER_STRICT: that is
 * why json_check() stands before it.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "jsoncheck.h"
#include "run_suite.h"

struct document {
	const char *text;
	size_t size;
};
#define DOC(text)                                                                                                      \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

static const struct document allowed[] = {
	/* Scalars, section 3 */
	DOC("true"),
	DOC("false"),
	DOC("null"),
	DOC("0"),
	DOC("-0"),
	DOC("\"\""),
	DOC("\"a\""),
	DOC("42"),
	/* Blanks, section 2 */
	DOC(" \t\r\n1 \t\r\n"),
	DOC("[ ]"),
	DOC("{ }"),
	DOC("{ \"a\" : 1 , \"b\" : 2 }"),
	DOC("\n[\n1\n,\n2\n]\n"),
	/* Numbers, section 6 */
	DOC("10"),
	DOC("-1"),
	DOC("1.5"),
	DOC("0.0"),
	DOC("-0.0"),
	DOC("1e1"),
	DOC("1E1"),
	DOC("1e+1"),
	DOC("1e-1"),
	DOC("0e0"),
	DOC("0E+00"),
	DOC("1.0e007"),
	DOC("123456789012345678901234567890"),
	DOC("1e400"),
	DOC("-1e-400"),
	DOC("0.1234567890123456789"),
	DOC("[1,2.5,-3e4]"),
	/* Strings, section 7 */
	DOC("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	DOC("\"\\u0041\""),
	DOC("\"\\u0000\""),
	DOC("\"\\uD83D\\uDE00\""),
	DOC("\"\\ud800\""),
	DOC("\"\\udc00\\ud800\""),
	DOC("\"\\uabCD\""),
	DOC("\"\x7f\""),
	DOC("\"\xc3\xa4\""),
	DOC("\"\xe2\x82\xac\""),
	DOC("\"\xf0\x9f\x98\x80\""),
	DOC("\"\xf4\x8f\xbf\xbf\""),
	DOC("\"\xe2\x80\xa8\""),
	DOC("\"/\""),
	DOC("\"'\""),
	DOC("\"//no comment\""),
	/* Objects and arrays, sections 4 and 5 */
	DOC("{}"),
	DOC("[]"),
	DOC("[[]]"),
	DOC("[{}]"),
	DOC("{\"\":\"\"}"),
	DOC("{\"a\":{\"b\":[null,true]}}"),
	DOC("{\"a\":1,\"a\":2}"),
	DOC("[null,false,true,0,\"\",{},[]]"),
	DOC("[[[[[]]]]]"),
	DOC("{\"a\\u0000b\":0}"),
	DOC("[[],{},[]]"),
};

static const struct document forbidden[] = {
	/* Nothing, or not one document */
	DOC(""),
	DOC(" "),
	DOC("\n"),
	DOC("1 2"),
	DOC("{}{}"),
	DOC("[],"),
	DOC("true false"),
	DOC("\"a\"\"b\""),
	DOC("1\0"),
	DOC("[]\0"),
	DOC("\0"),
	DOC("{}x"),
	DOC("[1]]"),
	DOC("{}}"),
	DOC("1,"),
	DOC("null;"),
	/* Words; json-c takes NaN, Infinity and -Infinity */
	DOC("NaN"),
	DOC("[NaN]"),
	DOC("-NaN"),
	DOC("nan"),
	DOC("Infinity"),
	DOC("-Infinity"),
	DOC("[Infinity]"),
	DOC("{\"a\":-Infinity}"),
	DOC("inf"),
	DOC("+1"),
	DOC("TRUE"),
	DOC("True"),
	DOC("tRue"),
	DOC("FALSE"),
	DOC("Null"),
	DOC("NULL"),
	DOC("tru"),
	DOC("truee"),
	DOC("nul"),
	DOC("fals"),
	DOC("undefined"),
	DOC("a"),
	DOC("t"),
	DOC("n"),
	DOC("f"),
	/* Numbers; json-c takes -01, 00, 1. -.5 1.e1 0.e1 */
	DOC("01"),
	DOC("-01"),
	DOC("00"),
	DOC("[012]"),
	DOC("1."),
	DOC("[1.]"),
	DOC(".5"),
	DOC("-.5"),
	DOC("-"),
	DOC("--1"),
	DOC("+0"),
	DOC("1e"),
	DOC("1e+"),
	DOC("1E-"),
	DOC("1.e1"),
	DOC("1.2.3"),
	DOC("1e1.5"),
	DOC("0x10"),
	DOC("0b1"),
	DOC("1_000"),
	DOC("1 000"),
	DOC("- 1"),
	DOC("1-"),
	DOC("1+1"),
	DOC("1e1e1"),
	DOC("1a"),
	DOC("-a"),
	DOC("0.e1"),
	DOC("2.e3"),
	DOC("[-]"),
	DOC("[1e]"),
	DOC("1f"),
	DOC("\xef\xbc\x91"),
	/* Strings; json-c takes control characters */
	DOC("\""),
	DOC("\"a"),
	DOC("\"\\\""),
	DOC("\"\\"),
	DOC("\"\\x41\""),
	DOC("\"\\a\""),
	DOC("\"\\'\""),
	DOC("\"\\0\""),
	DOC("\"\\u\""),
	DOC("\"\\u1\""),
	DOC("\"\\u12\""),
	DOC("\"\\u123\""),
	DOC("\"\\u123g\""),
	DOC("\"\\u 123\""),
	DOC("\"\\U0041\""),
	DOC("\"\\u-123\""),
	DOC("\"\\\n\""),
	DOC("\"\n\""),
	DOC("\"\t\""),
	DOC("\"\r\""),
	DOC("\"\0\""),
	DOC("\"\x1f\""),
	DOC("\"\x01\""),
	DOC("'a'"),
	DOC("`a`"),
	DOC("a\"b\""),
	DOC("\"a\"b"),
	DOC("\"\\u00"),
	/* UTF-8, section 8.1; json-c takes any bytes inside strings */
	DOC("\"\xff\""),
	DOC("\"\xc0\x80\""),
	DOC("\"\xed\xa0\x80\""),
	DOC("\"\xf4\x90\x80\x80\""),
	DOC("\"\xe2\x82\""),
	DOC("\"\xc3"),
	DOC("\xef\xbb\xbf{}"),
	DOC("\xef\xbb\xbf"),
	DOC("[\xef\xbb\xbf]"),
	DOC("\xff\xfe{\0}\0"),
	DOC("{\"\xff\":1}"),
	DOC("\xc3\xa4"),
	/* Arrays */
	DOC("["),
	DOC("]"),
	DOC("[1"),
	DOC("[1,"),
	DOC("[1,]"),
	DOC("[,1]"),
	DOC("[,]"),
	DOC("[1,,2]"),
	DOC("[1 2]"),
	DOC("[1}"),
	DOC("[1:2]"),
	DOC("[\"a\":1]"),
	DOC("[1;2]"),
	DOC("(1)"),
	DOC("[[]"),
	DOC("[\"a\""),
	/* Objects; json-c takes {'a':1} */
	DOC("{"),
	DOC("}"),
	DOC("{\"a\"}"),
	DOC("{\"a\":}"),
	DOC("{\"a\":1"),
	DOC("{\"a\":1,"),
	DOC("{\"a\":1,}"),
	DOC("{,}"),
	DOC("{a:1}"),
	DOC("{'a':1}"),
	DOC("{1:1}"),
	DOC("{null:1}"),
	DOC("{\"a\" 1}"),
	DOC("{\"a\":1 \"b\":2}"),
	DOC("{\"a\"::1}"),
	DOC("{\"a\":1:2}"),
	DOC("{\"a\":1]"),
	DOC("{\"a\",1}"),
	DOC("{[]:1}"),
	DOC("{\"a\":1,,\"b\":2}"),
	DOC("{,\"a\":1}"),
	DOC("{\"a\":"),
	DOC("{\"a\""),
	DOC("{\"a\"=1}"),
	DOC("{}[]"),
	/* Comments and blanks that are none */
	DOC("/**/1"),
	DOC("1//x"),
	DOC("[1/*x*/]"),
	DOC("#x\n1"),
	DOC("// x\n{}"),
	DOC("\v1"),
	DOC("\f1"),
	DOC("1\v"),
	DOC("[\f]"),
	DOC("\xc2\xa0"
            "1"),
	DOC("[1\xe2\x80\xa8]"),
	DOC("\b1"),
	DOC("{\v}"),
};

START_TEST(allowed_documents_pass)
{
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
		struct json_fault fault = {0, ""};
		int status = json_check(allowed[i].text, allowed[i].size, 5, &fault);
		ck_assert_msg(status == 0, "%s: %s at %zu", allowed[i].text, fault.reason, fault.offset);
	}
}
END_TEST

START_TEST(forbidden_documents_do_not)
{
	for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
		struct json_fault fault = {SIZE_MAX, NULL};
		int status = json_check(forbidden[i].text, forbidden[i].size, JSONCHECK_MAX_DEPTH, &fault);
		ck_assert_msg(status == -1, "number %zu passed: %s", i, forbidden[i].text);
		ck_assert_ptr_nonnull(fault.reason);
		ck_assert_uint_le(fault.offset, forbidden[i].size);
		ck_assert_int_eq(json_check(forbidden[i].text, forbidden[i].size, JSONCHECK_MAX_DEPTH, NULL), -1);
	}
}
END_TEST

/* Every proper prefix of a container or string is no document, and none is read past its end. */
START_TEST(prefixes_are_no_documents)
{
	static const char text[] = "{\"a\":[1,-2.5e+3,true,null,\"x\\u00e4\\n\xc3\xa4\",{\"b\":{}}],\"c\":false}";
	for (size_t size = 0; size < sizeof text - 1; size++) {
		char *copy = malloc(size + (size == 0));
		memcpy(copy, text, size);
		ck_assert_msg(json_check(copy, size, 8, NULL) == -1, "the first %zu bytes passed", size);
		free(copy);
	}
	ck_assert_int_eq(json_check(text, sizeof text - 1, 8, NULL), 0);
}
END_TEST

START_TEST(faults_say_where)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *reason;
	} cases[] = {
		{"", 0, "the document ends too early"},
		{"[1,2", 4, "the document ends too early"},
		{"[1,]", 3, "a value must stand here"},
		{"{\"a\":1,}", 7, "a member's name must stand here"},
		{"{\"a\" 1}", 5, "a colon must follow a member's name"},
		{"[1 2]", 3, "a comma or ']' must stand here"},
		{"{} x", 3, "something follows the document"},
		{"01", 1, "a number starts with a zero too many"},
		{"\"abc", 4, "a string is not closed"},
		{"\"a\nb\"", 2, "a control character stands in a string"},
		{"\"a\xff\"", 2, "a string is not UTF-8"},
		{"[nulL]", 4, "there is no such value"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json_fault fault;
		ck_assert_int_eq(json_check(cases[i].text, strlen(cases[i].text), 4, &fault), -1);
		ck_assert_str_eq(fault.reason, cases[i].reason);
		ck_assert_uint_eq(fault.offset, cases[i].offset);
	}
}
END_TEST

static void
nest(char *text, size_t depth, const char *open, const char *close)
{
	text[0] = '\0';
	for (size_t i = 0; i < depth; i++)
		text = stpcpy(text, open);
	if (open[0] == '{')
		text = stpcpy(text, "1");
	for (size_t i = 0; i < depth; i++)
		text = stpcpy(text, close);
}

START_TEST(depth_is_bounded)
{
	static const unsigned depths[] = {1, 2, 7, 8, 9, 64, 1023, JSONCHECK_MAX_DEPTH};
	static char text[8 * JSONCHECK_MAX_DEPTH];
	for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
		for (int objects = 0; objects < 2; objects++) {
			nest(text, depths[i], objects ? "{\"a\":" : "[", objects ? "}" : "]");
			ck_assert_int_eq(json_check(text, strlen(text), depths[i], NULL), 0);
			nest(text, depths[i] + 1, objects ? "{\"a\":" : "[", objects ? "}" : "]");
			struct json_fault fault;
			ck_assert_int_eq(json_check(text, strlen(text), depths[i], &fault), -1);
			ck_assert_str_eq(fault.reason, "the nesting is too deep");
		}
	}
	ck_assert_int_eq(json_check("1", 1, 1, NULL), 0);
}
END_TEST

/* A level that was an object must be read as an array when it is opened again, and the other way. */
START_TEST(levels_are_forgotten)
{
	ck_assert_int_eq(json_check("[{\"a\":1},[1,2],{\"b\":[3]}]", 25, 3, NULL), 0);
	ck_assert_int_eq(json_check("[{\"a\":1},[\"b\":2]]", 17, 3, NULL), -1);
	ck_assert_int_eq(json_check("[[1],{1}]", 9, 3, NULL), -1);
}
END_TEST

START_TEST(depth_zero_is_a_bug) /* raises SIGABRT */
{
	json_check("1", 1, 0, NULL);
}
END_TEST

START_TEST(depth_past_the_maximum_is_a_bug) /* raises SIGABRT */
{
	json_check("1", 1, JSONCHECK_MAX_DEPTH + 1, NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("jsoncheck");
	TCase *tc = tcase_create("jsoncheck");
	tcase_add_test(tc, allowed_documents_pass);
	tcase_add_test(tc, forbidden_documents_do_not);
	tcase_add_test(tc, prefixes_are_no_documents);
	tcase_add_test(tc, faults_say_where);
	tcase_add_test(tc, depth_is_bounded);
	tcase_add_test(tc, levels_are_forgotten);
	tcase_add_test_raise_signal(tc, depth_zero_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, depth_past_the_maximum_is_a_bug, SIGABRT);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
