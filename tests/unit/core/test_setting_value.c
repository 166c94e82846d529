/* test_setting_value.c - single values: what is taken for which type, what is refused, what is allowed in words. */
#include "setting_value.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "run_suite.h"
#include "strbuf.h"

static const char *const words[] = {"DEBUG", "INFO", "WARNING", NULL};

static const struct setting_def boolean = {.name = "B", .type = SETTING_BOOL};
static const struct setting_def integer = {.name = "I", .type = SETTING_INT, .min = -5, .max = 1024, .unit = "things"};
static const struct setting_def any_integer = {.name = "A", .type = SETTING_INT, .min = INT64_MIN, .max = INT64_MAX};
static const struct setting_def duration = {.name = "D", .type = SETTING_DURATION, .max = INT64_MAX};
static const struct setting_def short_duration = {.name = "S", .type = SETTING_DURATION, .min = 10, .max = 999};
static const struct setting_def size = {.name = "Z", .type = SETTING_SIZE, .max = INT64_MAX};
static const struct setting_def ratio = {.name = "R", .type = SETTING_RATIO, .max = 1000000};
static const struct setting_def mode = {.name = "M", .type = SETTING_MODE, .max = 0777};
static const struct setting_def word = {.name = "W", .type = SETTING_WORD, .words = words};

static const struct {
	const struct setting_def *def;
	const char *text;
	int64_t number;
} good[] = {
	{&boolean, "true", 1},
	{&boolean, "false", 0},
	{&boolean, "Yes", 1},
	{&boolean, "NO", 0},
	{&boolean, "on", 1},
	{&boolean, "off", 0},
	{&boolean, "1", 1},
	{&boolean, "0", 0},
	{&integer, "0", 0},
	{&integer, "1024", 1024},
	{&integer, "-5", -5},
	{&integer, "007", 7},
	{&any_integer, "9223372036854775807", INT64_MAX},
	{&any_integer, "-9223372036854775808", INT64_MIN},
	{&duration, "30", 30000},
	{&duration, "30s", 30000},
	{&duration, "800ms", 800},
	{&duration, "5m", 300000},
	{&duration, "1h", 3600000},
	{&duration, "1d", 86400000},
	{&duration, "0", 0},
	{&duration, "0ms", 0},
	{&short_duration, "10ms", 10},
	{&short_duration, "999ms", 999},
	{&size, "0", 0},
	{&size, "512", 512},
	{&size, "512B", 512},
	{&size, "512k", 524288},
	{&size, "64KiB", 65536},
	{&size, "64kib", 65536},
	{&size, "16MiB", 16777216},
	{&size, "16M", 16777216},
	{&size, "1GiB", 1073741824},
	{&size, "1G", 1073741824},
	{&size, "1g", 1073741824},
	{&ratio, "0", 0},
	{&ratio, "1", 1000000},
	{&ratio, "0.01", 10000},
	{&ratio, "1%", 10000},
	{&ratio, "100%", 1000000},
	{&ratio, "12.5%", 125000},
	{&ratio, "0.0001%", 1},
	{&ratio, "0.000001", 1},
	{&ratio, "0.999999", 999999},
	{&ratio, "1.0", 1000000},
	{&mode, "0660", 0660},
	{&mode, "660", 0660},
	{&mode, "0", 0},
	{&mode, "777", 0777},
	{&ratio, "0", 0},
	{&ratio, "1", 1000000},
	{&ratio, "0.01", 10000},
	{&ratio, "0.5", 500000},
	{&ratio, "0.000001", 1},
	{&ratio, "1.000000", 1000000},
	{&ratio, "0.123456", 123456},
	{&word, "DEBUG", 0},
	{&word, "info", 1},
	{&word, "Warning", 2},
};

