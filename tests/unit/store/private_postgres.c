/* private_postgres.c - see private_postgres.h. */
#include "private_postgres.h"

#include <check.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define START_TIMEOUT_MS 30000

/* In PATH, else in the newest of Debian's directories. */
static void
find_program(const char *name, char path[512])
{
	const char *search = getenv("PATH");
	for (const char *p = search != NULL ? search : ""; *p != '\0';) {
		int length = (int)strcspn(p, ":");
		snprintf(path, 512, "%.*s/%s", length, p, name);
		if (access(path, X_OK) == 0)
			return;
		p += length;
		p += *p == ':';
	}
	char pattern[64];
	glob_t found;
	snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/*/bin/%s", name);
	int status = glob(pattern, 0, NULL, &found);
	ck_assert_msg(status == 0, "%s is neither in PATH nor at %s: install postgresql.", name, pattern);
	snprintf(path, 512, "%s", found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
}

static void
conninfo(const struct private_server *server, const char *database, char *text, size_t size_bytes)
{
	snprintf(text, size_bytes, "host=%s user=%s password=%s dbname=%s connect_timeout=10", server->dir,
	         PRIVATE_USER, PRIVATE_PASSWORD, database);
}

static void
create_database(const struct private_server *server)
{
	char text[256];
	conninfo(server, "postgres", text, sizeof text);
	PGconn *conn = PQconnectdb(text);
	PGresult *result = PQexec(conn, "CREATE DATABASE " PRIVATE_DATABASE);
	ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
	PQclear(result);
	PQfinish(conn);
}

void
private_postgres_init(struct private_server *server)
{
	char initdb[512], data[96];
	private_server_init(server, "pg");
	find_program("initdb", initdb);
	snprintf(data, sizeof data, "%s/data", server->dir);
	private_server_run(server,
	                   (char *[]){initdb, "-A", "trust", "-U", PRIVATE_USER, "-E", "UTF8", "--locale=C", "-N", "-D",
	                              data, NULL},
	                   120);
	private_postgres_up(server);
	create_database(server);
}

static void
start(struct private_server *server)
{
	char postgres[512], data[96], connections[48];
	find_program("postgres", postgres);
	snprintf(data, sizeof data, "%s/data", server->dir);
	snprintf(connections, sizeof connections, "max_connections=%d", PRIVATE_MAX_CONNECTIONS);
	char *const argv[] = {postgres,    "-D",
	                      data,        "-k",
	                      server->dir, "-F",
	                      "-c",        "listen_addresses=",
	                      "-c",        connections,
	                      "-c",        "superuser_reserved_connections=0",
	                      "-c",        "max_wal_senders=0",
	                      "-c",        "shared_buffers=16MB",
	                      "-c",        "wal_level=minimal",
	                      NULL};
	private_server_start(server, argv);
}

void
private_postgres_up(struct private_server *server)
{
	char text[256];
	int64_t deadline_ns = deadline_in_ms(START_TIMEOUT_MS);
	PGPing ping;
	conninfo(server, "postgres", text, sizeof text);
	private_server_signal(server, SIGCONT);
	do {
		/* After a crash it refuses to start until the last process of its predecessor has gone. */
		if (!private_server_alive(server))
			start(server);
		private_server_nap();
		ping = PQping(text);
	} while (ping != PQPING_OK && clock_mono_ns() < deadline_ns);
	ck_assert_msg(ping == PQPING_OK, "PostgreSQL did not start; see %s/log", server->dir);
}

void
private_postgres_down(struct private_server *server)
{
	private_server_stop(server, SIGINT);
	ck_assert_msg(!private_server_alive(server), "PostgreSQL did not stop");
}

void
private_postgres_url(const struct private_server *server, char *url, size_t size_bytes)
{
	snprintf(url, size_bytes, "host=%s user=%s password=%s dbname=%s", server->dir, PRIVATE_USER, PRIVATE_PASSWORD,
	         PRIVATE_DATABASE);
}

long
private_postgres_number(const struct private_server *server, const char *sql)
{
	char text[256];
	conninfo(server, PRIVATE_DATABASE, text, sizeof text);
	PGconn *conn = PQconnectdb(text);
	PGresult *result = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(result);
	ck_assert_msg(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(conn));
	long value = PQntuples(result) > 0 ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	PQclear(result);
	PQfinish(conn);
	return value;
}
