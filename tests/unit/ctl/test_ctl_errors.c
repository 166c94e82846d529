/* test_ctl_errors.c - the table of errors sorted, cut, and shown in lines that fit. */
#include "ctl_errors.h"

#include <check.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ctl.h"
#include "err.h"
#include "owner.h"
#include "run_suite.h"
#include "utf8.h"

#define NOW (1000000 * NS_PER_S)
#define WIDTH 100

static struct error_table table;
static struct error_list errors;
static char *shown;
static size_t shown_bytes;

static void
note(uint64_t fingerprint, unsigned times, int64_t real_ns, const struct error_kind *kind, const char *id)
{
	for (unsigned i = 0; i < times; i++)
		error_table_note(&table, &(const struct error_note){.fingerprint = fingerprint,
		                                                    .kind = kind,
		                                                    .correlation_id = id,
		                                                    .real_ns = real_ns,
		                                                    .self = owner_self()});
}

static const struct error_kind completed = {.level = "ERROR",
                                            .route = "/users/{id}",
                                            .message = "Request completed",
                                            .code = "503",
                                            .place = "wrap_log:leave"},
			       bare = {.level = "CRITICAL", .message = "The worker cannot start"};

static void
setup(void)
{
	memset(&table, 0, sizeof table);
	note(0xabc, 3, NOW - 61 * NS_PER_S, &completed, "11111111-2222-3333-4444-555555555555");
	note(0xdef, 1, NOW - 2 * NS_PER_S, &bare, NULL);
	note(0x123, 3, NOW - 7200 * NS_PER_S, &bare, NULL);
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
	ctl_show_errors_text(&errors, NOW, out);
	fclose(out);
	return shown;
}

START_TEST(sorted_by_count_or_by_the_last_and_cut)
{
	error_list_take(&errors, &table, ERRORS_BY_COUNT, 64);
	ck_assert_uint_eq(errors.count, 3);
	ck_assert_uint_eq(errors.rows[0].fingerprint, 0xabc); /* as often as the next, but later */
	ck_assert_uint_eq(errors.rows[1].fingerprint, 0x123);
	ck_assert_uint_eq(errors.rows[2].fingerprint, 0xdef);
	error_list_take(&errors, &table, ERRORS_BY_LAST, 2);
	ck_assert_uint_eq(errors.count, 2);
	ck_assert_uint_eq(errors.rows[0].fingerprint, 0xdef);
	ck_assert_uint_eq(errors.rows[1].fingerprint, 0xabc);
	ck_assert_uint_eq(errors.totals.kinds, 3);
	ck_assert_uint_eq(errors.totals.total, 7);
}
END_TEST

START_TEST(an_error_is_two_lines)
{
	error_list_take(&errors, &table, ERRORS_BY_COUNT, 64);
	errors.rows[0].first_ns = NOW - 90000 * NS_PER_S;
	ck_assert_str_eq(show(), "7 errors of 3 kinds\n"
	                         "\n"
	                         "    COUNT           FIRST            LAST  FINGERPRINT       LAST CORRELATION ID\n"
	                         "        3       1d 1h ago       1m 1s ago  0000000000000abc  "
	                         "11111111-2222-3333-4444-555555555555\n"
	                         "           Request completed 503 at /users/{id} (wrap_log:leave)\n"
	                         "        3       2h 0m ago       2h 0m ago  0000000000000123  -\n"
	                         "           The worker cannot start\n"
	                         "        1          2s ago          2s ago  0000000000000def  -\n"
	                         "           The worker cannot start\n");
}
END_TEST

START_TEST(what_is_not_listed_is_said)
{
	error_list_take(&errors, &table, ERRORS_BY_COUNT, 64);
	errors.totals.replaced = 2;
	errors.totals.unlisted = 5;
	ck_assert_ptr_nonnull(strstr(
		show(),
		"of 3 kinds; 2 kinds that were not seen for long made room for others; 5 errors are not listed\n"));
	memset(&table, 0, sizeof table);
	error_list_take(&errors, &table, ERRORS_BY_COUNT, 64);
	ck_assert_str_eq(show(), "No errors.\n");
}
END_TEST

