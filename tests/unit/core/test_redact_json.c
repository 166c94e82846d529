/* test_redact_json.c - JSON without its secrets, at any depth, and texts that are almost JSON. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "jsoncheck.h"
#include "redact.h"
#include "run_suite.h"
#include "strbuf.h"

#define R "\"" REDACTED "\""

static struct redact *redact;
static char storage[65536];

static void
setup(void)
{
	redact = redact_create(NULL);
}

static void
teardown(void)
{
	redact_destroy(redact);
}

static enum redact_json
cleaned(const char *text, size_t size)
{
	struct strbuf out;
	strbuf_init_fixed(&out, storage, sizeof storage);
	return redact_json(redact, &out, text, size);
}

static const struct {
	const char *text, *clean;
} documents[] = {
	{"{}", "{}"},
	{" [1, 2.5e3, null, \"x\"] ", " [1, 2.5e3, null, \"x\"] "},
	{"{\"password\":\"x\"}", "{\"password\":" R "}"},
	{"{\"password\" : \"x\" , \"a\":1}", "{\"password\" : " R " , \"a\":1}"},
	{"{\"a\":[{\"b\":{\"token\":\"x\",\"c\":\"y\"}}]}", "{\"a\":[{\"b\":{\"token\":" R ",\"c\":\"y\"}}]}"},
	{"{\"secret\":{\"a\":[\"x\",{\"b\":\"}\"}]},\"c\":1}", "{\"secret\":" R ",\"c\":1}"},
	{"{\"tokens\":3,\"token\":[\"x\",\"]\"],\"c\":1}", "{\"tokens\":3,\"token\":" R ",\"c\":1}"},
	{"{\"cvv\":123,\"c\":1}", "{\"cvv\":" R ",\"c\":1}"},
	{"{\"cvv\":123}", "{\"cvv\":" R "}"},
	{"{\"token\":null,\"secret\":true,\"password\":false}", "{\"token\":null,\"secret\":true,\"password\":false}"},
	{"{\"pass\\u0077ord\":\"x\"}", "{\"pass\\u0077ord\":" R "}"},
	{"{\"\\u0070\\u0061\\u0073\\u0073\\u0077\\u0064\":\"x\"}",
         "{\"\\u0070\\u0061\\u0073\\u0073\\u0077\\u0064\":" R "}"},
	{"{\"password\":\"a\\\"b\",\"c\":1}", "{\"password\":" R ",\"c\":1}"},
	{"{\"password\":\"a\\\\\",\"c\":1}", "{\"password\":" R ",\"c\":1}"},
	{"{\"password\":1,\"password\":2}", "{\"password\":" R ",\"password\":" R "}"},
	{"{\"a\":\"{\\\"token\\\":\\\"x\\\",\\\"b\\\":1}\"}",
         "{\"a\":\"{\\\"token\\\":\\\"" REDACTED "\\\",\\\"b\\\":1}\"}"},
	{"{\"a\":\"{\\u0022token\\u0022:\\u0022x\\u0022}\"}", "{\"a\":\"{\\\"token\\\":\\\"" REDACTED "\\\"}\"}"},
	{"\"{\\\"token\\\":1}\"", "\"{\\\"token\\\":\\\"" REDACTED "\\\"}\""},
	{"{\"a\":\"https://u:x@h/?token=y\"}", "{\"a\":\"https://" REDACTED ":" REDACTED "@h/?token=" REDACTED "\"}"},
	{"{\"a\":\"password: x\"}", "{\"a\":\"password: " REDACTED "\"}"},
	{"{\"a\":\"12:30, {x}\"}", "{\"a\":\"12:30, {x}\"}"},
	{"{\"a\":\"\\ud83d\\ude42: \\ud83d \\n\"}", "{\"a\":\"\\ud83d\\ude42: \\ud83d \\n\"}"},
	{"{\"token=x\":1}", "{\"token=" REDACTED "\":1}"},
	{"[\"password\",\"x\"]", "[\"password\",\"x\"]"},
	{"3", "3"},
};

START_TEST(cleans_documents)
{
	ck_assert_int_eq(cleaned(documents[_i].text, strlen(documents[_i].text)), REDACT_JSON_WHOLE);
	ck_assert_str_eq(storage, documents[_i].clean);
	ck_assert_int_eq(json_check(storage, strlen(storage), 64, NULL), 0);
}
END_TEST

static const struct {
	const char *text, *clean;
} broken[] = {
	{"", ""},
	{"password=x", ""},
	{"{'password':'x'}", "{"},
	{"{\"a\":1,\"password\":'x'}", "{\"a\":1,\"password\":" R},
	{"{\"a\":1} {\"password\":\"x\"}", "{\"a\":1} "},
	{"{\"password\" \"x\"}", "{\"password\" "},
	{"{\"password\":\"x", "{\"password\":" R},
	{"{\"a\":\"x", "{\"a\":"},
	{"{\"a\":\"x\xff\",\"password\":\"x\"}", "{\"a\":"},
	{"{\"a\":NaN,\"password\":\"x\"}", "{\"a\":"},
	{"\xef\xbb\xbf{\"password\":\"x\"}", ""},
	{"{\"a\":1,}", "{\"a\":1,"},
};

START_TEST(cuts_what_is_not_json)
{
	ck_assert_int_eq(cleaned(broken[_i].text, strlen(broken[_i].text)), REDACT_JSON_BROKEN);
	ck_assert_str_eq(storage, broken[_i].clean);
}
END_TEST

/* JSON in a JSON string in a JSON string: deeper than is looked into, nothing is shown. */
START_TEST(shows_nothing_past_its_layers)
{
	char text[32768] = "{\"token\":\"s3cret\"}", wrapped[32768];
	for (int layer = 0; layer < 7; layer++) {
		size_t n = 0;
		memcpy(wrapped, "{\"a\":\"", 6);
		n = 6;
		for (const char *p = text; *p != '\0'; p++) {
			if (*p == '"' || *p == '\\')
				wrapped[n++] = '\\';
			wrapped[n++] = *p;
		}
		memcpy(wrapped + n, "\"}", 3);
		strcpy(text, wrapped);
		ck_assert_int_eq(cleaned(text, strlen(text)), REDACT_JSON_WHOLE);
		ck_assert_ptr_null(strstr(storage, "s3cret"));
		ck_assert_ptr_nonnull(strstr(storage, REDACTED));
		ck_assert((strstr(storage, "token") != NULL) == (layer < 3));
	}
}
END_TEST

