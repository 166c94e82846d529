/* test_address.c - addresses to listen on, and blocks of addresses. */
#include "address.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

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

START_TEST(tells_names_from_what_need_not_be_looked_up)
{
	static const struct {
		const char *host;
		bool known;
	} table[] = {
		{"127.0.0.1", true}, {"::1", true}, {"localhost", true}, {"db.example.com", false}, {"1.2.3", false}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		ck_assert_msg(address_host_is_known(table[i].host, strlen(table[i].host)) == table[i].known, "%s",
		              table[i].host);
	ck_assert(address_host_is_known("10.0.0.7,10.0.0.8", 8));
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

/* ---- Of sockets that are there ---- */

/* A listening socket at the address, which is read back. */
static struct address
read_back(const struct sockaddr *where, socklen_t length)
{
	struct address address;
	int fd = socket(where->sa_family, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, where, length), 0);
	ck_assert_int_eq(address_of_socket(&address, fd), 0);
	close(fd);
	return address;
}

START_TEST(reads_a_unix_path_back)
{
	char directory[] = "/tmp/vt-address-XXXXXX", path[64];
	struct address address, parsed;
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "unix:%s/s", directory);
	ck_assert_int_eq(address_parse(&parsed, path, NULL), 0);
	address = read_back((const struct sockaddr *)&parsed.storage, parsed.length);
	unlink(address_unix_path(&parsed));
	rmdir(directory);
	ck_assert_str_eq(address.text, parsed.text);
	ck_assert_str_eq(address_unix_path(&address), address_unix_path(&parsed));
	ck_assert_uint_eq(address.length, parsed.length);
}
END_TEST

/* The longest path fills sun_path to its last byte, without a NUL. */
START_TEST(reads_the_longest_unix_path_back)
{
	char directory[] = "/tmp/vt-address-XXXXXX";
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	ck_assert_ptr_nonnull(mkdtemp(directory));
	int start = snprintf(sun.sun_path, sizeof sun.sun_path, "%s/", directory);
	memset(sun.sun_path + start, 'x', sizeof sun.sun_path - (size_t)start);
	struct address address = read_back((const struct sockaddr *)&sun, sizeof sun);
	unlink(address_unix_path(&address));
	rmdir(directory);
	ck_assert_uint_eq(strlen(address_unix_path(&address)), sizeof sun.sun_path);
	ck_assert_uint_eq(strlen(address.text), strlen("unix:") + sizeof sun.sun_path);
}
END_TEST

START_TEST(reads_an_abstract_address_back)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int size = snprintf(sun.sun_path + 1, sizeof sun.sun_path - 1, "vt-address-%d", (int)getpid());
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
	struct address address = read_back((const struct sockaddr *)&sun, length);
	char wanted[64];
	snprintf(wanted, sizeof wanted, "unix:@vt-address-%d", (int)getpid());
	ck_assert_str_eq(address.text, wanted);
	ck_assert_ptr_null(address_unix_path(&address));
}
END_TEST

static const char *const bound[] = {"tcp:127.0.0.1:", "tcp:0.0.0.0:", "tcp:[::1]:", "tcp:[::]:"};

START_TEST(reads_tcp_addresses_back)
{
	struct address parsed, address, again;
	char text[64];
	snprintf(text, sizeof text, "%s1", bound[_i]);
	ck_assert_int_eq(address_parse(&parsed, text, NULL), 0);
	/* Port 0: the kernel chooses. Both families have it at the same place. */
	((struct sockaddr_in *)&parsed.storage)->sin_port = 0;
	address = read_back((const struct sockaddr *)&parsed.storage, parsed.length);
	ck_assert_int_eq(strncmp(address.text, bound[_i], strlen(bound[_i])), 0);
	ck_assert_int_eq(address_parse(&again, address.text, NULL), 0);
	ck_assert_uint_eq(again.length, address.length);
	ck_assert_int_eq(memcmp(&again.storage, &address.storage, address.length), 0);
	ck_assert_ptr_null(address_unix_path(&address));
}
END_TEST

START_TEST(refuses_sockets_of_other_families)
{
	struct address address;
	int fd = socket(AF_NETLINK, SOCK_RAW, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(address_of_socket(&address, fd), -1);
	ck_assert_int_eq(errno, EAFNOSUPPORT);
	close(fd);
	ck_assert_int_eq(address_of_socket(&address, -1), -1);
	ck_assert_int_eq(errno, EBADF);
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
	tcase_add_test(tcase, tells_names_from_what_need_not_be_looked_up);
	tcase_add_test(tcase, fills_the_socket_address);
	tcase_add_test(tcase, reads_a_unix_path_back);
	tcase_add_test(tcase, reads_the_longest_unix_path_back);
	tcase_add_test(tcase, reads_an_abstract_address_back);
	tcase_add_loop_test(tcase, reads_tcp_addresses_back, 0, sizeof bound / sizeof bound[0]);
	tcase_add_test(tcase, refuses_sockets_of_other_families);
	tcase_add_loop_test(tcase, tells_what_is_in_a_block, 0, sizeof blocks / sizeof blocks[0]);
	tcase_add_loop_test(tcase, refuses_blocks, 0, sizeof bad_blocks / sizeof bad_blocks[0]);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