static const struct {
	const struct setting_def *def;
	const char *text;
} bad[] = {
	{&boolean, ""},
	{&boolean, "2"},
	{&boolean, "y"},
	{&boolean, "true "},
	{&boolean, "tru"},
	{&integer, ""},
	{&integer, "-6"},
	{&integer, "1025"},
	{&integer, "+1"},
	{&integer, " 1"},
	{&integer, "1 "},
	{&integer, "1.0"},
	{&integer, "0x10"},
	{&integer, "ten"},
	{&integer, "-"},
	{&integer, "--1"},
	{&any_integer, "9223372036854775808"},
	{&any_integer, "-9223372036854775809"},
	{&duration, ""},
	{&duration, "s"},
	{&duration, "-1s"},
	{&duration, "1 s"},
	{&duration, "1.5s"},
	{&duration, "1M"},
	{&duration, "1min"},
	{&duration, "1h30m"},
	{&duration, "1w"},
	{&duration, "9223372036854775807"},
	{&duration, "106751991168d"},
	{&duration, "99999999999999999999s"},
	{&short_duration, "1s"},
	{&short_duration, "9ms"},
	{&short_duration, "0"},
	{&short_duration, "1000ms"},
	{&size, ""},
	{&size, "k"},
	{&size, "-1"},
	{&size, "1KB"},
	{&size, "1 KiB"},
	{&size, "1.5M"},
	{&size, "1T"},
	{&size, "8589934592G"},
	{&size, "17179869185G"},
	{&size, "1Kib1"},
	{&ratio, ""},
	{&ratio, "%"},
	{&ratio, ".5"},
	{&ratio, "1."},
	{&ratio, "-0.1"},
	{&ratio, "1.000001"},
	{&ratio, "101%"},
	{&ratio, "0.0000001"},
	{&ratio, "0.00001%"},
	{&ratio, "0.5 %"},
	{&ratio, "0,5"},
	{&ratio, "1e-2"},
	{&ratio, "99999999999999999999"},
	{&mode, ""},
	{&mode, "0888"},
	{&mode, "1000"},
	{&mode, "rw"},
	{&mode, "-1"},
	{&mode, "0o660"},
	{&ratio, ""},
	{&ratio, "."},
	{&ratio, ".5"},
	{&ratio, "0."},
	{&ratio, "1.000001"},
	{&ratio, "2"},
	{&ratio, "-0.5"},
	{&ratio, "0.0000001"},
	{&ratio, "0.5 "},
	{&ratio, "0,5"},
	{&ratio, "1e-2"},
	{&ratio, "0.5.5"},
	{&ratio, "9223372036854775807"},
	{&word, ""},
	{&word, "TRACE"},
	{&word, "INF"},
	{&word, "INFOS"},
};

START_TEST(takes_numbers)
{
	struct setting_value value;
	struct err err = {""};
	ck_assert_msg(setting_value_parse(good[_i].def, good[_i].text, &value, &err) == 0, "%s: %s", good[_i].text,
	              err.text);
	ck_assert_int_eq(value.number, good[_i].number);
}
END_TEST

START_TEST(writes_numbers_that_read_back)
{
	struct setting_value value;
	char storage[64];
	struct strbuf text;
	strbuf_init_fixed(&text, storage, sizeof storage);
	setting_number_write(&text, good[_i].def, good[_i].number);
	ck_assert_int_eq(setting_value_parse(good[_i].def, text.data, &value, NULL), 0);
	ck_assert_int_eq(value.number, good[_i].number);
}
END_TEST

START_TEST(refuses)
{
	struct setting_value value;
	struct err err = {""};
	ck_assert_msg(setting_value_parse(bad[_i].def, bad[_i].text, &value, &err) == -1, "%s", bad[_i].text);
	ck_assert_msg(strncmp(err.text, "allowed is ", 11) == 0, "%s", err.text);
	ck_assert_int_eq(err.text[strlen(err.text) - 1], '.');
}
END_TEST

