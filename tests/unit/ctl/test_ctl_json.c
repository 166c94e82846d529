/* test_ctl_json.c - a snapshot for programs: one line that parses, whatever clients chose. */
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"
#include "err.h"
#include "run_suite.h"
#include "utf8.h"

static struct snapshot_worker row;
static struct snapshot snapshot;
static char *shown;
static size_t shown_bytes;
static struct json_object *root;

static void
setup(void)
{
	row = (struct snapshot_worker){
		.index = 3,
		.pid = 4711,
		.lives = true,
		.role = ROLE_ADMIN,
		.state = SLOT_BUSY,
		.phase = PHASE_DATABASE,
		.generation = 4000000000U,
		.connections = 5,
		.requests = UINT64_MAX,
		.given = 6,
		.taken = 7,
		.age_s = 61.25,
		.has_request = true,
		.request = {.correlation_id = "id-1", .method = "GET", .path = "/users/42", .route = "/users/{id}"},
		.elapsed_s = 1.5};
	snapshot = (struct snapshot){.status = "serving",
	                             .supervisor = 4700,
	                             .supervisor_lives = true,
	                             .generation = 2,
	                             .workers = 1,
	                             .workers_max = 8,
	                             .workers_wanted = 3,
	                             .held_back = 1,
	                             .up_s = 90061.5,
	                             .deaths = {1, 2, 3, 4},
	                             .recycled = 5,
	                             .reloads = 6,
	                             .reloads_refused = 7,
	                             .refusal = "WORKERS is no number.",
	                             .errors = {.total = 45, .kinds = 3},
	                             .log_levels = 2,
	                             .log = {.writer = 4712, .writer_lives = true, .dropped = 8, .waiting_bytes = 9},
	                             .pool = {.workers = 10, .starting = 1, .idle = 2, .busy = 3, .stopping = 4},
	                             .admin = {.workers = 1, .connections = 9, .requests = UINT64_MAX},
	                             .rows = &row,
	                             .row_count = 1};
}

static void
teardown(void)
{
	json_object_put(root);
	free(shown);
	shown = NULL;
	root = NULL;
}

/* One line, one object and nothing behind it. */
static void
show(void)
{
	struct err err = {.text = ""};
	enum json_tokener_error problem;
	teardown();
	FILE *out = open_memstream(&shown, &shown_bytes);
	ck_assert_ptr_nonnull(out);
	ck_assert_msg(ctl_show_json(&snapshot, out, &err) == 0, "%s", err.text);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_uint_eq(strlen(shown), shown_bytes);
	ck_assert_ptr_eq(strchr(shown, '\n'), shown + shown_bytes - 1);
	struct json_tokener *tokener = json_tokener_new();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, shown, (int)shown_bytes);
	problem = json_tokener_get_error(tokener);
	json_tokener_free(tokener);
	ck_assert_msg(problem == json_tokener_success, "%s", json_tokener_error_desc(problem));
	ck_assert(json_object_is_type(root, json_type_object));
}

/* The value at a path like "/workers/0/pid" (RFC 6901). */
static struct json_object *
at(const char *pointer)
{
	struct json_object *value = NULL;
	ck_assert_msg(json_pointer_get(root, pointer, &value) == 0, "%s is not in %s", pointer, shown);
	return value;
}

