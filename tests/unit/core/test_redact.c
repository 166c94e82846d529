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
	ck_assert_int_eq(text_list_split(&extra, "Tax-Number, shoe_size, z, --"), 0);
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
	{"password", true},
	{"PASSWORD", true},
	{"Set-Cookie", true},
	{"set_cookie", true},
	{"API-KEY", true},
	{"api_key", true},
	{"apikey", true},
	{"tax_number", true},
	{"TAX-NUMBER", true},
	{"shoe-size", true},
	{"authorization", true},
	{"card-number", true},
	{"cvv", true},
	{"ssn", true},
	{"private_key", true},
	{"pass", false},
	{"", false},
	{"user", false},
	{"token_count", false},
	{"signature", false},
	{"sig", false},
	{"passwords", true},
	{"user_password", true},
	{"db-password", true},
	{"X-Api-Key", true},
	{"HTTP_X_API_KEY", true},
	{"client_secret", true},
	{"clientSecret", true},
	{"new_password", true},
	{"passwordConfirm", true},
	{"password_confirmation", true},
	{"password2", true},
	{"password_new_2", true},
	{"csrf_token", true},
	{"csrfToken", true},
	{"PGPASSWORD", true},
	{"sslpassword", true},
	{"aws_secret_access_key", true},
	{"proxy-authorization", true},
	{"db.password", true},
	{"password\x01", true},
	{" password ", true},
	{"pass\xe2\x80\x8bword", true},
	{"userSSN", true},
	{"user_cvv", true},
	{"password_hash", true},
	{"credentials", true},
	{"api_keys", true},
	{"tokens", false},
	{"tokens_used", false},
	{"max_tokens", false},
	{"token_type", false},
	{"password_changed_at", false},
	{"passwordless", false},
	{"secretary", false},
	{"lassn", false},
	{"cookie_count", false},
	{"hash", false},
	{"value2", false},
	{"2", false},
	{"-", false},
	{"commit_hash", false},
	{"customer_tax_number", false},
	{"taxNumber", true},
	{"customer.tax_number", true},
	{"tax_number_2", true},
	{"authorization_url", false},
	{"x", false},
	{"keyword", false},
	{"z", true},
	{"xz", false},
	{"a.z", true},
	{"--", false},
	{"api_key_id", false},
};

