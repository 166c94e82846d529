/* test_span_line.c - spans as OTLP/JSON: the mapping, any bytes, and the bound of a line. */
#include "run_suite.h"
#include "span_line.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "jsoncheck.h"
#include "trace_context.h"
#include "trace_log.h"
#include "utf8.h"

#define TRACE "12345678901234567890123456789012"
#define CALLER "1234567890123456"
#define CHILD "00000000000000cc"

static struct span_line *line;
static struct trace_context trace;
static int64_t now_ns;

static void
setup(void)
{
	line = span_line_create(&(struct span_resource){.service_name = "shop",
	                                                .service_version = "2.1",
	                                                .instance_id = "an-instance",
	                                                .library_version = "9"});
	ck_assert_ptr_nonnull(line);
	ck_assert(trace_continue(&trace, "00-" TRACE "-" CALLER "-01"));
	now_ns = clock_mono_ns();
}

static void
teardown(void)
{
	span_line_destroy(line);
}

static struct span
own(const struct vt_field *attributes, size_t count)
{
	return (struct span){.kind = SPAN_SERVER,
	                     .name = "GET",
	                     .name_more = "/users/{id}",
	                     .span_id = trace.span_id,
	                     .start_ns = now_ns,
	                     .end_ns = now_ns + 2000,
	                     .attributes = attributes,
	                     .attribute_count = count};
}

static struct span
child(const struct vt_field *attributes, size_t count)
{
	return (struct span){.kind = SPAN_CLIENT,
	                     .name = "SELECT",
	                     .span_id = CHILD,
	                     .start_ns = now_ns + 500,
	                     .end_ns = now_ns + 1500,
	                     .failed = true,
	                     .attributes = attributes,
	                     .attribute_count = count};
}

/* The line, proven, as a tree. */
static struct json_object *
finish(const struct span *span)
{
	size_t size;
	const char *text = span_line_end(line, span, &size);
	ck_assert_uint_le(size, TRACE_LINE_MAX_BYTES);
	ck_assert_uint_eq(strlen(text), size);
	ck_assert_ptr_eq(strchr(text, '\n'), text + size - 1);
	ck_assert(utf8_valid(text, size));
	ck_assert_int_eq(json_check(text, size - 1, JSONCHECK_MAX_DEPTH, NULL), 0);
	struct json_object *json = json_tokener_parse(text);
	ck_assert_ptr_nonnull(json);
	return json;
}

/* "resourceSpans.0.scopeSpans": members by name, elements by number. */
static struct json_object *
at(struct json_object *json, const char *path)
{
	char copy[256], *rest = copy;
	snprintf(copy, sizeof copy, "%s", path);
	for (char *step = strsep(&rest, "."); step != NULL; step = strsep(&rest, ".")) {
		if (json_object_is_type(json, json_type_array)) {
			json = json_object_array_get_idx(json, (size_t)atoi(step));
			continue;
		}
		struct json_object *member = NULL;
		json_object_object_get_ex(json, step, &member);
		json = member;
	}
	return json;
}

static const char *
text_at(struct json_object *json, const char *path)
{
	struct json_object *found = at(json, path);
	ck_assert_msg(json_object_is_type(found, json_type_string), "%s", path);
	return json_object_get_string(found);
}

#define SPANS "resourceSpans.0.scopeSpans.0.spans"