START_TEST(bounds_the_depth)
{
	static char text[20000];
	memset(text, '[', 5000);
	strcpy(text + 5000, "{\"token\":\"s3cret\"}");
	memset(text + 5018, ']', 5000);
	ck_assert_int_eq(cleaned(text, strlen(text)), REDACT_JSON_BROKEN);
	ck_assert_ptr_null(strstr(storage, "s3cret"));
}
END_TEST

/* A full buffer, and a text cut anywhere, show a beginning of the clean text and nothing of the secret. */
START_TEST(stops_when_full_or_cut)
{
	static const char text[] =
		"{\"a\":[{\"password\":\"s3cret\",\"b\":\"token=s3cret\",\"c\":\"{\\\"cvv\\\":\\\"s3cret\\\"}\"}]}";
	char room[256];
	for (size_t size = 1; size < sizeof room; size++) {
		struct strbuf out;
		strbuf_init_fixed(&out, room, size);
		redact_json(redact, &out, text, sizeof text - 1);
		ck_assert_ptr_null(strstr(room, "s3c"));
	}
	for (size_t size = 0; size < sizeof text; size++) {
		cleaned(text, size);
		ck_assert_ptr_null(strstr(storage, "s3c"));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redact_json");
	TCase *tcase = tcase_create("redact_json");
	tcase_add_loop_test(tcase, cleans_documents, 0, sizeof documents / sizeof documents[0]);
	tcase_add_loop_test(tcase, cuts_what_is_not_json, 0, sizeof broken / sizeof broken[0]);
	tcase_add_test(tcase, shows_nothing_past_its_layers);
	tcase_add_test(tcase, bounds_the_depth);
	tcase_add_test(tcase, stops_when_full_or_cut);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
