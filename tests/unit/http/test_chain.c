/* test_chain.c - the order of the wrappers, and an answer whatever happens inside. */
#include "http_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "chain.h"
#include "log.h"
#include "redact.h"
#include "response.h"
#include "router.h"
#include "run_suite.h"

/* What happened, in order: 'a' entered, 'A' left; the status that was seen while leaving. */
struct trace {
	char text[32];
	size_t length;
	int status_seen;
	bool answered_seen;
};

static void
note(struct vt_request *req, char letter)
{
	struct trace *trace = req->with.services;
	trace->text[trace->length++] = letter;
}

#define WRAPPER(letter, capital, result)                                                                               \
	static enum vt_result enter_##letter(struct vt_request *req, struct vt_response *res)                          \
	{                                                                                                              \
		(void)res;                                                                                             \
		note(req, #letter[0]);                                                                                 \
		return result;                                                                                         \
	}                                                                                                              \
	static void leave_##letter(struct vt_request *req, struct vt_response *res)                                    \
	{                                                                                                              \
		struct trace *trace = req->with.services;                                                              \
		note(req, #capital[0]);                                                                                \
		trace->status_seen = response_status(res);                                                             \
		trace->answered_seen = response_sound(res);                                                            \
		response_replace_header(res, "X-Left", #capital);                                                      \
	}                                                                                                              \
	static const struct wrapper wrapper_##letter = {#letter, enter_##letter, leave_##letter};

WRAPPER(a, A, VT_OK)
WRAPPER(b, B, VT_OK)
WRAPPER(c, C, VT_OK)
WRAPPER(t, T, VT_TIMEOUT)
WRAPPER(p, P, vt_problem(res, 403, "No."))
WRAPPER(q, Q, (vt_problem(res, 401, NULL), VT_BAD_INPUT))

static const struct wrapper wrapper_none = {.name = "none"};

static enum vt_result
answers(struct vt_request *req, struct vt_response *res)
{
	note(req, '!');
	vt_set_header(res, "X-Handler", "yes");
	return vt_answer(res, "text/plain", "fine", 4);
}

static enum vt_result
fails(struct vt_request *req, struct vt_response *res)
{
	note(req, '!');
	vt_set_header(res, "X-Handler", "yes");
	vt_status(res, 201);
	return VT_UNAVAILABLE;
}

static enum vt_result
answers_and_fails(struct vt_request *req, struct vt_response *res)
{
	note(req, '!');
	vt_problem(res, 418, NULL);
	return VT_ERROR;
}

static enum vt_result
forgets(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	note(req, '!');
	return VT_OK;
}

static enum vt_result
answers_twice(struct vt_request *req, struct vt_response *res)
{
	answers(req, res);
	return vt_answer(res, "text/plain", "second", 6);
}

static enum vt_result
injects(struct vt_request *req, struct vt_response *res)
{
	vt_set_header(res, "X-Client", "a\r\nSet-Cookie: b");
	return answers(req, res);
}

static enum vt_result
devours(struct vt_request *req, struct vt_response *res)
{
	vt_set_header(res, "X-Handler", "yes");
	vt_alloc(req, FIXTURE_ARENA_BYTES);
	return answers(req, res);
}

static enum vt_result
reports_no_memory(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	note(req, '!');
	return VT_NO_MEMORY;
}

static const struct {
	const struct wrapper *wrappers[4];
	vt_handler_fn *handler;
	const char *trace;
	int status;
	bool handlers_header;
} cases[] = {
	{{NULL}, answers, "!", 200, true},
	{{&wrapper_a, &wrapper_b, &wrapper_c}, answers, "abc!CBA", 200, true},
	{{&wrapper_a, &wrapper_none, &wrapper_c}, answers, "ac!CA", 200, true},
	/* Errors inside */
	{{&wrapper_a, &wrapper_b}, fails, "ab!BA", 503, false},
	{{&wrapper_a, &wrapper_b}, answers_and_fails, "ab!BA", 418, false},
	{{&wrapper_a, &wrapper_b}, forgets, "ab!BA", 500, false},
	{{&wrapper_a, &wrapper_b}, answers_twice, "ab!BA", 500, false},
	{{&wrapper_a, &wrapper_b}, injects, "ab!BA", 500, false},
	{{&wrapper_a, &wrapper_b}, devours, "ab!BA", 500, false},
	{{&wrapper_a, &wrapper_b}, reports_no_memory, "ab!BA", 500, false},
	/* The way in ends: only those that were entered are left */
	{{&wrapper_a, &wrapper_t, &wrapper_c}, answers, "atA", 504, false},
	{{&wrapper_t, &wrapper_a}, answers, "t", 504, false},
	{{&wrapper_a, &wrapper_q, &wrapper_c}, answers, "aqA", 401, false},
	{{&wrapper_a, &wrapper_p, &wrapper_c}, answers, "apPA", 403, false},
};

START_TEST(order_and_answers)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		struct trace trace = {.status_seen = 0};
		struct vt_response res;
		fixture_init(&f);
		f.req.with.services = &trace;
		response_init(&res, f.arena, f.req.correlation_id);
		size_t count = 0;
		while (cases[i].wrappers[count] != NULL)
			count++;
		chain_run(cases[i].wrappers, count, cases[i].handler, &f.req, &res);
		ck_assert_str_eq(trace.text, cases[i].trace);
		ck_assert_msg(response_status(&res) == cases[i].status, "case %zu: %d", i, response_status(&res));
		ck_assert(response_sound(&res));
		if (strpbrk(trace.text, "ABCTPQ") != NULL) {
			ck_assert_int_eq(trace.status_seen, cases[i].status);
			ck_assert(trace.answered_seen);
		}
		char text[4096];
		struct strbuf out;
		strbuf_init_fixed(&out, text, sizeof text);
		response_render(&res, RESPONSE_WITH_BODY, &out);
		ck_assert(!out.failed);
		ck_assert_int_eq(strstr(text, "X-Handler") != NULL, cases[i].handlers_header);
		ck_assert_int_eq(strstr(text, "X-Left: A") != NULL, strchr(trace.text, 'A') != NULL);
		ck_assert_ptr_null(strstr(text, "Set-Cookie"));
		fixture_fini(&f);
	}
}
END_TEST

/* Runs handler with a log and returns what was logged, in storage. */
static void
run_logged(vt_handler_fn *handler, char *storage, size_t size)
{
	struct fixture f;
	struct trace trace = {.status_seen = 0};
	struct vt_response res;
	char path[] = "/tmp/test_chain.XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	struct redact *redact = redact_create(NULL);
	struct log *log = log_create(&(struct log_config){.level = VT_INFO, .file = path, .redact = redact}, NULL);
	ck_assert_ptr_nonnull(log);
	fixture_init(&f);
	f.req.with.services = &trace;
	f.req.with.log = log;
	strcpy(f.req.correlation_id, "corr-7");
	f.req.route = &(struct route){.method = "GET", .path = "/users/{id}"};
	response_init(&res, f.arena, f.req.correlation_id);
	chain_run(NULL, 0, handler, &f.req, &res);
	fixture_fini(&f);
	log_destroy(log);
	redact_destroy(redact);
	ssize_t got = read(fd, storage, size - 1);
	ck_assert_int_ge(got, 0);
	storage[got] = '\0';
	close(fd);
	unlink(path);
}

START_TEST(faults_of_a_handler_are_logged)
{
	static const struct {
		vt_handler_fn *handler;
		const char *message, *exception;
	} faults[] = {
		{forgets, "Request not answered", "The handler returned VT_OK without an answer."},
		{answers_twice, "Response misused", "A response was answered twice."},
		{injects, "Response misused", "A header's value holds a control character."},
		{devours, "Request failed", "The request needs more memory than MAX_REQUEST_MEMORY allows."},
	};
	char text[8192];
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		run_logged(faults[i].handler, text, sizeof text);
		ck_assert_ptr_nonnull(strstr(text, faults[i].message));
		ck_assert_ptr_nonnull(strstr(text, faults[i].exception));
		ck_assert_ptr_nonnull(strstr(text, "corr-7"));
		ck_assert_ptr_nonnull(strstr(text, "/users/{id}"));
		ck_assert_ptr_nonnull(strstr(text, "vitals.request"));
	}
	run_logged(answers, text, sizeof text);
	ck_assert_str_eq(text, "");
}
END_TEST

