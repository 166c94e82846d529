/* test_access.c - who may see details. */
#include <check.h>
#include <stdlib.h>

#include "access.h"
#include "run_suite.h"
#include "text_list.h"

static const struct {
	const char *allow, *ip;
	bool allowed;
} addresses[] = {
	{"loopback", "127.0.0.1", true},
	{"loopback", "127.9.9.9", true},
	{"loopback", "::1", true},
	{"loopback", "::ffff:127.0.0.1", true},
	{"loopback", "", false},
	{"LOOPBACK", "127.0.0.1", true},
	{"loopback", "128.0.0.1", false},
	{"loopback", "::2", false},
	{"loopback", "unix:", false},
	{"loopback", "localhost", false},
	{"loopback", "127.0.0.1x", false},
	{"", "127.0.0.1", false},
	{"", "", false},
	{"10.0.0.0/8", "10.200.3.4", true},
	{"10.0.0.0/8", "11.0.0.0", false},
	{"10.0.0.0/8", "127.0.0.1", false},
	{"10.0.0.0/8", "", false},
	{"10.1.2.128/25", "10.1.2.127", false},
	{"10.1.2.128/25", "10.1.2.128", true},
	{"192.0.2.7", "192.0.2.7", true},
	{"192.0.2.7", "192.0.2.8", false},
	{"192.0.2.7", "::ffff:192.0.2.7", true},
	{"2001:db8::/32", "2001:db8:1::1", true},
	{"2001:db8::/32", "2001:db9::1", false},
	{"loopback, 192.0.2.0/24", "192.0.2.1", true},
	{"0.0.0.0/0", "8.8.8.8", true},
	{"all", "8.8.8.8", true},
	{"all", "", true},
	{"all", "anything", true},
	{"nonsense, 10.0.0.0/99", "10.0.0.1", false},
};

START_TEST(test_addresses)
{
	struct text_list allow;
	ck_assert_int_eq(text_list_split(&allow, addresses[_i].allow), 0);
	ck_assert_msg(access_address_allowed(&allow, addresses[_i].ip) == addresses[_i].allowed, "\"%s\" for \"%s\"",
	              addresses[_i].allow, addresses[_i].ip);
	text_list_fini(&allow);
}
END_TEST

static const struct {
	const char *authorization, *token;
	bool matches;
} tokens[] = {
	{"Bearer s3cret", "s3cret", true},
	{"bearer s3cret", "s3cret", true},
	{"BEARER   s3cret", "s3cret", true},
	{"Bearer s3cre", "s3cret", false},
	{"Bearer s3crets3cret", "s3cret", false},
	{"Bearer s3cret ", "s3cret", false},
	{"Bearer S3cret", "s3cret", false},
	{"Bearer ", "s3cret", false},
	{"Bearer", "s3cret", false},
	{"Bearers3cret", "s3cret", false},
	{"Basic s3cret", "s3cret", false},
	{"Basic YW55OnMzY3JldA==", "s3cret", true},
	{"basic   OnMzY3JldA==", "s3cret", true},
	{"Basic YW55OnMzY3Jlcw==", "s3cret", false},
	{"Basic czNjcmV0", "s3cret", false},
	{"Basic czNjcmV0Og==", "s3cret", false},
	{"Basic YW55OnMzY3JldDo=", "s3cret", false},
	{"Basic YW55OnMzY3JldAB4", "s3cret", false},
	{"Basic YW55OnMzY3JldAx", "s3cret", false},
	{"Basic YW55Og==", "", false},
	{"Basic YW55OmE6Yg==", "a:b", true},
	{"Basic", "s3cret", false},
	{"Basic ", "s3cret", false},
	{"", "s3cret", false},
	{NULL, "s3cret", false},
	{"Bearer s3cret", NULL, false},
	{"Bearer ", "", false},
	{"Bearer x", "", false},
};

START_TEST(test_tokens)
{
	ck_assert_msg(access_token_matches(tokens[_i].authorization, tokens[_i].token) == tokens[_i].matches, "row %d",
	              _i);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("access");
	TCase *tc = tcase_create("access");
	tcase_add_loop_test(tc, test_addresses, 0, (int)(sizeof addresses / sizeof addresses[0]));
	tcase_add_loop_test(tc, test_tokens, 0, (int)(sizeof tokens / sizeof tokens[0]));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
