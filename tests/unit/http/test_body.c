/* test_body.c - reading once, in bounded pieces, within the limits; JSON. */
#include "http_fixture.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>

#include "clock.h"
#include "run_suite.h"
#include "scoreboard.h"

/* A source that gives data in pieces, then its end or a failure, and counts what it was asked for. */
struct source {
	const char *data;
	size_t size, piece, at;
	enum vt_result end;
	unsigned reads;
	size_t largest;
	struct slot *slot;
	enum slot_phase phase; /* seen while reading */
};

static enum vt_result
source_read(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	struct source *source = context;
	source->reads++;
	if (size_bytes > source->largest)
		source->largest = size_bytes;
	if (source->slot != NULL)
		source->phase = slot_phase(source->slot);
	size_t left = source->size - source->at;
	*got = left < source->piece ? left : source->piece;
	if (*got > size_bytes)
		*got = size_bytes;
	memcpy(buffer, source->data + source->at, *got);
	source->at += *got;
	return *got == 0 ? source->end : VT_OK;
}

static void
start(struct fixture *f, struct source *source, int64_t content_length)
{
	fixture_init(f);
	f->req.with.body = (struct body_source){.read = source_read, .context = source};
	f->req.content_length = content_length;
	f->req.content_type = "application/json";
}

static const struct {
	const char *data;
	int64_t content_length, max;
	enum vt_result end, result;
	const char *body;
	unsigned reads_at_most;
} cases[] = {
	{"hello", 5, 100, VT_OK, VT_OK, "hello", 5},
	{"hello", -1, 100, VT_OK, VT_OK, "hello", 6},
	{"", 0, 100, VT_OK, VT_OK, "", 0},
	{"", -1, 100, VT_OK, VT_OK, "", 1},
	{"hello", 0, 100, VT_OK, VT_OK, "", 0},
	/* Never past CONTENT_LENGTH, and less is a fault */
	{"hello, and more", 5, 100, VT_OK, VT_OK, "hello", 5},
	{"hell", 5, 100, VT_OK, VT_BAD_INPUT, NULL, 6},
	{"", 5, 100, VT_OK, VT_BAD_INPUT, NULL, 1},
	/* The limit */
	{"hello", 5, 5, VT_OK, VT_OK, "hello", 5},
	{"hello", 6, 5, VT_OK, VT_TOO_LARGE, NULL, 0},
	{"hello", INT64_MAX, 5, VT_OK, VT_TOO_LARGE, NULL, 0},
	{"hello", -1, 5, VT_OK, VT_OK, "hello", 6},
	{"hello!", -1, 5, VT_OK, VT_TOO_LARGE, NULL, 6},
	{"h", -1, 0, VT_OK, VT_TOO_LARGE, NULL, 1},
	{"", -1, 0, VT_OK, VT_OK, "", 1},
	/* What the source says */
	{"hel", 5, 100, VT_TIMEOUT, VT_TIMEOUT, NULL, 4},
	{"hel", -1, 100, VT_PEER_GONE, VT_PEER_GONE, NULL, 4},
	{"hello", -1, 5, VT_PEER_GONE, VT_PEER_GONE, NULL, 6},
};

START_TEST(lengths_and_limits)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		struct source source = {
			.data = cases[i].data, .size = strlen(cases[i].data), .piece = 1, .end = cases[i].end};
		start(&f, &source, cases[i].content_length);
		f.limits.max_body_bytes = cases[i].max;
		for (int again = 0; again < 2; again++) {
			const char *data;
			size_t size;
			enum vt_result result = vt_body(&f.req, &data, &size);
			ck_assert_msg(result == cases[i].result, "case %zu: %s", i, vt_strerror(result));
			ck_assert_msg(source.reads <= cases[i].reads_at_most, "case %zu: %u reads", i, source.reads);
			if (cases[i].body != NULL) {
				ck_assert_str_eq(data, cases[i].body);
				ck_assert_uint_eq(size, strlen(cases[i].body));
			} else {
				ck_assert_ptr_null(data);
				ck_assert_uint_eq(size, 0);
			}
		}
		fixture_fini(&f);
	}
}
END_TEST

static char *
make_pattern(size_t size)
{
	char *data = malloc(size);
	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 31 + (i >> 8));
	return data;
}

