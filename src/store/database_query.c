/*
 * database_query.c - runs one statement for a request.
 *
 * Once it may have begun at the server it is never sent again, whatever becomes of the connection. When
 * the deadline passes, the server is told to cancel it, and the connection is closed; where the server cannot be told,
 * it ends the statement itself by its statement_timeout.
 *
 * A statement that leaves a transaction open is answered with VT_ERROR and the connection closed: the next
 * statement could run on another connection, and would then commit by itself where its author believes it
 * does not. Transactions are begun by database_begin().
 *
 * Log records hold the server's primary message and never a parameter.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

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

/* ---- Running one -------------------------------------------------------------------------------- */

/* Behind a pooler the session's settings are not ours: the limit goes with the statement, where it can. */
static int64_t
limit_ms(const struct database *db, int64_t deadline_ns)
{
	if (!db->pooled || PQtransactionStatus(db->conn) == PQTRANS_INERROR)
		return 0;
	int64_t left_ms = (deadline_ns - clock_mono_ns()) / NS_PER_MS;
	return (left_ms < INT32_MAX / 2 ? left_ms : INT32_MAX / 2) + STATEMENT_MARGIN_MS;
}

static bool
prepares(const struct database *db)
{
	return (db->prepare == PREPARE_ON && !db->names_lost) || (db->prepare == PREPARE_AUTO && !db->pooled);
}

/* Told to prepare, behind a pooler that runs statements wherever there is room: each would fail now and then. */
static void
note_lost_name(struct database *db)
{
	prepared_forget_current(&db->prepared);
	if (!db->pooled || db->names_lost)
		return;
	db->names_lost = true;
	if (db->log != NULL)
		log_event(db->log, VT_WARNING, LOGGER, "Prepared statements given up",
		          VT_STR("reason",
		                 "The pooler before the database loses them; DB_PREPARE=auto would not have tried."));
}

static bool
refused_with(const struct database *db, const char *sqlstate)
{
	const char *got = PQresultErrorField(db->answer, PG_DIAG_SQLSTATE); /* NULL is allowed */
	return got != NULL && strcmp(got, sqlstate) == 0;
}

/* The server knows no such name, knows it already (a pooler's other client), or its plan no longer fits. */
static bool
name_failed(const struct database *db)
{
	if (!db->by_name)
		return false;
	/* Of all that a feature may be missing for, only this comes before the statement has begun. */
	const char *source = PQresultErrorField(db->answer, PG_DIAG_SOURCE_FUNCTION);
	bool plan = refused_with(db, "0A000") && source != NULL && strcmp(source, "RevalidateCachedQuery") == 0;
	return plan || refused_with(db, "26000") || refused_with(db, "42P05");
}

static enum vt_result
run_once(struct database *db, const struct database_message *message, int64_t deadline_ns)
{
	enum vt_result result;
	if (!database_statement_begin(db, message))
		return VT_UNAVAILABLE;
	if (!database_drive(db, database_statement_step, deadline_ns, &result)) {
		database_set_error(db, "no answer in time");
		database_end_running(db);
		return VT_TIMEOUT;
	}
	db->used_ns = clock_mono_ns();
	return result;
}

/* The server, or what it has become, changes nothing although that was asked of it. */
static bool
became_read_only(const struct database *db)
{
	enum database_wanted wanted = database_hosts_wanted(&db->hosts);
	bool asked_to = db->transaction != TRANSACTION_NONE && db->transaction_reads;
	return (wanted == WANTED_WRITABLE || wanted == WANTED_PRIMARY) && !asked_to && refused_with(db, "25006");
}

/* What was refused before it began is sent once more, where no transaction has come to its end by that. */
static bool
once_more(struct database *db, struct database_message *message, enum vt_result result)
{
	if (result == VT_OK || db->state != DATABASE_READY)
		return false;
	bool name = name_failed(db), limit = message->limit_ms > 0 && refused_with(db, "25001");
	if (name)
		note_lost_name(db);
	if (PQtransactionStatus(db->conn) != PQTRANS_IDLE)
		return false;
	message->plain = message->plain || name;
	message->limit_ms = limit ? 0 : message->limit_ms; /* one that runs in no transaction, VACUUM for one */
	return name || limit;
}

enum vt_result
database_run(struct database *db, const struct database_query *query, int64_t deadline_ns)
{
	struct database_message message = {
		.query = query, .limit_ms = limit_ms(db, deadline_ns), .plain = !prepares(db)};
	enum vt_result result = run_once(db, &message, deadline_ns);
	if (once_more(db, &message, result))
		result = run_once(db, &message, deadline_ns);
	if (result != VT_OK && name_failed(db))
		result = VT_UNAVAILABLE; /* in a transaction, which is undone: the next will do */
	if (result != VT_OK && became_read_only(db)) {
		database_end(db, END_READ_ONLY);
		result = VT_UNAVAILABLE;
	}
	return result;
}

int64_t
database_deadline(const struct database *db, const struct database_query *query)
{
	return deadline_min(query->deadline_ns, deadline_in_ms(db->query_timeout_ms));
}

/* ---- A query ------------------------------------------------------------------------------------ */

static enum vt_result
query_outside(struct database *db, const struct database_query *query, int64_t deadline_ns)
{
	enum vt_result result = database_hand_out(db, deadline_ns);
	if (result == VT_OK)
		result = database_run(db, query, deadline_ns);
	if (result == VT_OK && db->state == DATABASE_READY && PQtransactionStatus(db->conn) != PQTRANS_IDLE) {
		database_set_error(db, "the statement left a transaction open");
		database_end(db, END_UNFIT);
		return VT_ERROR;
	}
	return result;
}

static enum vt_result
deliver(struct database *db, struct vt_rows **rows)
{
	/* What we have set for the session has gone, too. */
	if (strcmp(PQcmdStatus(db->answer), "DISCARD ALL") == 0)
		database_end(db, END_UNFIT);
	*rows = rows_create(db->answer);
	if (*rows == NULL)
		return VT_NO_MEMORY;
	db->answer = NULL;
	return VT_OK;
}

/* With DEBUG=on; also while somebody has set a level for this very request, route or logger, who wants to see it. */
static bool
is_logged(const struct database *db, const struct database_query *query)
{
	if (db->log == NULL)
		return false;
	return db->debug_sql || log_asked_for(db->log, VT_DEBUG, LOGGER, query->log_context);
}

static enum vt_result
answer(struct database *db, const struct database_query *query, int64_t deadline_ns, struct vt_rows **rows)
{
	enum vt_result result;
	if (db->transaction != TRANSACTION_NONE)
		result = database_query_inside(db, query, deadline_ns);
	else
		result = query_outside(db, query, deadline_ns);
	if (result == VT_OK)
		result = deliver(db, rows);
	keep_sqlstate(db);
	if (result == VT_ERROR)
		log_failure(db, query);
	return result;
}

enum vt_result
database_query(struct database *db, const struct database_query *query, struct vt_rows **rows)
{
	int64_t started_ns = clock_mono_ns();
	int64_t deadline_ns = database_deadline(db, query);
	enum vt_result result;
	*rows = NULL;
	db->sqlstate[0] = '\0';
	database_forget_answer(db);
	if (deadline_ns <= started_ns) {
		database_set_error(db, "no time was left");
		result = VT_TIMEOUT; /* nothing was begun: the connection is as it was */
	} else {
		result = answer(db, query, deadline_ns, rows);
	}
	database_forget_answer(db);
	if (is_logged(db, query))
		log_statement(db, query, started_ns, result);
	return result;
}