static enum vt_result
logs(struct vt_request *req, struct vt_response *res)
{
	vt_log(req, VT_INFO, "User shown", VT_INT("rows", 3), VT_STR("password", "hush"));
	vt_log(req, VT_DEBUG, "Not shown", VT_INT("rows", 4));
	return answers(req, res);
}

START_TEST(modules_log_with_the_requests_ids)
{
	char text[8192];
	run_logged(logs, text, sizeof text);
	ck_assert_ptr_nonnull(strstr(text, "\"logger\":\"vitals.module\""));
	ck_assert_ptr_nonnull(strstr(text, "\"message\":\"User shown\""));
	ck_assert_ptr_nonnull(strstr(text, "\"correlation_id\":\"corr-7\""));
	ck_assert_ptr_nonnull(strstr(text, "\"function\":\"logs\""));
	ck_assert_ptr_nonnull(strstr(text, "\"rows\":3"));
	ck_assert_ptr_null(strstr(text, "hush"));
	ck_assert_ptr_null(strstr(text, "Not shown"));
}
END_TEST

static _Atomic uint64_t logged[LOG_LEVELS];

static enum vt_result
logs_levels_that_are_none(struct vt_request *req, struct vt_response *res)
{
	_Atomic uint64_t *cells[LOG_LEVELS];
	for (size_t i = 0; i < LOG_LEVELS; i++)
		cells[i] = &logged[i];
	log_count_in(req->with.log, cells);
	vt_log(req, (enum vt_level)99, "Beyond", VT_INT("rows", 3));
	vt_log(req, (enum vt_level)(VT_CRITICAL + 257), "Far beyond", VT_INT("rows", 3));
	vt_log(req, (enum vt_level) - 3, "Below", VT_INT("rows", 4));
	return answers(req, res);
}

