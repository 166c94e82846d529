/*
 * test_routes_health.c - the health routes through router, request and response, with the real checks (no
 * database and no cache configured, or a cache that nobody serves): status, form, access, options.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "checks.h"
#include "err.h"
#include "log.h"
#include "redact.h"
#include "redis.h"
#include "request.h"
#include "response.h"
#include "router.h"
#include "routes_health.h"
#include "run_suite.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"

static char folder[64], path[96];
static char *disk_paths[] = {"/"}, *critical[] = {"cache"}, *allowed[] = {"loopback"};
static struct settings settings;
static struct scoreboard *board;
static struct redact *redact;
static struct log *quiet_log;
static struct redis *redis;
static struct checks *checks;
static struct router *router;
static struct arena *arena;
static struct services services;

/* Answers of the last ask(). */
static struct vt_request req;
static struct vt_response res;

enum cache_mode { NO_CACHE, DEAD_CACHE };

static void
start(enum cache_mode mode)
{
	struct err err = {.text = ""};
	if (mode == DEAD_CACHE) {
		char url[128];
		snprintf(url, sizeof url, "unix://%s/nobody.sock", folder);
		redis = redis_create(&(struct redis_config){.url = url, .timeout_ms = 50, .ttl_default_ms = 1000},
		                     &err);
		ck_assert_msg(redis != NULL, "%s", err.text);
	}
	checks = checks_create(
		&(struct checks_config){.settings = &settings, .board = board, .redis = redis, .log = quiet_log});
	ck_assert_ptr_nonnull(checks);
	services = (struct services){.settings = &settings,
	                             .log = quiet_log,
	                             .board = board,
	                             .redis = redis,
	                             .checks = checks,
	                             .router = router};
}

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_routes_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = 2}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	slot_claim(scoreboard_slot(board, 0), ROLE_WORKER, 1);
	slot_set_state(scoreboard_slot(board, 0), SLOT_BUSY);
	atomic_store(&scoreboard_service(board)->started, 1);
	settings = (struct settings){.service_name = "vitals",
	                             .service_version = "9.9",
	                             .health_check_timeout_ms = 5000,
	                             .health_cache_ms = 60000,
	                             .request_timeout_ms = 30000,
	                             .saturated_after_ms = 1000,
	                             .disk_max_percent = 100,
	                             .memory_max_percent = 100,
	                             .admin_token = "s3cret"};
	settings.disk_paths = (struct text_list){.count = 1, .items = disk_paths};
	settings.critical_checks = (struct text_list){.count = 1, .items = critical};
	settings.admin_allow = (struct text_list){.count = 1, .items = allowed};
	redact = redact_create(NULL);
	quiet_log = log_create(&(struct log_config){.level = VT_CRITICAL, .redact = redact}, &err);
	ck_assert_msg(quiet_log != NULL, "%s", err.text);
	arena = arena_create(16384, 1024 * 1024);
	router = router_create();
	for (size_t i = 0; i < health_routes_count; i++)
		ck_assert_int_eq(router_add(router, &health_routes[i], &err), 0);
}

