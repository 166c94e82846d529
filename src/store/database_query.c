/*
 * database_query.c - runs one statement for a request.
 *
 * Once it may have reached the server it is never sent again, whatever becomes of the connection. When
 * the deadline passes, the connection is closed; the server ends the statement itself by its
 * statement_timeout.
 *
 * A statement that leaves a transaction open is answered with VT_ERROR and the connection closed: the next
 * statement could run on another connection, and would then commit by itself where its author believes it
 * does not. One statement with several parts (WITH … INSERT …) is the way to do several things at once.
 *
 * Log records hold the server's primary message and never a parameter.
 */
#include <libpq-fe.h>
#include <stdio.h>

#include "clock.h"
#include "database.h"
#include "database_link.h"
#include "log.h"
#include "rows.h"

#define LOGGER "vitals.database"

/* Only VT_ERROR: the other outcomes are the client's or the operator's to know, and told by the answer. */
static void
log_failure(struct database *db, const struct database_query *query)
{
	const char *sqlstate = PQresultErrorField(db->answer, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(db->answer, PG_DIAG_MESSAGE_PRIMARY);
	const struct vt_field fields[] = {VT_STR("sqlstate", sqlstate), VT_STR("error", db->error)};
	if (db->log != NULL)
		log_write(db->log, &(const struct log_record){.level = VT_ERROR_LEVEL,
		                                              .logger = LOGGER,
		                                              .message = "Statement failed",
		                                              .site = LOG_SITE,
		                                              .context = query->log_context,
		                                              .exception = primary != NULL ? primary : db->error,
		                                              .fields = fields,
		                                              .count = 2});
}

static void
log_statement(struct database *db, const struct database_query *query, int64_t started_ns, enum vt_result result)
{
	const struct vt_field fields[] = {
		VT_STR("sql", query->sql),
		VT_INT("params", query->param_count),
		VT_DOUBLE("duration_seconds", (double)(clock_mono_ns() - started_ns) / (double)NS_PER_S),
		VT_STR("result", result == VT_OK ? "ok" : db->error),
	};
	log_write(db->log, &(const struct log_record){.level = VT_DEBUG,
	                                              .logger = LOGGER,
	                                              .message = "Statement",
	                                              .site = LOG_SITE,
	                                              .context = query->log_context,
	                                              .fields = fields,
	                                              .count = sizeof fields / sizeof fields[0]});
}

static void
keep_sqlstate(struct database *db)
{
	const char *sqlstate = PQresultErrorField(db->answer, PG_DIAG_SQLSTATE); /* NULL is allowed */
	if (sqlstate != NULL)
		snprintf(db->sqlstate, sizeof db->sqlstate, "%s", sqlstate);
}

static enum vt_result
deliver(struct database *db, struct vt_rows **rows)
{
	if (db->state == DATABASE_READY && PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
		database_set_error(db, "the statement left a transaction open");
		database_drop(db);
		return VT_ERROR;
	}
	*rows = rows_create(db->answer);
	if (*rows == NULL)
		return VT_NO_MEMORY;
	db->answer = NULL;
	return VT_OK;
}

static enum vt_result
run(struct database *db, const struct database_query *query, int64_t deadline_ns, struct vt_rows **rows)
{
	enum vt_result result;
	if (!database_statement_begin(db, query))
		return VT_UNAVAILABLE;
	if (!database_drive(db, database_statement_step, deadline_ns, &result)) {
		database_set_error(db, "no answer in time");
		database_drop(db);
		return VT_TIMEOUT;
	}
	db->used_ns = clock_mono_ns();
	if (result == VT_OK)
		result = deliver(db, rows);
	keep_sqlstate(db);
	if (result == VT_ERROR)
		log_failure(db, query);
	return result;
}

/* With DEBUG=on; also while somebody has set a level for this very request, route or logger, who wants to see it. */
static bool
is_logged(const struct database *db, const struct database_query *query)
{
	if (db->log == NULL)
		return false;
	return db->debug_sql || log_asked_for(db->log, VT_DEBUG, LOGGER, query->log_context);
}

enum vt_result
database_query(struct database *db, const struct database_query *query, struct vt_rows **rows)
{
	int64_t started_ns = clock_mono_ns();
	int64_t deadline_ns = deadline_min(query->deadline_ns, deadline_in_ms(db->query_timeout_ms));
	enum vt_result result;
	*rows = NULL;
	db->sqlstate[0] = '\0';
	if (deadline_ns <= started_ns) {
		database_set_error(db, "no time was left");
		result = VT_TIMEOUT; /* nothing was begun: the connection is as it was */
	} else {
		result = database_hand_out(db, deadline_ns);
		if (result == VT_OK)
			result = run(db, query, deadline_ns, rows);
	}
	database_forget_answer(db);
	if (is_logged(db, query))
		log_statement(db, query, started_ns, result);
	return result;
}
