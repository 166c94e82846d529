/* test_oversight.c - a request that has ended is inert, and a copy of the process knows that it is one. */
#include "http_fixture.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oversight.h"
#include "response.h"
#include "run_suite.h"

static struct fixture fixture;
static struct vt_response res;
static struct oversight *oversight;
static struct arena *spent;

static void
setup(void)
{
	fixture_init(&fixture);
	oversight = oversight_create();
	ck_assert_ptr_nonnull(oversight);
	fixture.req.with.oversight = oversight;
	ck_assert_int_eq(
		fixture_parse(&fixture, PARAMS("REQUEST_METHOD=GET", "REQUEST_URI=/a?q=1", "HTTP_X_SECRET=theirs")),
		VT_OK);
	response_init(&res, fixture.arena, "id");
	res.oversight = oversight;
	spent = arena_create(1, 1);
	arena_fail(spent);
}

static void
teardown(void)
{
	arena_destroy(spent);
	oversight_destroy(oversight);
	fixture_fini(&fixture);
}

static void
end(void)
{
	request_end(&fixture.req, spent, NULL);
	response_end(&res, spent);
}

START_TEST(an_ended_request_gives_nothing)
{
	const char *data;
	size_t size;
	ck_assert_str_eq(vt_path(&fixture.req), "/a");
	end();
	ck_assert_str_eq(vt_method(&fixture.req), "");
	ck_assert_str_eq(vt_path(&fixture.req), "");
	ck_assert_str_eq(vt_query_string(&fixture.req), "");
	ck_assert_str_eq(vt_correlation_id(&fixture.req), "");
	ck_assert_ptr_null(vt_user(&fixture.req));
	ck_assert_ptr_null(vt_header(&fixture.req, "X-Secret", 0));
	ck_assert_ptr_null(vt_query_param(&fixture.req, "q", 0));
	ck_assert_ptr_null(vt_path_param(&fixture.req, "id"));
	ck_assert_int_eq(vt_body(&fixture.req, &data, &size), VT_ERROR);
	ck_assert_ptr_null(data);
	ck_assert_int_eq(vt_time_left_ms(&fixture.req), 0);
}
END_TEST

START_TEST(an_ended_response_takes_nothing)
{
	ck_assert_int_eq(vt_set_header(&res, "X-Before", "yes"), VT_OK);
	ck_assert_int_eq(oversight_take(oversight).late, 0);
	end();
	ck_assert_int_eq(vt_status(&res, 201), VT_ERROR);
	ck_assert_int_eq(vt_set_header(&res, "X-After", "yes"), VT_ERROR);
	ck_assert_int_eq(vt_answer(&res, "text/plain", "a", 1), VT_ERROR);
	ck_assert_int_eq(vt_problem(&res, 404, NULL), VT_ERROR);
	ck_assert_int_eq(vt_fail(&res, VT_NO_MEMORY), VT_ERROR);
	ck_assert_int_eq(vt_no_content(&res, 204), VT_ERROR);
	ck_assert_ptr_null(vt_alloc(&fixture.req, 1));
	vt_log(&fixture.req, VT_INFO, "Late", VT_INT("n", 1));
	ck_assert_int_eq(oversight_take(oversight).late, 8);
	ck_assert_int_eq(oversight_take(oversight).late, 0);
	ck_assert(!res.misused);
	ck_assert_uint_eq(res.header_count, 0);
	/* The arena of those that run is untouched. */
	ck_assert(!arena_failed(fixture.arena));
}
END_TEST

START_TEST(it_begins_anew)
{
	end();
	response_init(&res, fixture.arena, "id");
	ck_assert_int_eq(vt_answer(&res, "text/plain", "a", 1), VT_OK);
	ck_assert(response_sound(&res));
}
END_TEST

START_TEST(a_copy_ends_and_the_original_goes_on)
{
	int status;
	ck_assert(!oversight_in_copy(oversight));
	oversight_end_copy(oversight);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (!oversight_in_copy(oversight))
			_exit(42);
		oversight_end_copy(oversight);
		_exit(43);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
	ck_assert_int_eq(oversight_take(oversight).copies, 1);
	ck_assert_int_eq(oversight_take(oversight).copies, 0);
}
END_TEST

START_TEST(without_one_nothing_is_asked)
{
	oversight_note_late(NULL);
	oversight_end_copy(NULL);
	ck_assert(!oversight_in_copy(NULL));
	ck_assert_int_eq(oversight_take(NULL).late, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("oversight");
	TCase *tc = tcase_create("oversight");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_ended_request_gives_nothing);
	tcase_add_test(tc, an_ended_response_takes_nothing);
	tcase_add_test(tc, it_begins_anew);
	tcase_add_test(tc, a_copy_ends_and_the_original_goes_on);
	tcase_add_test(tc, without_one_nothing_is_asked);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
