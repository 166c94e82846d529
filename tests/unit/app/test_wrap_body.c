/* test_wrap_body.c - what LOG_BODIES shows of a request's body and of an error's. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "log.h"
#include "redact.h"
#include "request.h"
#include "response.h"
#include "run_suite.h"
#include "services.h"
#include "settings.h"
#include "wrappers.h"

static char path[] = "/tmp/vitals-wrap-body-XXXXXX";
static char said[65536];
static struct redact *redact;
static struct log *sink;
static struct arena *arena;
static struct settings settings;
static struct services services;
static struct name_value headers[1];
static struct vt_request req;
static struct vt_response res;

static void
setup(void)
{
	struct err err;
	strcpy(path + sizeof path - 7, "XXXXXX");
	close(mkstemp(path));
	redact = redact_create(NULL);
	sink = log_create(&(struct log_config){.level = VT_INFO, .file = path, .redact = redact}, &err);
	ck_assert_ptr_nonnull(sink);
	arena = arena_create(4096, 1 << 20);
	settings = (struct settings){.log_bodies = true, .log_body_bytes = 4096};
	services = (struct services){.settings = &settings, .log = sink};
	req = (struct vt_request){.with = {.arena = arena, .log = sink, .redact = redact, .services = &services},
	                          .content_type = ""};
	response_init(&res, arena, "an-id");
	ck_assert_int_eq(vt_json_text(&res, "{}", 2), VT_OK);
}

static void
teardown(void)
{
	log_destroy(sink);
	arena_destroy(arena);
	redact_destroy(redact);
	unlink(path);
}

static const char *
logged(void)
{
	FILE *file;
	wrap_body.leave(&req, &res);
	file = fopen(path, "r");
	said[fread(said, 1, sizeof said - 1, file)] = '\0';
	fclose(file);
	return said;
}

static void
bring(const char *type, char *body, size_t size)
{
	headers[0] = (struct name_value){.name = "CONTENT_TYPE", .value = type};
	req.headers = headers;
	req.header_count = 1;
	req.content_type = type;
	req.content_length = (int64_t)size;
	req.body_state = BODY_READ;
	req.body = body;
	req.body_size = size;
}

static const struct {
	const char *type, *body, *shown;
} table[] = {
	{"application/json", "{\"password\":\"x\"}", "\"body\":\"{\\\"password\\\":\\\"" REDACTED "\\\"}\"}\n"},
	{"application/problem+json", "{\"a\":1}", "\"body\":\"{\\\"a\\\":1}\"}\n"},
	{"application/json", "{\"a\":1} x", "\"body\":\"{\\\"a\\\":1} " REDACTED "\"}\n"},
	{"application/x-www-form-urlencoded", "a=1&token=x", "\"body\":\"a=1&token=" REDACTED "\"}\n"},
	{"text/plain", "token=x y", "\"body\":\"token=" REDACTED " y\"}\n"},
	{"text/plain; charset=utf-8", "y", "\"body\":\"y\"}\n"},
	{"multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\n--B--",
         "\"body\":\"token=" REDACTED "\"}\n"},
	{"text/html", "<p>x</p>", "\"bytes\":8}\n"},
	{"text/plainer", "x", "\"bytes\":1}\n"},
	{"application/jsonp", "x", "\"bytes\":1}\n"},
	{"image/png", "x", "\"bytes\":1}\n"},
};

START_TEST(shows_by_type)
{
	bring(table[_i].type, strdup(table[_i].body), strlen(table[_i].body));
	logged();
	ck_assert_ptr_nonnull(
		strstr(said, "\"level\":\"INFO\",\"logger\":\"vitals.request\",\"message\":\"Request body\""));
	ck_assert_msg(strlen(said) > strlen(table[_i].shown) &&
	                      strcmp(said + strlen(said) - strlen(table[_i].shown), table[_i].shown) == 0,
	              "%s", said);
	free(req.body);
}
END_TEST

START_TEST(is_off_by_default)
{
	settings.log_bodies = false;
	bring("text/plain", (char[]){"x"}, 1);
	ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(shows_no_more_than_its_size)
{
	static char body[200000];
	memset(body, 'x', sizeof body);
	settings.log_body_bytes = 256;
	bring("text/plain", body, sizeof body);
	logged();
	ck_assert_uint_le(strspn(strstr(said, "xxx"), "x"), 256);
	ck_assert_uint_ge(strspn(strstr(said, "xxx"), "x"), 128);
	ck_assert_ptr_nonnull(strstr(said, "\"bytes\":200000,"));
	ck_assert_ptr_nonnull(strstr(said, "\"body_cut\":true"));
}
END_TEST

START_TEST(says_what_was_not_read)
{
	bring("application/json", NULL, 77);
	req.body_state = BODY_UNREAD;
	ck_assert_ptr_nonnull(strstr(logged(), "\"content_type\":\"application/json\",\"bytes\":77}\n"));
}
END_TEST

START_TEST(does_not_show_what_is_encoded)
{
	bring("application/json", (char[]){"{}"}, 2);
	headers[0] = (struct name_value){.name = "CONTENT_ENCODING", .value = "gzip"};
	ck_assert_ptr_null(strstr(logged(), "\"body\""));
	ck_assert_ptr_nonnull(strstr(said, "\"bytes\":2"));
}
END_TEST

START_TEST(a_text_with_a_nul_is_none)
{
	bring("text/plain", (char[]){"t\0o\0k\0"}, 6);
	ck_assert_ptr_null(strstr(logged(), "\"body\""));
}
END_TEST

START_TEST(shows_the_answer_of_an_error_only)
{
	ck_assert_str_eq(logged(), "");
	response_reset(&res);
	vt_problem(&res, 404, "There is no token=x here.");
	logged();
	ck_assert_ptr_nonnull(strstr(said, "\"message\":\"Response body\""));
	ck_assert_ptr_nonnull(strstr(said, "\"content_type\":\"application/problem+json\""));
	ck_assert_ptr_nonnull(strstr(said, "token=" REDACTED " here"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wrap_body");
	TCase *tc = tcase_create("wrap_body");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, shows_by_type, 0, (int)(sizeof table / sizeof table[0]));
	tcase_add_test(tc, is_off_by_default);
	tcase_add_test(tc, shows_no_more_than_its_size);
	tcase_add_test(tc, says_what_was_not_read);
	tcase_add_test(tc, does_not_show_what_is_encoded);
	tcase_add_test(tc, a_text_with_a_nul_is_none);
	tcase_add_test(tc, shows_the_answer_of_an_error_only);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
