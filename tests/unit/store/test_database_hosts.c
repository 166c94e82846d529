/*
 * test_database_hosts.c - several hosts in one URL: whose turn it is, each host's share of the time, what
 * target_session_attrs refuses, and a server that becomes read-only under us.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "database_fixture.h"
#include "database_hosts.h"
#include "err.h"
#include "fake_server.h"
#include "run_suite.h"

#define IN_TIME(start_ns, bound_ms) ck_assert_int_lt(fixture_ms_since(start_ns), (bound_ms)*3)

/* hosts and ports are lists; "@" stands for the private server's directory. */
static struct database *
at(const char *hosts, const char *ports, const char *more, int64_t connect_timeout_ms)
{
	struct err err;
	struct database_config config = fixture_config();
	char list[300] = "", url[512];
	for (const char *p = hosts; *p != '\0'; p++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%.*s", *p == '@' ? 64 : 1,
		         *p == '@' ? pg.dir : p);
	snprintf(url, sizeof url, "host=%s port=%s user=%s dbname=%s %s", list, ports, PRIVATE_USER, PRIVATE_DATABASE,
	         more);
	config.url = url;
	config.connect_timeout_ms = connect_timeout_ms;
	struct database *db = database_create(&config, &err);
	ck_assert_msg(db != NULL, "%s", err.text);
	return db;
}

static const struct {
	const char *url;
	bool good;
} urls[] = {
	{"host=a,b,c", true},
	{"host=a,b,c port=1,2,3", true},
	{"host=a,b,c port=1", true},
	{"host=a,,c port=1,,3", true},
	{"host=a,b,c port=1,2", false},
	{"host=a port=1,2", false},
	{"host=a,b hostaddr=127.0.0.1", false},
	{"hostaddr=127.0.0.1,127.0.0.2 port=1,2", true},
	{"postgresql://u@a:1,b:2/d?target_session_attrs=read-write", true},
	{"postgresql://u@a:1,b:2/d?target_session_attrs=primary", true},
	{"postgresql://u@a:1,b:2/d?target_session_attrs=prefer-standby", true},
	{"postgresql://u@a:1,b:2/d?target_session_attrs=best", false},
	{"host=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", true},
	{"host=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", false},
};

START_TEST(lists_of_one_length)
{
	struct err err = {{0}};
	ck_assert_msg((database_check_url(urls[_i].url, &err) == 0) == urls[_i].good, "%s: %s", urls[_i].url, err.text);
}
END_TEST

START_TEST(turns)
{
	struct database_hosts hosts;
	struct err err;
	ck_assert_int_eq(database_hosts_init(&hosts, "host=a,b,c", &err), 0);
	for (size_t late = 0; late < 3; late++) {
		const size_t orders[3][3] = {{1, 2, 0}, {0, 2, 1}, {0, 1, 2}};
		database_hosts_begin(&hosts);
		for (size_t i = 0; i < 3; i++) {
			ck_assert_uint_eq(database_hosts_left(&hosts), 3 - i);
			database_hosts_note(&hosts, database_hosts_current(&hosts) != late);
			ck_assert(database_hosts_next(&hosts) == (i < 2));
		}
		database_hosts_begin(&hosts);
		for (size_t i = 0; i < 3; i++) {
			ck_assert_uint_eq(database_hosts_current(&hosts), orders[late][i]);
			database_hosts_next(&hosts);
		}
	}
	database_hosts_fini(&hosts);
	ck_assert_int_eq(database_hosts_init(&hosts, "host=a,b target_session_attrs=prefer-standby", &err), 0);
	database_hosts_begin(&hosts);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(database_hosts_left(&hosts), 4 - i);
		ck_assert_uint_eq(database_hosts_current(&hosts), i % 2);
		ck_assert(database_hosts_next(&hosts) == (i < 3));
	}
	database_hosts_fini(&hosts);
}
END_TEST

START_TEST(the_next_one_where_nobody_serves)
{
	struct database *db = at("@,@,@", "5991,5992,5432", "", 1000);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_number(db, "SELECT 7 AS n"), 7);
	IN_TIME(start_ns, 100);
	database_destroy(db);
}
END_TEST

/* A silent host costs its share, once; then it is the last to be tried. */
START_TEST(a_silent_host_costs_its_share)
{
	char hosts[64], ports[64], path[128];
	snprintf(path, sizeof path, "%s/.s.PGSQL.5998", pg.dir);
	int listener = fake_listener(path);
	if (_i == 0) {
		snprintf(hosts, sizeof hosts, "127.0.0.1,@");
		snprintf(ports, sizeof ports, "%d,5432", fake_black_hole());
	} else {
		snprintf(hosts, sizeof hosts, "@,@");
		snprintf(ports, sizeof ports, "5998,5432");
	}
	struct database *db = at(hosts, ports, "", 600);
	int64_t start_ns = clock_mono_ns();
	long pid = fixture_number(db, "SELECT pg_backend_pid() AS n");
	ck_assert_int_ge(fixture_ms_since(start_ns), 290);
	ck_assert_int_lt(fixture_ms_since(start_ns), 590);
	char sql[64];
	snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%ld, 5000)", pid);
	private_postgres_number(&pg, sql);
	start_ns = clock_mono_ns();
	ck_assert_int_ne(fixture_number(db, "SELECT pg_backend_pid() AS n"), pid);
	ck_assert_int_lt(fixture_ms_since(start_ns), 250);
	ck_assert_uint_eq(database_counts(db)->moves, 0);
	database_destroy(db);
	close(listener);
}
END_TEST

