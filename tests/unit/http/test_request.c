/* test_request.c - from CGI variables to a request: every front that we know, and what is refused. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "redact.h"
#include "router.h"
#include "run_suite.h"

START_TEST(nginx_at_the_root)
{
	struct fixture f;
	fixture_init(&f);
	ck_assert_int_eq(
		fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "REQUEST_URI=/users/42?x=1", "DOCUMENT_URI=/users/42",
	                                 "SCRIPT_NAME=", "QUERY_STRING=x=1",
	                                 "CONTENT_TYPE=", "CONTENT_LENGTH=", "REMOTE_ADDR=192.0.2.1",
	                                 "REMOTE_USER=", "REQUEST_SCHEME=https", "HTTPS=on", "SERVER_NAME=example.org",
	                                 "HTTP_HOST=example.org:8443", "REQUEST_ID=abc123", "REQUEST_START=")),
		VT_OK);
	ck_assert_str_eq(vt_method(&f.req), "GET");
	ck_assert_str_eq(vt_path(&f.req), "/users/42");
	ck_assert_str_eq(vt_query_string(&f.req), "x=1");
	ck_assert_str_eq(vt_scheme(&f.req), "https");
	ck_assert_str_eq(vt_host(&f.req), "example.org:8443");
	ck_assert_str_eq(vt_script_name(&f.req), "");
	ck_assert_str_eq(vt_client_ip(&f.req), "192.0.2.1");
	ck_assert_ptr_null(vt_user(&f.req));
	ck_assert_ptr_null(f.req.log_context.user_id);
	ck_assert_str_eq(f.req.web_request_id, "abc123");
	ck_assert_str_eq(vt_content_type(&f.req), "");
	ck_assert_int_eq(vt_content_length(&f.req), -1);
	ck_assert_str_eq(f.req.raw_path, "/users/42");
	ck_assert_uint_eq(f.req.segment_count, 2);
	fixture_fini(&f);
}
END_TEST

START_TEST(a_bare_request_has_defaults)
{
	struct fixture f;
	fixture_init(&f);
	ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "no equals sign", "=x", "")), VT_OK);
	ck_assert_str_eq(vt_path(&f.req), "/");
	ck_assert_str_eq(f.req.raw_path, "/");
	ck_assert_str_eq(vt_query_string(&f.req), "");
	ck_assert_str_eq(vt_scheme(&f.req), "http");
	ck_assert_str_eq(vt_host(&f.req), "");
	ck_assert_str_eq(vt_client_ip(&f.req), "");
	ck_assert_str_eq(vt_correlation_id(&f.req), "");
	ck_assert_str_eq(vt_request_id(&f.req), "");
	ck_assert_ptr_null(vt_route_context(&f.req));
	ck_assert_ptr_null(vt_path_param(&f.req, "id"));
	ck_assert_ptr_null(f.req.web_request_id);
	ck_assert_int_eq(f.req.queue_ns, -1);
	fixture_fini(&f);
}
END_TEST

START_TEST(the_time_stamp_of_the_web_server)
{
	struct fixture f;
	char now[64], future[64];
	int64_t now_us = clock_real_ns() / 1000;
	snprintf(now, sizeof now, "REQUEST_START=t=%jd", (intmax_t)now_us - 2000000);
	snprintf(future, sizeof future, "REQUEST_START=t=%jd", (intmax_t)now_us + 60000000);
	fixture_init(&f);
	ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", now, future)), VT_OK);
	ck_assert_int_ge(f.req.queue_ns, 2 * NS_PER_S);
	ck_assert_int_lt(f.req.queue_ns, 120 * NS_PER_S);
	fixture_fini(&f);
	fixture_init(&f);
	ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", future)), VT_OK);
	ck_assert_int_eq(f.req.queue_ns, 0);
	fixture_fini(&f);
	fixture_init(&f);
	ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "REQUEST_START=soon", now)), VT_OK);
	ck_assert_int_eq(f.req.queue_ns, -1);
	fixture_fini(&f);
	fixture_init(&f);
	ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "HTTP_REQUEST_START=t=0")), VT_OK);
	ck_assert_int_eq(f.req.queue_ns, -1);
	fixture_fini(&f);
}
END_TEST

/* How the path and mount point come out for each front's way to say them; path NULL: VT_BAD_INPUT. */
static const struct {
	const char *uri, *script_name, *path_info, *document_uri; /* NULL: not sent */
	const char *path, *mount;
} fronts[] = {
	/* nginx with our configuration, at the root and at a prefix */
	{"/", "", NULL, "/", "/", ""},
	{"/users/42", "", NULL, "/users/42", "/users/42", ""},
	{"/api/users/42?x=/y", "/api", NULL, "/api/users/42", "/users/42", "/api"},
	{"/api/", "/api", NULL, "/api/", "/", "/api"},
	{"/api/users", "/api/", NULL, NULL, "/users", "/api"},
	{"/api", "/api", "", NULL, "/", "/api"},
	{"/a/b/c", "/a/b", NULL, NULL, "/c", "/a/b"},
	{"/apifoo/users", "/api", NULL, NULL, "/apifoo/users", ""},
	{"/ap/users", "/api", NULL, NULL, "/ap/users", ""},
	{"/%61pi/users", "/api", NULL, NULL, "/users", "/api"},
	{"/x/../api/users", "/api", NULL, NULL, "/users", "/api"},
	{"/api/../other", "/api", NULL, NULL, "/other", ""},
	{"/api%2Fusers", "/api", NULL, NULL, "/api%2Fusers", ""},
	{"/my%20app/x", "/my app", NULL, NULL, "/x", "/my app"},
	/* Stock fastcgi_params and mod_proxy_fcgi: the whole path in SCRIPT_NAME is no mount point */
	{"/users/42", "/users/42", NULL, "/users/42", "/users/42", ""},
	{"/users/", "/users/", NULL, "/users/", "/users/", ""},
	{"/", "/", NULL, "/", "/", ""},
	{"/a%20b", "/a b", NULL, "/a b", "/a b", ""},
	/* Apache, which splits; REQUEST_URI wins over PATH_INFO as long as it lies below SCRIPT_NAME */
	{"/app.fcgi/a%2Fb", "/app.fcgi", "/a/b", NULL, "/a%2Fb", "/app.fcgi"},
	{"/app/users/42", "/app", "/users/42", NULL, "/users/42", "/app"},
	{"/sub/users/42", "/sub/app.fcgi", "/users/42", NULL, "/users/42", "/sub/app.fcgi"},
	/* No REQUEST_URI: what is there is decoded already */
	{NULL, "/app", "/users/a%20b", NULL, "/users/a%20b", "/app"},
	{NULL, "/app", "/x/../y", NULL, "/y", "/app"},
	{NULL, "/app", "/../etc", NULL, NULL, NULL},
	{NULL, "/app", "", NULL, "/", "/app"},
	{NULL, "/app", NULL, NULL, "/", "/app"},
	{NULL, "", "/users", NULL, "/users", ""},
	{NULL, NULL, NULL, "/users/50%", "/users/50%", ""},
	{NULL, "/api", NULL, "/api/users", "/users", "/api"},
	{NULL, NULL, "no-slash", NULL, NULL, NULL},
	{"", "", "/users", NULL, "/users", ""},
	/* The absolute form, RFC 9112 section 3.2.2, and what is none */
	{"http://other.example/users?x", "", NULL, NULL, "/users", ""},
	{"HTTPS://other.example", "", NULL, NULL, "/", ""},
	{"http://other.example?x=1", "", NULL, NULL, "/", ""},
	{"http://user:pw@other.example/a", "", NULL, NULL, "/a", ""},
	{"http:///a", "", NULL, NULL, "/a", ""},
	{"/redirect?to=http://x/", "", NULL, NULL, "/redirect", ""},
	{"/http://x/y", "", NULL, NULL,
         "/http:/"
         "/x/y",
         ""},
	{"://x/y", "", NULL, NULL, NULL, NULL},
	{"example.org:443", "", NULL, NULL, NULL, NULL},
	{"users", "", NULL, NULL, NULL, NULL},
	{"?x=1", "", NULL, NULL, NULL, NULL},
	{"*", "", NULL, NULL, NULL, NULL},
};

