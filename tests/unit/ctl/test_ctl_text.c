/* test_ctl_text.c - a snapshot for people: ages, columns, and nothing of a client's that would steer a terminal. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_show.h"
#include "run_suite.h"
#include "utf8.h"

#define MINUTE 60.0
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static struct snapshot_worker row;
static struct snapshot snapshot;
static char *shown;
static size_t shown_bytes;

/* A service with one busy worker. */
static void
setup(void)
{
	row = (struct snapshot_worker){.index = 3,
	                               .pid = 4711,
	                               .lives = true,
	                               .role = ROLE_WORKER,
	                               .state = SLOT_BUSY,
	                               .phase = PHASE_DATABASE,
	                               .generation = 2,
	                               .connections = 5,
	                               .requests = 1234567890123,
	                               .given = 6,
	                               .taken = 7,
	                               .age_s = 61,
	                               .has_request = true,
	                               .request = {.correlation_id = "id-1", .method = "GET", .path = "/users/42"},
	                               .elapsed_s = 1.5};
	snapshot = (struct snapshot){.status = "serving",
	                             .supervisor = 4700,
	                             .supervisor_lives = true,
	                             .generation = 2,
	                             .workers = 2,
	                             .workers_max = 2,
	                             .workers_wanted = 2,
	                             .up_s = 90061,
	                             .pool = {.workers = 2, .idle = 1, .busy = 1, .connections = 9, .requests = 77},
	                             .rows = &row,
	                             .row_count = 1};
}

static void
teardown(void)
{
	free(shown);
	shown = NULL;
}

static const char *
show(void)
{
	free(shown);
	FILE *out = open_memstream(&shown, &shown_bytes);
	ck_assert_ptr_nonnull(out);
	ctl_show_text(&snapshot, out);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_uint_eq(strlen(shown), shown_bytes);
	return shown;
}

static void
ck_shows(const char *what)
{
	ck_assert_msg(strstr(show(), what) != NULL, "\"%s\" is not in:\n%s", what, shown);
}

static void
ck_shows_not(const char *what)
{
	ck_assert_msg(strstr(show(), what) == NULL, "\"%s\" is in:\n%s", what, shown);
}

static unsigned
lines(void)
{
	unsigned count = 0;
	for (const char *at = show(); (at = strchr(at, '\n')) != NULL; at++)
		count++;
	return count;
}

/* ---- The service ---- */

START_TEST(the_service_stands_in_four_lines)
{
	snapshot.deaths[DEATH_SIGNAL] = 1;
	snapshot.deaths[DEATH_EXIT] = 2;
	snapshot.deaths[DEATH_OOM] = 3;
	snapshot.deaths[DEATH_TIMEOUT] = 4;
	snapshot.recycled = 5;
	snapshot.reloads = 6;
	snapshot.reloads_refused = 7;
	snapshot.row_count = 0;
	ck_assert_str_eq(show(), "serving, up 1d 1h, supervisor 4700, generation 2\n"
	                         "workers: 2 of 2, 1 idle, 1 busy; connections: 9; requests: 77\n"
	                         "deaths: signal 1, exit 2, oom 3, timeout 4; recycled: 5; reloads: 6, refused: 7\n"
	                         "errors: 0\n"
	                         "log: 0 records dropped, 0 bytes waiting\n");
}
END_TEST

