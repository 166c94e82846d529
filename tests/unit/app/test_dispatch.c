/* test_dispatch.c - CGI variables in, a CGI response out: routing and the wrappers around it. */
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "dispatch_fixture.h"
#include "routes.h"
#include "run_suite.h"
#include "scoreboard.h"

static struct slot_request in_flight;
static bool was_in_flight;
static unsigned hellos;

static enum vt_result
hello(struct vt_request *req, struct vt_response *res)
{
	hellos++;
	was_in_flight = slot_get_request(services_of(req)->slot, &in_flight);
	return vt_json_text(res, "{}", 2);
}

static enum vt_result
silent(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	(void)res;
	return VT_OK;
}

static enum vt_result
echo(struct vt_request *req, struct vt_response *res)
{
	const char *text;
	size_t size;
	enum vt_result result = vt_body_json_text(req, &text, &size);
	return result != VT_OK ? result : vt_json_text(res, text, size);
}

static enum vt_result
unavailable(struct vt_request *req, struct vt_response *res)
{
	(void)req;
	(void)res;
	return VT_UNAVAILABLE;
}

static enum vt_result
greedy(struct vt_request *req, struct vt_response *res)
{
	vt_alloc(req, SIZE_MAX / 4);
	return vt_json_text(res, "{}", 2);
}

static void
setup(void)
{
	static const struct route routes[] = {
		{.method = "GET", .path = "/hello", .handler = hello},
		{.method = "POST", .path = "/hello", .handler = hello},
		{.method = "POST", .path = "/echo", .handler = echo},
		{.method = "GET", .path = "/silent", .handler = silent},
		{.method = "GET", .path = "/unavailable", .handler = unavailable},
		{.method = "GET", .path = "/greedy", .handler = greedy},
		{.method = "GET", .path = "/probe", .handler = hello, .flags = ROUTE_PROBE},
	};
	dispatch_fixture_setup();
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		add_route(&routes[i]);
	dispatch_fixture_start();
}

START_TEST(every_answer_has_status_and_the_two_headers)
{
	static const struct {
		const char *method, *uri, *status;
	} cases[] = {
		{"GET", "/hello", "Status: 200 "},  {"GET", "/nothing", "Status: 404 "},
		{"PUT", "/hello", "Status: 405 "},  {"OPTIONS", "/hello", "Status: 204 "},
		{"GET", "/silent", "Status: 500 "}, {"GET", "/unavailable", "Status: 503 "},
		{"GET", "/greedy", "Status: 500 "}, {"GET", "/../x", "Status: 400 "},
		{"GET", "/%zz", "Status: 400 "},    {"", "/hello", "Status: 400 "},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *answer = run(cases[i].method, cases[i].uri, "HTTP_X_CORRELATION_ID=my-id.1", NULL);
		ck_assert_int_eq(strncmp(answer, cases[i].status, strlen(cases[i].status)), 0);
		ck_has(answer, "\r\nX-Correlation-ID: my-id.1\r\n");
		ck_has(answer, "\r\nX-Process-Time: 0.0");
	}
}
END_TEST

START_TEST(problems_carry_the_correlation_id)
{
	const char *answer = run("GET", "/nothing", "HTTP_X_CORRELATION_ID=id-7", NULL);
	ck_has(answer, "Content-Type: application/problem+json\r\n");
	ck_has(answer, "\"correlation_id\":\"id-7\"");
}
END_TEST

START_TEST(a_malformed_request_is_a_400)
{
	ck_has(run("GET", "/hello", NULL, "a NUL in a parameter"), "Status: 400 ");
}
END_TEST

START_TEST(a_declared_body_that_is_too_large_is_a_413)
{
	ck_has(run("POST", "/hello", "CONTENT_LENGTH=99999999999", NULL), "Status: 413 ");
}
END_TEST

START_TEST(what_is_wrong_with_a_body_is_told)
{
	const char *answer = run("POST", "/echo", "CONTENT_TYPE=application/json", NULL);
	ck_has(answer, "Status: 400 ");
	ck_has(answer, "\"detail\":\"The body is not JSON: ");
	ck_has(run("POST", "/echo", "CONTENT_TYPE=text/plain", NULL), "\"detail\":\"The body is to be JSON, ");
}
END_TEST

START_TEST(the_methods_of_a_path_are_told)
{
	ck_has(run("DELETE", "/hello", NULL, NULL), "Allow: GET, HEAD, OPTIONS, POST\r\n");
	ck_has(run("OPTIONS", "/hello", NULL, NULL), "Allow: GET, HEAD, OPTIONS, POST\r\n");
}
END_TEST

START_TEST(head_is_get_without_the_body)
{
	const char *answer = run("HEAD", "/hello", NULL, NULL);
	ck_has(answer, "Status: 200 ");
	ck_has(answer, "Content-Length: 2\r\n");
	ck_assert_str_eq(answer + strlen(answer) - 4, "\r\n\r\n");
}
END_TEST

START_TEST(an_id_of_another_form_is_replaced)
{
	static const char *const wrong[] = {"HTTP_X_CORRELATION_ID=", "HTTP_X_CORRELATION_ID=a b",
	                                    "HTTP_X_CORRELATION_ID=a\r\nX: y", "HTTP_X_CORRELATION_ID=\xff\xfe"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const char *answer = run("GET", "/hello", wrong[i], NULL);
		const char *header = strstr(answer, "X-Correlation-ID: ");
		ck_assert_ptr_nonnull(header);
		ck_assert_uint_eq(strcspn(header, "\r"), strlen("X-Correlation-ID: ") + 36);
	}
}
END_TEST

