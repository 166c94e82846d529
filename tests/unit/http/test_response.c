/* test_response.c - answering once, headers that may be sent, the CGI form, misuse. */
#include <check.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "response.h"
#include "run_suite.h"

static char rendered[1 << 16];

struct fixture {
	struct arena *arena;
	struct vt_response res;
	struct strbuf out;
};

static void
start(struct fixture *f)
{
	f->arena = arena_create(4096, 1 << 20);
	response_init(&f->res, f->arena, "corr-1");
	strbuf_init_fixed(&f->out, rendered, sizeof rendered);
}

static void
end(struct fixture *f)
{
	arena_destroy(f->arena);
}

static const char *
render(struct fixture *f, enum response_body_mode mode)
{
	strbuf_reset(&f->out);
	response_render(&f->res, mode, &f->out);
	ck_assert(!f->out.failed);
	return f->out.data;
}

#define ERROR_BODY                                                                                                     \
	"{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"                                \
	"\"detail\":\"The service could not answer the request.\",\"correlation_id\":\"corr-1\"}"
#define ERROR_START "Status: 500 Internal Server Error\r\nContent-Type: application/problem+json\r\n"

/* The whole error once; headers may stand in between. */
static void
assert_error(struct fixture *f)
{
	const char *text = render(f, RESPONSE_WITH_BODY);
	ck_assert_int_eq(strncmp(text, ERROR_START, strlen(ERROR_START)), 0);
	const char *found = strstr(text, "Content-Length: ");
	ck_assert_ptr_nonnull(found);
	ck_assert_ptr_null(strstr(found + 1, "Content-Length: "));
	ck_assert_uint_eq(strtoul(found + strlen("Content-Length: "), NULL, 10), strlen(ERROR_BODY));
	ck_assert_str_eq(strstr(found, "\r\n\r\n") + 4, ERROR_BODY);
	ck_assert_int_eq(response_status(&f->res), 500);
	ck_assert(!response_sound(&f->res));
}

START_TEST(an_answer_in_its_cgi_form)
{
	struct fixture f;
	start(&f);
	ck_assert_int_eq(vt_status(&f.res, 201), VT_OK);
	ck_assert_int_eq(vt_set_header(&f.res, "X-One", "1"), VT_OK);
	ck_assert_int_eq(vt_set_header(&f.res, "X-Two", " two \t"), VT_OK);
	ck_assert_int_eq(vt_set_header(&f.res, "X-One", "again"), VT_OK);
	ck_assert_int_eq(vt_answer(&f.res, "text/plain", "hello", 5), VT_OK);
	ck_assert_str_eq(render(&f, RESPONSE_WITH_BODY),
	                 "Status: 201 Created\r\nContent-Type: text/plain\r\nX-One: 1\r\nX-Two: two\r\n"
	                 "X-One: again\r\nContent-Length: 5\r\n\r\nhello");
	ck_assert_str_eq(render(&f, RESPONSE_HEAD_ONLY),
	                 "Status: 201 Created\r\nContent-Type: text/plain\r\nX-One: 1\r\nX-Two: two\r\n"
	                 "X-One: again\r\nContent-Length: 5\r\n\r\n");
	ck_assert_int_eq(response_status(&f.res), 201);
	end(&f);
}
END_TEST

START_TEST(everything_is_copied)
{
	struct fixture f;
	char name[] = "X-A", value[] = "v", type[] = "text/plain", data[] = "data";
	start(&f);
	vt_set_header(&f.res, name, value);
	vt_answer(&f.res, type, data, 4);
	memset(name, '!', 3);
	memset(value, '!', 1);
	memset(type, '!', 10);
	memset(data, '!', 4);
	ck_assert_str_eq(render(&f, RESPONSE_WITH_BODY),
	                 "Status: 200 OK\r\nContent-Type: text/plain\r\nX-A: v\r\nContent-Length: 4\r\n\r\ndata");
	end(&f);
}
END_TEST

