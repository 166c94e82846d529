/* test_health.c - the verdicts, and each answer in each form, byte for byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "health.h"
#include "jsoncheck.h"
#include "run_suite.h"
#include "strbuf.h"

/* 2026-01-31T23:59:59.123456Z */
#define REAL_NS INT64_C(1769903999123456000)
#define MONO_NS (INT64_C(1000) * NS_PER_S)
#define STAMP "\"timestamp\":\"2026-01-31T23:59:59.123456Z\",\"version\":\"1.2.3\""
#define POOL "\"pool\":{\"workers\":4,\"idle\":3,\"busy\":1,\"queue\":{\"pending\":5,\"capacity\":511}}"
#define POOL_NO_QUEUE "\"pool\":{\"workers\":4,\"idle\":3,\"busy\":1,\"queue\":{\"pending\":null,\"capacity\":null}}"
#define MEMORY "\"memory\":{\"total\":1000,\"available\":250,\"percent\":75.0}"
#define DISK "\"disk\":{\"total\":5000,\"free\":4000,\"percent\":12.5}"
#define NO_MEMORY "\"memory\":{\"total\":null,\"available\":null,\"percent\":null}"
#define PSI "\"pressure\":{\"cpu\":{\"some\":1.50},\"memory\":{\"some\":0.00,\"full\":0.25}}"

static struct health_facts facts;
static struct health_report report;

enum { DATABASE, CACHE, MEM, DSK, VAR };

static void
setup(void)
{
	facts = (struct health_facts){
		.real_ns = REAL_NS,
		.mono_ns = MONO_NS,
		.service = "shop",
		.version = "1.2.3",
		.pool = {.workers = 4, .idle = 3, .busy = 1},
		.queue_known = true,
		.queue = {.pending = 5, .capacity = 511},
		.started = true,
		.checks_passed = true,
	};
	report = (struct health_report){.count = 4};
	report.checks[DATABASE] = (struct check_report){.name = "database", .importance = CHECK_CRITICAL};
	report.checks[CACHE] = (struct check_report){.name = "cache"};
	report.checks[MEM] = (struct check_report){.name = "memory", .shape = CHECK_SHAPE_MEMORY};
	report.checks[DSK] = (struct check_report){.name = "disk", .shape = CHECK_SHAPE_DISK};
	for (size_t i = 0; i < report.count; i++) {
		report.checks[i].result.status = CHECK_HEALTHY;
		report.checks[i].result.checked_ns = MONO_NS - NS_PER_S;
		report.checks[i].result.duration_ns = 1234 * 1000;
	}
	report.checks[MEM].result.total_bytes = 1000;
	report.checks[MEM].result.free_bytes = 250;
	report.checks[MEM].result.percent = 75;
	report.checks[DSK].result.total_bytes = 5000;
	report.checks[DSK].result.free_bytes = 4000;
	report.checks[DSK].result.percent = 12.5;
}

static void
break_check(size_t check, const char *text)
{
	report.checks[check].result.status = CHECK_FAILED;
	strcpy(report.checks[check].result.text, text);
}

static void
lose_numbers(size_t check, const char *text)
{
	report.checks[check].result = (struct check_result){.checked_ns = MONO_NS};
	break_check(check, text);
}

static void
expect(enum health_route route, enum health_form form, enum health_view view, const char *expected)
{
	char text[4096];
	struct strbuf out;
	strbuf_init_fixed(&out, text, sizeof text);
	struct health_answer answer = {.route = route, .form = form, .view = view, .facts = &facts, .report = &report};
	health_judge(route, &facts, route == HEALTH_BASIC || route == HEALTH_LIVE ? NULL : &report, &answer.verdict);
	health_write(&answer, &out);
	ck_assert(!out.failed);
	ck_assert_str_eq(out.data, expected);
	if (form != HEALTH_FORM_TEXT)
		ck_assert_int_eq(json_check(out.data, out.length, 16, NULL), 0);
}

