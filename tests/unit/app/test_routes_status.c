/*
 * test_routes_status.c - GET /status through router, request and response, with a real scoreboard and the real checks:
 * who may see it, in which form, and that what it says is what the scoreboard says.
 */
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "checks.h"
#include "clock.h"
#include "err.h"
#include "error_table.h"
#include "log.h"
#include "log_levels.h"
#include "owner.h"
#include "redact.h"
#include "request.h"
#include "response.h"
#include "routes_status.h"
#include "run_suite.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"
#include "status_page.h"

#define STRANGER "198.51.100.1"
#define RIGHT "HTTP_AUTHORIZATION=Basic YW55OnMzY3JldA=="
#define WRONG "HTTP_AUTHORIZATION=Basic YW55OnMzY3Jlcw=="

static char folder[64], path[96];
static char *disk_paths[] = {"/"}, *lost_paths[] = {"/nowhere/at/all"}, *critical[] = {"database"},
	    *allowed[] = {"loopback"};
static struct settings settings;
static struct scoreboard *board;
static struct redact *redact;
static struct log *quiet_log;
static struct checks *checks;
static struct router *router;
static struct arena *arena;
static struct services services;

/* Answers of the last ask(). */
static struct vt_request req;
static struct vt_response res;
static struct json_object *root;

static void
make_services(void)
{
	struct err err = {.text = ""};
	redact = redact_create(NULL);
	quiet_log = log_create(&(struct log_config){.level = VT_CRITICAL, .redact = redact}, &err);
	ck_assert_msg(quiet_log != NULL, "%s", err.text);
	checks = checks_create(&(struct checks_config){.settings = &settings, .board = board, .log = quiet_log});
	ck_assert_ptr_nonnull(checks);
	arena = arena_create(16384, 1024 * 1024);
	router = router_create();
	for (size_t i = 0; i < status_routes_count; i++)
		ck_assert_int_eq(router_add(router, &status_routes[i], &err), 0);
	services = (struct services){
		.settings = &settings, .log = quiet_log, .board = board, .checks = checks, .router = router};
}

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_status_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = 3, .ring_bytes = {4096, 4096}}, &was_there,
	                          &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	atomic_store(&scoreboard_service(board)->started, 1);
	atomic_store(&scoreboard_service(board)->supervisor, owner_self());
	atomic_store(&scoreboard_service(board)->deaths[DEATH_OOM], 7);
	settings = (struct settings){.service_name = "orders",
	                             .service_version = "9.9",
	                             .log_level = VT_WARNING,
	                             .health_check_timeout_ms = 5000,
	                             .health_cache_ms = 60000,
	                             .request_timeout_ms = 30000,
	                             .saturated_after_ms = 60000,
	                             .disk_max_percent = 100,
	                             .memory_max_percent = 100,
	                             .admin_token = "s3cret"};
	settings.disk_paths = (struct text_list){.count = 1, .items = disk_paths};
	settings.critical_checks = (struct text_list){.count = 1, .items = critical};
	settings.admin_allow = (struct text_list){.count = 1, .items = allowed};
	make_services();
}

static void
teardown(void)
{
	json_object_put(root);
	root = NULL;
	checks_destroy(checks);
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
	ck_assert(res.answered && !res.misused);
}

static const char *
response_header(const char *name)
{
	for (size_t i = 0; i < res.header_count; i++)
		if (strcmp(res.headers[i].name, name) == 0)
			return res.headers[i].value;
	return "";
}

/* What stands at a path like "/workers/0/pid" (RFC 6901) of the answer, as text. */
static const char *
at(const char *pointer)
{
	struct json_object *value = NULL;
	json_object_put(root);
	root = json_tokener_parse(res.body.data);
	ck_assert_msg(root != NULL, "%s", res.body.data);
	ck_assert_msg(json_pointer_get(root, pointer, &value) == 0, "%s is not in %s", pointer, res.body.data);
	const char *text = json_object_get_string(value);
	return text != NULL ? text : "null";
}