START_TEST(statuses)
{
	static const struct {
		int status;
		const char *line;
		bool bodiless;
	} cases[] = {
		{100, "Status: 100 Continue\r\n", true},     {200, "Status: 200 OK\r\n", false},
		{204, "Status: 204 No Content\r\n", true},   {205, "Status: 205 Reset Content\r\n", false},
		{304, "Status: 304 Not Modified\r\n", true}, {404, "Status: 404 Not Found\r\n", false},
		{599, "Status: 599 Unknown\r\n", false},     {999, "Status: 999 Unknown\r\n", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		start(&f);
		ck_assert_int_eq(vt_status(&f.res, cases[i].status), VT_OK);
		ck_assert_int_eq(vt_answer(&f.res, "text/plain", "body", 4), VT_OK);
		const char *text = render(&f, RESPONSE_WITH_BODY);
		ck_assert_int_eq(strncmp(text, cases[i].line, strlen(cases[i].line)), 0);
		ck_assert_int_eq(strstr(text, "Content-Length") == NULL, cases[i].bodiless);
		ck_assert_str_eq(strstr(text, "\r\n\r\n") + 4, cases[i].bodiless ? "" : "body");
		ck_assert_int_eq(response_bodiless(cases[i].status), cases[i].bodiless);
		end(&f);
	}
	ck_assert_str_eq(response_reason(404), "Not Found");
	ck_assert_str_eq(response_reason(299), "");
}
END_TEST

START_TEST(no_content)
{
	struct fixture f;
	start(&f);
	ck_assert_int_eq(vt_no_content(&f.res, 204), VT_OK);
	ck_assert_str_eq(render(&f, RESPONSE_WITH_BODY), "Status: 204 No Content\r\n\r\n");
	end(&f);
	start(&f);
	ck_assert_int_eq(vt_no_content(&f.res, 202), VT_OK);
	ck_assert_str_eq(render(&f, RESPONSE_WITH_BODY), "Status: 202 Accepted\r\nContent-Length: 0\r\n\r\n");
	end(&f);
}
END_TEST

static const struct {
	const char *name, *value;
	bool taken;
} headers[] = {
	{"X-A", "", true},
	{"x!#$%&'*+-.^_`|~9", "v", true},
	{"Location", "https://example.org/?a=b", true},
	{"X-A", "tab\there", true},
	{"X-A", "\xc3\xa4\xff", true},
	{"", "v", false},
	{" X", "v", false},
	{"X ", "v", false},
	{"X:", "v", false},
	{"X\r\nY", "v", false},
	{"X\xc3\xa4", "v", false},
	{"X(", "v", false},
	{"X/Y", "v", false},
	{"X\"", "v", false},
	{NULL, "v", false},
	{"X-A", NULL, false},
	{"X-A", "a\r\nSet-Cookie: b=c", false},
	{"X-A", "a\nb", false},
	{"X-A", "a\rb", false},
	{"X-A", "a\n", false},
	{"X-A", "\x01", false},
	{"X-A", "\x1b[2J", false},
	{"X-A", "\x7f", false},
	{"Status", "200 OK", false},
	{"STATUS", "200 OK", false},
	{"content-length", "1", false},
	{"Content-Type", "text/html", false},
	{"Connection", "close", false},
	{"transfer-encoding", "chunked", false},
};

START_TEST(headers_that_may_be_sent)
{
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		struct fixture f;
		start(&f);
		ck_assert_msg(vt_set_header(&f.res, headers[i].name, headers[i].value) ==
		                      (headers[i].taken ? VT_OK : VT_ERROR),
		              "case %zu", i);
		ck_assert_int_eq(f.res.misused, !headers[i].taken);
		ck_assert_int_eq(f.res.misuse == NULL, headers[i].taken);
		vt_answer(&f.res, "text/plain", "body", 4);
		if (!headers[i].taken)
			assert_error(&f);
		end(&f);
		start(&f);
		ck_assert_int_eq(response_replace_header(&f.res, headers[i].name, headers[i].value),
		                 headers[i].taken ? VT_OK : VT_ERROR);
		end(&f);
	}
}
END_TEST

START_TEST(headers_are_bounded_in_number)
{
	struct fixture f;
	start(&f);
	for (int i = 0; i < RESPONSE_MAX_HEADERS; i++)
		ck_assert_int_eq(vt_set_header(&f.res, "X", "v"), VT_OK);
	ck_assert_int_eq(vt_set_header(&f.res, "X", "v"), VT_ERROR);
	assert_error(&f);
	end(&f);
}
END_TEST

