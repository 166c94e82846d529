/* test_redis_reply.c - whole, not yet whole, or nothing that may become a reply; and what error replies mean. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "redis_reply.h"
#include "run_suite.h"

START_TEST(whole_ones)
{
	static const char *const replies[] = {
		"+OK\r\n",
		"-ERR x\r\n",
		":-12\r\n",
		"$-1\r\n",
		"$0\r\n\r\n",
		"$3\r\na\r\n\r\n",
		"*-1\r\n",
		"*0\r\n",
		"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n",
		"*3\r\n$6\r\nmaster\r\n:100\r\n*2\r\n*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n2\r\n*3\r\n$1\r\nb\r\n$1\r\n1\r\n$1\r\n2\r\n",
		"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*-1\r\n",
		"*2\r\n*0\r\n*1\r\n*0\r\n",
	};
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		size_t size = strlen(replies[i]);
		/* On the heap without a NUL behind it, so that a look past the end is seen by the sanitizer. */
		for (size_t part = 0; part <= size; part++) {
			char *bytes = malloc(part > 0 ? part : 1);
			memcpy(bytes, replies[i], part);
			ck_assert_msg(redis_reply_walk(bytes, part) ==
			                      (part < size ? REDIS_SHAPE_PART : REDIS_SHAPE_WHOLE),
			              "%s: %zu of %zu", replies[i], part, size);
			free(bytes);
		}
		char more[256];
		memcpy(more, replies[i], size);
		memcpy(more + size, "?", 1); /* of the next one, which is not looked at */
		ck_assert_int_eq(redis_reply_walk(more, size + 1), REDIS_SHAPE_WHOLE);
	}
}
END_TEST

START_TEST(refused_ones)
{
	static const char *const replies[] = {
		"?",
		"\r\n",
		"*x\r\n",
		"*\r\n",
		"*-2\r\n",
		"*1\r\n%",
		"$-2\r\n",
		"$x",
		"$1\r\nabc",
		":1x\r\n",
		":--1\r\n",
		"*1\rx",
		"*1\n",
		"$9999999999999999999\r\n",
		"*9999999999999999999\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n",
	};
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
		ck_assert_msg(redis_reply_walk(replies[i], strlen(replies[i])) == REDIS_SHAPE_REFUSED, "%s",
		              replies[i]);
}
END_TEST

/* However many it announces, nothing is given to who would make room for them before they are there. */
START_TEST(announced_and_not_sent)
{
	static const char *const replies[] = {"*1000000000\r\n", "*2\r\n*999999999\r\n:1\r\n", "$999999999\r\nabc"};
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
		ck_assert_int_eq(redis_reply_walk(replies[i], strlen(replies[i])), REDIS_SHAPE_PART);
}
END_TEST

START_TEST(faults)
{
	static const struct {
		const char *text;
		enum vt_result result;
		enum redis_drop drop;
		enum redis_reach reach;
	} cases[] = {
		{"LOADING Redis is loading", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_ALL},
		{"READONLY You can't write", VT_UNAVAILABLE, REDIS_DROP_NOW_AND_THEN, REDIS_REFUSES_THIS},
		{"OOM command not allowed", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS},
		{"MISCONF Redis is configured", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS},
		{"NOREPLICAS Not enough", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS},
		{"NOPERM this user has", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_THIS},
		{"NOAUTH Authentication required.", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL},
		{"WRONGPASS invalid", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL},
		{"BUSY Redis is busy", VT_UNAVAILABLE, REDIS_KEEP, REDIS_REFUSES_ALL},
		{"MASTERDOWN Link", VT_UNAVAILABLE, REDIS_DROP, REDIS_REFUSES_ALL},
		{"WRONGTYPE Operation", VT_ERROR, REDIS_KEEP, REDIS_REFUSES_THIS},
		{"ERR something", VT_ERROR, REDIS_KEEP, REDIS_REFUSES_THIS},
		{"", VT_ERROR, REDIS_KEEP, REDIS_REFUSES_THIS},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct redis_fault *fault = redis_reply_fault(cases[i].text);
		ck_assert_msg(fault->result == cases[i].result && fault->drop == cases[i].drop &&
		                      fault->reach == cases[i].reach,
		              "%s", cases[i].text);
		ck_assert_uint_gt(strlen(fault->words), 0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis_reply");
	TCase *tc = tcase_create("redis_reply");
	tcase_add_test(tc, whole_ones);
	tcase_add_test(tc, refused_ones);
	tcase_add_test(tc, announced_and_not_sent);
	tcase_add_test(tc, faults);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
