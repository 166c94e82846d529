/*
 * database_statement.c - sends one statement and collects its results, in steps.
 *
 * Called while a connection is set up, by both kinds of ping and by database_run(). Results are text
 * and drained to the last one. Whatever leaves the connection in a state that is not known ends it: a
 * COPY, a FATAL error, a lost socket. Never repeats anything.
 *
 * What must happen before the statement (it is prepared, it gets a limit of its own) is sent in front of it in libpq's
 * pipeline mode: one round trip for all of it, and the first error ends all.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "database.h"
#include "database_error.h"
#include "database_link.h"

#define PARAMS_MAX 65535 /* 16 bits in the protocol's Bind message */

void
database_forget_answer(struct database *db)
{
	PQclear(db->answer);
	db->answer = NULL;
}

/* Goes in front of the statement, whose answer comes after its own. */
static bool
put_before(struct database *db, const char *sql, const char *parameter)
{
	db->before++;
	return PQsendQueryParams(db->conn, sql, parameter != NULL ? 1 : 0, NULL, &parameter, NULL, NULL, 0) == 1;
}

static bool
put_limit(struct database *db, int64_t limit_ms)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, limit_ms);
	return put_before(db, "SELECT set_config('statement_timeout', $1, true)", text);
}

static bool
put_preparation(struct database *db, const struct database_query *query, struct prepared_entry *entry)
{
	char evict[32 + PREPARED_NAME_BYTES];
	bool sent = true;
	if (db->prepared.evicted[0] != '\0') {
		snprintf(evict, sizeof evict, "DEALLOCATE %s", db->prepared.evicted);
		sent = put_before(db, evict, NULL);
	}
	if (prepared_make(&db->prepared, entry, db->counts.connects))
		db->counts.prepared_again++;
	else
		db->counts.prepared++;
	db->before++;
	return sent && PQsendPrepare(db->conn, entry->name, query->sql, 0, NULL) == 1;
}

static bool
put_statement(struct database *db, const struct database_query *query, const struct prepared_entry *entry)
{
	int count = (int)query->param_count;
	if (entry != NULL)
		return PQsendQueryPrepared(db->conn, entry->name, count, query->params, NULL, NULL, 0) == 1;
	const char *text = database_comment_add(db, query->sql, query->comment);
	return PQsendQueryParams(db->conn, text, count, NULL, query->params, NULL, NULL, 0) == 1;
}

static bool
send_message(struct database *db, const struct database_message *message, struct prepared_entry *entry)
{
	const struct database_query *query = message->query;
	bool make = entry != NULL && entry->connection != db->counts.connects;
	db->pipelined = make || message->limit_ms > 0;
	if (query->param_count > PARAMS_MAX || (db->pipelined && PQenterPipelineMode(db->conn) != 1))
		return false;
	if (message->limit_ms > 0 && !put_limit(db, message->limit_ms))
		return false;
	if (make && !put_preparation(db, query, entry))
		return false;
	return put_statement(db, query, entry) && (!db->pipelined || PQpipelineSync(db->conn) == 1);
}

bool
database_statement_begin(struct database *db, const struct database_message *message)
{
	struct prepared_entry *entry = NULL;
	database_forget_answer(db);
	db->flushed = false;
	db->copying = false;
	db->before = 0;
	if (message->query->prepare && !message->plain)
		entry = prepared_find(&db->prepared, message->query->sql, db->counts.connects);
	db->by_name = entry != NULL;
	if (send_message(db, message, entry))
		return true;
	database_set_error(db, "the statement could not be sent");
	database_end(db, END_BY_SERVER);
	return false;
}

bool
database_ask(struct database *db, const char *sql)
{
	return database_statement_begin(db, &(struct database_message){.query = &(struct database_query){.sql = sql}});
}

bool
database_ask_one(struct database *db)
{
	return database_ask(db, "SELECT 1");
}

static bool
is_error(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

static bool
is_copy(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* The first error is the cause; without one the last result is the answer. */
static void
keep(struct database *db, PGresult *result)
{
	db->copying = db->copying || is_copy(result);
	if (db->answer != NULL && is_error(db->answer)) {
		PQclear(result);
		return;
	}
	PQclear(db->answer);
	db->answer = result;
}

static enum vt_result
failure(struct database *db)
{
	const char *sqlstate = PQresultErrorField(db->answer, PG_DIAG_SQLSTATE);
	if (sqlstate != NULL) {
		database_error_describe(db->error, sizeof db->error, sqlstate);
		return database_error_result(sqlstate);
	}
	if (PQstatus(db->conn) == CONNECTION_BAD) {
		database_set_error(db, "the connection was lost");
		return VT_UNAVAILABLE;
	}
	database_set_error(db, "the answer could not be read");
	return VT_ERROR;
}

static enum vt_result
outcome(struct database *db)
{
	if (db->copying) {
		database_set_error(db, "COPY is not served");
		return VT_ERROR;
	}
	switch (PQresultStatus(db->answer)) { /* NULL counts as a fatal error */
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		return VT_OK;
	case PGRES_EMPTY_QUERY:
		database_set_error(db, "the statement is empty");
		return VT_ERROR;
	default:
		return failure(db);
	}
}

static enum io_progress
finish(struct database *db, enum vt_result *result)
{
	*result = outcome(db);
	bool lost = db->doomed || PQstatus(db->conn) == CONNECTION_BAD;
	bool unfit = db->copying || (db->pipelined && !lost && PQexitPipelineMode(db->conn) != 1);
	if (lost || unfit)
		database_end(db, lost ? END_BY_SERVER : END_UNFIT);
	return IO_DONE;
}

/* Takes one result, or the end of a statement's results; true: it was the last of all. */
static bool
take(struct database *db, PGresult *one)
{
	if (one == NULL && db->before > 0 && (db->answer == NULL || !is_error(db->answer))) {
		database_forget_answer(db); /* that of what went before */
		db->before--;
		return PQstatus(db->conn) == CONNECTION_BAD;
	}
	if (one == NULL)
		return !db->pipelined || PQstatus(db->conn) == CONNECTION_BAD;
	if (PQresultStatus(one) == PGRES_PIPELINE_SYNC) {
		PQclear(one);
		return true;
	}
	keep(db, one);
	/* Of a COPY, PQgetResult() would go on giving the same for ever. */
	return db->copying;
}

enum io_progress
database_statement_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	bool asked_just_now = false;
	if (!db->flushed)
		asked_just_now = db->flushed = PQflush(db->conn) <= 0;
	/* A failed read shows in PQgetResult(), together with what the server said before it left. */
	if (!asked_just_now)
		(void)PQconsumeInput(db->conn);
	while (!PQisBusy(db->conn))
		if (take(db, PQgetResult(db->conn)))
			return finish(db, result);
	*want = (struct io_want){.fd = PQsocket(db->conn), .events = db->flushed ? POLLIN : POLLIN | POLLOUT};
	return IO_WAIT;
}