START_TEST(a_ping_moves_on_too)
{
	char ports[64];
	snprintf(ports, sizeof ports, "%d,5432", fake_black_hole());
	struct database *db = at("127.0.0.1,@", ports, "", 600);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_ping(db, 2000), VT_OK);
	ck_assert_int_ge(fixture_ms_since(start_ns), 290);
	database_destroy(db);
}
END_TEST

START_TEST(all_silent_take_the_whole_time)
{
	char ports[64];
	int port = fake_black_hole();
	snprintf(ports, sizeof ports, "%d,%d,%d", port, port, port);
	struct database *db = at("127.0.0.1,127.0.0.1,127.0.0.1", ports, "", 300);
	int64_t start_ns = clock_mono_ns();
	ck_assert_int_eq(fixture_run(db, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(db), "connecting timed out");
	ck_assert_int_ge(fixture_ms_since(start_ns), 299);
	IN_TIME(start_ns, 300);
	start_ns = clock_mono_ns();
	struct database *hurried = at("127.0.0.1,127.0.0.1", "1,1", "", 300);
	ck_assert_int_eq(fixture_run(hurried, "SELECT 1", 0, NULL), VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(hurried), "connection refused");
	IN_TIME(start_ns, 100);
	database_destroy(hurried);
	database_destroy(db);
}
END_TEST

static const struct {
	const char *wanted, *error;
} refusals[] = {
	{"standby", "the server is not a standby"},
	{"read-only", "the server is not read-only"},
	{"read-write", NULL},
	{"primary", NULL},
	{"prefer-standby", NULL},
};

START_TEST(what_target_session_attrs_refuses)
{
	char more[64];
	snprintf(more, sizeof more, "target_session_attrs=%s", refusals[_i].wanted);
	struct database *db = at("@", "5432", more, 1000);
	enum vt_result result = fixture_run(db, "SELECT 1", 0, NULL);
	ck_assert_int_eq(result, refusals[_i].error != NULL ? VT_UNAVAILABLE : VT_OK);
	if (refusals[_i].error != NULL)
		ck_assert_str_eq(database_error(db), refusals[_i].error);
	database_destroy(db);
}
END_TEST

/* SQLSTATE 25006 where the session was to be writable: 503, another connection; otherwise the statement's fault. */
START_TEST(a_session_that_became_read_only)
{
	struct database *db = at("@", "5432", "target_session_attrs=read-write", 1000), *any = fixture_database();
	private_postgres_number(&pg, "CREATE TABLE IF NOT EXISTS turned (n int)");
	/* What the server does not report, as behind a pooler: only the refusal tells. */
	ck_assert_int_eq(fixture_run(db, "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", 0, NULL), VT_OK);
	long pid = fixture_number(db, "SELECT pg_backend_pid() AS n");
	ck_assert_int_eq(
		fixture_run(db,
	                    "DO $$ BEGIN SET LOCAL transaction_read_only = on; INSERT INTO turned VALUES (1); END $$",
	                    0, NULL),
		VT_UNAVAILABLE);
	ck_assert_str_eq(database_error(db), "the database is read-only (SQLSTATE 25006)");
	ck_assert_int_ne(fixture_number(db, "SELECT pg_backend_pid() AS n"), pid);
	ck_assert_uint_eq(database_counts(db)->ends[END_READ_ONLY], 1);
	ck_assert_int_eq(
		fixture_run(any,
	                    "DO $$ BEGIN SET LOCAL transaction_read_only = on; INSERT INTO turned VALUES (1); END $$",
	                    0, NULL),
		VT_ERROR);
	/* What it reports is seen before the next statement. */
	ck_assert_int_eq(fixture_run(db, "SET default_transaction_read_only = on", 0, NULL), VT_OK);
	ck_assert_int_eq(fixture_run(db, "INSERT INTO turned VALUES (1)", 0, NULL), VT_OK);
	ck_assert_uint_eq(database_counts(db)->ends[END_READ_ONLY], 2);
	database_destroy(any);
	database_destroy(db);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("database_hosts");
	TCase *tc = tcase_create("hosts");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, fixture_each, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lists_of_one_length, 0, sizeof urls / sizeof urls[0]);
	tcase_add_test(tc, turns);
	tcase_add_test(tc, the_next_one_where_nobody_serves);
	tcase_add_loop_test(tc, a_silent_host_costs_its_share, 0, 2);
	tcase_add_test(tc, a_ping_moves_on_too);
	tcase_add_test(tc, all_silent_take_the_whole_time);
	tcase_add_loop_test(tc, what_target_session_attrs_refuses, 0, sizeof refusals / sizeof refusals[0]);
	tcase_add_test(tc, a_session_that_became_read_only);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
