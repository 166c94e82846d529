/* test_redact.c - secret names, and URLs, connection strings and texts without their secrets. */
#include "redact.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "strbuf.h"

#define R REDACTED

static struct redact *redact;

static void
setup(void)
{
	struct text_list extra;
	ck_assert_int_eq(text_list_split(&extra, "Tax-Number, shoe_size"), 0);
	redact = redact_create(&extra);
	ck_assert_ptr_nonnull(redact);
	text_list_fini(&extra);
}

static void
teardown(void)
{
	redact_destroy(redact);
}

static const struct {
	const char *name;
	bool secret;
} names[] = {
	{"password", true},   {"PASSWORD", true},  {"Set-Cookie", true},    {"set_cookie", true},
	{"API-KEY", true},    {"api_key", true},   {"apikey", true},        {"tax_number", true},
	{"TAX-NUMBER", true}, {"shoe-size", true}, {"authorization", true}, {"card-number", true},
	{"cvv", true},        {"ssn", true},       {"private_key", true},   {"passwords", false},
	{"pass", false},      {"", false},         {"user", false},         {"token_count", false},
	{"signature", false}, {"sig", false},
};

START_TEST(knows_names)
{
	ck_assert(redact_is_secret(redact, names[_i].name, strlen(names[_i].name)) == names[_i].secret);
}
END_TEST

START_TEST(looks_at_so_many_bytes)
{
	ck_assert(redact_is_secret(redact, "tokenizer", 5));
	ck_assert(!redact_is_secret(redact, "token", 4));
}
END_TEST

static const struct {
	const char *name;
	bool secret;
} parameters[] = {
	{"password", true},
	{"p%61ssword", true},
	{"p%2561ssword", true},
	{"p%252561ssword", true},
	{"%70%61%73%73%77%64", true},
	{"Signature", true},
	{"sig", true},
	{"AWSAccessKeyId", true},
	{"X-Goog-Signature", true},
	{"x%2Dgoog%2Dsignature", true},
	{"user[password]", true},
	{"user%5Bpassword%5D", true},
	{"a[token][]", true},
	{"+token", true},
	{"token%20", true},
	{"to%ken", false},
	{"%token", false},
	{"page", false},
	{"", false},
	{"[]", false},
	{"%zztoken", false},
	{"toke%6E%", false},
};

START_TEST(knows_parameters)
{
	const char *name = parameters[_i].name;
	ck_assert_msg(redact_is_secret_parameter(redact, name, strlen(name)) == parameters[_i].secret, "%s", name);
}
END_TEST

static const struct {
	const char *url, *clean;
} urls[] = {
	{"", ""},
	{"/users/42", "/users/42"},
	{"/a?b=c&d", "/a?b=c&d"},
	{"/a?token=abc", "/a?token=" R},
	{"/a?x=1&token=abc&y=2", "/a?x=1&token=" R "&y=2"},
	{"/a?x=1;token=abc;def&y=2", "/a?x=1;token=" R "&y=2"},
	{"/a?token=a#b", "/a?token=" R},
	{"/a#access_token=abc&x=1", "/a#access_token=" R "&x=1"},
	{"/a?p%61ssword=abc", "/a?p%61ssword=" R},
	{"/a?p%2561ssword=abc", "/a?p%2561ssword=" R},
	{"/a?user[password]=abc", "/a?user[password]=" R},
	{"/a?token=", "/a?token=" R},
	{"/a?token", "/a?token"},
	{"/a?token=a=b&c=d=e", "/a?token=" R "&c=d=e"},
	{"/a?next=/b?token=abc", "/a?next=/b?token=" R},
	{"/a?shoe-size=44", "/a?shoe-size=" R},
	{"https://h/f?AWSAccessKeyId=A&Signature=B&Expires=1",
         "https://h/f?AWSAccessKeyId=" R "&Signature=" R "&Expires=1"},
	{"https://u:p@h:80/a", "https://u:" R "@h:80/a"},
	{"https://u:p@q@h/a", "https://u:" R "@h/a"},
	{"https://u:@h/a", "https://u:" R "@h/a"},
	{"https://ghp_secret@h/a", "https://" R "@h/a"},
	{"https://h/@user:x", "https://h/@user:x"},
	{"https://h:80/a@b", "https://h:80/a@b"},
	{"//u:p@h/a", "//u:" R "@h/a"},
	{"/a//u:p@h", "/a//u:p@h"},
	{"postgresql://u:p@h/db", "postgresql://u:" R "@h/db"},
	{"postgresql://u:p/w?x#y@h/db", "postgresql://u:" R "@h/db"},
	{"postgresql://u:p@w/z@h/db", "postgresql://u:" R "@h/db"},
	{"postgresql://u@h:5432/db", "postgresql://u@h:5432/db"},
	{"postgresql://h1:1,h2:2/db?password=p&sslpassword=q",
         "postgresql://h1:1,h2:2/db?password=" R "&sslpassword=" R},
	{"redis://:p@h:6379/0", "redis://:" R "@h:6379/0"},
	{"redis://p@h:6379/0", "redis://" R "@h:6379/0"},
	{"redis+unix:///run/redis.sock?db=1&password=p", "redis+unix:///run/redis.sock?db=1&password=" R},
};

