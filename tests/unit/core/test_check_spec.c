/* test_check_spec.c - what CHECKS may say, and what is said of what it may not. */
#include <check.h>
#include <string.h>

#include "check_spec.h"
#include "err.h"
#include "run_suite.h"
#include "strbuf.h"

static struct check_spec spec;

static void
takes(const char *text)
{
	struct err err = {""};
	ck_assert_msg(check_spec_parse(&spec, text, &err) == 0, "%s: %s", text, err.text);
}

static const char *const good[] = {
	"a=tcp:127.0.0.1:25",
	"a=tcp:[::1]:25;warn=10ms;fail=1s",
	"a=unix:/run/x.sock",
	"a=http://127.0.0.1",
	"a=http://[::1]/x?y=1;status=204",
	"a=http://localhost:8080/;contains=a%3Bb%2Cc;host=shop.example",
	"a=fastcgi:unix:/run/php.sock;path=/ping;script=/var/www/ping.php;contains=pong",
	"a=fastcgi:tcp:127.0.0.1:9000",
	"a=file:/var/backups/%2a.dump;warn=1d",
	"a=certificate:/etc/ssl/x.pem",
	"a=certificate:/x;fail=30d",
	"a=pressure:io;fail=50;share=full",
	"a=postgres:lag;replicas=2",
	"a=postgres:connections;fail=20",
	"a=redis:memory;fail=50",
	"a=redis:role;role=replica;url=redis://127.0.0.1",
	"a-1_b=command:/bin/x -w '5 %25';every=10s;timeout=2s",
};

static const struct {
	const char *text, *says;
} bad[] = {
	{"", "has no name"},
	{"=tcp:127.0.0.1:1", "has no name"},
	{"a", "has no name"},
	{"a=", "a: the target is \"\""},
	{"a=tcp:", "the address"},
	{"a=tcp:127.0.0.1:1;", "is no option"},
	{"a=tcp:127.0.0.1:1;warn", "allowed is option=value"},
	{"a=tcp:127.0.0.1:1;warn=", "warn is \"\""},
	{"a=tcp:127.0.0.1:1;warn=%zz", "hexadecimal"},
	{"a=http://example.org/", "the address"},
	{"a=http://127.0.0.1/a b", "visible ASCII"},
	{"a=http://127.0.0.1/;status=99", "status"},
	{"a=http://127.0.0.1/;host=a%0d%0ab", "host"},
	{"a=http://127.0.0.1/;contains=", "contains"},
	{"a=file:/%", "hexadecimal"},
	{"a=file:/x", "warn or fail must be given"},
	{"a=postgres:size", "the target"},
	{"a=postgres:lag;url=nothing", "url: allowed"},
	{"a=command:/x 'y", "quote"},
	{"a=command:/x;every=1ms", "every"},
};

START_TEST(test_good)
{
	takes(good[_i]);
}
END_TEST

START_TEST(test_bad)
{
	struct err err = {""};
	ck_assert_int_eq(check_spec_parse(&spec, bad[_i].text, &err), -1);
	ck_assert_msg(strstr(err.text, bad[_i].says) != NULL, "%s: %s", bad[_i].text, err.text);
}
END_TEST

START_TEST(test_values_read)
{
	takes("shop=http://127.0.0.1:8080/a?b=c&d;contains=x%3By;warn=200ms");
	ck_assert_str_eq(spec.name, "shop");
	ck_assert_str_eq(spec.address.text, "tcp:127.0.0.1:8080");
	ck_assert_str_eq(spec.host, "127.0.0.1:8080");
	ck_assert_str_eq(spec.path, "/a?b=c&d");
	ck_assert_str_eq(spec.contains, "x;y");
	ck_assert_int_eq(spec.warn, 200);
	ck_assert_int_eq(spec.fail, CHECK_SPEC_NO_BOUND);
	takes("shop=http://127.0.0.1");
	ck_assert_str_eq(spec.address.text, "tcp:127.0.0.1:80");
	ck_assert_str_eq(spec.path, "/");
}
END_TEST

START_TEST(test_a_default_bound_gives_way)
{
	takes("a=certificate:/x;fail=30d");
	ck_assert_int_eq(spec.warn, spec.fail);
	takes("a=redis:memory;warn=99");
	ck_assert_int_eq(spec.fail, 99);
}
END_TEST

START_TEST(test_identity)
{
	takes("a=tcp:127.0.0.1:1");
	uint64_t first = spec.identity;
	takes("a=tcp:127.0.0.1:2");
	ck_assert_uint_ne(first, spec.identity);
}
END_TEST

static const struct {
	enum check_unit unit;
	int64_t value;
	const char *text;
} said[] = {
	{UNIT_MS, 0, "0ms"},        {UNIT_MS, 999, "999ms"},     {UNIT_MS, 9999, "9999ms"},  {UNIT_MS, 10500, "10s"},
	{UNIT_MS, 3600000, "1h"},   {UNIT_MS, 5400001, "90m"},   {UNIT_MS, 93600000, "26h"}, {UNIT_MS, 345600000, "4d"},
	{UNIT_MS, 500000000, "5d"}, {UNIT_MS, -5000, "-5000ms"}, {UNIT_PERCENT, 80, "80 %"}, {UNIT_COUNT, 3, "3"},
};

START_TEST(test_said)
{
	char text[64];
	struct strbuf out;
	strbuf_init_fixed(&out, text, sizeof text);
	check_spec_write_value(&out, said[_i].unit, said[_i].value);
	ck_assert_str_eq(out.data, said[_i].text);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	Suite *suite = suite_create("check_spec");
	TCase *tcase = tcase_create("check_spec");
	tcase_add_loop_test(tcase, test_good, 0, COUNT(good));
	tcase_add_loop_test(tcase, test_bad, 0, COUNT(bad));
	tcase_add_test(tcase, test_values_read);
	tcase_add_test(tcase, test_a_default_bound_gives_way);
	tcase_add_test(tcase, test_identity);
	tcase_add_loop_test(tcase, test_said, 0, COUNT(said));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
