/* test_problem.c - problem documents, and what each result is answered with. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "jsoncheck.h"
#include "problem.h"
#include "response.h"
#include "result.h"
#include "run_suite.h"

static const struct {
	struct problem problem;
	const char *document;
} cases[] = {
	{{404, "There is no such user.", "abc"},
         "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"There is no such user.\","
         "\"correlation_id\":\"abc\"}"},
	{{503, NULL, "abc"},
         "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"correlation_id\":\"abc\"}"},
	{{413, NULL, ""}, "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413}"},
	{{599, "\"<\n\xff", NULL},
         "{\"type\":\"about:blank\",\"title\":\"Unknown\",\"status\":599,\"detail\":\"\\\"<\\n\xef\xbf\xbd\"}"},
};

START_TEST(documents)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char storage[1024];
		struct strbuf out;
		strbuf_init_fixed(&out, storage, sizeof storage);
		problem_write(&cases[i].problem, &out);
		ck_assert_str_eq(out.data, cases[i].document);
		ck_assert_int_eq(json_check(out.data, out.length, 1, NULL), 0);
	}
}
END_TEST

START_TEST(problems_are_answers)
{
	struct arena *arena = arena_create(4096, 65536);
	struct vt_response res;
	response_init(&res, arena, "abc");
	ck_assert_int_eq(vt_problem(&res, 404, "There is no such user."), VT_OK);
	ck_assert_int_eq(res.status, 404);
	ck_assert_str_eq(res.content_type, "application/problem+json");
	ck_assert_str_eq(res.body.data, cases[0].document);
	arena_destroy(arena);
}
END_TEST

START_TEST(a_problem_needs_a_status)
{
	static const int statuses[] = {-1, 0, 99, 1000};
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct arena *arena = arena_create(4096, 65536);
		struct vt_response res;
		response_init(&res, arena, "");
		ck_assert_int_eq(vt_problem(&res, statuses[i], NULL), VT_ERROR);
		ck_assert(res.misused);
		arena_destroy(arena);
	}
}
END_TEST

static const struct {
	enum vt_result result;
	int status;
} results[] = {
	{VT_BAD_INPUT, 400},      {VT_NOT_FOUND, 404},       {VT_CONFLICT, 409},
	{VT_TOO_LARGE, 413},      {VT_UNSUPPORTED, 415},     {VT_MISS, 404},
	{VT_NOT_CONFIGURED, 503}, {VT_UNAVAILABLE, 503},     {VT_TIMEOUT, 504},
	{VT_PEER_GONE, 499},      {VT_STOPPING, 503},        {VT_NO_MEMORY, 500},
	{VT_ERROR, 500},          {(enum vt_result)77, 500}, {(enum vt_result) - 1, 500},
};

START_TEST(results_have_their_status)
{
	for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
		struct arena *arena = arena_create(4096, 65536);
		struct vt_response res;
		response_init(&res, arena, "abc");
		ck_assert_int_eq(result_status(results[i].result), results[i].status);
		ck_assert_int_eq(vt_fail(&res, results[i].result), VT_OK);
		ck_assert_int_eq(res.status, results[i].status);
		ck_assert(response_sound(&res));
		ck_assert_int_eq(json_check(res.body.data, res.body.length, 1, NULL), 0);
		ck_assert_ptr_nonnull(strstr(res.body.data, "\"detail\":"));
		bool passes = results[i].result == VT_UNAVAILABLE || results[i].result == VT_STOPPING;
		ck_assert_uint_eq(res.header_count, passes ? 1 : 0);
		if (passes)
			ck_assert_str_eq(res.headers[0].name, "Retry-After");
		arena_destroy(arena);
	}
	ck_assert_int_eq(result_status(VT_OK), 200);
}
END_TEST

START_TEST(results_have_words)
{
	for (int i = VT_OK; i <= VT_ERROR; i++) {
		ck_assert_str_ne(vt_strerror((enum vt_result)i), "unknown result");
		for (int j = VT_OK; j < i; j++)
			ck_assert_str_ne(vt_strerror((enum vt_result)i), vt_strerror((enum vt_result)j));
	}
	ck_assert_str_eq(vt_strerror((enum vt_result)(VT_ERROR + 1)), "unknown result");
	ck_assert_str_eq(vt_strerror((enum vt_result) - 1), "unknown result");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("problem");
	TCase *tc = tcase_create("problem");
	tcase_add_test(tc, documents);
	tcase_add_test(tc, problems_are_answers);
	tcase_add_test(tc, a_problem_needs_a_status);
	tcase_add_test(tc, results_have_their_status);
	tcase_add_test(tc, results_have_words);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
