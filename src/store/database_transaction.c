/*
 * database_transaction.c - a transaction over several statements, on one connection and no other.
 *
 * Called by the application for a handler, and at the end of its request. While a transaction is open the connection is
 * neither checked nor replaced: what was done on it would be gone, and what comes next would commit by itself. The first
 * failure is kept, and everything up to the rollback comes to the same; the server's own refusal of later statements
 * (SQLSTATE 25P02) tells nothing new. SAVEPOINT and ROLLBACK TO are ordinary statements, and may make it sound again.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "database.h"
#include "database_link.h"
#include "log.h"

#define LOGGER "vitals.database"
/* Beyond the request's own deadline, so that one which has passed costs no connection. */
#define ROLLBACK_MS 250

bool
database_in_transaction(const struct database *db)
{
	return db->transaction != TRANSACTION_NONE;
}

bool
database_transaction_failed(const struct database *db)
{
	return db->transaction == TRANSACTION_FAILED;
}

/* The connection on which it was begun is still there. */
static bool
connection_stands(const struct database *db)
{
	return db->state == DATABASE_READY && db->counts.connects == db->transaction_connection;
}

static PGTransactionStatusType
status_of(const struct database *db)
{
	return connection_stands(db) ? PQtransactionStatus(db->conn) : PQTRANS_UNKNOWN;
}

static enum vt_result
misused(struct database *db, const struct database_query *query, const char *words)
{
	database_set_error(db, words);
	if (db->log != NULL)
		log_write(db->log, &(const struct log_record){.level = VT_ERROR_LEVEL,
		                                              .logger = LOGGER,
		                                              .message = "Transaction misused",
		                                              .site = LOG_SITE,
		                                              .context = query->log_context,
		                                              .exception = words});
	return VT_ERROR;
}

/* ---- Begin -------------------------------------------------------------------------------------- */

enum vt_result
database_begin(struct database *db, enum vt_transaction kind, const struct database_query *query)
{
	static const char *const statements[] = {
		[VT_TX_DEFAULT] = "BEGIN",
		[VT_TX_REPEATABLE_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ",
		[VT_TX_SERIALIZABLE] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
		[VT_TX_READ_ONLY] = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
	};
	if (db->transaction != TRANSACTION_NONE)
		return misused(db, query, "a transaction is open already");
	if ((size_t)kind >= sizeof statements / sizeof statements[0])
		return misused(db, query, "there is no such kind of transaction");
	int64_t deadline_ns = database_deadline(db, query);
	struct database_query begin = *query;
	begin.sql = statements[kind];
	enum vt_result result = database_hand_out(db, deadline_ns);
	if (result == VT_OK)
		result = database_run(db, &begin, deadline_ns);
	database_forget_answer(db);
	if (result != VT_OK)
		return result;
	db->transaction = TRANSACTION_OPEN;
	db->transaction_connection = db->counts.connects;
	db->transaction_reads = kind == VT_TX_READ_ONLY;
	return VT_OK;
}

/* ---- Inside ------------------------------------------------------------------------------------- */

static void
fail(struct database *db, enum vt_result how)
{
	if (db->transaction != TRANSACTION_FAILED)
		db->transaction_failure = how;
	db->transaction = TRANSACTION_FAILED;
}

enum vt_result
database_query_inside(struct database *db, const struct database_query *query, int64_t deadline_ns)
{
	if (!connection_stands(db)) {
		fail(db, VT_UNAVAILABLE);
		return db->transaction_failure;
	}
	enum vt_result result = database_run(db, query, deadline_ns);
	PGTransactionStatusType status = status_of(db);
	if (status == PQTRANS_IDLE) {
		database_set_error(db, "the statement ended the transaction");
		database_end(db, END_UNFIT);
		result = VT_ERROR;
	}
	if (status == PQTRANS_INTRANS)
		db->transaction = TRANSACTION_OPEN; /* also after ROLLBACK TO */
	else
		fail(db, result);
	const char *sqlstate = PQresultErrorField(db->answer, PG_DIAG_SQLSTATE);
	bool nothing_new = sqlstate != NULL && strcmp(sqlstate, "25P02") == 0;
	return nothing_new ? db->transaction_failure : result;
}

/* ---- End ---------------------------------------------------------------------------------------- */

static void
roll_back(struct database *db, const struct database_query *query)
{
	struct database_query rollback = *query;
	rollback.sql = "ROLLBACK";
	if (connection_stands(db)) {
		database_run(db, &rollback, deadline_in_ms(ROLLBACK_MS));
		if (connection_stands(db) && status_of(db) != PQTRANS_IDLE)
			database_end(db, END_UNFIT);
	}
	db->transaction = TRANSACTION_NONE;
	db->counts.rolled_back++;
}

enum vt_result
database_rollback(struct database *db, const struct database_query *query)
{
	if (db->transaction == TRANSACTION_NONE)
		return misused(db, query, "no transaction is open");
	roll_back(db, query);
	database_forget_answer(db);
	return VT_OK;
}

static void
tell_unknown(struct database *db, const struct database_query *query)
{
	db->counts.commits_unknown++;
	if (db->log != NULL)
		log_write(db->log, &(const struct log_record){.level = VT_ERROR_LEVEL,
		                                              .logger = LOGGER,
		                                              .message = "Outcome of a commit unknown",
		                                              .site = LOG_SITE,
		                                              .context = query->log_context,
		                                              .exception = db->error});
}

static enum vt_result
commit(struct database *db, const struct database_query *query, int64_t deadline_ns)
{
	struct database_query commit = *query;
	commit.sql = "COMMIT";
	enum vt_result result = database_run(db, &commit, deadline_ns);
	db->transaction = TRANSACTION_NONE;
	if (!connection_stands(db)) {
		tell_unknown(db, query);
		return result;
	}
	/* A commit that the server turned into a rollback says so by its tag only. */
	bool done = result == VT_OK && strcmp(PQcmdStatus(db->answer), "COMMIT") == 0;
	if (status_of(db) != PQTRANS_IDLE)
		database_end(db, END_UNFIT);
	db->counts.committed += done;
	db->counts.rolled_back += !done;
	return result == VT_OK && !done ? VT_ERROR : result;
}

enum vt_result
database_commit(struct database *db, const struct database_query *query)
{
	int64_t deadline_ns = database_deadline(db, query);
	db->sqlstate[0] = '\0';
	if (db->transaction == TRANSACTION_NONE)
		return misused(db, query, "no transaction is open");
	if (!connection_stands(db))
		fail(db, VT_UNAVAILABLE);
	else if (deadline_ns <= clock_mono_ns())
		fail(db, VT_TIMEOUT);
	enum vt_result result = db->transaction_failure;
	if (db->transaction == TRANSACTION_FAILED)
		roll_back(db, query);
	else
		result = commit(db, query, deadline_ns);
	database_forget_answer(db);
	return result;
}