START_TEST(a_level_that_is_none_counts_as_the_nearest)
{
	char text[8192];
	run_logged(logs_levels_that_are_none, text, sizeof text);
	ck_assert_ptr_nonnull(strstr(text, "\"level\":\"CRITICAL\""));
	ck_assert_ptr_nonnull(strstr(text, "\"message\":\"Far beyond\""));
	ck_assert_ptr_null(strstr(text, "Below"));
	ck_assert_uint_eq(logged[VT_CRITICAL], 2);
	ck_assert_uint_eq(logged[VT_DEBUG], 0);
}
END_TEST

START_TEST(a_request_without_memory_is_answered)
{
	struct fixture f;
	struct trace trace = {.status_seen = 0};
	struct vt_response res;
	fixture_init(&f);
	f.req.with.services = &trace;
	arena_fail(f.arena);
	response_init(&res, f.arena, f.req.correlation_id);
	const struct wrapper *wrappers[] = {&wrapper_a};
	chain_run(wrappers, 1, answers, &f.req, &res);
	ck_assert(response_sound(&res));
	ck_assert_int_eq(res.status, 500);
	ck_assert_uint_eq(res.header_count, 1);
	fixture_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("chain");
	TCase *tc = tcase_create("chain");
	tcase_add_test(tc, order_and_answers);
	tcase_add_test(tc, faults_of_a_handler_are_logged);
	tcase_add_test(tc, modules_log_with_the_requests_ids);
	tcase_add_test(tc, a_level_that_is_none_counts_as_the_nearest);
	tcase_add_test(tc, a_request_without_memory_is_answered);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
