/* test_wrap_trace.c - the trace of a request, the headers that it hands on, and the line of spans that it leaves. */
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "redact.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "routes.h"
#include "run_suite.h"
#include "services.h"
#include "settings.h"
#include "span_line.h"
#include "spans.h"
#include "trace_log.h"
#include "wrappers.h"

#define TRACE "12345678901234567890123456789012"
#define SPAN "1234567890123456"
#define PARENT(flags) "HTTP_TRACEPARENT=00-" TRACE "-" SPAN "-" flags

static char dir[] = "/tmp/test_wrap_trace.XXXXXX";
static char path[64];
static struct settings settings;
static struct services services;
static struct redact *redact;
static struct request_limits limits = {.timeout_ms = 60000};
static struct vt_request req;
static struct vt_response res;
static struct span_line *line;
static const struct route users = {.path = "/users/{id}"}, probe = {.path = "/health", .flags = ROUTE_PROBE};

static void
setup(void)
{
	struct err err;
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/spans", dir);
	redact = redact_create(NULL);
	line = span_line_create(&(struct span_resource){
		.service_name = "a", .service_version = "b", .instance_id = "c", .library_version = "d"});
	settings = (struct settings){.trace_sample = RATIO_WHOLE};
	services =
		(struct services){.settings = &settings, .span_line = line, .trace_log = trace_log_create(path, &err)};
	ck_assert(line != NULL && services.trace_log != NULL && redact != NULL);
}

static void
teardown(void)
{
	arena_destroy(req.with.arena);
	trace_log_destroy(services.trace_log);
	span_line_destroy(line);
	redact_destroy(redact);
	unlink(path);
	rmdir(dir);
}

static void
enter(const struct route *route, const char *const *params)
{
	arena_destroy(req.with.arena);
	struct arena *arena = arena_create(4096, 1 << 20);
	request_init(&req, &(struct request_setup){
				   .arena = arena, .limits = &limits, .redact = redact, .services = &services});
	ck_assert_int_eq(request_parse(&req, (char *const *)params), VT_OK);
	req.route = route;
	response_init(&res, arena, req.correlation_id);
	ck_assert_int_eq(wrap_trace.enter(&req, &res), VT_OK);
}

#define ENTER(route, ...)                                                                                              \
	enter((route), (const char *const[]){"REQUEST_METHOD=GET", "REQUEST_URI=/users/1", __VA_ARGS__, NULL})

static void
leave(int status)
{
	vt_no_content(&res, status);
	wrap_trace.leave(&req, &res);
}

/* How many lines there are so far; the last one parsed in *last, the caller's to put. */
static int
lines(struct json_object **last)
{
	static char text[TRACE_LINE_MAX_BYTES + 1];
	int count = 0;
	FILE *file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	for (*last = NULL; fgets(text, sizeof text, file) != NULL; count++) {
		json_object_put(*last);
		*last = json_tokener_parse(text);
		ck_assert_ptr_nonnull(*last);
	}
	fclose(file);
	return count;
}

static int
count_lines(void)
{
	struct json_object *last;
	int count = lines(&last);
	json_object_put(last);
	return count;
}

static bool
last_line_has(const char *what)
{
	struct json_object *last;
	ck_assert_int_gt(lines(&last), 0);
	bool has = strstr(json_object_to_json_string_ext(last, JSON_C_TO_STRING_NOSLASHESCAPE), what) != NULL;
	json_object_put(last);
	return has;
}

START_TEST(a_trace_is_continued)
{
	ENTER(&users, PARENT("01"), "HTTP_TRACESTATE=foo=1", "HTTP_TRACESTATE= bar=2");
	ck_assert_str_eq(vt_trace_id(&req), TRACE);
	ck_assert_str_eq(req.log_context.trace_id, TRACE);
	ck_assert_str_eq(req.log_context.span_id, req.trace.span_id);
	ck_assert_str_eq(req.log_context.trace_flags, "01");
	ck_assert_str_eq(req.tracestate, "foo=1,bar=2");
}
END_TEST

START_TEST(or_started)
{
	static const char *const invalid[][2] = {
		{"A=b", "A=b"},
		{"HTTP_TRACEPARENT=", "A=b"},
		{PARENT("01"), PARENT("01")},
		{PARENT("01"), "HTTP_TRACEPARENT="},
		{"HTTP_TRACEPARENT=00-" TRACE "-" SPAN "-01, 00-" TRACE "-" SPAN "-01", "A=b"},
		{"HTTP_TRACE_PARENT=00-" TRACE "-" SPAN "-01", "A=b"},
	};
	ENTER(&users, invalid[_i][0], invalid[_i][1], "HTTP_TRACESTATE=foo=1");
	ck_assert_uint_eq(strlen(vt_trace_id(&req)), 32);
	ck_assert_str_ne(vt_trace_id(&req), TRACE);
	ck_assert_str_eq(req.trace.parent_id, "");
	ck_assert_ptr_null(req.tracestate);
}
END_TEST