START_TEST(the_slot_shows_the_request_until_it_is_finished)
{
	run("GET", "/hello?secret=1", "HTTP_X_CORRELATION_ID=seen", NULL);
	ck_assert(was_in_flight);
	ck_assert_str_eq(in_flight.correlation_id, "seen");
	ck_assert_uint_eq(strspn(in_flight.trace_id, "0123456789abcdef"), 32);
	ck_assert_str_eq(in_flight.method, "GET");
	ck_assert_str_eq(in_flight.path, "/hello");
	ck_assert_str_eq(in_flight.route, "/hello");
	ck_assert(!slot_get_request(services.slot, &in_flight));
}
END_TEST

/* The records of one request: each line is JSON by itself. */
START_TEST(three_records_tell_of_a_request_at_debug)
{
	char line[4096];
	run("GET", "/hello?a=1&password=hidden", "HTTP_X_CORRELATION_ID=logged", NULL);
	FILE *file = fopen(dispatch_fixture_log(), "r");
	ck_assert_ptr_nonnull(file);
	static const char *const messages[] = {"Request started", "Request headers", "Request completed"};
	static const char *const fields[][2] = {{"url", "/hello?a=1&password=***REDACTED***"},
	                                        {"headers", "x-correlation-id: logged"},
	                                        {"status_code", "200"}};
	for (size_t i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
		ck_assert_ptr_null(strstr(line, "hidden"));
		struct json_object *record = json_tokener_parse(line), *value;
		ck_assert_ptr_nonnull(record);
		ck_assert(json_object_object_get_ex(record, "message", &value));
		ck_assert_str_eq(json_object_get_string(value), messages[i]);
		ck_assert(json_object_object_get_ex(record, "correlation_id", &value));
		ck_assert_str_eq(json_object_get_string(value), "logged");
		ck_assert(json_object_object_get_ex(record, fields[i][0], &value));
		ck_assert_str_eq(json_object_get_string(value), fields[i][1]);
		json_object_put(record);
	}
	ck_assert_ptr_null(fgets(line, sizeof line, file));
	fclose(file);
}
END_TEST

/* As nginx would have stamped it so long ago. */
static const char *
run_late(const char *method, const char *uri, int64_t waited_ms)
{
	char stamp[64];
	int64_t then_ms = clock_real_ns() / NS_PER_MS - waited_ms;
	snprintf(stamp, sizeof stamp, "REQUEST_START=%jd.%03jd", (intmax_t)then_ms / 1000, (intmax_t)then_ms % 1000);
	return run(method, uri, stamp, NULL);
}

START_TEST(what_waited_too_long_is_refused_unserved)
{
	const char *answer = run_late("GET", "/hello", 600);
	ck_assert_int_eq(strncmp(answer, "Status: 503 ", 12), 0);
	ck_has(answer, "\r\nRetry-After: 1\r\n");
	ck_has(answer, "\r\nX-Correlation-ID: ");
	ck_has(answer, "\r\nX-Process-Time: ");
	ck_has(answer, "\"detail\":\"The request waited too long to be served.\"");
	ck_assert_uint_eq(hellos, 0);
	ck_has(run_late("GET", "/nothing", 600), "Status: 503 ");
	ck_has(run_late("GET", "/hello", 20), "Status: 200 ");
	ck_has(run_late("GET", "/probe", 600), "Status: 200 ");
	ck_assert_uint_eq(hellos, 2);
	/* What a client sends as a header is another parameter. */
	ck_has(run("GET", "/hello", "HTTP_REQUEST_START=1.000", NULL), "Status: 200 ");
}
END_TEST

/* Of the last record; negative where it has no queue_seconds. */
static double
logged_queue_seconds(void)
{
	char line[4096], last[4096] = "";
	FILE *file = fopen(dispatch_fixture_log(), "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file) != NULL)
		memcpy(last, line, sizeof last);
	fclose(file);
	ck_has(last, "\"message\":\"Request completed\"");
	struct json_object *record = json_tokener_parse(last), *value;
	double seconds =
		json_object_object_get_ex(record, "queue_seconds", &value) ? json_object_get_double(value) : -1;
	json_object_put(record);
	return seconds;
}

START_TEST(how_long_a_request_waited_is_logged)
{
	run_late("GET", "/hello", 600);
	ck_assert_double_ge(logged_queue_seconds(), 0.6);
	ck_assert_double_lt(logged_queue_seconds(), 60);
	run_late("GET", "/hello", 0);
	ck_assert_double_ge(logged_queue_seconds(), 0);
	run("GET", "/hello", NULL, NULL);
	ck_assert_double_lt(logged_queue_seconds(), 0);
	run("GET", "/hello", "REQUEST_START=yesterday", NULL);
	ck_assert_double_lt(logged_queue_seconds(), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dispatch");
	TCase *tc = tcase_create("dispatch");
	tcase_add_checked_fixture(tc, setup, dispatch_fixture_teardown);
	tcase_add_test(tc, every_answer_has_status_and_the_two_headers);
	tcase_add_test(tc, problems_carry_the_correlation_id);
	tcase_add_test(tc, a_malformed_request_is_a_400);
	tcase_add_test(tc, a_declared_body_that_is_too_large_is_a_413);
	tcase_add_test(tc, what_is_wrong_with_a_body_is_told);
	tcase_add_test(tc, the_methods_of_a_path_are_told);
	tcase_add_test(tc, head_is_get_without_the_body);
	tcase_add_test(tc, an_id_of_another_form_is_replaced);
	tcase_add_test(tc, the_slot_shows_the_request_until_it_is_finished);
	tcase_add_test(tc, three_records_tell_of_a_request_at_debug);
	tcase_add_test(tc, what_waited_too_long_is_refused_unserved);
	tcase_add_test(tc, how_long_a_request_waited_is_logged);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