START_TEST(strangers_find_nothing)
{
	static const struct {
		const char *target, *ip, *header;
		int status;
	} table[] = {
		{"/status", "127.0.0.1", NULL, 200},
		{"/status", "::1", NULL, 200},
		{"/status", STRANGER, NULL, 404},
		{"/status", "", NULL, 404},
		{"/status?format=json", STRANGER, NULL, 404},
		{"/status", STRANGER, "HTTP_AUTHORIZATION=Bearer s3cret", 200},
		{"/status", STRANGER, RIGHT, 200},
		{"/status", STRANGER, WRONG, 404},
		{"/status?login", STRANGER, NULL, 401},
		{"/status?login", STRANGER, WRONG, 401},
		{"/status?login", STRANGER, RIGHT, 200},
		{"/status?login", STRANGER, "HTTP_X_FORWARDED_FOR=127.0.0.1", 401},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		ask(table[i].target, table[i].ip, table[i].header);
		ck_assert_msg(res.status == table[i].status, "row %zu: %d", i, res.status);
		ck_assert_int_eq(strncmp(response_header("WWW-Authenticate"), "Basic ", 6) == 0, res.status == 401);
		ck_assert_int_eq(strstr(res.body.data, "orders") != NULL, res.status == 200);
		/* A stranger's 404 is that of any other path. */
		ck_assert_str_eq(response_header("Cache-Control"), res.status == 200 ? "no-store" : "");
	}
}
END_TEST

START_TEST(without_a_token_nobody_is_asked_for_it)
{
	settings.admin_token = NULL;
	ask("/status?login", STRANGER, NULL);
	ck_assert_int_eq(res.status, 404);
	settings.admin_token = "";
	ask("/status?login", STRANGER, "HTTP_AUTHORIZATION=Basic YW55Og==");
	ck_assert_int_eq(res.status, 404);
}
END_TEST

