/*
 * database.c - one worker's connection: made, handed out, proven, replaced.
 *
 * A connection is handed out only in the READY state, outside a transaction, younger than its age and
 * with nothing to read on it; one that was idle for long answers a ping first. What was found dead before
 * a statement was sent is opened again, once, under the caller's deadline. Opening that fails is spaced by
 * the back-off.
 *
 * What a statement sets for the session (SET, temporary tables, advisory locks) stays on the connection,
 * as it does with every pool. While a transaction is open nothing here is called (database_transaction.c).
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

int
database_check_url(const char *url, struct err *err)
{
	struct database_hosts hosts;
	if (database_hosts_init(&hosts, url, err) != 0)
		return -1;
	database_hosts_fini(&hosts);
	return 0;
}

static void
configure(struct database *db, const struct database_config *config)
{
	db->connect_timeout_ms = config->connect_timeout_ms;
	db->query_timeout_ms = config->query_timeout_ms;
	db->ping_timeout_ms = config->ping_timeout_ms > 0 ? config->ping_timeout_ms : config->connect_timeout_ms;
	db->recycle_ms = config->recycle_ms;
	db->ping_idle_ms = config->ping_idle_ms;
	db->prepare = config->prepare;
	db->debug_sql = config->debug_sql;
	db->log = config->log;
	db->served_by = SIZE_MAX;
}

struct database *
database_create(const struct database_config *config, struct err *err)
{
	struct database_hosts hosts;
	if (config->connect_timeout_ms <= 0 || config->query_timeout_ms <= 0) {
		err_set(err, "DB_CONNECT_TIMEOUT and DB_QUERY_TIMEOUT must be more than 0.");
		return NULL;
	}
	if (database_hosts_init(&hosts, config->url, err) != 0)
		return NULL;
	struct database *db = calloc(1, sizeof *db);
	if (db != NULL) {
		db->cancels = cancels_create();
		db->application_name = strdup(config->application_name != NULL ? config->application_name : "vitals");
	}
	if (db == NULL || db->cancels == NULL || db->application_name == NULL) {
		database_destroy(db);
		database_hosts_fini(&hosts);
		err_set(err, "There is no memory for the database's connection.");
		return NULL;
	}
	db->hosts = hosts;
	configure(db, config);
	return db;
}

void
database_destroy(struct database *db)
{
	if (db == NULL)
		return;
	database_drop(db);
	database_forget_answer(db);
	cancels_destroy(db->cancels);
	database_hosts_fini(&db->hosts);
	prepared_fini(&db->prepared);
	free(db->text);
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
	if (db->state != DATABASE_READY)
		database_drop(db); /* not yet, or not at all */
	else if (db->ping != PING_NONE || PQtransactionStatus(db->conn) != PQTRANS_IDLE)
		database_end(db, PQstatus(db->conn) == CONNECTION_OK ? END_UNFIT : END_BY_SERVER);
	else if (PQstatus(db->conn) != CONNECTION_OK || has_ended(db))
		database_end(db, END_BY_SERVER);
	else if (!database_still_wanted(db))
		database_end(db, END_READ_ONLY);
	else if (clock_mono_ns() >= db->expires_ns)
		database_end(db, END_RECYCLED);
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
	if (!done && db->state == DATABASE_READY && db->served_by < db->hosts.count)
		db->hosts.late[db->served_by] = true;
	database_end(db, done ? END_BY_SERVER : END_TIMEOUT);
	return false;
}

static enum vt_result
open_connection(struct database *db, int64_t deadline_ns)
{
	if (!backoff_over(&db->backoff, clock_mono_ns()))
		return VT_UNAVAILABLE; /* the error still tells why */
	int64_t own_ns = deadline_in_ms(db->connect_timeout_ms);
	int64_t until_ns = deadline_min(own_ns, deadline_ns);
	enum vt_result result;
	database_connect_begin(db, until_ns);
	if (database_drive(db, database_connect_step, until_ns, &result)) {
		if (result != VT_OK)
			backoff_fail(&db->backoff, clock_mono_ns(), chance());
		return result;
	}
	database_set_error(db, "connecting timed out");
	bool hurried = deadline_ns < own_ns;
	if (hurried && own_ns - deadline_ns > db->connect_timeout_ms * NS_PER_MS / 2) {
		/* The caller had little time: that says nothing about the server. */
		database_drop(db);
		return VT_TIMEOUT;
	}
	database_hosts_note(&db->hosts, false);
	database_connect_failed(db);
	backoff_fail(&db->backoff, clock_mono_ns(), chance());
	return hurried ? VT_TIMEOUT : VT_UNAVAILABLE;
}

enum vt_result
database_hand_out(struct database *db, int64_t deadline_ns)
{
	database_drop_unfit(db);
	if (db->state == DATABASE_READY) {
		if (clock_mono_ns() - db->used_ns < db->ping_idle_ms * NS_PER_MS)
			return VT_OK;
		if (answers_ping(db, deadline_min(deadline_ns, deadline_in_ms(db->connect_timeout_ms / 2))))
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

const struct database_counts *
database_counts(const struct database *db)
{
	return &db->counts;
}

const char *
database_end_name(enum database_end why)
{
	static const char *const names[DATABASE_ENDS] = {
		[END_RECYCLED] = "recycled",   [END_BY_SERVER] = "server", [END_TIMEOUT] = "timeout",
		[END_READ_ONLY] = "read_only", [END_UNFIT] = "unfit",
	};
	return names[why];
}