START_TEST(what_is_out_of_the_ordinary_is_added)
{
	ck_shows_not("(dead)");
	ck_shows_not("held back");
	ck_shows_not(" to ");
	ck_shows_not("last refusal");
	snapshot.supervisor_lives = false;
	ck_shows("supervisor 4700 (dead), generation 2\n");
	snapshot.supervisor = 0;
	ck_shows_not("supervisor");
	snapshot.held_back = 1;
	ck_shows(", 1 held back, since they keep dying;");
	snapshot.workers_max = 8;
	ck_shows("workers: 2 of 2 (2 to 8), ");
	ck_shows_not("kinds");
	ck_shows_not("log levels");
	snapshot.errors = (struct error_totals){.total = 45, .kinds = 3};
	ck_shows("\nerrors: 45 of 3 kinds\n");
	snapshot.log_levels = 2;
	ck_shows("\nerrors: 45 of 3 kinds; log levels that are set for a while: 2\n");
	snapshot.log = (struct snapshot_log){.writer = 4711, .writer_lives = true, .dropped = 8, .waiting_bytes = 9};
	ck_shows("\nlog: 8 records dropped, 9 bytes waiting; writer 4711\n");
	snapshot.log.writer_lives = false;
	snapshot.log.spans_dropped = 1;
	ck_shows("\nlog: 8 records dropped, 9 bytes waiting; 1 lines of spans dropped; writer 4711 (dead)\n");
	snprintf(snapshot.refusal, sizeof snapshot.refusal, "WORKERS is no number.");
	ck_shows("\nlast refusal: WORKERS is no number.\n");
}
END_TEST

START_TEST(ages_are_told_in_their_two_largest_units)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {
		{0, "0s"},
		{0.999, "0s"},
		{59.999, "59s"},
		{MINUTE, "1m 0s"},
		{MINUTE + 1, "1m 1s"},
		{HOUR - 0.001, "59m 59s"},
		{HOUR, "1h 0m"},
		{2 * HOUR + 5 * MINUTE + 59, "2h 5m"},
		{DAY - 1, "23h 59m"},
		{DAY, "1d 0h"},
		{3 * DAY + 4 * HOUR + 59 * MINUTE, "3d 4h"},
		{10000 * DAY, "10000d 0h"},
		{(double)INT64_MAX / 1e9, "106751d 23h"},
	};
	char expected[64];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snapshot.up_s = row.age_s = cases[i].seconds;
		snprintf(expected, sizeof expected, "serving, up %s, ", cases[i].text);
		ck_shows(expected);
		snprintf(expected, sizeof expected, " worker    2 %8s busy ", cases[i].text);
		ck_shows(expected);
	}
}
END_TEST

/* ---- Workers ---- */

START_TEST(a_worker_is_a_line_under_its_headings)
{
	ck_shows(
		"\n\nWORKER      PID ROLE    GEN      AGE STATE    PHASE     CONNS   REQUESTS    GIVEN    TAKEN  REQUEST\n"
		"     3     4711 worker    2    1m 1s busy     database      5 1234567890123        6        7"
		"  1.500s GET /users/42 (id-1)\n");
	ck_assert_uint_eq(lines(), 8);
}
END_TEST

START_TEST(without_workers_there_are_no_headings)
{
	snapshot.row_count = 0;
	ck_shows_not("WORKER");
	ck_assert_uint_eq(lines(), 5);
}
END_TEST

START_TEST(a_worker_without_a_request_ends_after_its_numbers)
{
	row.has_request = false;
	ck_shows(" busy     -             5 1234567890123        6        7\n");
	ck_shows_not("/users/42");
}
END_TEST

START_TEST(states_roles_and_phases_have_names)
{
	row.lives = false;
	ck_shows(" dead     database ");
	row.lives = true;
	row.state = SLOT_STARTING;
	row.role = ROLE_ADMIN;
	row.phase = PHASE_WRITING;
	ck_shows(" admin     2    1m 1s starting writing  ");
	/* Another program wrote the file. */
	row.state = (enum slot_state)77;
	row.role = (enum slot_role)77;
	row.phase = (enum slot_phase)77;
	ck_shows(" unknown    2    1m 1s unknown  unknown  ");
}
END_TEST

START_TEST(every_worker_has_its_line_in_order)
{
	struct snapshot_worker rows[3] = {row, row, row};
	rows[1].pid = 4712;
	rows[2].pid = 4713;
	snapshot.rows = rows;
	snapshot.row_count = 3;
	ck_assert_uint_eq(lines(), 10);
	ck_assert_ptr_nonnull(strstr(strstr(strstr(shown, "4711 "), "4712 "), "4713 "));
}
END_TEST

/* ---- What clients chose ---- */

