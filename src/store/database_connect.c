/*
 * database_connect.c - opens and closes the connection.
 *
 * Never waits, with one exception that libpq leaves us no way around: a host that is given by name is
 * resolved inside PQconnectStartParams(), which blocks as long as the resolver does. Addresses and
 * sockets do not resolve. Several hosts in one URL are tried in turn, all under the one deadline.
 *
 * Set up with a SET statement, not with the "options" parameter, which PgBouncer refuses. Behind
 * PgBouncer's transaction pooling the SET reaches whichever server connection runs it; our own deadline
 * does not depend on it. The server's limit makes a statement end there too when we have left.
 *
 * libpq's verbosity is set to the bare SQLSTATE: its texts cannot be shown, and the code of a refused
 * connection is to be had from the text only.
 */
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "chance.h"
#include "clock.h"
#include "database.h"
#include "database_error.h"
#include "database_link.h"
#include "io_wait.h"
#include "log.h"

static void
take_notice(void *arg, const PGresult *notice)
{
	/* An error that comes while no statement runs reaches us as a notice: the server says goodbye. */
	struct database *db = arg;
	const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (sqlstate != NULL && database_error_ends_connection(sqlstate))
		db->doomed = true;
	if (severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		db->doomed = true;
}

static bool
start_connecting(struct database *db)
{
	/* What stands before dbname is a default that the URL may override; what stands after overrides it. */
	const char *const names[] = {"gssencmode", "fallback_application_name", "dbname", "client_encoding", NULL};
	const char *const values[] = {"disable", db->application_name, db->url, "UTF8", NULL};
	db->conn = PQconnectStartParams(names, values, 1);
	if (db->conn == NULL) {
		database_set_error(db, "no memory for a connection");
		return false;
	}
	db->state = DATABASE_CONNECTING;
	db->doomed = false;
	db->polling = PGRES_POLLING_WRITING; /* as the manual demands for the first round */
	PQsetErrorVerbosity(db->conn, PQERRORS_SQLSTATE);
	PQsetNoticeReceiver(db->conn, take_notice, db);
	return PQstatus(db->conn) != CONNECTION_BAD;
}

/* One round of PQconnectPoll(), which may be called only when the socket is ready. */
static enum io_progress
advance(struct database *db, struct io_want *want, bool *good)
{
	/* The socket changes with each address that is tried. */
	*want = (struct io_want){.fd = PQsocket(db->conn),
	                         .events = db->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT};
	*good = want->fd >= 0;
	if (!*good)
		return IO_DONE;
	if (!io_ready(want))
		return IO_WAIT;
	db->polling = PQconnectPoll(db->conn);
	want->fd = PQsocket(db->conn);
	want->events = db->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
	*good = db->polling != PGRES_POLLING_FAILED;
	if (db->polling == PGRES_POLLING_FAILED || db->polling == PGRES_POLLING_OK)
		return IO_DONE;
	*good = want->fd >= 0;
	return *good ? IO_WAIT : IO_DONE;
}

static bool
start_set_up(struct database *db)
{
	int64_t timeout_ms = db->query_timeout_ms < INT_MAX ? db->query_timeout_ms : INT_MAX;
	char sql[64];
	snprintf(sql, sizeof sql, "SET statement_timeout = %" PRId64, timeout_ms);
	if (PQsetnonblocking(db->conn, 1) != 0)
		return false;
	db->state = DATABASE_SETTING_UP;
	return database_statement_begin(db, &(struct database_query){.sql = sql});
}

static void
become_ready(struct database *db)
{
	int64_t now = clock_mono_ns();
	int64_t age_ns = db->recycle_ms * NS_PER_MS;
	/* Up to a tenth earlier by chance: workers that started together do not reconnect together. */
	int64_t tenth_ns = age_ns / 10;
	int64_t less_ns = (int64_t)((double)chance() / UINT32_MAX * (double)tenth_ns);
	db->expires_ns = age_ns == 0 || age_ns > DEADLINE_NEVER - now ? DEADLINE_NEVER : now + age_ns - less_ns;
	db->used_ns = now;
	db->state = DATABASE_READY;
	db->connects++;
	backoff_reset(&db->backoff);
	if (db->failing && db->log != NULL)
		log_event(db->log, VT_INFO, "vitals.database", "Database connection restored",
		          VT_INT("backend_pid", PQbackendPID(db->conn)));
	db->failing = false;
}

/* Puts into words why libpq could not connect; the connection is still there. */
static void
describe_failure(struct database *db)
{
	const char *text = PQerrorMessage(db->conn);
	char sqlstate[SQLSTATE_BYTES];
	if (database_error_find_sqlstate(text, sqlstate))
		database_error_describe(db->error, sizeof db->error, sqlstate);
	else if (PQconnectionNeedsPassword(db->conn))
		database_set_error(db, "the server wants a password and none is configured");
	else
		database_set_error(db, database_error_connect_words(text));
}

void
database_connect_failed(struct database *db)
{
	/* Once for each outage; a worker tries about once a second as long as it lasts. */
	if (!db->failing && db->log != NULL)
		log_write(db->log, &(const struct log_record){.level = VT_WARNING,
		                                              .logger = "vitals.database",
		                                              .message = "Database connection failed",
		                                              .site = LOG_SITE,
		                                              .exception = db->error});
	db->failing = true;
	database_drop(db);
}

static enum io_progress
failed(struct database *db, enum vt_result *result)
{
	database_connect_failed(db);
	*result = VT_UNAVAILABLE;
	return IO_DONE;
}

static enum io_progress
set_up_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	if (database_statement_step(db, want, result) == IO_WAIT)
		return IO_WAIT;
	database_forget_answer(db);
	if (*result != VT_OK || db->state != DATABASE_SETTING_UP)
		return failed(db, result);
	become_ready(db);
	return IO_DONE;
}

enum io_progress
database_connect_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	bool good = true;
	if (db->state == DATABASE_ABSENT)
		good = start_connecting(db);
	if (good && db->state == DATABASE_CONNECTING) {
		if (advance(db, want, &good) == IO_WAIT)
			return IO_WAIT;
		good = good && start_set_up(db);
	}
	if (!good) {
		if (db->conn != NULL)
			describe_failure(db);
		return failed(db, result);
	}
	if (db->state == DATABASE_SETTING_UP)
		return set_up_step(db, want, result);
	*result = VT_OK;
	return IO_DONE;
}

void
database_drop(struct database *db)
{
	PQfinish(db->conn); /* in non-blocking mode it does not wait for its goodbye to leave */
	db->conn = NULL;
	db->state = DATABASE_ABSENT;
	db->ping = PING_NONE;
}
