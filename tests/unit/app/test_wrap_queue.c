/* test_wrap_queue.c - which requests have waited too long, and what they are told. */
#include <check.h>
#include <string.h>

#include "arena.h"
#include "clock.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "routes.h"
#include "run_suite.h"
#include "services.h"
#include "settings.h"
#include "wrappers.h"

static const struct route plain = {.path = "/users"}, probe = {.path = "/health", .flags = ROUTE_PROBE};

static const struct {
	const char *what;
	int64_t timeout_ms, waited_ms;
	const struct route *route;
	bool refused;
} table[] = {
	{"off", 0, 3600000, &plain, false},
	{"unknown", 1, -1, &plain, false},
	{"at once", 1, 0, &plain, false},
	{"just in time", 500, 500, &plain, false},
	{"too late", 500, 501, &plain, true},
	{"much too late", 500, 3600000, &plain, true},
	{"too late and nobody's", 500, 501, NULL, true},
	{"a late probe", 500, 3600000, &probe, false},
};

START_TEST(test_verdicts)
{
	struct settings settings = {.queue_timeout_ms = table[_i].timeout_ms};
	struct services services = {.settings = &settings};
	struct arena *arena = arena_create(4096, 65536);
	struct vt_request req = {.with = {.arena = arena, .services = &services}, .route = table[_i].route};
	static struct vt_response res;
	req.queue_ns = table[_i].waited_ms < 0 ? -1 : table[_i].waited_ms * NS_PER_MS;
	response_init(&res, arena, "an-id");
	ck_assert_int_eq(wrap_queue.enter(&req, &res), VT_OK);
	ck_assert_msg(res.answered == table[_i].refused, "%s", table[_i].what);
	if (table[_i].refused) {
		ck_assert_int_eq(res.status, 503);
		ck_assert_str_eq(res.content_type, "application/problem+json");
		ck_assert_str_eq(res.body.data,
		                 "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
		                 "\"detail\":\"The request waited too long to be served.\","
		                 "\"correlation_id\":\"an-id\"}");
		ck_assert_uint_eq(res.header_count, 1);
		ck_assert_str_eq(res.headers[0].name, "Retry-After");
		ck_assert_str_eq(res.headers[0].value, "1");
	}
	arena_destroy(arena);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wrap_queue");
	TCase *tc = tcase_create("wrap_queue");
	tcase_add_loop_test(tc, test_verdicts, 0, (int)(sizeof table / sizeof table[0]));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
