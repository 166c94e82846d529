/* test_ctl_top.c - a frame of vitalsctl top: rates, order, and that it is never wider, longer or other than text. */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ctl_top.h"
#include "run_suite.h"
#include "utf8.h"

#define WORKERS 6

static struct snapshot_worker rows[WORKERS], rows_before[WORKERS];
static struct ctl_look look, before;
static char *shown;
static size_t shown_bytes;

static void
fill(struct ctl_look *made, struct snapshot_worker *workers, uint64_t requests)
{
	for (unsigned i = 0; i < WORKERS; i++)
		workers[i] = (struct snapshot_worker){
			.index = i, .pid = 100 + (pid_t)i, .lives = true, .state = SLOT_IDLE, .requests = requests};
	made->snapshot =
		(struct snapshot){.status = "serving",
	                          .supervisor = 99,
	                          .supervisor_lives = true,
	                          .generation = 3,
	                          .workers = 2,
	                          .workers_max = 8,
	                          .workers_wanted = WORKERS,
	                          .up_s = 61,
	                          .deaths = {1, 2, 3, 4},
	                          .pool = {.workers = WORKERS, .idle = 4, .busy = 2, .requests = 10 * requests},
	                          .errors = {.total = requests / 2},
	                          .rows = workers,
	                          .row_count = WORKERS};
	made->errors.count = 0;
}

static void
add_request(unsigned index, double elapsed_s, const char *path)
{
	rows[index].has_request = true;
	rows[index].state = SLOT_BUSY;
	rows[index].phase = PHASE_DATABASE;
	rows[index].elapsed_s = elapsed_s;
	snprintf(rows[index].request.method, sizeof rows[index].request.method, "GET");
	snprintf(rows[index].request.path, sizeof rows[index].request.path, "%s", path);
	snprintf(rows[index].request.correlation_id, sizeof rows[index].request.correlation_id, "id-%u", index);
}

static void
add_errors(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct error_row *row = &look.errors.rows[i];
		*row = (struct error_row){.count = 50 - i, .last_ns = look.real_ns - 5 * NS_PER_S};
		snprintf(row->kind.message, sizeof row->kind.message, "Request completed");
		snprintf(row->kind.code, sizeof row->kind.code, "50%u", i);
		snprintf(row->kind.route, sizeof row->kind.route, "/users/{id}");
	}
	look.errors.count = count;
}

static void
setup(void)
{
	memset(&look, 0, sizeof look);
	memset(&before, 0, sizeof before);
	look.mono_ns = 100 * NS_PER_S;
	look.real_ns = INT64_C(1700000000) * NS_PER_S;
	before.mono_ns = 98 * NS_PER_S;
	fill(&look, rows, 30);
	fill(&before, rows_before, 10);
	add_request(1, 0.25, "/quick");
	add_request(4, 12.5, "/stuck");
}

static void
teardown(void)
{
	free(shown);
	shown = NULL;
}

static const char *
show(const struct ctl_look *then, int columns, int lines)
{
	teardown();
	FILE *out = open_memstream(&shown, &shown_bytes);
	ck_assert_ptr_nonnull(out);
	ctl_show_top(&look, then, (struct ctl_frame){.columns = columns, .lines = lines}, out);
	ck_assert_int_eq(fclose(out), 0);
	return shown;
}

static void
expect(const char *text)
{
	ck_assert_msg(strstr(shown, text) != NULL, "\"%s\" is not in\n%s", text, shown);
}