START_TEST(replacing_headers)
{
	struct fixture f;
	start(&f);
	vt_set_header(&f.res, "X-A", "1");
	vt_set_header(&f.res, "X-B", "2");
	vt_set_header(&f.res, "x-a", "3");
	vt_no_content(&f.res, 204);
	ck_assert_int_eq(response_replace_header(&f.res, "X-a", "4"), VT_OK);
	ck_assert_str_eq(render(&f, RESPONSE_WITH_BODY), "Status: 204 No Content\r\nX-B: 2\r\nX-a: 4\r\n\r\n");
	end(&f);
}
END_TEST

START_TEST(misuses_become_one_clean_error)
{
	for (int i = 0; i < 9; i++) {
		struct fixture f;
		start(&f);
		enum vt_result result = i < 7 ? vt_answer(&f.res, "text/plain", "first", 5) : VT_OK;
		ck_assert_int_eq(result, VT_OK);
		switch (i) {
		case 0:
			result = vt_answer(&f.res, "text/plain", "second", 6);
			break;
		case 1:
			result = vt_json_text(&f.res, "{}", 2);
			break;
		case 2:
			result = vt_status(&f.res, 201);
			break;
		case 3:
			result = vt_set_header(&f.res, "X", "v");
			break;
		case 4:
			result = vt_no_content(&f.res, 204);
			break;
		case 5:
			result = vt_problem(&f.res, 404, NULL);
			break;
		case 6:
			result = vt_fail(&f.res, VT_NO_MEMORY);
			break;
		case 7:
			result = vt_status(&f.res, 99);
			break;
		default:
			result = vt_fail(&f.res, VT_OK);
			break;
		}
		ck_assert_msg(result == VT_ERROR, "case %d", i);
		ck_assert(f.res.misused);
		ck_assert_ptr_nonnull(f.res.misuse);
		assert_error(&f);
		end(&f);
	}
}
END_TEST

START_TEST(content_types_that_cannot_be_sent)
{
	static const char *const types[] = {NULL, "", "text/html\r\nX: y", "a\nb", "\x01"};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		struct fixture f;
		start(&f);
		ck_assert_int_eq(vt_answer(&f.res, types[i], "x", 1), VT_ERROR);
		assert_error(&f);
		end(&f);
	}
}
END_TEST

START_TEST(what_was_never_answered_is_an_error)
{
	struct fixture f;
	start(&f);
	vt_set_header(&f.res, "X-Kept", "yes");
	assert_error(&f);
	ck_assert_ptr_nonnull(strstr(render(&f, RESPONSE_HEAD_ONLY), "X-Kept: yes\r\n"));
	end(&f);
}
END_TEST

START_TEST(json_answers)
{
	struct fixture f;
	start(&f);
	struct json_object *json = json_tokener_parse("{\"url\": \"/a/b\", \"n\": 1e400, \"x\": [1, null]}");
	ck_assert_int_eq(vt_json(&f.res, json), VT_OK);
	json_object_put(json);
	ck_assert_str_eq(render(&f, RESPONSE_WITH_BODY),
	                 "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: 37\r\n\r\n"
	                 "{\"url\":\"/a/b\",\"n\":1e400,\"x\":[1,null]}");
	end(&f);
}
END_TEST

START_TEST(null_is_a_tree)
{
	struct fixture f;
	start(&f);
	ck_assert_int_eq(vt_json(&f.res, NULL), VT_OK);
	ck_assert_str_eq(f.res.body.data, "null");
	end(&f);
}
END_TEST

START_TEST(a_tree_without_a_json_form_is_misuse)
{
	struct json_object *trees[] = {json_object_new_double(NAN), json_object_new_string("\xff")};
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		start(&f);
		ck_assert_int_eq(vt_json(&f.res, trees[i]), VT_ERROR);
		assert_error(&f);
		end(&f);
		json_object_put(trees[i]);
	}
}
END_TEST

START_TEST(built_in_place)
{
	struct fixture f;
	start(&f);
	strbuf_puts(response_body(&f.res), "in place");
	ck_assert_int_eq(response_answered(&f.res, "text/plain"), VT_OK);
	ck_assert_int_eq(response_answered(&f.res, "text/plain"), VT_ERROR);
	end(&f);
}
END_TEST

