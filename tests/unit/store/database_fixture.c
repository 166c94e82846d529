/* database_fixture.c - see database_fixture.h. */
#include "database_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "io_wait.h"
#include "log.h"
#include "redact.h"

struct private_server pg;
static struct redact *redact;
static struct log *test_log;
static char log_path[96];

void
fixture_start(void)
{
	struct err err;
	signal(SIGPIPE, SIG_IGN); /* as in the service */
	private_postgres_init(&pg);
	snprintf(log_path, sizeof log_path, "%s/test.log", pg.dir);
	redact = redact_create(NULL);
	test_log = log_create(&(struct log_config){.level = VT_DEBUG, .file = log_path, .redact = redact}, &err);
	ck_assert_msg(test_log != NULL, "%s", err.text);
}

void
fixture_stop(void)
{
	log_destroy(test_log);
	redact_destroy(redact);
	private_server_fini(&pg);
}

void
fixture_each(void)
{
	private_postgres_up(&pg);
	ck_assert_int_eq(truncate(log_path, 0), 0);
}

struct database_config
fixture_config(void)
{
	static char url[256];
	private_postgres_url(&pg, url, sizeof url);
	return (struct database_config){.url = url,
	                                .application_name = "fixture",
	                                .connect_timeout_ms = 1000,
	                                .query_timeout_ms = 2000,
	                                .ping_idle_ms = 60000,
	                                .log = test_log};
}

struct database *
fixture_database(void)
{
	struct err err;
	struct database_config config = fixture_config();
	struct database *db = database_create(&config, &err);
	ck_assert_msg(db != NULL, "%s", err.text);
	return db;
}

enum vt_result
fixture_run(struct database *db, const char *sql, int64_t timeout_ms, struct vt_rows **rows)
{
	struct vt_rows *own = NULL;
	const struct database_query query = {
		.sql = sql,
		.deadline_ns = timeout_ms > 0 ? deadline_in_ms(timeout_ms) : DEADLINE_NEVER,
	};
	enum vt_result result = database_query(db, &query, rows != NULL ? rows : &own);
	rows_destroy(own);
	return result;
}

long
fixture_number(struct database *db, const char *sql)
{
	struct vt_rows *rows;
	enum vt_result result = fixture_run(db, sql, 0, &rows);
	ck_assert_msg(result == VT_OK, "%s: %d, %s", sql, (int)result, database_error(db));
	ck_assert_uint_eq(vt_rows_count(rows), 1);
	const char *text = vt_value(rows, 0, "n");
	ck_assert_ptr_nonnull(text);
	long value = strtol(text, NULL, 10);
	rows_destroy(rows);
	return value;
}

int64_t
fixture_ms_since(int64_t start_ns)
{
	return (clock_mono_ns() - start_ns) / NS_PER_MS;
}

int
fixture_free_descriptor(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

int64_t
fixture_recovers_ms(struct database *db, int64_t timeout_ms)
{
	int64_t start_ns = clock_mono_ns(), deadline_ns = deadline_in_ms(timeout_ms);
	while (fixture_run(db, "SELECT 1", 0, NULL) != VT_OK) {
		ck_assert_msg(clock_mono_ns() < deadline_ns, "no recovery: %s", database_error(db));
		private_server_nap();
	}
	return fixture_ms_since(start_ns);
}

enum vt_result
fixture_ping(struct database *db, int64_t timeout_ms)
{
	int64_t deadline_ns = deadline_in_ms(timeout_ms);
	enum vt_result result;
	struct io_want want;
	database_ping_begin(db);
	while (database_ping_step(db, &want, &result) == IO_WAIT)
		if (!io_wait(&want, deadline_ns)) {
			database_ping_abandon(db);
			return VT_TIMEOUT;
		}
	return result;
}

void
fixture_no_secret(const char *text)
{
	const char *const secrets[] = {PRIVATE_USER, PRIVATE_PASSWORD, PRIVATE_DATABASE, pg.dir,
	                               "/tmp",       "PGSQL",          "127.0.0.1"};
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		ck_assert_msg(strstr(text, secrets[i]) == NULL, "\"%s\" holds \"%s\"", text, secrets[i]);
	ck_assert_uint_gt(strlen(text), 0);
}

const char *
fixture_log(void)
{
	static char text[65536];
	FILE *file = fopen(log_path, "re");
	ck_assert_ptr_nonnull(file);
	size_t n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[n] = '\0';
	return text;
}