static void
expect_plain(enum health_route route, const char *expected)
{
	expect(route, HEALTH_FORM_JSON, HEALTH_SHOWN, expected);
}

START_TEST(test_plain_healthy)
{
	expect_plain(HEALTH_BASIC, "{\"status\":\"healthy\"," STAMP "}");
	expect_plain(HEALTH_LIVE, "{\"status\":\"alive\"}");
	expect_plain(HEALTH_READY, "{\"status\":\"ready\"}");
	expect_plain(HEALTH_STARTUP, "{\"status\":\"started\"}");
	expect_plain(HEALTH_DETAILED, "{\"status\":\"healthy\"," STAMP
	                              ",\"checks\":{\"database\":\"healthy\",\"cache\":\"healthy\"," MEMORY "," DISK
	                              "," POOL "},\"warnings\":[]}");
}
END_TEST

#define POOL_OF "\"pool\":{\"workers\":4,\"idle\":3,\"busy\":1,\"queue\":{\"pending\":5,\"capacity\":511},\"database\":"
#define DETAILED_START                                                                                                 \
	"{\"status\":\"healthy\"," STAMP ",\"checks\":{\"database\":\"healthy\",\"cache\":\"healthy\"," MEMORY         \
	"," DISK ","

/* What is counted only where there are metrics is left out without them. */
START_TEST(test_plain_figures_of_the_database)
{
	facts.database = (struct database_pool){.configured = true, .size = 4, .most = 6, .in_use = 2, .overflow = 1};
	expect_plain(HEALTH_DETAILED,
	             DETAILED_START POOL_OF "{\"size\":4,\"max\":6,\"in_use\":2,\"overflow\":1}}},\"warnings\":[]}");
	facts.database.counted = true;
	facts.database.connected = 5;
	facts.database.reconnects = 7;
	facts.database.connect_failures = 8;
	facts.database.moves = 9;
	facts.database.recycled = 10;
	facts.database.ended_by_server = 11;
	facts.database.timed_out = 12;
	facts.database.prepared_again = 13;
	expect_plain(HEALTH_DETAILED, DETAILED_START POOL_OF
	             "{\"size\":4,\"max\":6,\"in_use\":2,\"overflow\":1,\"connected\":5,\"reconnects\":7,"
	             "\"connect_failures\":8,\"moves\":9,\"recycled\":10,\"ended_by_server\":11,\"timed_out\":12,"
	             "\"prepared_again\":13}}},\"warnings\":[]}");
}
END_TEST

START_TEST(test_plain_database_down)
{
	break_check(DATABASE, "unhealthy: connection refused");
	expect_plain(HEALTH_BASIC, "{\"status\":\"healthy\"," STAMP "}");
	expect_plain(HEALTH_LIVE, "{\"status\":\"alive\"}");
	expect_plain(HEALTH_READY, "{\"status\":\"not ready\",\"reason\":\"database unavailable\"}");
	expect_plain(HEALTH_STARTUP, "{\"status\":\"starting\",\"reason\":\"database unavailable\"}");
	expect_plain(HEALTH_DETAILED,
	             "{\"status\":\"degraded\"," STAMP
	             ",\"checks\":{\"database\":\"unhealthy: connection refused\",\"cache\":\"healthy\"," MEMORY
	             "," DISK "," POOL "},\"warnings\":[]}");
}
END_TEST

START_TEST(test_plain_warnings)
{
	break_check(CACHE, "unhealthy: no answer within 800 ms");
	lose_numbers(MEM, "unhealthy: no answer within 800 ms");
	break_check(DSK, "unhealthy: 12.5 % used");
	expect_plain(HEALTH_READY, "{\"status\":\"ready\"}");
	expect_plain(
		HEALTH_DETAILED,
		"{\"status\":\"healthy\"," STAMP
		",\"checks\":{\"database\":\"healthy\",\"cache\":\"unhealthy: no answer within 800 ms\"," NO_MEMORY
		"," DISK "," POOL "},\"warnings\":[\"The check cache is unhealthy: no answer within 800 ms.\","
		"\"The check memory is unhealthy: no answer within 800 ms.\",\"The check disk is unhealthy: 12.5 % used.\"]}");
}
END_TEST