START_TEST(a_body_begun_is_not_part_of_another_answer)
{
	struct fixture f;
	start(&f);
	strbuf_puts(response_body(&f.res), "half of it");
	ck_assert_int_eq(vt_problem(&f.res, 404, NULL), VT_OK);
	ck_assert_int_eq(f.res.body.data[0], '{');
	response_reset(&f.res);
	ck_assert_uint_eq(f.res.header_count, 0);
	strbuf_puts(response_body(&f.res), "half of it");
	ck_assert_int_eq(vt_json_text(&f.res, "{}", 2), VT_OK);
	ck_assert_str_eq(f.res.body.data, "{}");
	end(&f);
}
END_TEST

START_TEST(out_of_memory_is_answered_out_of_the_reserve)
{
	struct fixture f;
	char id[129], value[300];
	memset(id, 'c', 128);
	id[128] = '\0';
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	start(&f);
	f.res.correlation_id = id;
	vt_set_header(&f.res, "X-Handler", "gone");
	arena_fail(f.arena);
	ck_assert_int_eq(vt_answer(&f.res, "text/plain", "x", 1), VT_NO_MEMORY);
	ck_assert_int_eq(vt_set_header(&f.res, "X", "v"), VT_NO_MEMORY);
	ck_assert_int_eq(vt_fail(&f.res, VT_NO_MEMORY), VT_OK);
	ck_assert_int_eq(response_replace_header(&f.res, "X-Correlation-ID", id), VT_OK);
	ck_assert_int_eq(response_replace_header(&f.res, "X-Process-Time", "0.001"), VT_OK);
	while (response_replace_header(&f.res, "X-Large", value) == VT_OK)
		continue;
	ck_assert(response_sound(&f.res));
	const char *text = render(&f, RESPONSE_WITH_BODY);
	ck_assert_ptr_null(strstr(text, "X-Handler"));
	ck_assert_ptr_nonnull(strstr(text, "X-Process-Time: 0.001\r\n"));
	ck_assert_ptr_nonnull(strstr(text, id));
	ck_assert_ptr_nonnull(strstr(text, "\"detail\":\"The request needs more memory than is allowed.\""));
	ck_assert_int_eq(text[strlen(text) - 1], '}');
	end(&f);
}
END_TEST

START_TEST(a_response_born_without_memory_answers_too)
{
	struct fixture f;
	f.arena = arena_create(64, 64);
	arena_fail(f.arena);
	response_init(&f.res, f.arena, "corr-1");
	strbuf_init_fixed(&f.out, rendered, sizeof rendered);
	ck_assert_int_eq(vt_problem(&f.res, 404, NULL), VT_NO_MEMORY);
	assert_error(&f);
	response_out_of_memory(&f.res);
	ck_assert(response_sound(&f.res));
	ck_assert_ptr_nonnull(strstr(render(&f, RESPONSE_WITH_BODY), "\"correlation_id\":\"corr-1\"}"));
	end(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("response");
	TCase *tc = tcase_create("response");
	tcase_add_test(tc, an_answer_in_its_cgi_form);
	tcase_add_test(tc, everything_is_copied);
	tcase_add_test(tc, statuses);
	tcase_add_test(tc, no_content);
	tcase_add_test(tc, headers_that_may_be_sent);
	tcase_add_test(tc, headers_are_bounded_in_number);
	tcase_add_test(tc, replacing_headers);
	tcase_add_test(tc, misuses_become_one_clean_error);
	tcase_add_test(tc, content_types_that_cannot_be_sent);
	tcase_add_test(tc, what_was_never_answered_is_an_error);
	tcase_add_test(tc, json_answers);
	tcase_add_test(tc, null_is_a_tree);
	tcase_add_test(tc, a_tree_without_a_json_form_is_misuse);
	tcase_add_test(tc, built_in_place);
	tcase_add_test(tc, a_body_begun_is_not_part_of_another_answer);
	tcase_add_test(tc, out_of_memory_is_answered_out_of_the_reserve);
	tcase_add_test(tc, a_response_born_without_memory_answers_too);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