static const struct {
	const struct setting_def *def;
	int64_t number;
	const char *text;
} written[] = {
	{&duration, 0, "0"},       {&duration, 1, "1ms"},     {&duration, 1500, "1500ms"},
	{&duration, 30000, "30s"}, {&duration, 90000, "90s"}, {&duration, 3600000, "1h"},
	{&size, 65536, "64KiB"},   {&size, 1000, "1000"},     {&size, 16 << 20, "16MiB"},
	{&size, 1 << 30, "1GiB"},  {&size, 0, "0"},           {&mode, 0660, "0660"},
	{&mode, 0, "0000"},        {&boolean, 1, "on"},       {&word, 2, "WARNING"},
	{&integer, -3, "-3"},      {&ratio, 0, "0"},          {&ratio, 1000000, "1"},
	{&ratio, 10000, "0.01"},   {&ratio, 1, "0.000001"},   {&ratio, 500000, "0.5"},
};

START_TEST(writes_numbers)
{
	char storage[64];
	struct strbuf text;
	strbuf_init_fixed(&text, storage, sizeof storage);
	setting_number_write(&text, written[_i].def, written[_i].number);
	ck_assert_str_eq(text.data, written[_i].text);
}
END_TEST

static const struct {
	const struct setting_def *def;
	const char *says;
} allowed[] = {
	{&boolean, "true or false, yes or no, on or off, 1 or 0"},
	{&integer, "a whole number from -5 to 1024 things"},
	{&any_integer, "a whole number"},
	{&duration, "a duration such as 800ms, 30s, 5m, 1h or 1d not below 0"},
	{&short_duration, "a duration such as 800ms, 30s, 5m, 1h or 1d from 10ms to 999ms"},
	{&ratio, "a ratio such as 0.01 or 1% from 0 to 1"},
	{&mode, "an octal mode from 0000 to 0777"},
	{&ratio, "a ratio such as 0.01 or 1% from 0 to 1"},
	{&word, "DEBUG, INFO or WARNING"},
};

START_TEST(says_what_is_allowed)
{
	char storage[256];
	struct strbuf text;
	strbuf_init_fixed(&text, storage, sizeof storage);
	setting_allowed_write(&text, allowed[_i].def);
	ck_assert_str_eq(text.data, allowed[_i].says);
}
END_TEST

START_TEST(takes_texts)
{
	static const struct setting_def def = {
		.name = "T", .type = SETTING_TEXT, .max = 4, .check = setting_check_path};
	struct setting_value value;
	struct err err = {""};
	ck_assert_int_eq(setting_value_parse(&def, "", &value, NULL), 0);
	ck_assert_ptr_null(value.text);
	ck_assert_int_eq(setting_value_parse(&def, "/a/b", &value, NULL), 0);
	ck_assert_str_eq(value.text, "/a/b");
	ck_assert_int_eq(setting_value_parse(&def, "/a/bc", &value, &err), -1);
	ck_assert_str_eq(err.text, "allowed is a text of 0 to 4 bytes.");
	ck_assert_int_eq(setting_value_parse(&def, "a", &value, &err), -1);
}
END_TEST

START_TEST(takes_lists)
{
	static const struct setting_def def = {
		.name = "L", .type = SETTING_LIST, .min = 1, .max = 2, .check = setting_check_path};
	struct setting_value value;
	struct err err = {""};
	ck_assert_int_eq(setting_value_parse(&def, " /a , /b", &value, NULL), 0);
	ck_assert_uint_eq(value.list.count, 2);
	text_list_fini(&value.list);
	ck_assert_int_eq(setting_value_parse(&def, ", ,", &value, &err), -1);
	ck_assert_str_eq(err.text, "allowed is a list, with commas in between, of 1 to 2 items.");
	ck_assert_int_eq(setting_value_parse(&def, "/a,/b,/c", &value, &err), -1);
	ck_assert_int_eq(setting_value_parse(&def, "/a,b", &value, &err), -1);
	ck_assert_uint_eq(value.list.count, 0);
}
END_TEST