START_TEST(test_plain_critical_disk_says_why)
{
	report.checks[DSK].importance = CHECK_CRITICAL;
	lose_numbers(DSK, "unhealthy: No such file or directory");
	expect_plain(HEALTH_READY, "{\"status\":\"not ready\",\"reason\":\"disk unavailable\"}");
	expect_plain(HEALTH_DETAILED, "{\"status\":\"degraded\"," STAMP
	                              ",\"checks\":{\"database\":\"healthy\",\"cache\":\"healthy\"," MEMORY
	                              ",\"disk\":{\"total\":null,\"free\":null,\"percent\":null}," POOL
	                              "},\"warnings\":[\"The check disk is unhealthy: No such file or directory.\"]}");
}
END_TEST

START_TEST(test_plain_not_configured_and_pressure)
{
	report.checks[DATABASE].result.status = CHECK_NOT_CONFIGURED;
	report.checks[CACHE].result.status = CHECK_NOT_CONFIGURED;
	facts.pressure.shares[PRESSURE_CPU] = (struct pressure_share){.known = true, .some = 1.5};
	facts.pressure.shares[PRESSURE_MEMORY] =
		(struct pressure_share){.known = true, .full_known = true, .full = 0.25};
	expect_plain(HEALTH_READY, "{\"status\":\"ready\"}");
	expect_plain(HEALTH_DETAILED,
	             "{\"status\":\"healthy\"," STAMP
	             ",\"checks\":{\"database\":\"not configured\",\"cache\":\"not configured\"," MEMORY "," DISK
	             "," POOL "," PSI "},\"warnings\":[]}");
}
END_TEST

START_TEST(test_plain_queue_unknown)
{
	facts.queue_known = false;
	expect_plain(HEALTH_DETAILED, "{\"status\":\"healthy\"," STAMP
	                              ",\"checks\":{\"database\":\"healthy\",\"cache\":\"healthy\"," MEMORY "," DISK
	                              "," POOL_NO_QUEUE "},\"warnings\":[]}");
}
END_TEST

START_TEST(test_withheld)
{
	static const enum health_form forms[] = {HEALTH_FORM_JSON, HEALTH_FORM_DRAFT, HEALTH_FORM_MICROPROFILE};
	static const char *const degraded[] = {
		"{\"status\":\"degraded\"," STAMP "}",
		"{\"status\":\"fail\",\"version\":\"1.2.3\",\"serviceId\":\"shop\"}",
		"{\"status\":\"DOWN\",\"checks\":[]}",
	};
	break_check(DATABASE, "unhealthy: x");
	for (int i = 0; i < 3; i++)
		expect(HEALTH_DETAILED, forms[i], HEALTH_WITHHELD, degraded[i]);
	expect(HEALTH_READY, HEALTH_FORM_JSON, HEALTH_WITHHELD, "{\"status\":\"not ready\"," STAMP "}");
}
END_TEST

#define DRAFT_HEAD(status) "{\"status\":\"" status "\",\"version\":\"1.2.3\",\"serviceId\":\"shop\""
#define DRAFT_QUEUE                                                                                                    \
	"\"pool:connections\":[{\"componentId\":\"queue\",\"componentType\":\"component\",\"observedValue\":5,"        \
	"\"observedUnit\":\"connections\",\"capacity\":511,\"status\":\"pass\",\"time\":\"2026-01-31T23:59:59.123456Z\"}]"
#define DRAFT_TIME "\"time\":\"2026-01-31T23:59:58.123456Z\""