START_TEST(every_fact_stands_in_its_place)
{
	static const struct {
		const char *pointer, *value;
	} table[] = {
		{"/status", "serving"},
		{"/supervisor/pid", "4700"},
		{"/supervisor/alive", "true"},
		{"/uptime_seconds", "90061.500000"},
		{"/generation", "2"},
		{"/workers_min", "1"},
		{"/workers_max", "8"},
		{"/workers_wanted", "3"},
		{"/held_back", "1"},
		{"/pool/workers", "10"},
		{"/pool/starting", "1"},
		{"/pool/idle", "2"},
		{"/pool/busy", "3"},
		{"/pool/stopping", "4"},
		{"/pool/connections", "0"},
		{"/admin/workers", "1"},
		{"/admin/connections", "9"},
		{"/admin/requests", "18446744073709551615"},
		{"/deaths/signal", "1"},
		{"/deaths/exit", "2"},
		{"/deaths/oom", "3"},
		{"/deaths/timeout", "4"},
		{"/recycled", "5"},
		{"/reloads", "6"},
		{"/reloads_refused", "7"},
		{"/last_refusal", "WORKERS is no number."},
		{"/errors/total", "45"},
		{"/errors/kinds", "3"},
		{"/log_levels", "2"},
		{"/log/writer", "4712"},
		{"/log/dropped", "8"},
		{"/log/spans_dropped", "0"},
		{"/log/waiting_bytes", "9"},
		{"/workers/0/worker", "3"},
		{"/workers/0/pid", "4711"},
		{"/workers/0/role", "admin"},
		{"/workers/0/state", "busy"},
		{"/workers/0/generation", "4000000000"},
		{"/workers/0/age_seconds", "61.250000"},
		{"/workers/0/connections", "5"},
		{"/workers/0/requests", "18446744073709551615"},
		{"/workers/0/given", "6"},
		{"/workers/0/taken", "7"},
		{"/workers/0/request/correlation_id", "id-1"},
		{"/workers/0/request/method", "GET"},
		{"/workers/0/request/path", "/users/42"},
		{"/workers/0/request/route", "/users/{id}"},
		{"/workers/0/request/phase", "database"},
		{"/workers/0/request/elapsed_seconds", "1.500000"},
	};
	show();
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *value = json_object_get_string(at(table[i].pointer));
		ck_assert_msg(strcmp(value, table[i].value) == 0, "%s is %s", table[i].pointer, value);
	}
	ck_assert_uint_eq(json_object_array_length(at("/workers")), 1);
}
END_TEST

START_TEST(numbers_are_numbers_and_what_is_not_there_is_null)
{
	show();
	ck_assert(json_object_is_type(at("/workers/0/pid"), json_type_int));
	ck_assert(json_object_is_type(at("/uptime_seconds"), json_type_double));
	ck_assert(json_object_is_type(at("/supervisor/alive"), json_type_boolean));
	snapshot.supervisor = 0;
	snapshot.refusal[0] = '\0';
	row.has_request = false;
	show();
	ck_assert_ptr_null(at("/supervisor"));
	ck_assert_ptr_null(at("/workers/0/request"));
	ck_assert_str_eq(json_object_get_string(at("/last_refusal")), "");
	snapshot.row_count = 0;
	show();
	ck_assert(json_object_is_type(at("/workers"), json_type_array));
	ck_assert_uint_eq(json_object_array_length(at("/workers")), 0);
}
END_TEST

START_TEST(a_dead_worker_is_dead_and_unknown_words_are_unknown)
{
	row.lives = false;
	snapshot.supervisor_lives = false;
	show();
	ck_assert_str_eq(json_object_get_string(at("/workers/0/state")), "dead");
	ck_assert_str_eq(json_object_get_string(at("/supervisor/alive")), "false");
	row.lives = true;
	row.state = (enum slot_state)77;
	row.role = (enum slot_role)77;
	row.phase = (enum slot_phase)77;
	show();
	ck_assert_str_eq(json_object_get_string(at("/workers/0/state")), "unknown");
	ck_assert_str_eq(json_object_get_string(at("/workers/0/role")), "unknown");
	ck_assert_str_eq(json_object_get_string(at("/workers/0/request/phase")), "unknown");
}
END_TEST

