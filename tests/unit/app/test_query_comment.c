/* test_query_comment.c - the comment of a request's statements is one comment, whatever its values hold. */
#include "query_comment.h"

#include <check.h>
#include <string.h>

#include "arena.h"
#include "request.h"
#include "router.h"
#include "run_suite.h"
#include "services.h"
#include "settings.h"

static struct settings settings;
static struct services services = {.settings = &settings};
static struct arena *arena;

static void
setup(void)
{
	settings.db_comment_sample_millionths = RATIO_WHOLE;
	arena = arena_create(4096, 65536);
}

static void
teardown(void)
{
	arena_destroy(arena);
}

static const char *
comment_of(const char *id, const char *path, const char *trace_id, const char *span_id)
{
	static struct vt_request req;
	static struct route route;
	route = (struct route){.path = path};
	req = (struct vt_request){.with = {.arena = arena, .services = &services},
	                          .route = path != NULL ? &route : NULL,
	                          .log_context = {.trace_id = trace_id, .span_id = span_id}};
	strcpy(req.correlation_id, id);
	const char *comment = query_comment(&req);
	ck_assert_ptr_eq(query_comment(&req), comment); /* made once */
	return comment;
}

static const struct {
	const char *id, *route, *trace_id, *span_id, *comment;
} table[] = {
	{"id-1", NULL, NULL, NULL, "/*correlation_id='id-1'*/"},
	{"id-1", "/users/{id}", NULL, NULL, "/*correlation_id='id-1',route='%2Fusers%2F%7Bid%7D'*/"},
	{"id-1", "/u", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7",
         "/*correlation_id='id-1',route='%2Fu',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'*/"},
	{"*/ drop table users; --", "'\n*/\\\xff", "*/", "'",
         "/*correlation_id='%2A%2F%20drop%20table%20users%3B%20--',route='%27%0A%2A%2F%5C%FF',"
         "traceparent='00-%2A%2F-%27-00'*/"},
	{"/*", "$$", NULL, NULL, "/*correlation_id='%2F%2A',route='%24%24'*/"},
};

START_TEST(names_the_request)
{
	ck_assert_str_eq(comment_of(table[_i].id, table[_i].route, table[_i].trace_id, table[_i].span_id),
	                 table[_i].comment);
}
END_TEST

START_TEST(not_where_the_request_is_not_taken)
{
	settings.db_comment_sample_millionths = 0;
	ck_assert_ptr_null(comment_of("id-1", "/u", NULL, NULL));
}
END_TEST

START_TEST(no_memory_is_no_comment)
{
	arena_fail(arena);
	ck_assert_ptr_null(comment_of("id-1", "/u", NULL, NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("query_comment");
	TCase *tc = tcase_create("query_comment");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, names_the_request, 0, sizeof table / sizeof *table);
	tcase_add_test(tc, not_where_the_request_is_not_taken);
	tcase_add_test(tc, no_memory_is_no_comment);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