static unsigned
characters(const char *line, size_t size)
{
	unsigned count = 0;
	for (size_t n; size > 0; line += n, size -= n, count++) {
		n = utf8_sequence(line, size);
		ck_assert_uint_gt(n, 0);
	}
	return count;
}

/* Whatever stands in the table: lines that fit, of characters that steer no terminal. */
START_TEST(every_line_fits)
{
	for (int c = 1; c < 256; c++) {
		error_list_take(&errors, &table, ERRORS_BY_COUNT, 1);
		memset(errors.rows[0].correlation_id, c, sizeof errors.rows[0].correlation_id - 1);
		memset(errors.rows[0].kind.message, c, sizeof errors.rows[0].kind.message - 1);
		memset(errors.rows[0].kind.route, c, sizeof errors.rows[0].kind.route - 1);
		errors.rows[0].count = 123456789;
		unsigned lines = 0;
		for (const char *line = show(), *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
			ck_assert_uint_le(characters(line, (size_t)(end - line)), WIDTH);
			for (const char *at = line; at < end; at++)
				ck_assert((unsigned char)*at >= ' ' && *at != 0x7f);
		}
		ck_assert_uint_eq(lines, 5);
	}
}
END_TEST

static const char *
at(struct json_object *root, const char *pointer)
{
	struct json_object *value = NULL;
	ck_assert_msg(json_pointer_get(root, pointer, &value) == 0, "%s is not in %s", pointer, shown);
	return json_object_get_string(value);
}

START_TEST(for_programs_everything_whole)
{
	struct err err;
	error_list_take(&errors, &table, ERRORS_BY_COUNT, 64);
	FILE *out = open_memstream(&shown, &shown_bytes);
	ck_assert_int_eq(ctl_show_errors_json(&errors, out, &err), 0);
	fclose(out);
	struct json_object *root = json_tokener_parse(shown);
	ck_assert_ptr_nonnull(root);
	ck_assert_str_eq(at(root, "/total"), "7");
	ck_assert_str_eq(at(root, "/kinds"), "3");
	ck_assert_str_eq(at(root, "/errors/0/fingerprint"), "0000000000000abc");
	ck_assert_str_eq(at(root, "/errors/0/count"), "3");
	ck_assert_str_eq(at(root, "/errors/0/first_seen"), "1970-01-12T13:45:39.000000Z");
	ck_assert_str_eq(at(root, "/errors/0/last_correlation_id"), "11111111-2222-3333-4444-555555555555");
	ck_assert_str_eq(at(root, "/errors/0/level"), "ERROR");
	ck_assert_str_eq(at(root, "/errors/0/message"), "Request completed");
	ck_assert_str_eq(at(root, "/errors/0/code"), "503");
	ck_assert_str_eq(at(root, "/errors/0/route"), "/users/{id}");
	ck_assert_str_eq(at(root, "/errors/0/place"), "wrap_log:leave");
	json_object_put(root);
}
END_TEST

START_TEST(a_limit_is_a_number_of_rows)
{
	static const char *const good[] = {NULL, "1", "64"}, *const bad[] = {"0", "65", "-1", "x", "", "1x"};
	struct err err;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_int_eq(ctl_prove_errors(&(struct ctl){.limit = good[i]}, &err), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(ctl_prove_errors(&(struct ctl){.limit = bad[i]}, &err), -1);
		ck_assert_ptr_nonnull(strstr(err.text, "allowed is a whole number from 1 to 64"));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ctl_errors");
	TCase *tc = tcase_create("ctl_errors");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sorted_by_count_or_by_the_last_and_cut);
	tcase_add_test(tc, an_error_is_two_lines);
	tcase_add_test(tc, what_is_not_listed_is_said);
	tcase_add_test(tc, every_line_fits);
	tcase_add_test(tc, for_programs_everything_whole);
	tcase_add_test(tc, a_limit_is_a_number_of_rows);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