static void
teardown(void)
{
	checks_destroy(checks);
	redis_destroy(redis);
	redis = NULL;
	router_destroy(router);
	arena_destroy(arena);
	log_destroy(quiet_log);
	redact_destroy(redact);
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

/* GET of a target by a client; header is one more CGI variable, or NULL. */
static void
ask(const char *target, const char *client_ip, const char *header)
{
	static const struct request_limits limits = {.max_body_bytes = 1024, .max_json_depth = 8, .timeout_ms = 30000};
	static char uri[256], query[256], ip[64], extra[256];
	char *params[8] = {"REQUEST_METHOD=GET", uri, query, ip};
	arena_reset(arena);
	snprintf(uri, sizeof uri, "REQUEST_URI=%s", target);
	snprintf(query, sizeof query, "QUERY_STRING=%s", strchr(target, '?') != NULL ? strchr(target, '?') + 1 : "");
	snprintf(ip, sizeof ip, "REMOTE_ADDR=%s", client_ip);
	if (header != NULL) {
		snprintf(extra, sizeof extra, "%s", header);
		params[4] = extra;
	}
	request_init(
		&req,
		&(struct request_setup){
			.arena = arena, .log = quiet_log, .redact = redact, .limits = &limits, .services = &services});
	ck_assert_int_eq(request_parse(&req, params), VT_OK);
	ck_assert_int_eq(router_match(router, &req), ROUTER_FOUND);
	response_init(&res, arena, "");
	ck_assert_int_eq(req.route->handler(&req, &res), VT_OK);
	ck_assert(res.answered);
	ck_assert(!res.misused);
}

static const char *
response_header(const char *name)
{
	for (size_t i = 0; i < res.header_count; i++)
		if (strcmp(res.headers[i].name, name) == 0)
			return res.headers[i].value;
	return "";
}

static void
expect(int status, const char *content_type, const char *body)
{
	ck_assert_int_eq(res.status, status);
	ck_assert_str_eq(res.content_type, content_type);
	ck_assert_str_eq(res.body.data, body);
	ck_assert_str_eq(response_header("Cache-Control"), "no-store");
}

static void
expect_start(int status, const char *content_type, const char *start_of_body)
{
	ck_assert_int_eq(res.status, status);
	ck_assert_str_eq(res.content_type, content_type);
	ck_assert_msg(strncmp(res.body.data, start_of_body, strlen(start_of_body)) == 0, "%s", res.body.data);
	ck_assert_str_eq(response_header("Cache-Control"), "no-store");
}

#define JSON "application/json"
#define DRAFT "application/health+json"
#define TEXT "text/plain; charset=utf-8"

START_TEST(test_healthy)
{
	start(NO_CACHE);
	ask("/health", "198.51.100.1", NULL);
	expect_start(200, JSON, "{\"status\":\"healthy\",\"timestamp\":\"2");
	ck_assert_ptr_nonnull(strstr(res.body.data, "\",\"version\":\"9.9\"}"));
	ask("/health/live", "198.51.100.1", NULL);
	expect(200, JSON, "{\"status\":\"alive\"}");
	ask("/health/ready", "198.51.100.1", NULL);
	expect(200, JSON, "{\"status\":\"ready\"}");
	ask("/health/startup", "198.51.100.1", NULL);
	expect(200, JSON, "{\"status\":\"started\"}");
	ask("/health/detailed", "127.0.0.1", NULL);
	expect_start(200, JSON, "{\"status\":\"healthy\",\"timestamp\":\"2");
	ck_assert_ptr_nonnull(strstr(res.body.data,
	                             "\"checks\":{\"database\":\"not configured\",\"cache\":\"not configured\","
	                             "\"memory\":{\"total\":"));
	ck_assert_ptr_nonnull(strstr(
		res.body.data,
		"\"pool\":{\"workers\":1,\"idle\":0,\"busy\":1,\"queue\":{\"pending\":null,\"capacity\":null}}"));
	ck_assert_ptr_nonnull(strstr(res.body.data, "\"warnings\":[]}"));
}
END_TEST

START_TEST(test_degraded)
{
	start(DEAD_CACHE);
	ask("/health/ready", "198.51.100.1", NULL);
	expect(503, JSON, "{\"status\":\"not ready\",\"reason\":\"cache unavailable\"}");
	ask("/health/startup", "198.51.100.1", NULL);
	expect(503, JSON, "{\"status\":\"starting\",\"reason\":\"cache unavailable\"}");
	ask("/health/live", "198.51.100.1", NULL);
	expect(200, JSON, "{\"status\":\"alive\"}");
	ask("/health/detailed", "127.0.0.1", NULL);
	expect_start(503, JSON, "{\"status\":\"degraded\",\"timestamp\":\"2");
	ck_assert_ptr_nonnull(strstr(res.body.data, "\"cache\":\"unhealthy: "));
	ck_assert_ptr_null(strstr(res.body.data, "nobody.sock"));
	ask("/health/ready?exclude=cache", "198.51.100.1", NULL);
	expect(200, JSON, "{\"status\":\"ready\"}");
	ask("/health/ready?exclude=memory&exclude=cache", "198.51.100.1", NULL);
	expect(200, JSON, "{\"status\":\"ready\"}");
	ask("/health/ready?exclude=memory", "198.51.100.1", NULL);
	ck_assert_int_eq(res.status, 503);
}
END_TEST

START_TEST(test_starting_and_draining)
{
	start(NO_CACHE);
	atomic_store(&scoreboard_service(board)->started, 0);
	ask("/health/startup", "", NULL);
	expect(503, JSON, "{\"status\":\"starting\",\"reason\":\"starting\"}");
	ask("/health/ready", "", NULL);
	expect(503, JSON, "{\"status\":\"not ready\",\"reason\":\"starting\"}");
	atomic_store(&scoreboard_service(board)->started, 1);
	atomic_store(&scoreboard_service(board)->draining, 1);
	ask("/health/ready", "", NULL);
	expect(503, JSON, "{\"status\":\"not ready\",\"reason\":\"draining\"}");
	ask("/health/live", "", NULL);
	expect(200, JSON, "{\"status\":\"alive\"}");
}
END_TEST

START_TEST(test_startup_is_remembered)
{
	start(DEAD_CACHE);
	atomic_store(&scoreboard_service(board)->checks_passed, 1);
	ask("/health/startup", "", NULL);
	expect(200, JSON, "{\"status\":\"started\"}");
}
END_TEST

START_TEST(test_access)
{
	static const struct {
		const char *ip, *header;
		bool details;
	} table[] = {
		{"127.0.0.1", NULL, true},
		{"::1", NULL, true},
		{"", NULL, false},
		{"198.51.100.1", NULL, false},
		{"198.51.100.1", "HTTP_AUTHORIZATION=Bearer s3cret", true},
		{"198.51.100.1", "HTTP_AUTHORIZATION=Bearer s3cres", false},
		{"198.51.100.1", "HTTP_X_FORWARDED_FOR=127.0.0.1", false},
	};
	start(DEAD_CACHE);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		ask("/health/detailed", table[i].ip, table[i].header);
		ck_assert_int_eq(res.status, 503);
		ck_assert_int_eq(strstr(res.body.data, "\"checks\"") != NULL, table[i].details);
		ask("/health/ready?verbose", table[i].ip, table[i].header);
		ck_assert_int_eq(res.status, 503);
		ck_assert_str_eq(res.content_type, table[i].details ? TEXT : JSON);
		ck_assert_int_eq(strstr(res.body.data, "[-]cache failed: ") != NULL, table[i].details);
		if (!table[i].details)
			expect_start(503, JSON, "{\"status\":\"not ready\",\"timestamp\":");
	}
}
END_TEST