static int
count_lines(void)
{
	int lines = 0;
	for (const char *at = shown; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	return lines;
}

START_TEST(rates_are_of_the_time_between_two_looks)
{
	show(&before, INT_MAX, 0);
	expect("serving, up 1m 1s, supervisor 99, generation 3\n");
	expect("workers: 6 of 6 (2 to 8), 4 idle, 2 busy");
	expect("requests: 300, 100.0/s; errors: 15, 5.0/s");
	expect("deaths: signal 1, exit 2, oom 3, timeout 4");
	expect("         30     10.0  GET /stuck (id-4)\n");
}
END_TEST

START_TEST(without_a_look_before_or_with_another_services_there_are_none)
{
	show(NULL, INT_MAX, 0);
	expect("requests: 300, -/s; errors: 15, -/s");
	expect("         30        -  GET /stuck (id-4)\n");
	before.snapshot.pool.requests = 301;
	before.snapshot.row_count = 0;
	show(&before, INT_MAX, 0);
	expect("requests: 300, -/s; errors: 15, 5.0/s");
	expect("         30        -  GET /stuck (id-4)\n");
}
END_TEST

START_TEST(the_longest_request_comes_first_and_who_is_idle_by_number)
{
	show(NULL, INT_MAX, 0);
	const char *order[] = {"\n     4      104", "\n     1      101", "\n     0      100", "\n     2      102",
	                       "\n     5      105"};
	const char *at = shown;
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		const char *next = strstr(at, order[i]);
		ck_assert_msg(next != NULL, "%zu in\n%s", i, shown);
		at = next;
	}
	expect("busy     database   12.500s");
}
END_TEST

START_TEST(errors_stand_below_with_their_age)
{
	ck_assert_ptr_null(strstr(show(NULL, INT_MAX, 0), "ERRORS"));
	add_errors(2);
	show(NULL, INT_MAX, 0);
	expect("       50         5s ago  Request completed 500 at /users/{id} (-)\n");
	expect("       49         5s ago  Request completed 501 at /users/{id} (-)\n");
}
END_TEST

START_TEST(a_frame_is_never_wider_or_longer_than_it_may_be)
{
	add_errors(5);
	for (int lines = 1; lines < 40; lines++)
		for (int columns = 1; columns < 140; columns += 7) {
			show(&before, columns, lines);
			ck_assert_int_le(count_lines(), lines);
			int width = 0;
			for (const char *at = shown; *at != '\0'; at++) {
				width = *at == '\n' ? 0 : width + ((unsigned char)*at >> 6 != 2);
				ck_assert_int_le(width, columns);
			}
		}
}
END_TEST

START_TEST(what_does_not_fit_is_counted_and_errors_leave_room)
{
	show(NULL, INT_MAX, 10);
	expect("     4      104");
	expect("     … 3 more\n");
}
END_TEST

/* The terminal's control sequences begin with C0, C1 or what is no UTF-8. */
START_TEST(no_bytes_of_a_client_reach_the_terminal)
{
	static const char *const evil[] = {
		"/\x1b[2J\x1b]0;x\x07", "/\r\nserving", "/\xc2\x9b\x32J", "/\x9b", "/\xff\xfe", "/\x7f\x08"};
	for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
		add_request(4, 12.5, evil[i]);
		snprintf(rows[4].request.method, sizeof rows[4].request.method, "%s", evil[i]);
		snprintf(rows[4].request.correlation_id, sizeof rows[4].request.correlation_id, "%s", evil[i]);
		int lines = (show(&before, INT_MAX, 0), count_lines());
		ck_assert_int_eq(lines, 6 + WORKERS);
		ck_assert(utf8_valid(shown, shown_bytes));
		for (size_t j = 0; j < shown_bytes; j++)
			ck_assert(shown[j] == '\n' || ((unsigned char)shown[j] >= ' ' && shown[j] != 0x7f));
		ck_assert_ptr_null(strstr(shown, "\xc2\x9b"));
	}
}
END_TEST

START_TEST(nobody_lives_there)
{
	look.snapshot = (struct snapshot){.status = "stopped", .supervisor = 99};
	show(NULL, INT_MAX, 0);
	expect("stopped, up 0s, supervisor 99 (dead)");
	ck_assert_ptr_null(strstr(shown, "WORKER"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ctl_top");
	TCase *tc = tcase_create("ctl_top");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rates_are_of_the_time_between_two_looks);
	tcase_add_test(tc, without_a_look_before_or_with_another_services_there_are_none);
	tcase_add_test(tc, the_longest_request_comes_first_and_who_is_idle_by_number);
	tcase_add_test(tc, errors_stand_below_with_their_age);
	tcase_add_test(tc, a_frame_is_never_wider_or_longer_than_it_may_be);
	tcase_add_test(tc, what_does_not_fit_is_counted_and_errors_leave_room);
	tcase_add_test(tc, no_bytes_of_a_client_reach_the_terminal);
	tcase_add_test(tc, nobody_lives_there);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