static const struct {
	setting_check_fn *check;
	const char *text;
	int status;
} checks[] = {
	{setting_check_printable, "my service 2", 0},
	{setting_check_printable, "a\nb", -1},
	{setting_check_printable, "\xc3\xa4", -1},
	{setting_check_path, "/a", 0},
	{setting_check_path, "a", -1},
	{setting_check_log_file, "stderr", 0},
	{setting_check_log_file, "/a", 0},
	{setting_check_log_file, "a.log", -1},
	{setting_check_log_file, "syslog:facility=local0", 0},
	{setting_check_log_file, "journald", 0},
	{setting_check_account, "www-data", 0},
	{setting_check_account, "1000", 0},
	{setting_check_account, "a b", -1},
	{setting_check_account, "a:b", -1},
	{setting_check_owner, "a", 0},
	{setting_check_owner, "a:b", 0},
	{setting_check_owner, ":b", -1},
	{setting_check_owner, "a:", -1},
	{setting_check_owner, "a:b:c", -1},
	{setting_check_field_name, "x-y", 0},
	{setting_check_field_name, "x y", -1},
	{setting_check_health_check, "database", 0},
	{setting_check_health_check, "disk:/var", 0},
	{setting_check_health_check, "disk:var", -1},
	{setting_check_health_check, "Database", -1},
	{setting_check_health_check, "backup-2", 0},
	{setting_check_health_check, "net work", -1},
	{setting_check_admin_allow, "loopback", 0},
	{setting_check_admin_allow, "all", 0},
	{setting_check_admin_allow, "10.0.0.0/8", 0},
	{setting_check_admin_allow, "::1", 0},
	{setting_check_admin_allow, "10.0.0.0/33", -1},
	{setting_check_admin_allow, "example.org", -1},
	{setting_check_token, "abc", 0},
	{setting_check_token, "a b", -1},
	{setting_check_database_url, "postgresql://u@h/d", 0},
	{setting_check_database_url, "postgres:///d", 0},
	{setting_check_database_url, "POSTGRESQL://h", 0},
	{setting_check_database_url, "host=h dbname=d", 0},
	{setting_check_database_url, "mysql://u@h/d?a=b", -1},
	{setting_check_database_url, "mydb", -1},
	{setting_check_redis_url, "redis://h:6379/0", 0},
	{setting_check_redis_url, "unix:///run/r.sock?db=1", 0},
	{setting_check_redis_url, "redis+unix:///run/r.sock", 0},
	{setting_check_redis_url, "rediss://h", -1},
	{setting_check_redis_url, "h:6379", -1},
	{setting_check_redis_url, "unix:/run/r.sock", -1},
};

START_TEST(checks_texts)
{
	struct err err = {""};
	ck_assert_msg(checks[_i].check(checks[_i].text, &err) == checks[_i].status, "%s", checks[_i].text);
	ck_assert((err.text[0] != '\0') == (checks[_i].status != 0));
}
END_TEST

START_TEST(refuses_tls_to_redis_in_clear_words)
{
	struct err err = {""};
	ck_assert_int_eq(setting_check_redis_url("rediss://u:p@h", &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "TLS"));
	ck_assert_ptr_null(strstr(err.text, "u:p"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("setting_value");
	TCase *tcase = tcase_create("setting_value");
	tcase_add_loop_test(tcase, takes_numbers, 0, sizeof good / sizeof good[0]);
	tcase_add_loop_test(tcase, writes_numbers_that_read_back, 0, sizeof good / sizeof good[0]);
	tcase_add_loop_test(tcase, refuses, 0, sizeof bad / sizeof bad[0]);
	tcase_add_loop_test(tcase, writes_numbers, 0, sizeof written / sizeof written[0]);
	tcase_add_loop_test(tcase, says_what_is_allowed, 0, sizeof allowed / sizeof allowed[0]);
	tcase_add_test(tcase, takes_texts);
	tcase_add_test(tcase, takes_lists);
	tcase_add_loop_test(tcase, checks_texts, 0, sizeof checks / sizeof checks[0]);
	tcase_add_test(tcase, refuses_tls_to_redis_in_clear_words);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