START_TEST(test_verbose)
{
	start(NO_CACHE);
	ask("/health/live?verbose", "127.0.0.1", NULL);
	expect(200, TEXT, "[+]pool ok\nlive check passed\n");
	ask("/health/live?verbose&exclude=pool", "127.0.0.1", NULL);
	expect(200, TEXT, "[+]pool excluded: ok\nlive check passed\n");
	ask("/health/ready?verbose&exclude=disk&exclude=x", "127.0.0.1", NULL);
	expect(200, TEXT,
	       "[+]pool ok\n[+]database not configured: ok\n[+]cache not configured: ok\n[+]memory ok\n"
	       "[+]disk excluded: ok\nwarn: exclude names a check that there is not\nready check passed\n");
}
END_TEST

START_TEST(test_forms)
{
	static const struct {
		const char *target, *accept, *content_type, *body;
	} table[] = {
		{"/health/live", "HTTP_ACCEPT=*/*", JSON, "{\"status\":\"alive\"}"},
		{"/health/live", "HTTP_ACCEPT=text/html", JSON, "{\"status\":\"alive\"}"},
		{"/health/live", "HTTP_ACCEPT=application/health+json", DRAFT,
	         "{\"status\":\"pass\",\"version\":\"9.9\",\"serviceId\":\"vitals\"}"},
		{"/health/live", "HTTP_ACCEPT=application/json;q=0.5, application/health+json", DRAFT,
	         "{\"status\":\"pass\""},
		{"/health/live", "HTTP_ACCEPT=application/vnd.microprofile.health+json",
	         "application/vnd.microprofile.health+json", "{\"status\":\"UP\""},
		{"/health/live?format=microprofile", NULL, JSON, "{\"status\":\"UP\""},
		{"/health/live?format=health", "HTTP_ACCEPT=application/json", DRAFT, "{\"status\":\"pass\""},
		{"/health/live?format=json", "HTTP_ACCEPT=application/health+json", JSON, "{\"status\":\"alive\"}"},
		{"/health?format=microprofile", NULL, JSON, "{\"status\":\"UP\",\"checks\":[]}"},
		{"/health/detailed?format=microprofile", NULL, JSON,
	         "{\"status\":\"UP\",\"checks\":[{\"name\":\"database\""},
	};
	start(NO_CACHE);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		ask(table[i].target, "127.0.0.1", table[i].accept);
		expect_start(200, table[i].content_type, table[i].body);
	}
	ask("/health/live?format=xml", "127.0.0.1", NULL);
	ck_assert_int_eq(res.status, 400);
	ask("/health?format=xml", "127.0.0.1", NULL);
	ck_assert_int_eq(res.status, 400);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("routes_health");
	TCase *tc = tcase_create("routes_health");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_healthy);
	tcase_add_test(tc, test_degraded);
	tcase_add_test(tc, test_starting_and_draining);
	tcase_add_test(tc, test_startup_is_remembered);
	tcase_add_test(tc, test_access);
	tcase_add_test(tc, test_verbose);
	tcase_add_test(tc, test_forms);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