START_TEST(knows_names)
{
	size_t size = strlen(names[_i].name);
	ck_assert_msg(redact_is_secret(redact, names[_i].name, size) == names[_i].secret, "%s", names[_i].name);
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
	{"to%ken", true},
	{"%token", true},
	{"user[password][first]", true},
	{"user[pass%77ord][]", true},
	{"user[name]", false},
	{"client%5Fsecret", true},
	{"page", false},
	{"", false},
	{"[]", false},
	{"%zztoken", true},
	{"toke%6E%", true},
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
	{"https://u:p@h:80/a", "https://" R ":" R "@h:80/a"},
	{"https://u:p@q@h/a", "https://" R ":" R "@h/a"},
	{"https://u:@h/a", "https://" R ":" R "@h/a"},
	{"https://ghp_secret@h/a", "https://" R "@h/a"},
	{"https://h/@user:x", "https://h/@user:x"},
	{"https://h:80/a@b", "https://h:80/a@b"},
	{"//u:p@h/a", "//" R ":" R "@h/a"},
	{"/a//u:p@h", "/a//u:p@h"},
	{"postgresql://u:p@h/db", "postgresql://u:" R "@h/db"},
	{"postgresql://u:p/w?x#y@h/db", "postgresql://u:" R "@h/db"},
	{"postgresql://u:p@w/z@h/db", "postgresql://u:" R "@h/db"},
	{"postgresql://u@h:5432/db", "postgresql://u@h:5432/db"},
	{"postgresql://h1:1,h2:2/db?password=p&sslpassword=q",
         "postgresql://h1:1,h2:2/db?password=" R "&sslpassword=" R},
	{"redis://:p@h:6379/0", "redis://:" R "@h:6379/0"},
	{"redis://p@h:6379/0", "redis://" R "@h:6379/0"},
	{"https://h/?next=https%3A%2F%2Fu%3Ap%40h%2F", "https://h/?next=" R},
	{"/a?next=%2Flogin%3Ftoken%3Dabc&x=1", "/a?next=" R "&x=1"},
	{"/a?next=%252Flogin%253Ftoken%253Dabc", "/a?next=" R},
	{"/a?q=%7B%22password%22%3A%22x%22%7D", "/a?q=" R},
	{"/a?q={\"password\":\"x\"}", "/a?q=" R},
	{"/a?{\"password\":\"x\"}", "/a?" R},
	{"/a?x%3D1%26token%3Dabc", "/a?" R},
	{"/a?token%3Dabc%26password=x", "/a?" R},
	{"/a?q=50%25+off%3A+now", "/a?q=50%25+off%3A+now"},
	{"/a?next=https%3A%2F%2Fh%2Fb%3Fx%3D1", "/a?next=https%3A%2F%2Fh%2Fb%3Fx%3D1"},
	{"https://h/?X-Amz-Credential=A&X-Amz-Date=D&X-Amz-Signature=B&X-Amz-Security-Token=T",
         "https://h/?X-Amz-Credential=" R "&X-Amz-Date=D&X-Amz-Signature=" R "&X-Amz-Security-Token=" R},
	{"postgresql://u:p", "postgresql://u:" R},
	{"postgresql://u:p w/x", "postgresql://u:" R},
	{"http://u:p/w@h/", "http://" R ":" R "@h/"},
	{"http://[::1]:80/a", "http://[::1]:80/a"},
	{"redis://:p%40w@h", "redis://:" R "@h"},
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
	{"password => 'a', b", "password => " R ", b"},
	{"password := a b", "password := " R},
	{"alter role x password 'a b' login", "alter role x password " R " login"},
	{"{\\\"password\\\":\\\"a b\\\",\\\"c\\\":1}", "{\\\"password\\\":" R ",\\\"c\\\":1}"},
	{"'api-key': ['a', 'b'], c", "'api-key': " R},
	{"Authorization=Bearer abc def\nx", "Authorization=" R "\nx"},
	{"PGPASSWORD=abc psql", "PGPASSWORD=" R " psql"},
	{"PGPASSWORD='a b' psql", "PGPASSWORD=" R " psql"},
	{"read localhost:5432:db:user:a\\:bc here", "read localhost:5432:db:user:" R " here"},
	{"*:*:*:*:abc", "*:*:*:*:" R},
	{"from 2001:db8:0:1:2:3", "from 2001:db8:0:1:2:3"},
	{"2001:0470:1f0b:0:1:2", "2001:0470:1f0b:0:1:2"},
	{"at 12:30:15.5: done", "at 12:30:15.5: done"},
	{"redis://:p\"w@h gone", "redis://:" R "@h gone"},
	{"postgresql://u:p w@h/db gone", "postgresql://u:" R "@h/db gone"},
	{"GET /a?sig=abc&x=1 HTTP", "GET /a?sig=" R " HTTP"},
	{"GET /a?p%61ssword=abc", "GET /a?p%61ssword=" R},
	{"a password%3Dabc b", "a " R " b"},
	{"Key (token)=(a b) already exists.", "Key (token)=" R},
	{"column \"token\" does not exist", "column \"token\" does not exist"},
	{"set-cookie: a=b; c=d", "set-cookie: " R},
	{"password=a\\ b c", "password=" R " c"},
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

static const struct {
	const char *form, *clean;
} forms[] = {
	{"", ""},
	{"a=1&b=2", "a=1&b=2"},
	{"user=u&password=p&x=1", "user=u&password=" R "&x=1"},
	{"user%5Bpassword%5D=p;q&x=1", "user%5Bpassword%5D=" R "&x=1"},
	{"a=1;password=p", "a=1;password=" R},
	{"p%2561ssword=p", "p%2561ssword=" R},
	{"payload=%7B%22a%22%3A%7B%22token%22%3A%22x%22%7D%7D&b=1", "payload=" R "&b=1"},
	{"note=my+password%3A+x", "note=" R},
};

static void
clean_form(const struct redact *r, struct strbuf *out, const char *text)
{
	redact_form(r, out, text, strlen(text));
}

START_TEST(cleans_forms)
{
	ck_assert_str_eq(cleaned(clean_form, forms[_i].form), forms[_i].clean);
}
END_TEST

static const struct {
	const char *name, *value, *clean;
} headers[] = {
	{"HOST", "h", "h"},
	{"AUTHORIZATION", "Bearer x", R},
	{"proxy-authorization", "Basic x", R},
	{"COOKIE", "flavour=x; sid=y", "flavour=" R "; sid=" R},
	{"Set-Cookie", "sid=y; Path=/; HttpOnly", "sid=" R "; Path=" R "; " R},
	{"COOKIE", "x", R},
	{"X_API_KEY", "x", R},
	{"x-aPI-kEY", "x", R},
	{"X_CSRFTOKEN", "x", R},
	{"REFERER", "https://u:p@h/a?token=x&b=1", "https://" R ":" R "@h/a?token=" R "&b=1"},
	{"X_ORIGINAL_URI", "/a?token=x", "/a?token=" R},
	{"X_CONTEXT", "{\"a\":{\"secret\":1}}", "{\"a\":{\"secret\":\"" R "\"}}"},
	{"USER_AGENT", "curl/8 (x; y)", "curl/8 (x; y)"},
};

START_TEST(cleans_headers)
{
	static char storage[512];
	struct strbuf out;
	strbuf_init_fixed(&out, storage, sizeof storage);
	redact_header(redact, &out, headers[_i].name, headers[_i].value);
	ck_assert_str_eq(storage, headers[_i].clean);
}
END_TEST

#define PART(fields, value) "--B\r\nContent-Disposition: form-data; " fields "\r\n\r\n" value "\r\n"

static const struct {
	const char *type, *body, *clean;
} multiparts[] = {
	{"multipart/form-data; boundary=B", PART("name=\"a\"", "1") PART("name=\"b\"", "2") "--B--\r\n", "a=1&b=2"},
	{"multipart/form-data; boundary=\"B\"", PART("name=\"password\"", "x") PART("name=b", "2") "--B--",
         "password=" R "&b=2"},
	{"multipart/form-data; boundary=B", PART("name=\"f\"; filename=\"a.txt\"", "secret file") "--B--",
         "f=(11 bytes)"},
	{"multipart/form-data; boundary=B", PART("x=\"; name=a\"; name=\"token\"", "x") "--B--", "token=" R},
	{"multipart/form-data; boundary=B",
         "--B\r\nContent-Disposition: form-data; name=\"p\"\r\nContent-Type: image/png; a=b\r\n\r\nxyz\r\n--B--",
         "p=(image/png, 3 bytes)"},
	{"multipart/form-data; boundary=B", PART("name=\"a\"", "token=x y") "--B--", "a=token=" R " y"},
	{"multipart/form-data; boundary=B", PART("name=\"a\"", "{\"token\":\"x\"}") "--B--", "a={\"token\":\"" R "\"}"},
	{"multipart/form-data; boundary=B", PART("name=\"a\"", "not closed"), R},
	{"multipart/form-data; boundary=B", PART("nome=\"a\"", "x") "--B--", R},
	{"multipart/form-data; boundary=B", "--B\r\nno end of the header", R},
	{"multipart/form-data", PART("name=\"a\"", "x") "--B--", R},
	{"multipart/form-data; boundary=C", PART("name=\"a\"", "x") "--B--", ""},
};

START_TEST(cleans_multipart)
{
	static char storage[512];
	struct strbuf out;
	strbuf_init_fixed(&out, storage, sizeof storage);
	redact_multipart(redact, &out, multiparts[_i].type, multiparts[_i].body, strlen(multiparts[_i].body));
	ck_assert_str_eq(storage, multiparts[_i].clean);
}
END_TEST

/* Where one of the texts changes, the quick look must have said that it may. */
START_TEST(looks_before_it_cleans)
{
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (strcmp(texts[i].text, texts[i].clean) != 0)
			ck_assert_msg(redact_may_change(texts[i].text, strlen(texts[i].text)), "%s", texts[i].text);
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		if (strcmp(urls[i].url, urls[i].clean) != 0)
			ck_assert_msg(redact_may_change(urls[i].url, strlen(urls[i].url)), "%s", urls[i].url);
	ck_assert(!redact_may_change("Request completed, and a text of some length", 44));
	for (size_t i = 0; i < 40; i++) {
		char text[40];
		memset(text, 'x', sizeof text);
		text[i] = '=';
		ck_assert(redact_may_change(text, sizeof text));
	}
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
	ck_assert_str_eq(storage, "https://" R ":" R "@h/?token=" R);
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
	tcase_add_loop_test(tcase, cleans_forms, 0, sizeof forms / sizeof forms[0]);
	tcase_add_loop_test(tcase, cleans_headers, 0, sizeof headers / sizeof headers[0]);
	tcase_add_loop_test(tcase, cleans_multipart, 0, sizeof multiparts / sizeof multiparts[0]);
	tcase_add_test(tcase, looks_before_it_cleans);
	tcase_add_test(tcase, stops_when_full);
	tcase_add_test(tcase, works_without_more_names);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
