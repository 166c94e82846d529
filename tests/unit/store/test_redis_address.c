/* test_redis_address.c - REDIS_URL: what is taken, what is refused, and that no refusal tells a secret. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "redis.h"
#include "run_suite.h"

static void
check_text(const char *is, const char *should)
{
	if (should == NULL)
		ck_assert_ptr_null(is);
	else
		ck_assert_str_eq(is, should);
}

START_TEST(taken)
{
	static const struct {
		const char *url;
		struct redis_address want;
	} cases[] = {
		{"redis://h", {.host = "h", .port = 6379}},
		{"redis://h/", {.host = "h", .port = 6379}},
		{"redis://127.0.0.1:7000/3", {.host = "127.0.0.1", .port = 7000, .database = 3}},
		{"redis://[::1]", {.host = "::1", .port = 6379}},
		{"redis://[::1]:7000/0", {.host = "::1", .port = 7000}},
		{"redis://:pw@h", {.host = "h", .port = 6379, .password = "pw"}},
		{"redis://u:p%40%2Fw%3A@h:1/15",
	         {.host = "h", .port = 1, .user = "u", .password = "p@/w:", .database = 15}},
		{"redis://u:a:b@h", {.host = "h", .port = 6379, .user = "u", .password = "a:b"}},
		{"redis://:a+b@h", {.host = "h", .port = 6379, .password = "a+b"}},
		{"unix:///run/r.sock", {.path = "/run/r.sock"}},
		{"unix:///run/a%20b?db=2", {.path = "/run/a b", .database = 2}},
		{"redis+unix:///run/r.sock?db=0", {.path = "/run/r.sock"}},
		{"redis+unix://u:pw@/run/r.sock", {.path = "/run/r.sock", .user = "u", .password = "pw"}},
		{"unix://:pw@/r", {.path = "/r", .password = "pw"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct redis_address address;
		struct err err = {.text = ""};
		ck_assert_msg(redis_address_parse(&address, cases[i].url, &err) == 0, "%s: %s", cases[i].url, err.text);
		check_text(address.host, cases[i].want.host);
		check_text(address.path, cases[i].want.path);
		check_text(address.user, cases[i].want.user);
		check_text(address.password, cases[i].want.password);
		ck_assert_int_eq(address.port, cases[i].want.port);
		ck_assert_int_eq(address.database, cases[i].want.database);
		redis_address_fini(&address);
		redis_address_fini(&address); /* twice is harmless */
	}
}
END_TEST

START_TEST(refused)
{
	static const char *const urls[] = {
		"",
		"secret",
		"http://secret",
		"redis:",
		"redis:/secret",
		"redis://",
		"redis:///1",
		"redis://:7000",
		"redis://secret:0",
		"redis://secret:70000",
		"redis://secret:",
		"redis://secret:12x",
		"redis://secret:-1",
		"redis://secret/x",
		"redis://secret/1/2",
		"redis://secret/-1",
		"redis://secret/99999999999",
		"redis://secret@h",
		"redis://secret:@h",
		"redis://u:secret@w@h",
		"redis://u:secret%zz@h",
		"redis://u:secret%00@h",
		"redis://secret%@h",
		"redis://[::1",
		"redis://[::1]secret",
		"redis://[]",
		"redis://secret?db=1",
		"redis://secret#x",
		"unix://",
		"unix:///",
		"unix://secret/path",
		"unix:secret",
		"unix:///run/secret?db=x",
		"unix:///run/secret?db=",
		"unix:///run/secret?x=1",
		"unix:///run/secret%00",
		"rediss://u:secret@h",
	};
	char longer[256] = "unix:///";
	memset(longer + 8, 'a', 150);
	for (size_t i = 0; i <= sizeof urls / sizeof urls[0]; i++) {
		const char *url = i < sizeof urls / sizeof urls[0] ? urls[i] : longer;
		struct redis_address address;
		struct err err = {.text = ""};
		ck_assert_msg(redis_address_parse(&address, url, &err) == -1, "%s", url);
		ck_assert_msg(strstr(err.text, "REDIS_URL") != NULL, "%s: %s", url, err.text);
		ck_assert_msg(strstr(err.text, "secret") == NULL, "%s: %s", url, err.text);
		ck_assert(address.host == NULL && address.path == NULL && address.password == NULL &&
		          address.user == NULL);
	}
}
END_TEST

START_TEST(tls_is_refused_in_clear_words)
{
	struct redis_address address;
	struct err err;
	ck_assert_int_eq(redis_address_parse(&address, "rediss://h", &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "TLS"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis_address");
	TCase *tc = tcase_create("redis_address");
	tcase_add_test(tc, taken);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, tls_is_refused_in_clear_words);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
