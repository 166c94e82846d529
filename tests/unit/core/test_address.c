/* test_address.c - addresses to listen on, and blocks of addresses. */
#include "address.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "address_block.h"
#include "err.h"
#include "run_suite.h"

#define A100 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj"

static const char *const good[] = {
	"unix:/run/vitals/vitals.sock",
	"unix:/a",
	"unix:/aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj123456", /* 107 bytes */
	"tcp:127.0.0.1:9000",
	"tcp:0.0.0.0:1",
	"tcp:[::1]:65535",
	"tcp:[::]:9000",
	"tcp:localhost:9000",
	"tcp:[2001:db8::7]:80",
};

static const struct {
	const char *text, *says;
} bad[] = {
	{"", "no address"},
	{"9000", "no address"},
	{"unix:", "absolute"},
	{"unix:relative.sock", "absolute"},
	{"unix:/run/", "directory"},
	{"unix:/" A100 "1234567", "at most 107"},
	{"tcp:9000", "port"},
	{"tcp::9000", "names no host"},
	{"tcp:*:9000", "names no host"},
	{"tcp:[]:9000", "names no host"},
	{"tcp:127.0.0.1", "port"},
	{"tcp:127.0.0.1:", "port"},
	{"tcp:127.0.0.1:0", "port"},
	{"tcp:127.0.0.1:65536", "port"},
	{"tcp:127.0.0.1:+80", "port"},
	{"tcp:127.0.0.1:80x", "port"},
	{"tcp:example.org:80", "not resolved"},
	{"tcp:0:80", "not resolved"},
	{"tcp:127.1:80", "not resolved"},
	{"tcp:[127.0.0.1]:80", "not resolved"},
	{"tcp:::1:80", "brackets"},
	{"tcp:::80", "brackets"},
	{"tcp:[0::0]:80", "neither"},
	{"tcp:[::0.0.0.0]:80", "neither"},
	{"tcp:[::ffff:0.0.0.0]:80", "neither"},
	{"tcp:" A100 ":80", "no IP address"},
};

START_TEST(takes)
{
	struct address address;
	struct err err = {""};
	ck_assert_msg(address_parse(&address, good[_i], &err) == 0, "%s: %s", good[_i], err.text);
	ck_assert_str_eq(address.text, good[_i]);
	ck_assert_int_gt(address.length, 2);
	ck_assert((address_unix_path(&address) != NULL) == (strncmp(good[_i], "unix:", 5) == 0));
}
END_TEST

START_TEST(refuses)
{
	struct address address;
	struct err err = {""};
	ck_assert_int_eq(address_parse(&address, bad[_i].text, &err), -1);
	ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "%s: %s", bad[_i].text, err.text);
	ck_assert_int_eq(err.text[strlen(err.text) - 1], '.');
}
END_TEST

START_TEST(fills_the_socket_address)
{
	struct address address;
	ck_assert_int_eq(address_parse(&address, "tcp:localhost:9000", NULL), 0);
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&address.storage;
	ck_assert_int_eq(sin->sin_family, AF_INET);
	ck_assert_uint_eq(ntohl(sin->sin_addr.s_addr), INADDR_LOOPBACK);
	ck_assert_uint_eq(ntohs(sin->sin_port), 9000);
	ck_assert_int_eq(address_parse(&address, "unix:/a/b", NULL), 0);
	ck_assert_str_eq(address_unix_path(&address), "/a/b");
}
END_TEST

static const struct {
	const char *block, *ip;
	bool inside;
} blocks[] = {
	{"10.0.0.0/8", "10.255.0.1", true},
	{"10.0.0.0/8", "11.0.0.1", false},
	{"10.0.0.0/8", "::ffff:10.1.2.3", true},
	{"10.1.2.3", "10.1.2.3", true},
	{"10.1.2.3", "10.1.2.4", false},
	{"192.168.4.0/22", "192.168.7.255", true},
	{"192.168.4.0/22", "192.168.8.0", false},
	{"0.0.0.0/0", "8.8.8.8", true},
	{"0.0.0.0/0", "2001:db8::1", false},
	{"::/0", "8.8.8.8", true},
	{"2001:db8::/33", "2001:db8:7fff::1", true},
	{"2001:db8::/33", "2001:db8:8000::1", false},
	{"::1", "::1", true},
	{"::1", "127.0.0.1", false},
	{"::1", "", false},
	{"::1", "nonsense", false},
};

START_TEST(tells_what_is_in_a_block)
{
	struct address_block block;
	ck_assert_int_eq(address_block_parse(&block, blocks[_i].block, NULL), 0);
	ck_assert(address_block_contains(&block, blocks[_i].ip) == blocks[_i].inside);
}
END_TEST

static const char *const bad_blocks[] = {
	"",       "/8",           "10.0.0.0/",   "10.0.0.0/33", "10.0.0.0/-1",   "10.0.0.0/ 8", "::/129",
	"10.0.0", "10.0.0.0/8/8", "example.org", "[::1]",       "10.0.0.0/0008", A100,
};

START_TEST(refuses_blocks)
{
	struct address_block block;
	struct err err = {""};
	ck_assert_int_eq(address_block_parse(&block, bad_blocks[_i], &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "10.0.0.0/8"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("address");
	TCase *tcase = tcase_create("address");
	tcase_add_loop_test(tcase, takes, 0, sizeof good / sizeof good[0]);
	tcase_add_loop_test(tcase, refuses, 0, sizeof bad / sizeof bad[0]);
	tcase_add_test(tcase, fills_the_socket_address);
	tcase_add_loop_test(tcase, tells_what_is_in_a_block, 0, sizeof blocks / sizeof blocks[0]);
	tcase_add_loop_test(tcase, refuses_blocks, 0, sizeof bad_blocks / sizeof bad_blocks[0]);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