/* What is recorded, and what the services behind are told of it. */
START_TEST(who_is_sampled)
{
	static const struct {
		const char *parent;
		const struct route *route;
		int64_t ratio;
		bool traced; /* there is a TRACE_FILE */
		bool recorded;
		const char *flags;
	} cases[] = {
		{"A=b", &users, RATIO_WHOLE, true, true, "03"},
		{"A=b", &users, 0, true, false, "02"},
		{"A=b", &users, RATIO_WHOLE, false, false, "02"},
		{"A=b", NULL, RATIO_WHOLE, true, true, "03"},
		{"A=b", &probe, RATIO_WHOLE, true, false, "02"},
		{PARENT("00"), &users, RATIO_WHOLE, true, false, "00"},
		{PARENT("01"), &users, 0, true, true, "01"},
		{PARENT("03"), &probe, 0, true, true, "03"},
		{PARENT("01"), &users, 0, false, false, "01"},
		{PARENT("fe"), &users, RATIO_WHOLE, true, false, "02"},
	};
	settings.trace_sample = cases[_i].ratio;
	services.span_line = cases[_i].traced ? line : NULL;
	ENTER(cases[_i].route, cases[_i].parent);
	ck_assert(req.recorded == cases[_i].recorded);
	ck_assert_str_eq(req.log_context.trace_flags, cases[_i].flags);
	leave(200);
	ck_assert_int_eq(count_lines(), cases[_i].recorded ? 1 : 0);
}
END_TEST

START_TEST(a_line_for_each_request)
{
	for (int i = 1; i <= 3; i++) {
		ENTER(&users, "QUERY_STRING=a=1&token=hidden", "SERVER_PROTOCOL=HTTP/1.1");
		leave(i == 2 ? 503 : 200);
		ck_assert_int_eq(count_lines(), i);
		ck_assert(last_line_has("\"name\":\"GET /users/{id}\""));
		ck_assert(last_line_has("{\"stringValue\":\"a=1&token=***REDACTED***\"}"));
		ck_assert(last_line_has("\"status\":{\"code\":2}") == (i == 2));
		ck_assert(last_line_has("{\"key\":\"error.type\",\"value\":{\"stringValue\":\"503\"}}") == (i == 2));
	}
}
END_TEST

START_TEST(headers_for_others)
{
	struct vt_outbound one, two;
	ENTER(&users, PARENT("01"), "HTTP_TRACESTATE=foo=1");
	strcpy(req.correlation_id, "an-id");
	ck_assert_int_eq(vt_outbound_headers(&req, &one), VT_OK);
	ck_assert_int_eq(vt_outbound_headers(&req, &two), VT_OK);
	ck_assert_uint_eq(one.count, 3);
	ck_assert_str_eq(one.headers[0].name, "traceparent");
	ck_assert_int_eq(strncmp(one.headers[0].value, "00-" TRACE "-", 36), 0);
	ck_assert_int_eq(strncmp(one.headers[0].value + 36, one.span_id, 16), 0);
	ck_assert_str_eq(one.headers[0].value + 52, "-01");
	ck_assert_str_ne(one.span_id, two.span_id);
	ck_assert_str_ne(one.span_id, req.trace.span_id);
	ck_assert_str_eq(one.headers[1].name, "tracestate");
	ck_assert_str_eq(one.headers[1].value, "foo=1");
	ck_assert_str_eq(one.headers[2].name, "X-Correlation-ID");
	ck_assert_str_eq(one.headers[2].value, "an-id");
	ENTER(&users, "A=b");
	ck_assert_int_eq(vt_outbound_headers(&req, &one), VT_OK);
	ck_assert_uint_eq(one.count, 2);
}
END_TEST

START_TEST(a_call_has_a_span)
{
	struct vt_outbound call;
	ENTER(&users, PARENT("01"));
	ck_assert_int_eq(vt_outbound_headers(&req, &call), VT_OK);
	call.method = "POST";
	call.url = "https://me:hidden@example.org/a?token=hidden";
	call.status = 404;
	vt_outbound_done(&req, &call);
	vt_outbound_done(&req, &(struct vt_outbound){.method = "GET", .status = 200}); /* never begun */
	leave(200);
	ck_assert(last_line_has(call.span_id));
	ck_assert(last_line_has("\"name\":\"POST\""));
	ck_assert(last_line_has(
		"{\"stringValue\":\"https://***REDACTED***:***REDACTED***@example.org/a?token=***REDACTED***\"}"));
	ck_assert(last_line_has("{\"key\":\"error.type\",\"value\":{\"stringValue\":\"404\"}}"));
	ck_assert(!last_line_has("\"name\":\"GET\""));
}
END_TEST

/* Past MAX_REQUEST_MEMORY there are no headers, and the request says so itself. */
START_TEST(no_memory_is_said)
{
	struct vt_outbound call;
	ENTER(&users, "A=b");
	ck_assert_ptr_null(vt_alloc(&req, SIZE_MAX / 4));
	ck_assert_int_eq(vt_outbound_headers(&req, &call), VT_NO_MEMORY);
	ck_assert_uint_eq(call.count, 0);
}
END_TEST

START_TEST(methods)
{
	ck_assert_str_eq(span_method("GET"), "GET");
	ck_assert_str_eq(span_method("PATCH"), "PATCH");
	ck_assert_str_eq(span_method("get"), "_OTHER");
	ck_assert_str_eq(span_method("BREW"), "_OTHER");
	ck_assert_str_eq(span_method(""), "_OTHER");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wrap_trace");
	TCase *tc = tcase_create("wrap_trace");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_trace_is_continued);
	tcase_add_loop_test(tc, or_started, 0, 6);
	tcase_add_loop_test(tc, who_is_sampled, 0, 10);
	tcase_add_test(tc, a_line_for_each_request);
	tcase_add_test(tc, headers_for_others);
	tcase_add_test(tc, a_call_has_a_span);
	tcase_add_test(tc, no_memory_is_said);
	tcase_add_test(tc, methods);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