START_TEST(test_draft)
{
	expect(HEALTH_BASIC, HEALTH_FORM_DRAFT, HEALTH_SHOWN, DRAFT_HEAD("pass") "}");
	expect(HEALTH_LIVE, HEALTH_FORM_DRAFT, HEALTH_SHOWN, DRAFT_HEAD("pass") "}");
	report.checks[CACHE].result.status = CHECK_NOT_CONFIGURED;
	report.checks[VAR] = report.checks[DSK];
	report.checks[VAR].name = "disk:/var";
	report.count = 5;
	expect(HEALTH_DETAILED, HEALTH_FORM_DRAFT, HEALTH_SHOWN,
	       DRAFT_HEAD("pass") ",\"checks\":{\"database:responseTime\":[{\"componentId\":\"database\","
	                          "\"componentType\":\"datastore\","
	                          "\"observedValue\":1.234,\"observedUnit\":\"ms\",\"status\":\"pass\"," DRAFT_TIME
	                          "}],"
	                          "\"memory:utilization\":[{\"componentId\":\"memory\",\"componentType\":\"system\","
	                          "\"observedValue\":75.0,\"observedUnit\":\"percent\",\"status\":\"pass\"," DRAFT_TIME
	                          "}],"
	                          "\"disk:utilization\":[{\"componentId\":\"disk\",\"componentType\":\"system\","
	                          "\"observedValue\":12.5,\"observedUnit\":\"percent\",\"status\":\"pass\"," DRAFT_TIME
	                          "},"
	                          "{\"componentId\":\"disk:/var\",\"componentType\":\"system\","
	                          "\"observedValue\":12.5,\"observedUnit\":\"percent\",\"status\":\"pass\"," DRAFT_TIME
	                          "}]," DRAFT_QUEUE "}}");
}
END_TEST

START_TEST(test_draft_warn_and_fail)
{
	report.count = 2;
	facts.queue_known = false;
	break_check(CACHE, "unhealthy: slow");
	expect(HEALTH_READY, HEALTH_FORM_DRAFT, HEALTH_SHOWN, DRAFT_HEAD("pass") "}");
	expect(HEALTH_DETAILED, HEALTH_FORM_DRAFT, HEALTH_SHOWN,
	       DRAFT_HEAD("warn") ",\"checks\":{\"database:responseTime\":[{\"componentId\":\"database\","
	                          "\"componentType\":\"datastore\","
	                          "\"observedValue\":1.234,\"observedUnit\":\"ms\",\"status\":\"pass\"," DRAFT_TIME
	                          "}],"
	                          "\"cache:responseTime\":[{\"componentId\":\"cache\",\"componentType\":\"datastore\","
	                          "\"observedValue\":1.234,\"observedUnit\":\"ms\",\"status\":\"warn\"," DRAFT_TIME
	                          ",\"output\":\"unhealthy: slow\"}]}}");
	report.count = 1;
	/* Never run at all: nothing was observed. */
	report.checks[DATABASE].result = (struct check_result){0};
	break_check(DATABASE, "unhealthy: no result");
	expect(HEALTH_READY, HEALTH_FORM_DRAFT, HEALTH_SHOWN,
	       DRAFT_HEAD("fail") ",\"output\":\"database unavailable\"}");
	expect(HEALTH_DETAILED, HEALTH_FORM_DRAFT, HEALTH_SHOWN,
	       DRAFT_HEAD(
		       "fail") ",\"output\":\"database unavailable\",\"checks\":{\"database:responseTime\":[{\"componentId\":"
	                       "\"database\",\"componentType\":\"datastore\",\"status\":\"fail\","
	                       "\"output\":\"unhealthy: no result\"}]}}");
}
END_TEST