START_TEST(large_bodies_arrive_whole_and_in_bounded_memory)
{
	static const size_t sizes[] = {1 << 14, (1 << 14) + 1, 1 << 16, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 8 << 20};
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
		size_t expected = sizes[i / 2];
		struct fixture f;
		char *pattern = make_pattern(expected);
		struct source source = {.data = pattern, .size = expected, .piece = 50000};
		start(&f, &source, i % 2 == 0 ? (int64_t)expected : -1);
		f.limits.max_body_bytes = 16 << 20;
		const char *data;
		size_t size;
		ck_assert_int_eq(vt_body(&f.req, &data, &size), VT_OK);
		ck_assert_uint_eq(size, expected);
		ck_assert_mem_eq(data, pattern, expected);
		ck_assert_int_eq(data[size], '\0');
		ck_assert_uint_le(source.largest, 65536);
		/* Pieces of a geometric row: the last at most four times what came, all together a third more. */
		ck_assert_uint_lt(arena_used(f.arena), 6 * expected + 65536);
		free(pattern);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(an_announced_length_alone_takes_little_memory)
{
	struct fixture f;
	struct source source = {.data = "x", .size = 1, .piece = 1};
	start(&f, &source, INT64_C(1) << 30);
	f.limits.max_body_bytes = INT64_C(1) << 31;
	const char *data;
	size_t size;
	ck_assert_int_eq(vt_body(&f.req, &data, &size), VT_BAD_INPUT);
	ck_assert_uint_lt(arena_used(f.arena), (1 << 20) + 4096);
	fixture_fini(&f);
}
END_TEST

START_TEST(no_memory)
{
	struct fixture f;
	struct source source = {.data = "x", .size = 1, .piece = 1};
	start(&f, &source, 1);
	arena_fail(f.arena);
	const char *data;
	size_t size;
	ck_assert_int_eq(vt_body(&f.req, &data, &size), VT_NO_MEMORY);
	fixture_fini(&f);
}
END_TEST

START_TEST(the_deadline_ends_a_dripping_body)
{
	struct fixture f;
	struct source source = {.data = "hello", .size = 5, .piece = 1};
	start(&f, &source, 5);
	f.req.deadline_ns = clock_mono_ns() - 1;
	const char *data;
	size_t size;
	ck_assert_int_eq(vt_body(&f.req, &data, &size), VT_TIMEOUT);
	ck_assert_uint_eq(source.reads, 0);
	fixture_fini(&f);
}
END_TEST

START_TEST(without_a_source_there_is_no_body)
{
	struct fixture f;
	const char *data;
	size_t size;
	fixture_init(&f);
	ck_assert_int_eq(vt_body(&f.req, &data, &size), VT_OK);
	ck_assert_uint_eq(size, 0);
	fixture_fini(&f);
}
END_TEST

START_TEST(the_slot_says_that_it_reads)
{
	struct fixture f;
	static struct slot slot;
	struct source source = {.data = "hello", .size = 5, .piece = 5, .slot = &slot};
	start(&f, &source, 5);
	f.req.with.slot = &slot;
	slot_set_phase(&slot, PHASE_HANDLER);
	const char *data;
	size_t size;
	ck_assert_int_eq(vt_body(&f.req, &data, &size), VT_OK);
	ck_assert_int_eq(source.phase, PHASE_READING);
	ck_assert_int_eq(slot_phase(&slot), PHASE_HANDLER);
	fixture_fini(&f);
}
END_TEST

static enum vt_result
lying_read(void *context, void *buffer, size_t size_bytes, size_t *got)
{
	(void)context;
	(void)buffer;
	*got = size_bytes + 1;
	return VT_OK;
}

START_TEST(a_source_that_gives_too_much_is_a_bug) /* raises SIGABRT */
{
	struct fixture f;
	fixture_init(&f);
	f.req.with.body.read = lying_read;
	const char *data;
	size_t size;
	vt_body(&f.req, &data, &size);
}
END_TEST

static const struct {
	const char *type, *body;
	enum vt_result result;
} json_cases[] = {
	{"application/json", "{\"a\":[1,2]}", VT_OK},
	{"application/problem+json", "[]", VT_OK},
	{"application/vnd.api+json", "7", VT_OK},
	{"application/json", "null", VT_OK},
	{"application/json", " \"x\" ", VT_OK},
	{"application/json", "-0.5e+3", VT_OK},
	{"application/json", "[[[[[[[[]]]]]]]]", VT_OK},
	{"application/json", "[[[[[[[[[]]]]]]]]]", VT_BAD_INPUT},
	{"application/json", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}", VT_OK},
	{"application/json", "", VT_BAD_INPUT},
	{"application/json", "{", VT_BAD_INPUT},
	{"application/json", "[NaN]", VT_BAD_INPUT},
	{"application/json", "{\"a\":1.}", VT_BAD_INPUT},
	{"application/json", "\"\xff\"", VT_BAD_INPUT},
	{"application/json", "1 1", VT_BAD_INPUT},
	{"text/plain", "{}", VT_UNSUPPORTED},
	{"", "{}", VT_UNSUPPORTED},
	{"application/+json", "{}", VT_UNSUPPORTED},
	{"application/jsonp", "{}", VT_UNSUPPORTED},
	{"application/json+xml", "{}", VT_UNSUPPORTED},
	{"text/x+json", "{}", VT_UNSUPPORTED},
	{"application/x-www-form-urlencoded", "{}", VT_UNSUPPORTED},
};

START_TEST(json_bodies)
{
	for (size_t i = 0; i < sizeof json_cases / sizeof json_cases[0]; i++) {
		struct fixture f;
		struct source source = {.data = json_cases[i].body, .size = strlen(json_cases[i].body), .piece = 3};
		start(&f, &source, -1);
		f.req.content_type = json_cases[i].type;
		const char *text = "untouched";
		size_t size = 1;
		enum vt_result result = vt_body_json_text(&f.req, &text, &size);
		ck_assert_msg(result == json_cases[i].result, "case %zu: %s", i, vt_strerror(result));
		if (result == VT_OK)
			ck_assert_str_eq(text, json_cases[i].body);
		else
			ck_assert_ptr_null(text);
		if (result == VT_UNSUPPORTED)
			ck_assert_uint_eq(source.reads, 0);
		struct json_object *json;
		ck_assert_int_eq(vt_body_json(&f.req, &json), json_cases[i].result);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(the_tree_is_what_was_sent)
{
	static const char body[] = "{\"a\":[1,2.5,null,\"\xc3\xa4\\u0041\"]}";
	struct fixture f;
	struct source source = {.data = body, .size = strlen(body), .piece = 100};
	start(&f, &source, (int64_t)strlen(body));
	struct json_object *json;
	ck_assert_int_eq(vt_body_json(&f.req, &json), VT_OK);
	ck_assert_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), "{\"a\":[1,2.5,null,\"\xc3\xa4"
	                                                                               "A\"]}");
	fixture_fini(&f);
}
END_TEST

START_TEST(json_to_its_greatest_depth)
{
	static char body[2 * 1024 + 1];
	memset(body, '[', 1024);
	memset(body + 1024, ']', 1024);
	struct fixture f;
	struct source source = {.data = body, .size = 2048, .piece = 4096};
	start(&f, &source, 2048);
	f.limits.max_json_depth = 1024;
	struct json_object *json;
	ck_assert_int_eq(vt_body_json(&f.req, &json), VT_OK);
	fixture_fini(&f);
}
END_TEST

/* A megabyte of empty objects would be a tree of 270 MB: refused, while as many bytes in a string are nothing. */
START_TEST(a_tree_counts_against_the_requests_memory)
{
	static const char *const pieces[] = {"{},", "\\n"};
	static const enum vt_result results[] = {VT_NO_MEMORY, VT_OK};
	static char body[1 << 20];
	for (size_t i = 0; i < 2; i++) {
		size_t size = 0, piece = strlen(pieces[i]);
		body[size++] = '[';
		if (i == 1)
			body[size++] = '"';
		for (; size + 16 < sizeof body; size += piece)
			memcpy(body + size, pieces[i], piece);
		size = (size_t)(stpcpy(body + size, i == 1 ? "{{{{[[[\"]" : "0]") - body);
		struct fixture f;
		struct source source = {.data = body, .size = size, .piece = 65536};
		start(&f, &source, -1);
		struct json_object *json;
		ck_assert_int_eq(vt_body_json(&f.req, &json), results[i]);
		ck_assert_int_eq(arena_failed(f.arena), results[i] == VT_NO_MEMORY);
		fixture_fini(&f);
	}
}
END_TEST

START_TEST(json_of_a_failed_body_fails_the_same)
{
	struct fixture f;
	struct source source = {.data = "{", .size = 1, .piece = 1, .end = VT_PEER_GONE};
	start(&f, &source, 2);
	struct json_object *json;
	ck_assert_int_eq(vt_body_json(&f.req, &json), VT_PEER_GONE);
	ck_assert_ptr_null(json);
	fixture_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("body");
	TCase *tc = tcase_create("body");
	tcase_add_test(tc, lengths_and_limits);
	tcase_add_test(tc, large_bodies_arrive_whole_and_in_bounded_memory);
	tcase_add_test(tc, an_announced_length_alone_takes_little_memory);
	tcase_add_test(tc, no_memory);
	tcase_add_test(tc, the_deadline_ends_a_dripping_body);
	tcase_add_test(tc, without_a_source_there_is_no_body);
	tcase_add_test(tc, the_slot_says_that_it_reads);
	tcase_add_test_raise_signal(tc, a_source_that_gives_too_much_is_a_bug, SIGABRT);
	tcase_add_test(tc, json_bodies);
	tcase_add_test(tc, the_tree_is_what_was_sent);
	tcase_add_test(tc, json_to_its_greatest_depth);
	tcase_add_test(tc, a_tree_counts_against_the_requests_memory);
	tcase_add_test(tc, json_of_a_failed_body_fails_the_same);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
