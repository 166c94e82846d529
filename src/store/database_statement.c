/*
 * database_statement.c - sends one statement and collects its results, in steps.
 *
 * Called while a connection is set up, by both kinds of ping and by database_query(). Results are text
 * and drained to the last one. Whatever leaves the connection in a state that is not known ends it: a
 * COPY, a FATAL error, a lost socket. Never repeats anything.
 */
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

bool
database_statement_begin(struct database *db, const struct database_query *query)
{
	database_forget_answer(db);
	db->flushed = false;
	db->copying = false;
	const char *text = database_comment_add(db, query->sql, query->comment);
	if (query->param_count <= PARAMS_MAX &&
	    PQsendQueryParams(db->conn, text, (int)query->param_count, NULL, query->params, NULL, NULL, 0) == 1)
		return true;
	database_set_error(db, "the statement could not be sent");
	database_drop(db);
	return false;
}

bool
database_ask_one(struct database *db)
{
	return database_statement_begin(db, &(struct database_query){.sql = "SELECT 1"});
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
	if (db->copying || db->doomed || PQstatus(db->conn) == CONNECTION_BAD)
		database_drop(db);
	return IO_DONE;
}

enum io_progress
database_statement_step(struct database *db, struct io_want *want, enum vt_result *result)
{
	/* A failed read shows in PQgetResult(), together with what the server said before it left. */
	(void)PQconsumeInput(db->conn);
	if (!db->flushed)
		db->flushed = PQflush(db->conn) <= 0;
	while (!PQisBusy(db->conn)) {
		PGresult *one = PQgetResult(db->conn);
		if (one == NULL)
			return finish(db, result);
		keep(db, one);
		if (db->copying) /* PQgetResult() would go on giving the same for ever */
			return finish(db, result);
	}
	*want = (struct io_want){.fd = PQsocket(db->conn), .events = db->flushed ? POLLIN : POLLIN | POLLOUT};
	return IO_WAIT;
}