static const char *
variable(struct fixture *f, const char *name, const char *value)
{
	return value != NULL ? arena_printf(f->arena, "%s=%s", name, value) : "UNUSED=";
}

START_TEST(paths_and_mount_points)
{
	for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		enum vt_result result =
			fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", variable(&f, "REQUEST_URI", fronts[i].uri),
		                                 variable(&f, "SCRIPT_NAME", fronts[i].script_name),
		                                 variable(&f, "PATH_INFO", fronts[i].path_info),
		                                 variable(&f, "DOCUMENT_URI", fronts[i].document_uri)));
		ck_assert_msg(result == (fronts[i].path != NULL ? VT_OK : VT_BAD_INPUT), "case %zu: %s", i,
		              vt_strerror(result));
		if (fronts[i].path != NULL) {
			ck_assert_msg(strcmp(vt_path(&f.req), fronts[i].path) == 0, "case %zu: %s", i, vt_path(&f.req));
			ck_assert_msg(strcmp(vt_script_name(&f.req), fronts[i].mount) == 0, "case %zu: %s", i,
			              vt_script_name(&f.req));
			ck_assert_uint_gt(f.req.segment_count, 0);
		} else {
			ck_assert_uint_eq(f.req.segment_count, 0);
			ck_assert_ptr_nonnull(vt_path(&f.req));
		}
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(the_absolute_form_names_the_host)
{
	static const struct {
		const char *uri, *host;
	} cases[] = {
		{"http://other.example:81/users", "other.example:81"},
		{"http://user:pw@other.example/", "other.example"},
		{"http://[2001:db8::1]/", "[2001:db8::1]"},
		{"/users", "sent.example"},
		{"http:///users", "sent.example"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		ck_assert_int_eq(
			fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", variable(&f, "REQUEST_URI", cases[i].uri),
		                                 "HTTP_HOST=sent.example")),
			VT_OK);
		ck_assert_str_eq(vt_host(&f.req), cases[i].host);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(the_asterisk_is_for_options)
{
	struct fixture f;
	fixture_init(&f);
	ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=OPTIONS", "REQUEST_URI=*")), VT_OK);
	ck_assert_str_eq(vt_path(&f.req), "*");
	ck_assert_uint_eq(f.req.segment_count, 0);
	fixture_fini(&f);
}
END_TEST

START_TEST(methods)
{
	static const struct {
		const char *param;
		enum vt_result result;
	} cases[] = {
		{"REQUEST_METHOD=GET", VT_OK},
		{"REQUEST_METHOD=get", VT_OK},
		{"REQUEST_METHOD=M-SEARCH", VT_OK},
		{"REQUEST_METHOD=", VT_BAD_INPUT},
		{"OTHER=GET", VT_BAD_INPUT},
		{"REQUEST_METHOD=G T", VT_BAD_INPUT},
		{"REQUEST_METHOD=GET\n", VT_BAD_INPUT},
		{"REQUEST_METHOD=G\xc3\xa4T", VT_BAD_INPUT},
		{"REQUEST_METHOD=a/b", VT_BAD_INPUT},
		{"request_method=GET", VT_BAD_INPUT},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		ck_assert_int_eq(fixture_parse(&f, PARAMS(cases[i].param, "REQUEST_URI=/x")), cases[i].result);
		ck_assert_ptr_nonnull(vt_method(&f.req));
		ck_assert_str_eq(vt_path(&f.req), "/x");
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(schemes)
{
	static const struct {
		const char *scheme, *https, *expected;
	} cases[] = {
		{"https", NULL, "https"}, {"HTTPS", NULL, "https"}, {"http", "on", "http"}, {"", "on", "https"},
		{NULL, "on", "https"},    {NULL, "1", "https"},     {NULL, "off", "http"},  {NULL, "", "http"},
		{NULL, NULL, "http"},     {"gopher", NULL, "http"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", variable(&f, "REQUEST_SCHEME", cases[i].scheme),
		                         variable(&f, "HTTPS", cases[i].https)));
		ck_assert_str_eq(vt_scheme(&f.req), cases[i].expected);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(a_refused_request_still_says_what_it_is)
{
	struct fixture f;
	fixture_init(&f);
	ck_assert_int_eq(
		fixture_parse(&f, PARAMS("REQUEST_METHOD=POST", "REQUEST_URI=/a/%zz?t=1", "CONTENT_LENGTH=5x",
	                                 "HTTP_X_CORRELATION_ID=abc", "REMOTE_ADDR=192.0.2.7", "REMOTE_USER=ann")),
		VT_BAD_INPUT);
	ck_assert_str_eq(vt_method(&f.req), "POST");
	ck_assert_str_eq(vt_path(&f.req), "/a/%zz");
	ck_assert_str_eq(request_url(&f.req), "/a/%zz");
	ck_assert_str_eq(vt_query_string(&f.req), "t=1");
	ck_assert_str_eq(vt_header(&f.req, "X-Correlation-ID", 0), "abc");
	ck_assert_str_eq(vt_client_ip(&f.req), "192.0.2.7");
	ck_assert_str_eq(vt_user(&f.req), "ann");
	ck_assert_str_eq(f.req.log_context.user_id, "ann");
	fixture_fini(&f);
}
END_TEST

START_TEST(the_first_of_repeated_variables_counts)
{
	struct fixture f;
	fixture_init(&f);
	ck_assert_int_eq(fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", "REQUEST_METHOD=POST", "REQUEST_URI=/a",
	                                          "REQUEST_URI=/b")),
	                 VT_OK);
	ck_assert_str_eq(vt_method(&f.req), "GET");
	ck_assert_str_eq(vt_path(&f.req), "/a");
	fixture_fini(&f);
}
END_TEST

START_TEST(no_memory_is_said_and_everything_is_readable)
{
	for (size_t bytes = 64; bytes < 2048; bytes += 16) {
		struct fixture f;
		fixture_init(&f);
		arena_destroy(f.arena);
		f.arena = f.req.with.arena = arena_create(32, bytes);
		enum vt_result result = fixture_parse(
			&f, PARAMS("REQUEST_METHOD=GET", "REQUEST_URI=http://h.example/app/a%20b/c/d/e?x=1",
		                   "SCRIPT_NAME=/app/", "CONTENT_TYPE=text/plain", "HTTP_HOST=x", "HTTP_ACCEPT=y"));
		ck_assert(result == VT_NO_MEMORY || result == VT_OK);
		ck_assert(result == VT_OK || arena_failed(f.arena));
		ck_assert_ptr_nonnull(vt_path(&f.req));
		ck_assert_ptr_nonnull(vt_script_name(&f.req));
		ck_assert_ptr_nonnull(vt_host(&f.req));
		ck_assert_ptr_nonnull(vt_content_type(&f.req));
		ck_assert_ptr_nonnull(request_url(&f.req));
		if (bytes > 1500)
			ck_assert_int_eq(result, VT_OK);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(time_left_runs_down)
{
	struct fixture f;
	fixture_init(&f);
	ck_assert_int_gt(vt_time_left_ms(&f.req), 30000);
	ck_assert_int_le(vt_time_left_ms(&f.req), 60000);
	f.req.deadline_ns = clock_mono_ns() - 1;
	ck_assert_int_eq(vt_time_left_ms(&f.req), 0);
	f.limits.timeout_ms = 0;
	request_init(&f.req, &(struct request_setup){.arena = f.arena, .limits = &f.limits});
	ck_assert_int_eq(vt_time_left_ms(&f.req), INT64_MAX);
	fixture_fini(&f);
}
END_TEST

START_TEST(the_url_for_the_log_has_no_secrets)
{
	static const struct {
		const char *uri, *url;
	} cases[] = {
		{"/a%20b?x=1&token=hush&y=2", "/a%20b?x=1&token=" REDACTED "&y=2"},
		{"/a", "/a"},
		{"/a?", "/a"},
		{"http://ann:hush@h.example/a?x=1", "/a?x=1"},
	};
	struct redact *redact = redact_create(NULL);
	ck_assert_ptr_nonnull(redact);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		fixture_init(&f);
		f.req.with.redact = redact;
		fixture_parse(&f, PARAMS("REQUEST_METHOD=GET", variable(&f, "REQUEST_URI", cases[i].uri)));
		ck_assert_str_eq(request_url(&f.req), cases[i].url);
		f.req.with.redact = NULL;
		ck_assert_ptr_null(strchr(request_url(&f.req), '?'));
		fixture_fini(&f);
	}
	redact_destroy(redact);
}
END_TEST

START_TEST(memory_of_the_request)
{
	struct fixture f;
	fixture_init(&f);
	ck_assert_ptr_nonnull(vt_alloc(&f.req, 1000));
	ck_assert_ptr_null(vt_alloc(&f.req, FIXTURE_ARENA_BYTES));
	fixture_fini(&f);
}
END_TEST

START_TEST(a_route_has_its_context)
{
	struct fixture f;
	int thing;
	fixture_init(&f);
	f.req.route = &(struct route){.context = &thing};
	ck_assert_ptr_eq(vt_route_context(&f.req), &thing);
	fixture_fini(&f);
}
END_TEST

START_TEST(without_a_log_a_record_goes_nowhere)
{
	struct fixture f;
	fixture_init(&f);
	vt_log(&f.req, VT_INFO, "Nobody listens", VT_INT("n", 1));
	fixture_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("request");
	tcase_add_test(tc, nginx_at_the_root);
	tcase_add_test(tc, a_bare_request_has_defaults);
	tcase_add_test(tc, the_time_stamp_of_the_web_server);
	tcase_add_test(tc, paths_and_mount_points);
	tcase_add_test(tc, the_absolute_form_names_the_host);
	tcase_add_test(tc, the_asterisk_is_for_options);
	tcase_add_test(tc, methods);
	tcase_add_test(tc, schemes);
	tcase_add_test(tc, a_refused_request_still_says_what_it_is);
	tcase_add_test(tc, the_first_of_repeated_variables_counts);
	tcase_add_test(tc, no_memory_is_said_and_everything_is_readable);
	tcase_add_test(tc, time_left_runs_down);
	tcase_add_test(tc, the_url_for_the_log_has_no_secrets);
	tcase_add_test(tc, memory_of_the_request);
	tcase_add_test(tc, a_route_has_its_context);
	tcase_add_test(tc, without_a_log_a_record_goes_nowhere);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
