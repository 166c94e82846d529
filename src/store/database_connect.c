/*
 * database_connect.c - opens and closes the connection.
 *
 * Never waits, with one exception that libpq leaves us no way around: a host that is given by name is
 * resolved inside PQconnectStartParams(), which blocks as long as the resolver does. Addresses and
 * sockets do not resolve. Several hosts in one URL are tried in turn, each for its share of what is left of the time
 * (database_hosts.h).
 *
 * Set up by one statement, not with the "options" parameter, which pgbouncer refuses: the server is to end a statement
 * that we have left, and to look now and then whether we are still there. It does so only where the process that runs
 * it is the one that we are connected to: behind a pooler it would set that for other clients of the server. That also
 * tells us whether there is one.
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

void
database_connect_begin(struct database *db, int64_t until_ns)
{
	db->connect_until_ns = until_ns;
	database_hosts_begin(&db->hosts);
}

static bool
start_connecting(struct database *db)
{
	db->conn = database_hosts_start(&db->hosts, db->application_name);
	if (db->conn == NULL) {
		database_set_error(db, "no memory for a connection");
		return false;
	}
	db->state = DATABASE_CONNECTING;
	db->doomed = false;
	db->polling = PGRES_POLLING_WRITING; /* as the manual demands for the first round */
	int64_t now_ns = clock_mono_ns(), left = (int64_t)database_hosts_left(&db->hosts);
	db->host_until_ns = left == 1 ? 0 : now_ns + (db->connect_until_ns - now_ns) / left;
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

/* PostgreSQL 14 and later look, where their system can tell them. */
#define WATCH_FROM_VERSION 140000
#define WATCH_INTERVAL "1s"

static bool
start_set_up(struct database *db)
{
	bool watch = !db->unwatched && PQserverVersion(db->conn) >= WATCH_FROM_VERSION;
	int64_t limit_ms = db->query_timeout_ms + STATEMENT_MARGIN_MS;
	char sql[192];
	snprintf(sql, sizeof sql,
	         "SELECT set_config('statement_timeout', '%" PRId64 "', false)%s WHERE pg_backend_pid() = %d",
	         limit_ms < INT_MAX ? limit_ms : INT_MAX,
	         watch ? ", set_config('client_connection_check_interval', '" WATCH_INTERVAL "', false)" : "",
	         PQbackendPID(db->conn));
	if (PQsetnonblocking(db->conn, 1) != 0)
		return false;
	db->state = DATABASE_SETTING_UP;
	return database_ask(db, sql);
}

/* Its number is told, not its name: the place in DATABASE_URL, from 1. */
static void
note_host(struct database *db)
{
	size_t host = database_hosts_current(&db->hosts);
	bool moved = db->served_by != SIZE_MAX && db->served_by != host;
	database_hosts_note(&db->hosts, true);
	db->served_by = host;
	if (!moved)
		return;
	db->counts.moves++;
	if (db->log != NULL)
		log_event(db->log, VT_WARNING, "vitals.database", "Database connection moved to another server",
		          VT_INT("server", host + 1));
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
	db->counts.connects++;
	note_host(db);
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
	db->counts.connect_failures++;
	database_drop(db);
}

static enum io_progress
failed(struct database *db, enum vt_result *result)
{
	database_connect_failed(db);
	*result = VT_UNAVAILABLE;
	return IO_DONE;
}

/* Not every system can tell a server that its client has gone: set up once more, without that. */
static bool
try_unwatched(struct database *db, enum vt_result result)
{
	if (result == VT_OK || db->state != DATABASE_SETTING_UP || db->unwatched)
		return false;
	db->unwatched = true;
	return start_set_up(db);
}

/* One step towards one host. *good: it goes on, or has come to an end well. */
static enum io_progress
host_step(struct database *db, struct io_want *want, bool *good)
{
	enum vt_result result;
	*good = db->state != DATABASE_ABSENT || start_connecting(db);
	if (*good && db->state == DATABASE_CONNECTING) {
		if (advance(db, want, good) == IO_WAIT)
			return IO_WAIT;
		*good = *good && start_set_up(db);
	}
	if (!*good) {
		if (db->conn != NULL)
			describe_failure(db);
		return IO_DONE;
	}
	if (db->state == DATABASE_READY)
		return IO_DONE;
	if (database_statement_step(db, want, &result) == IO_WAIT)
		return IO_WAIT;
	if (try_unwatched(db, result))
		return host_step(db, want, good);
	*good = result == VT_OK && db->state == DATABASE_SETTING_UP;
	/* A row: the process that answers is the one that we are connected to. */
	db->pooled = *good && PQntuples(db->answer) == 0;
	database_forget_answer(db);
	return IO_DONE;
}

/* Its share of the time has passed: the next one, where there is one. */
static bool
is_late(struct database *db)
{
	if (db->state == DATABASE_ABSENT || db->state == DATABASE_READY || db->host_until_ns == 0 ||
	    clock_mono_ns() < db->host_until_ns)
		return false;
	database_hosts_note(&db->hosts, false);
	database_set_error(db, "connecting timed out");
	return true;
}

/* To the next host; a ping that connects is still the same. False: there is none. */
static bool
go_on(struct database *db)
{
	enum database_ping ping = db->ping;
	database_drop(db);
	db->ping = ping;
	return database_hosts_next(&db->hosts);
}

enum io_progress
database_connect_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	*result = VT_OK;
	while (db->state != DATABASE_READY) {
		bool late = is_late(db), good = !late;
		if (!late && host_step(db, want, &good) == IO_WAIT) {
			want->until_ns = db->host_until_ns;
			return IO_WAIT;
		}
		if (good) {
			become_ready(db);
		} else if (!go_on(db)) {
			return failed(db, result);
		}
	}
	return IO_DONE;
}

bool
database_still_wanted(const struct database *db)
{
	enum database_wanted wanted = database_hosts_wanted(&db->hosts);
	if (wanted == WANTED_ANY)
		return true;
	/* The server tells when these change; one before 14, or a pooler, tells nothing, and then it is not known. */
	const char *standby = PQparameterStatus(db->conn, "in_hot_standby");
	const char *read_only = PQparameterStatus(db->conn, "default_transaction_read_only");
	if (standby == NULL || read_only == NULL)
		return true;
	bool replays = strcmp(standby, "on") == 0, refuses = strcmp(read_only, "on") == 0;
	switch (wanted) {
	case WANTED_WRITABLE:
		return !replays && !refuses;
	case WANTED_READ_ONLY:
		return replays || refuses;
	case WANTED_PRIMARY:
		return !replays;
	case WANTED_STANDBY:
		return replays;
	case WANTED_ANY:
		break;
	}
	return true;
}

static void
closed(struct database *db)
{
	db->conn = NULL;
	db->state = DATABASE_ABSENT;
	db->ping = PING_NONE;
}

void
database_drop(struct database *db)
{
	PQfinish(db->conn); /* in non-blocking mode it does not wait for its goodbye to leave */
	closed(db);
}

void
database_end(struct database *db, enum database_end why)
{
	db->counts.ends[why] += db->state == DATABASE_READY;
	database_drop(db);
}

void
database_end_running(struct database *db)
{
	if (db->state != DATABASE_READY) {
		database_drop(db);
		return;
	}
	db->counts.ends[END_TIMEOUT]++;
	db->counts.cancels += cancels_start(db->cancels, db->conn);
	closed(db);
}