static const char *
cleaned(void (*fn)(const struct redact *, struct strbuf *, const char *), const char *text)
{
	static char storage[4096];
	struct strbuf out;
	strbuf_init_fixed(&out, storage, sizeof storage);
	fn(redact, &out, text);
	ck_assert(!out.failed);
	return storage;
}

START_TEST(cleans_urls)
{
	ck_assert_str_eq(cleaned(redact_url, urls[_i].url), urls[_i].clean);
}
END_TEST

static const struct {
	const char *text, *clean;
} conninfos[] = {
	{"host=h dbname=d", "host=h dbname=d"},
	{"host=h password=p user=u", "host=h password=" R " user=u"},
	{"password = 'a b\\' c' host = h", "password=" R " host=h"},
	{"password=a\\ b host=h", "password=" R " host=h"},
	{"host='a b' sslpassword=x", "host='a b' sslpassword=" R},
	{"password='not closed", R},
	{"just words", R},
	{"host=h password", R},
};

START_TEST(cleans_conninfo)
{
	ck_assert_str_eq(cleaned(redact_conninfo, conninfos[_i].text), conninfos[_i].clean);
}
END_TEST

static const struct {
	const char *text, *clean;
} texts[] = {
	{"connection refused", "connection refused"},
	{"cannot reach postgresql://u:p@h/db, gave up", "cannot reach postgresql://u:" R "@h/db, gave up"},
	{"\"redis://:p@h\" failed", "\"redis://:" R "@h\" failed"},
	{"host=h password=p user=u", "host=h password=" R " user=u"},
	{"password='a b' x", "password=" R " x"},
	{"{\"token\": \"a\\\"b\", \"x\": 1}", "{\"token\": " R ", \"x\": 1}"},
	{"Authorization: Bearer abc\nnext", "Authorization: " R "\nnext"},
	{"the password is wrong", "the password is wrong"},
	{"settings.api_key=abc", "settings.api_key=" R},
	{"token", "token"},
	{"token=", "token=" R},
	{"://", "://"},
	{"\xff\xfe token=\xff end", "\xff\xfe token=" R " end"},
};

static void
clean_text(const struct redact *r, struct strbuf *out, const char *text)
{
	redact_text(r, out, text, strlen(text));
}

START_TEST(cleans_texts)
{
	ck_assert_str_eq(cleaned(clean_text, texts[_i].text), texts[_i].clean);
}
END_TEST

/* A full buffer holds a beginning of the clean text, never of the secret. */
START_TEST(stops_when_full)
{
	char url[3000], storage[512];
	struct strbuf out;
	memset(url, 's', sizeof url);
	memcpy(url, "https://u:", 10);
	memcpy(url + 1000, "@h/?token=", 10);
	url[sizeof url - 1] = '\0';
	for (size_t room = 1; room <= sizeof storage; room++) {
		strbuf_init_fixed(&out, storage, room);
		redact_url(redact, &out, url);
		ck_assert_ptr_null(strstr(storage, "sss"));
	}
	ck_assert_str_eq(storage, "https://u:" R "@h/?token=" R);
}
END_TEST

START_TEST(works_without_more_names)
{
	struct redact *plain = redact_create(NULL);
	ck_assert(redact_is_secret(plain, "token", 5));
	ck_assert(!redact_is_secret(plain, "shoe_size", 9));
	redact_destroy(plain);
	redact_destroy(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redact");
	TCase *tcase = tcase_create("redact");
	tcase_add_loop_test(tcase, knows_names, 0, sizeof names / sizeof names[0]);
	tcase_add_test(tcase, looks_at_so_many_bytes);
	tcase_add_loop_test(tcase, knows_parameters, 0, sizeof parameters / sizeof parameters[0]);
	tcase_add_loop_test(tcase, cleans_urls, 0, sizeof urls / sizeof urls[0]);
	tcase_add_loop_test(tcase, cleans_conninfo, 0, sizeof conninfos / sizeof conninfos[0]);
	tcase_add_loop_test(tcase, cleans_texts, 0, sizeof texts / sizeof texts[0]);
	tcase_add_test(tcase, stops_when_full);
	tcase_add_test(tcase, works_without_more_names);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