START_TEST(the_whole_of_a_line)
{
	char expected[2048], pid[16], host[256] = "";
	size_t size;
	const struct vt_field attributes[] = {VT_STR("url.path", "/users/4"), VT_INT("http.response.status_code", 200),
	                                      VT_STR("left.out", NULL), VT_BOOL("b", true), VT_DOUBLE("d", 0.5)};
	struct span span = own(attributes, 5);
	gethostname(host, sizeof host - 1);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	span_line_begin(line, &trace, "foo=1");
	const char *text = span_line_end(line, &span, &size);
	const char *times = strstr(text, "\"startTimeUnixNano\":\"");
	ck_assert_ptr_nonnull(times);
	long long start = atoll(times + 21);
	ck_assert_int_lt(llabs(start - clock_real_ns()), 60 * NS_PER_S);
	snprintf(expected, sizeof expected,
	         "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
	         "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"
	         "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"2.1\"}},"
	         "{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"an-instance\"}},"
	         "{\"key\":\"host.name\",\"value\":{\"stringValue\":\"%s\"}},"
	         "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"%s\"}},"
	         "{\"key\":\"telemetry.sdk.name\",\"value\":{\"stringValue\":\"vitals\"}},"
	         "{\"key\":\"telemetry.sdk.language\",\"value\":{\"stringValue\":\"c\"}},"
	         "{\"key\":\"telemetry.sdk.version\",\"value\":{\"stringValue\":\"9\"}}]},"
	         "\"schemaUrl\":\"https://opentelemetry.io/schemas/1.33.0\","
	         "\"scopeSpans\":[{\"scope\":{\"name\":\"vitals\",\"version\":\"9\"},"
	         "\"schemaUrl\":\"https://opentelemetry.io/schemas/1.33.0\",\"spans\":["
	         "{\"traceId\":\"" TRACE "\",\"spanId\":\"%s\",\"traceState\":\"foo=1\",\"parentSpanId\":\"" CALLER
	         "\",\"flags\":769,\"name\":\"GET /users/{id}\",\"kind\":2,"
	         "\"startTimeUnixNano\":\"%lld\",\"endTimeUnixNano\":\"%lld\",\"attributes\":["
	         "{\"key\":\"url.path\",\"value\":{\"stringValue\":\"/users/4\"}},"
	         "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"200\"}},"
	         "{\"key\":\"b\",\"value\":{\"boolValue\":true}},"
	         "{\"key\":\"d\",\"value\":{\"doubleValue\":0.5}}],\"status\":{}}]}]}]}\n",
	         host, pid, trace.span_id, start, start + 2000);
	ck_assert_str_eq(text, expected);
}
END_TEST

START_TEST(children_hang_below_the_request)
{
	struct span inner = child(NULL, 0), outer = own(NULL, 0);
	span_line_begin(line, &trace, NULL);
	span_line_add(line, &inner);
	struct json_object *json = finish(&outer);
	ck_assert_uint_eq(json_object_array_length(at(json, SPANS)), 2);
	ck_assert_str_eq(text_at(json, SPANS ".0.parentSpanId"), trace.span_id);
	ck_assert_str_eq(text_at(json, SPANS ".0.spanId"), CHILD);
	ck_assert_str_eq(text_at(json, SPANS ".0.name"), "SELECT");
	ck_assert_int_eq(json_object_get_int(at(json, SPANS ".0.kind")), 3);
	ck_assert_int_eq(json_object_get_int(at(json, SPANS ".0.status.code")), 2);
	ck_assert_int_eq(json_object_get_int(at(json, SPANS ".0.flags")), 257);
	ck_assert_str_eq(text_at(json, SPANS ".1.parentSpanId"), CALLER);
	ck_assert_ptr_null(at(json, SPANS ".1.traceState"));
	long long began = atoll(text_at(json, SPANS ".1.startTimeUnixNano"));
	ck_assert_int_eq(atoll(text_at(json, SPANS ".0.startTimeUnixNano")) - began, 500);
	ck_assert_int_eq(atoll(text_at(json, SPANS ".0.endTimeUnixNano")) - began, 1500);
	json_object_put(json);
}
END_TEST

START_TEST(a_trace_that_starts_here_has_no_parent)
{
	struct span outer = own(NULL, 0);
	trace_start(&trace, RATIO_WHOLE);
	outer.span_id = trace.span_id;
	span_line_begin(line, &trace, NULL);
	struct json_object *json = finish(&outer);
	ck_assert_ptr_null(at(json, SPANS ".0.parentSpanId"));
	ck_assert_int_eq(json_object_get_int(at(json, SPANS ".0.flags")), 0x103);
	json_object_put(json);
}
END_TEST

/* Nothing of one request is in the next one's line. */
START_TEST(a_line_begins_anew)
{
	struct span inner = child(NULL, 0), outer = own(NULL, 0);
	for (int i = 0; i < 3; i++) {
		span_line_begin(line, &trace, NULL);
		span_line_add(line, &inner);
		struct json_object *json = finish(&outer);
		ck_assert_uint_eq(json_object_array_length(at(json, SPANS)), 2);
		json_object_put(json);
	}
	span_line_begin(line, &trace, NULL);
	span_line_add(line, &inner);
	span_line_begin(line, &trace, NULL); /* the other one never ended */
	struct json_object *json = finish(&outer);
	ck_assert_uint_eq(json_object_array_length(at(json, SPANS)), 1);
	json_object_put(json);
}
END_TEST

