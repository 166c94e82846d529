/*
 * test_database_unreachable.c - connections that cannot be opened: nobody there, no answer, a black hole,
 * something that is not PostgreSQL, a refusal. In time, and no text tells where to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "database_fixture.h"
#include "err.h"
#include "fake_server.h"
#include "run_suite.h"

#define IN_TIME(start_ns, bound_ms) ck_assert_int_lt(fixture_ms_since(start_ns), (bound_ms)*3)

static struct database *
at_url(const char *url)
{
	struct err err;
	struct database_config config = fixture_config();
	config.url = url;
	config.connect_timeout_ms = 300;
	struct database *db = database_create(&config, &err);
	ck_assert_msg(db != NULL, "%s", err.text);
	return db;
}

START_TEST(nobody_serves_the_socket)
{
	char url[256], path[128];
	snprintf(url, sizeof url, "host=%s port=5999 user=%s password=%s dbname=%s", pg.dir, PRIVATE_USER,
	         PRIVATE_PASSWORD, PRIVATE_DATABASE);
	snprintf(path, sizeof path, "%s/.s.PGSQL.5999", pg.dir);
	struct database *db = at_url(url);
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(db), "the socket does not exist");
	close(fake_listener(path)); /* a stale socket stays */
	ck_assert_int_eq(fixture_ping(db, 500), VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(db), "connection refused");
	fixture_no_secret(fixture_log());
	database_destroy(db);
}
END_TEST

START_TEST(a_listener_that_never_answers)
{
	char url[256], path[128];
	snprintf(url, sizeof url, "host=%s port=5998 user=%s", pg.dir, PRIVATE_USER);
	snprintf(path, sizeof path, "%s/.s.PGSQL.5998", pg.dir);
	int listener = fake_listener(path);
	struct database *db = at_url(url);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
	IN_TIME(start_ns, 300);
	ck_assert_str_eq(database_error(db), "connecting timed out");
	start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_ping(db, 100), VT_TIMEOUT);
	IN_TIME(start_ns, 100);
	database_destroy(db);
	close(listener);
}
END_TEST

START_TEST(a_black_hole)
{
	char url[256];
	snprintf(url, sizeof url, "postgresql://%s:%s@127.0.0.1:%d/%s", PRIVATE_USER, PRIVATE_PASSWORD,
	         fake_black_hole(), PRIVATE_DATABASE);
	struct database *db = at_url(url);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
	IN_TIME(start_ns, 300);
	ck_assert_int_ge(fixture_ms_since(start_ns), 299);
	ck_assert_str_eq(database_error(db), "connecting timed out");
	fixture_no_secret(fixture_log());
	database_destroy(db);
}
END_TEST

START_TEST(a_caller_with_less_time_than_the_connect)
{
	char url[256];
	snprintf(url, sizeof url, "postgresql://127.0.0.1:%d/x", fake_black_hole());
	struct database *db = at_url(url);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 50, NULL), VT_TIMEOUT);
	IN_TIME(start_ns, 50);
	database_destroy(db);
}
END_TEST

/* More than half of what connecting may take says enough: the next caller is told at once. */
START_TEST(a_caller_with_a_little_less_time)
{
	char url[256];
	snprintf(url, sizeof url, "postgresql://127.0.0.1:%d/x", fake_black_hole());
	struct database *db = at_url(url);
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 250, NULL), VT_TIMEOUT);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 250, NULL), VT_UNAVAILABLE);
	ck_assert_int_lt(fixture_ms_since(start_ns), 50);
	database_destroy(db);
}
END_TEST

START_TEST(what_answers_is_something_else)
{
	static const char *const answers[] = {
		"HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x01\x02", "E", "N", "R\xff\xff\xff\xff",
		"-ERR unknown command\r\n"};
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		char url[256], path[128];
		snprintf(url, sizeof url, "host=%s port=%zu user=%s", pg.dir, 5900 + i, PRIVATE_USER);
		snprintf(path, sizeof path, "%s/.s.PGSQL.%zu", pg.dir, 5900 + i);
		const struct fake_answer answer = {.data = answers[i], .size_bytes = strlen(answers[i]), .repeat = 1};
		fake_server(path, &answer);
		struct database *db = at_url(url);
		int64_t start_ns = clock_mono_ns();
		ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
		IN_TIME(start_ns, 300);
		fixture_no_secret(database_error(db));
		database_destroy(db);
	}
}
END_TEST

START_TEST(refused_by_name)
{
	static const struct {
		const char *user, *database, *error;
	} cases[] = {
		{"secretnobody", PRIVATE_DATABASE, "authorization refused (SQLSTATE 28000)"},
		{PRIVATE_USER, "secretnowhere", "the database does not exist (SQLSTATE 3D000)"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char url[256];
		snprintf(url, sizeof url, "host=%s user=%s dbname=%s", pg.dir, cases[i].user, cases[i].database);
		struct database *db = at_url(url);
		ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
		ck_assert_str_eq(database_error(db), cases[i].error);
		ck_assert_ptr_null(strstr(fixture_log(), "secretno"));
		database_destroy(db);
	}
}
END_TEST

START_TEST(too_many_connections)
{
	struct database *dbs[PRIVATE_MAX_CONNECTIONS + 1];
	size_t count = 0;
	enum vt_result result;
	do {
		dbs[count] = fixture_database();
		result = fixture_run(dbs[count], "SELECT 1", 0, NULL);
	} while (++count <= PRIVATE_MAX_CONNECTIONS && result == VT_OK);
	ck_assert_int_eq(result, VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(dbs[count - 1]), "too many connections (SQLSTATE 53300)");
	/* One leaves: the one that was refused gets its place. */
	database_destroy(dbs[0]);
	fixture_recovers_ms(dbs[count - 1], 5000);
	for (size_t i = 1; i < count; i++)
		database_destroy(dbs[i]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("database_unreachable");
	TCase *tc = tcase_create("unreachable");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, nobody_serves_the_socket);
	tcase_add_test(tc, a_listener_that_never_answers);
	tcase_add_test(tc, a_black_hole);
	tcase_add_test(tc, a_caller_with_less_time_than_the_connect);
	tcase_add_test(tc, a_caller_with_a_little_less_time);
	tcase_add_test(tc, what_answers_is_something_else);
	tcase_add_test(tc, refused_by_name);
	tcase_add_test(tc, too_many_connections);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