#define MP_POOL_START "{\"name\":\"pool\",\"status\":\"UP\",\"data\":{\"workers\":4,\"idle\":3,\"busy\":1"
#define MP_POOL MP_POOL_START ",\"queue_pending\":5,\"queue_capacity\":511}}"
#define MP_POOL_NO_QUEUE MP_POOL_START "}}"

START_TEST(test_microprofile)
{
	expect(HEALTH_BASIC, HEALTH_FORM_MICROPROFILE, HEALTH_SHOWN, "{\"status\":\"UP\",\"checks\":[]}");
	expect(HEALTH_LIVE, HEALTH_FORM_MICROPROFILE, HEALTH_SHOWN,
	       "{\"status\":\"UP\",\"checks\":[{\"name\":\"live\",\"status\":\"UP\"}]}");
	expect(HEALTH_STARTUP, HEALTH_FORM_MICROPROFILE, HEALTH_SHOWN,
	       "{\"status\":\"UP\",\"checks\":[{\"name\":\"started\",\"status\":\"UP\"}]}");
	report.checks[CACHE].result.status = CHECK_NOT_CONFIGURED;
	lose_numbers(MEM, "unhealthy: lost");
	expect(HEALTH_DETAILED, HEALTH_FORM_MICROPROFILE, HEALTH_SHOWN,
	       "{\"status\":\"UP\",\"checks\":[{\"name\":\"database\",\"status\":\"UP\"},"
	       "{\"name\":\"cache\",\"status\":\"UP\",\"data\":{\"state\":\"not configured\"}},"
	       "{\"name\":\"memory\",\"status\":\"UP\",\"data\":{\"warning\":\"unhealthy: lost\"}},"
	       "{\"name\":\"disk\",\"status\":\"UP\",\"data\":{\"total\":5000,\"free\":4000,\"percent\":12.5}}," MP_POOL
	       "]}");
	break_check(DATABASE, "unhealthy: x");
	report.count = 1;
	expect(HEALTH_READY, HEALTH_FORM_MICROPROFILE, HEALTH_SHOWN,
	       "{\"status\":\"DOWN\",\"checks\":[{\"name\":\"ready\",\"status\":\"DOWN\","
	       "\"data\":{\"reason\":\"database unavailable\"}}]}");
	facts.queue_known = false;
	expect(HEALTH_DETAILED, HEALTH_FORM_MICROPROFILE, HEALTH_SHOWN,
	       "{\"status\":\"DOWN\",\"checks\":[{\"name\":\"database\",\"status\":\"DOWN\","
	       "\"data\":{\"error\":\"unhealthy: x\"}}," MP_POOL_NO_QUEUE "]}");
}
END_TEST

START_TEST(test_text)
{
	report.checks[MEM].result.status = CHECK_NOT_CONFIGURED;
	break_check(CACHE, "unhealthy: slow");
	expect(HEALTH_READY, HEALTH_FORM_TEXT, HEALTH_SHOWN,
	       "[+]pool ok (5 of 511 connections waiting)\n[+]database ok\n[-]cache failed (not critical): slow\n"
	       "[+]memory not configured: ok\n[+]disk ok\n"
	       "ready check passed\n");
	break_check(DATABASE, "unhealthy: connection refused");
	facts.saturated = true;
	report.count = 1;
	expect(HEALTH_READY, HEALTH_FORM_TEXT, HEALTH_SHOWN,
	       "[-]pool failed: saturated (5 of 511 connections waiting)\n[-]database failed: connection refused\n"
	       "ready check failed\n");
	facts.draining = true;
	facts.queue_known = false;
	expect(HEALTH_READY, HEALTH_FORM_TEXT, HEALTH_SHOWN,
	       "[-]pool failed: draining\n[-]database failed: connection refused\nready check failed\n");
	health_exclude(&facts, &report, "database");
	health_exclude(&facts, &report, "pool");
	expect(HEALTH_READY, HEALTH_FORM_TEXT, HEALTH_SHOWN,
	       "[+]pool excluded: ok\n[+]database excluded: ok\nready check passed\n");
	health_exclude(&facts, &report, "nothing of ours");
	expect(HEALTH_READY, HEALTH_FORM_TEXT, HEALTH_SHOWN,
	       "[+]pool excluded: ok\n[+]database excluded: ok\nwarn: exclude names a check that there is not\n"
	       "ready check passed\n");
}
END_TEST