/* Bytes of every kind, in every text, and far too many of them. */
START_TEST(any_bytes_become_json)
{
	static char hostile[2048];
	struct vt_field attributes[SPAN_ATTRIBUTES_MAX];
	for (size_t i = 0; i < sizeof hostile; i++)
		hostile[i] = (char)(_i < 256 ? _i : (int)(i * 7 + (size_t)_i));
	hostile[sizeof hostile - 1] = '\0';
	for (size_t i = 0; i < SPAN_ATTRIBUTES_MAX; i++)
		attributes[i] = VT_STRN("key", hostile, sizeof hostile);
	struct span inner = child(attributes, 3), outer = own(attributes, SPAN_ATTRIBUTES_MAX);
	outer.name_more = hostile[0] != '\0' ? hostile : NULL;
	span_line_begin(line, &trace, NULL);
	for (int i = 0; i < 40; i++)
		span_line_add(line, &inner);
	struct json_object *json = finish(&outer), *spans = at(json, SPANS);
	struct json_object *last = json_object_array_get_idx(spans, json_object_array_length(spans) - 1);
	/* Six bytes for each of the bound, 24 times, is more than a line: the span stays, its attributes do not. */
	size_t kept = json_object_array_length(at(last, "attributes"));
	if (_i == 1)
		ck_assert_uint_eq(kept, 0);
	else if (_i == 'a')
		ck_assert_uint_ge(kept, SPAN_ATTRIBUTES_MAX);
	json_object_put(json);
}
END_TEST

START_TEST(a_text_is_cut_between_characters)
{
	char text[SPAN_TEXT_MAX_BYTES + 8];
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', sizeof text);
		for (size_t i = shift; i + 4 < sizeof text; i += 4)
			memcpy(text + i, "\xf0\x9f\x98\x80", 4);
		text[sizeof text - 1] = '\0';
		const struct vt_field attribute = VT_STR("text", text);
		struct span outer = own(&attribute, 1);
		span_line_begin(line, &trace, NULL);
		struct json_object *json = finish(&outer);
		const char *kept = text_at(json, SPANS ".0.attributes.0.value.stringValue");
		ck_assert_uint_eq(strlen(kept), shift == 0 ? SPAN_TEXT_MAX_BYTES : SPAN_TEXT_MAX_BYTES - 4 + shift);
		ck_assert_ptr_null(strstr(kept, "\xef\xbf\xbd"));
		json_object_put(json);
	}
}
END_TEST

START_TEST(children_that_do_not_fit_are_counted)
{
	char text[SPAN_TEXT_MAX_BYTES];
	memset(text, 'x', sizeof text);
	const struct vt_field attribute = VT_STRN("text", text, sizeof text);
	struct span inner = child(&attribute, 1), outer = own(&attribute, 1);
	span_line_begin(line, &trace, NULL);
	for (int i = 0; i < 500; i++)
		span_line_add(line, &inner);
	struct json_object *json = finish(&outer);
	size_t there = json_object_array_length(at(json, SPANS));
	ck_assert_uint_gt(there, 30);
	char path[160];
	snprintf(path, sizeof path, SPANS ".%zu.attributes.1.key", there - 1);
	ck_assert_str_eq(text_at(json, path), "vitals.spans.left_out");
	snprintf(path, sizeof path, SPANS ".%zu.attributes.1.value.intValue", there - 1);
	ck_assert_int_eq(atoi(text_at(json, path)), (int)(501 - there));
	json_object_put(json);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("span_line");
	TCase *tc = tcase_create("span_line");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_whole_of_a_line);
	tcase_add_test(tc, children_hang_below_the_request);
	tcase_add_test(tc, a_trace_that_starts_here_has_no_parent);
	tcase_add_test(tc, a_line_begins_anew);
	tcase_add_loop_test(tc, any_bytes_become_json, 0, 300);
	tcase_add_test(tc, a_text_is_cut_between_characters);
	tcase_add_test(tc, children_that_do_not_fit_are_counted);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
