/*
 * database.c - one worker's connection: made, handed out, proven, replaced.
 *
 * A connection is handed out only in the READY state, outside a transaction, younger than its age and
 * with nothing to read on it; one that was idle for long answers a ping first. What was found dead before
 * a statement was sent is opened again, once, under the caller's deadline. Opening that fails is spaced by
 * the back-off.
 *
 * What a statement sets for the session (SET, temporary tables, advisory locks) stays on the connection,
 * as it does with every pool; a transaction over several statements is not served (database_query.c).
 *
 * A worker has one of these and uses it from one thread. Never opened before the fork.
 */
#include "database.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "clock.h"
#include "database_link.h"
#include "err.h"
#include "io_wait.h"

static const char *
option_value(const PQconninfoOption *options, const char *name)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, name) == 0)
			return options->val;
	return NULL;
}

/* A list of ports, one for each host; an empty one means the default. */
static bool
ports_valid(const char *ports)
{
	for (const char *p = ports; p != NULL && *p != '\0'; p += *p == ',') {
		char *end;
		if (*p == ',')
			continue;
		long port = strtol(p, &end, 10);
		if (*p < '0' || *p > '9' || port < 1 || port > 65535 || (*end != ',' && *end != '\0'))
			return false;
		p = end;
	}
	return true;
}

int
database_check_url(const char *url, struct err *err)
{
	/* libpq's own sentence quotes the URL and is not shown. */
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	if (options == NULL)
		return err_set(err, "DATABASE_URL cannot be read: it must be like "
		                    "postgresql://user:password@host:5432/database, with reserved characters "
		                    "percent-encoded and parameters that libpq knows, or like "
		                    "\"host=/run/postgresql dbname=app\".");
	bool ports = ports_valid(option_value(options, "port"));
	PQconninfoFree(options);
	if (!ports)
		return err_set(err, "DATABASE_URL names a port that is not a number from 1 to 65535.");
	return 0;
}

struct database *
database_create(const struct database_config *config, struct err *err)
{
	if (database_check_url(config->url, err) != 0)
		return NULL;
	if (config->connect_timeout_ms <= 0 || config->query_timeout_ms <= 0) {
		err_set(err, "DB_CONNECT_TIMEOUT and DB_QUERY_TIMEOUT must be more than 0.");
		return NULL;
	}
	struct database *db = calloc(1, sizeof *db);
	if (db != NULL) {
		db->url = strdup(config->url);
		db->application_name = strdup(config->application_name != NULL ? config->application_name : "vitals");
	}
	if (db == NULL || db->url == NULL || db->application_name == NULL) {
		database_destroy(db);
		err_set(err, "There is no memory for the database's connection.");
		return NULL;
	}
	db->connect_timeout_ms = config->connect_timeout_ms;
	db->query_timeout_ms = config->query_timeout_ms;
	db->recycle_ms = config->recycle_ms;
	db->ping_idle_ms = config->ping_idle_ms;
	db->debug_sql = config->debug_sql;
	db->log = config->log;
	return db;
}

void
database_destroy(struct database *db)
{
	if (db == NULL)
		return;
	database_drop(db);
	database_forget_answer(db);
	free(db->text);
	free(db->url);
	free(db->application_name);
	free(db);
}

const char *
database_error(const struct database *db)
{
	return db->error;
}

const char *
database_sqlstate(const struct database *db)
{
	return db->sqlstate;
}

void
database_set_error(struct database *db, const char *words)
{
	snprintf(db->error, sizeof db->error, "%s", words);
}

bool
database_drive(struct database *db, database_step_fn *step, int64_t deadline_ns, enum vt_result *result)
{
	struct io_want want;
	while (step(db, &want, result) == IO_WAIT)
		if (!io_wait(&want, deadline_ns))
			return false;
	return true;
}

/* An idle connection has nothing to say but that it ends, or a notice. Reads what there is, without waiting. */
static bool
has_ended(struct database *db)
{
	struct io_want want = {.fd = PQsocket(db->conn), .events = POLLIN};
	for (int i = 0; i < 4 && io_ready(&want); i++) {
		if (PQconsumeInput(db->conn) == 0)
			return true;
		/* PQnotifies() also parses what else has come; take_notice() sees it. */
		for (PGnotify *note = PQnotifies(db->conn); note != NULL; note = PQnotifies(db->conn))
			PQfreemem(note);
		if (db->doomed || PQstatus(db->conn) != CONNECTION_OK)
			return true;
	}
	return false;
}

void
database_drop_unfit(struct database *db)
{
	bool fit = db->state == DATABASE_READY && db->ping == PING_NONE && PQstatus(db->conn) == CONNECTION_OK &&
	           PQtransactionStatus(db->conn) == PQTRANS_IDLE && clock_mono_ns() < db->expires_ns && !has_ended(db);
	if (!fit)
		database_drop(db);
}

/* Does a connection that was idle for long still answer? It is dropped where it does not. */
static bool
answers_ping(struct database *db, int64_t deadline_ns)
{
	enum vt_result result;
	bool done = database_ask_one(db) && database_drive(db, database_statement_step, deadline_ns, &result);
	database_forget_answer(db);
	if (done && result == VT_OK && db->state == DATABASE_READY)
		return true;
	database_drop(db);
	return false;
}

static enum vt_result
open_connection(struct database *db, int64_t deadline_ns)
{
	if (!backoff_over(&db->backoff, clock_mono_ns()))
		return VT_UNAVAILABLE; /* the error still tells why */
	int64_t own_ns = deadline_in_ms(db->connect_timeout_ms);
	enum vt_result result;
	if (database_drive(db, database_connect_step, deadline_min(own_ns, deadline_ns), &result)) {
		if (result != VT_OK)
			backoff_fail(&db->backoff, clock_mono_ns(), chance());
		return result;
	}
	database_set_error(db, "connecting timed out");
	if (deadline_ns < own_ns) {
		/* The caller had little time: that says nothing about the server. */
		database_drop(db);
		return VT_TIMEOUT;
	}
	database_connect_failed(db);
	backoff_fail(&db->backoff, clock_mono_ns(), chance());
	return VT_UNAVAILABLE;
}

enum vt_result
database_hand_out(struct database *db, int64_t deadline_ns)
{
	database_drop_unfit(db);
	if (db->state == DATABASE_READY) {
		if (clock_mono_ns() - db->used_ns < db->ping_idle_ms * NS_PER_MS)
			return VT_OK;
		if (answers_ping(db, deadline_min(deadline_ns, deadline_in_ms(db->connect_timeout_ms))))
			return VT_OK;
		if (clock_mono_ns() >= deadline_ns) {
			database_set_error(db, "no answer in time");
			return VT_TIMEOUT;
		}
	}
	return open_connection(db, deadline_ns);
}

bool
database_connected(const struct database *db)
{
	return db->state == DATABASE_READY;
}

uint64_t
database_connects(const struct database *db)
{
	return db->connects;
}