START_TEST(what_clients_chose_comes_back_as_it_was_where_it_is_text)
{
	static const struct {
		const char *is, *back;
	} cases[] = {
		{"/a\"b\\c", "/a\"b\\c"},
		{"/\x1b[2J\r\n\t\x01\x7f", "/\x1b[2J\r\n\t\x01\x7f"},
		{"/caf\xc3\xa9/\xf0\x9f\x98\x80", "/caf\xc3\xa9/\xf0\x9f\x98\x80"},
		{"/\",\"status\":\"stopped", "/\",\"status\":\"stopped"},
		/* What is no UTF-8 becomes U+FFFD. */
		{"/\xff", "/\xef\xbf\xbd"},
		{"/\x9b[2J", "/\xef\xbf\xbd[2J"},
		{"/\xc3", "/\xef\xbf\xbd"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(row.request.path, sizeof row.request.path, "%s", cases[i].is);
		snprintf(row.request.route, sizeof row.request.route, "%s", cases[i].is);
		snprintf(row.request.correlation_id, sizeof row.request.correlation_id, "%s", cases[i].is);
		snprintf(snapshot.refusal, sizeof snapshot.refusal, "%s", cases[i].is);
		show();
		ck_assert_str_eq(json_object_get_string(at("/workers/0/request/path")), cases[i].back);
		ck_assert_str_eq(json_object_get_string(at("/workers/0/request/route")), cases[i].back);
		ck_assert_str_eq(json_object_get_string(at("/workers/0/request/correlation_id")), cases[i].back);
		ck_assert_str_eq(json_object_get_string(at("/last_refusal")), cases[i].back);
		ck_assert_str_eq(json_object_get_string(at("/status")), "serving");
	}
}
END_TEST

/* Any bytes but the NUL at the end. */
static void
scramble(char *text, size_t size, uint32_t *random)
{
	for (size_t i = 0; i + 1 < size; i++) {
		*random = *random * 1664525 + 1013904223;
		text[i] = (char)(*random >> 24 == 0 ? 1 : *random >> 24);
	}
	text[size - 1] = '\0';
}

START_TEST(no_bytes_at_all_break_the_line_or_the_object)
{
	uint32_t random = 1;
	for (unsigned round = 0; round < 300; round++) {
		struct slot_request *request = &row.request;
		scramble(request->path, sizeof request->path, &random);
		scramble(request->route, sizeof request->route, &random);
		scramble(request->method, sizeof request->method, &random);
		scramble(request->correlation_id, sizeof request->correlation_id, &random);
		scramble(snapshot.refusal, sizeof snapshot.refusal, &random);
		show();
		ck_assert(utf8_valid(shown, shown_bytes));
		for (size_t i = 0; i + 1 < shown_bytes; i++)
			ck_assert((unsigned char)shown[i] >= ' ' && shown[i] != 0x7f);
	}
}
END_TEST

/* As many as there can be, with the bytes that take the most room. */
START_TEST(the_largest_service_fits)
{
	snapshot.rows = calloc(SCOREBOARD_MAX_SLOTS, sizeof row);
	ck_assert_ptr_nonnull(snapshot.rows);
	struct slot_request *request = &row.request;
	memset(request->path, 1, sizeof request->path - 1);
	memset(request->route, 1, sizeof request->route - 1);
	memset(request->method, 1, sizeof request->method - 1);
	memset(request->correlation_id, 1, sizeof request->correlation_id - 1);
	for (snapshot.row_count = 0; snapshot.row_count < SCOREBOARD_MAX_SLOTS; snapshot.row_count++) {
		snapshot.rows[snapshot.row_count] = row;
		snapshot.rows[snapshot.row_count].index = (unsigned)snapshot.row_count;
	}
	show();
	ck_assert_uint_eq(json_object_array_length(at("/workers")), SCOREBOARD_MAX_SLOTS);
	ck_assert_str_eq(json_object_get_string(at("/workers/4095/worker")), "4095");
	free(snapshot.rows);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ctl_json");
	TCase *tc = tcase_create("ctl_json");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_fact_stands_in_its_place);
	tcase_add_test(tc, numbers_are_numbers_and_what_is_not_there_is_null);
	tcase_add_test(tc, a_dead_worker_is_dead_and_unknown_words_are_unknown);
	tcase_add_test(tc, what_clients_chose_comes_back_as_it_was_where_it_is_text);
	tcase_add_test(tc, no_bytes_at_all_break_the_line_or_the_object);
	tcase_add_test(tc, the_largest_service_fits);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