static const struct {
	enum health_route route;
	struct health_facts facts;
	bool database_fails;
	const char *reason; /* NULL: passes */
} verdicts[] = {
	{HEALTH_LIVE, {.started = true, .pool.workers = 1}, true, NULL},
	{HEALTH_LIVE, {.draining = true}, true, NULL},
	{HEALTH_LIVE,
         {.stuck = true},
         false,
         "every worker has been busy with one request for more than twice REQUEST_TIMEOUT"},
	{HEALTH_LIVE, {.stuck = true, .pool_excluded = true}, false, NULL},
	{HEALTH_READY, {.started = true, .pool.workers = 1}, false, NULL},
	{HEALTH_READY, {.started = true, .pool.workers = 1}, true, "database unavailable"},
	{HEALTH_READY, {.started = true, .pool.workers = 1, .draining = true}, true, "draining"},
	{HEALTH_READY, {.started = true, .pool.workers = 1, .saturated = true}, false, "saturated"},
	{HEALTH_READY, {.started = true, .pool.workers = 0}, false, "starting"},
	{HEALTH_READY, {.pool.workers = 1}, false, "starting"},
	{HEALTH_READY, {.draining = true, .pool_excluded = true}, false, NULL},
	{HEALTH_STARTUP, {.started = false}, false, "starting"},
	{HEALTH_STARTUP, {.started = true}, true, "database unavailable"},
	{HEALTH_STARTUP, {.started = true, .draining = true}, false, NULL},
	{HEALTH_DETAILED, {.draining = true}, false, NULL},
	{HEALTH_DETAILED, {.started = true}, true, "database unavailable"},
};

START_TEST(test_verdicts)
{
	struct health_verdict verdict;
	bool looks = verdicts[_i].route != HEALTH_LIVE;
	if (verdicts[_i].database_fails)
		break_check(DATABASE, "unhealthy: x");
	health_judge(verdicts[_i].route, &verdicts[_i].facts, looks ? &report : NULL, &verdict);
	ck_assert_str_eq(verdict.reason, verdicts[_i].reason != NULL ? verdicts[_i].reason : "");
	ck_assert_int_eq(verdict.passes, verdicts[_i].reason == NULL);
	ck_assert_int_eq(health_status_code(&verdict), verdict.passes ? 200 : 503);
}
END_TEST

START_TEST(test_live_not_alive)
{
	facts.stuck = true;
	expect_plain(HEALTH_LIVE,
	             "{\"status\":\"not alive\",\"reason\":\"every worker has been busy with one request for more than "
	             "twice REQUEST_TIMEOUT\"}");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health");
	TCase *tc = tcase_create("health");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_plain_healthy);
	tcase_add_test(tc, test_plain_figures_of_the_database);
	tcase_add_test(tc, test_plain_database_down);
	tcase_add_test(tc, test_plain_warnings);
	tcase_add_test(tc, test_plain_critical_disk_says_why);
	tcase_add_test(tc, test_plain_not_configured_and_pressure);
	tcase_add_test(tc, test_plain_queue_unknown);
	tcase_add_test(tc, test_withheld);
	tcase_add_test(tc, test_draft);
	tcase_add_test(tc, test_draft_warn_and_fail);
	tcase_add_test(tc, test_microprofile);
	tcase_add_test(tc, test_text);
	tcase_add_loop_test(tc, test_verdicts, 0, (int)(sizeof verdicts / sizeof verdicts[0]));
	tcase_add_test(tc, test_live_not_alive);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