/* Where a client's bytes are shown. */
static const struct {
	char *text;
	size_t size;
} fields[] = {{row.request.path, sizeof row.request.path},
              {row.request.method, sizeof row.request.method},
              {row.request.correlation_id, sizeof row.request.correlation_id},
              {snapshot.refusal, sizeof snapshot.refusal}};

#define FIELDS (sizeof fields / sizeof *fields)

START_TEST(what_could_steer_a_terminal_becomes_a_question_mark)
{
	static const struct {
		const char *is, *shown;
	} cases[] = {
		{"a b", "a b"},
		{"\x1b[2J", "?[2J"},
		{"a\nb", "a?b"},
		{"a\rb\tc", "a?b?c"},
		{"\x01\x1f\x7f", "???"},
		{"~", "~"},
		/* C1, as characters and as bytes: */
		{"\xc2\x9bJ", "?J"},
		{"\xc2\x80\xc2\x9f", "??"},
		{"\x9bJ", "?J"},
		{"\xc2\xa0", "\xc2\xa0"},
		{"\xc3\x9b", "\xc3\x9b"},
		/* Well-formed characters of every length: */
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\xe6\x97\xa5", "\xe6\x97\xa5"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		/* And what is none: cut, overlong, surrogates, too large, never a beginning. */
		{"\xc3", "?"},
		{"\xe6\x97", "??"},
		{"\xf0\x9f\x98", "???"},
		{"\xc3x", "?x"},
		{"\xe6\x97x", "??x"},
		{"\xc0\x9b", "??"},
		{"\xc1\xbf", "??"},
		{"\xe0\x82\x9b", "???"},
		{"\xed\xa0\x80", "???"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xff\xfe\x80", "???"},
	};
	char expected[64];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t f = 0; f < FIELDS; f++) {
			snprintf(fields[f].text, fields[f].size, "<%s>", cases[i].is);
			snprintf(expected, sizeof expected, "<%s>", cases[i].shown);
			ck_shows(expected);
			fields[f].text[0] = '\0';
		}
}
END_TEST

/* Line ends of ours, and printable characters. */
static bool
is_harmless(const char *text, size_t size)
{
	for (size_t n; size > 0; text += n, size -= n) {
		unsigned char c = (unsigned char)*text;
		n = utf8_sequence(text, size);
		if (n == 0 || (n == 1 && c != '\n' && (c < ' ' || c == 0x7f)) ||
		    (n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0))
			return false;
	}
	return true;
}

START_TEST(no_bytes_at_all_steer_a_terminal)
{
	uint32_t random = 1;
	for (unsigned round = 0; round < 2000; round++) {
		for (size_t f = 0; f < FIELDS; f++) {
			for (size_t i = 0; i + 1 < fields[f].size; i++) {
				random = random * 1664525 + 1013904223;
				fields[f].text[i] = (char)(random >> 24);
				if (fields[f].text[i] == 0)
					fields[f].text[i] = 27;
			}
			fields[f].text[fields[f].size - 1] = '\0';
		}
		ck_assert_uint_eq(lines(), 9);
		ck_assert(is_harmless(shown, shown_bytes));
	}
}
END_TEST

static void
add_clients(Suite *suite)
{
	TCase *tc = tcase_create("clients");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_could_steer_a_terminal_becomes_a_question_mark);
	tcase_add_test(tc, no_bytes_at_all_steer_a_terminal);
	suite_add_tcase(suite, tc);
}

int
main(void)
{
	Suite *suite = suite_create("ctl_text");
	TCase *tc = tcase_create("ctl_text");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_service_stands_in_four_lines);
	tcase_add_test(tc, what_is_out_of_the_ordinary_is_added);
	tcase_add_test(tc, ages_are_told_in_their_two_largest_units);
	tcase_add_test(tc, a_worker_is_a_line_under_its_headings);
	tcase_add_test(tc, without_workers_there_are_no_headings);
	tcase_add_test(tc, a_worker_without_a_request_ends_after_its_numbers);
	tcase_add_test(tc, states_roles_and_phases_have_names);
	tcase_add_test(tc, every_worker_has_its_line_in_order);
	suite_add_tcase(suite, tc);
	add_clients(suite);
	return run_suite(suite);
}