START_TEST(accept_and_format_choose_the_form)
{
	static const struct {
		const char *target, *accept;
		bool page;
	} table[] = {
		{"/status", NULL, false},
		{"/status", "HTTP_ACCEPT=*/*", false},
		{"/status", "HTTP_ACCEPT=image/png", false},
		{"/status", "HTTP_ACCEPT=application/json", false},
		{"/status", "HTTP_ACCEPT=text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
		{"/status", "HTTP_ACCEPT=text/html;q=0.5,application/json", false},
		{"/status?format=html", "HTTP_ACCEPT=application/json", true},
		{"/status?format=json", "HTTP_ACCEPT=text/html", false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		ask(table[i].target, "127.0.0.1", table[i].accept);
		ck_assert_int_eq(res.status, 200);
		ck_assert_str_eq(res.content_type, table[i].page ? "text/html; charset=utf-8" : "application/json");
		ck_assert_str_eq(response_header("Vary"), "Accept");
		ck_assert_int_eq(response_header("Content-Security-Policy")[0] != '\0', table[i].page);
	}
	ask("/status?format=xml", "127.0.0.1", NULL);
	ck_assert_int_eq(res.status, 400);
}
END_TEST

START_TEST(the_page_is_whole_and_says_nothing_of_the_service)
{
	ask("/status?format=html", "127.0.0.1", NULL);
	ck_assert_uint_eq(res.body.length, status_page_bytes);
	ck_assert_int_eq(memcmp(res.body.data, "<!doctype html>", 15), 0);
	ck_assert_ptr_nonnull(strstr(res.body.data, "</script>\n</body>\n</html>\n"));
	ck_assert_ptr_null(strstr(res.body.data, "<!-- "));
	ck_assert_ptr_null(strstr(res.body.data, "orders"));
	ck_assert_ptr_null(strstr(res.body.data, "innerHTML"));
	ck_assert_str_eq(response_header("Content-Security-Policy"), status_page_policy);
	ck_assert_ptr_nonnull(strstr(status_page_policy, "default-src 'none'; script-src 'sha256-"));
	ck_assert_ptr_null(strstr(status_page_policy, "unsafe"));
}
END_TEST

static void
make_busy(void)
{
	struct slot *slot = scoreboard_slot(board, 1);
	slot_claim(slot, ROLE_WORKER, 4);
	slot_set_state(slot, SLOT_BUSY);
	slot_set_phase(slot, PHASE_CACHE);
	struct slot_request request = {.started_ns = clock_mono_ns() - 2 * NS_PER_S,
	                               .correlation_id = "id-1",
	                               .method = "GET",
	                               .path = "/a\"</script>\x1b",
	                               .route = "/{x}"};
	slot_set_request(slot, &request);
}

START_TEST(the_json_says_what_the_scoreboard_says)
{
	const struct error_kind kind = {.level = "ERROR", .route = "/{x}", .message = "Went wrong", .code = "E1"};
	struct level_override override = {.level = VT_DEBUG, .until_ns = clock_mono_ns() + 60 * NS_PER_S};
	struct err err;
	make_busy();
	for (int i = 0; i < 3; i++)
		error_table_note(scoreboard_errors(board), &(struct error_note){.fingerprint = 5,
		                                                                .kind = &kind,
		                                                                .correlation_id = "id-2",
		                                                                .real_ns = clock_real_ns(),
		                                                                .self = owner_self()});
	ck_assert_int_eq(log_levels_set(scoreboard_levels(board), &override, deadline_in_ms(1000), &err), 0);
	ask("/status", "127.0.0.1", NULL);
	static const struct {
		const char *pointer, *value;
	} table[] = {
		{"/service", "orders"},
		{"/version", "9.9"},
		{"/status", "serving"},
		{"/deaths/oom", "7"},
		{"/pool/busy", "1"},
		{"/workers/0/worker", "1"},
		{"/workers/0/state", "busy"},
		{"/workers/0/request/phase", "cache"},
		{"/workers/0/request/path", "/a\"</script>\x1b"},
		{"/workers/0/request/correlation_id", "id-1"},
		{"/health/status", "healthy"},
		{"/health/ready", "true"},
		{"/health/alive", "true"},
		{"/health/reason", ""},
		{"/health/checks/0/name", "database"},
		{"/health/checks/0/status", "not configured"},
		{"/health/checks/0/critical", "true"},
		{"/health/checks/0/text", ""},
		{"/health/checks/1/name", "cache"},
		{"/health/checks/1/critical", "false"},
		{"/health/checks/2/name", "memory"},
		{"/health/checks/3/status", "healthy"},
		{"/queue", "null"},
		{"/errors/total", "3"},
		{"/top_errors/0/count", "3"},
		{"/top_errors/0/message", "Went wrong"},
		{"/top_errors/0/last_correlation_id", "id-2"},
		{"/log_level", "WARNING"},
		{"/log_levels", "1"},
		{"/log_levels_set/0/level", "DEBUG"},
		{"/log_levels_set/0/scope", "everything"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		ck_assert_msg(strcmp(at(table[i].pointer), table[i].value) == 0, "%s is %s", table[i].pointer,
		              at(table[i].pointer));
	ck_assert_double_ge(atof(at("/workers/0/request/elapsed_seconds")), 2);
	ck_assert_double_gt(atof(at("/health/checks/3/bytes/total")), 0);
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	slot_claim(scoreboard_slot(board, 0), ROLE_WORKER, 1);
	atomic_store(&scoreboard_service(board)->draining, 1);
	settings.disk_paths = (struct text_list){.count = 1, .items = lost_paths};
	checks_destroy(checks);
	services.checks = checks =
		checks_create(&(struct checks_config){.settings = &settings, .board = board, .log = quiet_log});
	ask("/status", "127.0.0.1", NULL);
	ck_assert_str_eq(at("/status"), "draining");
	ck_assert_str_eq(at("/health/ready"), "false");
	ck_assert_str_eq(at("/health/reason"), "draining");
	ck_assert_str_eq(at("/health/status"), "healthy");
	ck_assert_str_eq(at("/health/checks/3/status"), "failed");
	ck_assert_int_eq(strncmp(at("/health/checks/3/text"), "unhealthy: ", 11), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("routes_status");
	TCase *tc = tcase_create("routes_status");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, strangers_find_nothing);
	tcase_add_test(tc, without_a_token_nobody_is_asked_for_it);
	tcase_add_test(tc, accept_and_format_choose_the_form);
	tcase_add_test(tc, the_page_is_whole_and_says_nothing_of_the_service);
	tcase_add_test(tc, the_json_says_what_the_scoreboard_says);
	tcase_add_test(tc, what_is_wrong_is_said);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
