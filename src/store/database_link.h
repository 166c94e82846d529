/*
 * database_link.h - the connection behind database.h, shared by the database*.c files and by nobody else.
 *
 *   ABSENT -> CONNECTING -> SETTING_UP -> READY, and from each back to ABSENT by database_drop().
 *
 * Everything here works in steps (io_step.h): a step never waits. Who drives it keeps the deadline and
 * drops the connection when that has passed, so that a late answer has no connection to arrive on.
 */
#ifndef STORE_DATABASE_LINK_H
#define STORE_DATABASE_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "backoff.h"
#include "database.h"
#include "database_error.h"
#include "database_hosts.h"
#include "database_prepared.h"
#include "io_step.h"
#include "vitals.h"

struct cancels;
struct log;
struct log_context;

/* The server's own limit is this much above ours, so that it is ours that ends a statement where all is well. */
#define STATEMENT_MARGIN_MS 500

enum database_state {
	DATABASE_ABSENT,
	DATABASE_CONNECTING, /* PQconnectPoll() is not through */
	DATABASE_SETTING_UP, /* the set-up statement is not answered */
	DATABASE_READY
};

enum database_ping { PING_NONE, PING_CONNECTING, PING_ASKING };

enum database_transaction {
	TRANSACTION_NONE,
	TRANSACTION_OPEN,
	TRANSACTION_FAILED /* a statement of it failed, or its connection is gone: it can only be rolled back */
};

/* What is sent for one statement, in one go. */
struct database_message {
	const struct database_query *query;
	int64_t limit_ms; /* the server's limit for this statement; 0: the session's */
	bool plain;       /* never prepared, whatever the query asks */
};

struct database {
	char *application_name;
	struct database_hosts hosts;
	int64_t connect_timeout_ms, query_timeout_ms, recycle_ms, ping_idle_ms, ping_timeout_ms;
	enum database_prepare prepare;
	bool debug_sql;
	struct log *log; /* may be NULL */

	enum database_state state;
	PGconn *conn;
	PostgresPollingStatusType polling; /* what PQconnectPoll() waits for */
	int64_t connect_until_ns;          /* when connecting is over, whatever the number of hosts */
	int64_t host_until_ns;             /* and the attempt at this one */
	size_t served_by;                  /* the host of the last connection that served; SIZE_MAX: none yet */
	bool pooled; /* another process stands between (pgbouncer …): statements may each run on another connection */
	bool unwatched; /* the server cannot look whether its client is still there */
	bool doomed;    /* the server has said that it ends this connection */
	int64_t expires_ns, used_ns;
	struct backoff backoff;
	bool failing; /* the last attempt to connect failed, which is logged once */

	char *text; /* a statement with its comment, as it is sent */
	size_t text_bytes;
	PGresult *answer; /* to the last statement: its first error, else its last result */
	bool flushed;     /* the statement has left our buffer */
	bool copying;     /* it was a COPY */
	bool pipelined;   /* it went with others in front of it */
	unsigned before;  /* answers to those that are still to come */
	bool names_lost;  /* a pooler has lost prepared statements: none is made any more */
	bool by_name;     /* a prepared one was executed */
	struct prepared prepared;

	enum database_transaction transaction;
	enum vt_result transaction_failure; /* what its first failure came to */
	uint64_t transaction_connection;    /* by number: it is open on that one and on no other */
	bool transaction_reads;             /* it was begun as one that changes nothing */

	enum database_ping ping;
	bool ping_reopened;
	bool asking; /* the question of database_ask.c is under way */

	struct cancels *cancels;
	struct database_counts counts;
	char error[160];
	char sqlstate[SQLSTATE_BYTES]; /* of the last statement, "" where the server did not refuse it */
};

/* ---- database_connect.c ---- */

/* Begins a connect that has until then for all hosts together. */
void database_connect_begin(struct database *db, int64_t until_ns);
/* From any state to READY: IO_DONE with VT_OK, or with VT_UNAVAILABLE and the connection dropped. */
enum io_progress database_connect_step(struct database *db, struct io_want *want, enum vt_result *result);
/* Closes the connection without waiting; ABSENT from then on. The answer, if any, stays. */
void database_drop(struct database *db);
/* The same, of one that has served, counted. */
void database_end(struct database *db, enum database_end why);
/* The same, of one whose statement still runs: the server is told to cancel it. */
void database_end_running(struct database *db);
/* For who gave up on a connect: logs it as a step that failed does. The error is set before. */
void database_connect_failed(struct database *db);
/* Is the session what target_session_attrs asks, as far as the server has told? */
bool database_still_wanted(const struct database *db);

/* ---- database_cancel.c ---- */

struct cancels *cancels_create(void);
/* Waits a moment for what is under way. NULL is allowed. */
void cancels_destroy(struct cancels *cancels);
/* Takes the connection over: cancels its statement and closes it, in a thread. Never waits. False: closed only. */
bool cancels_start(struct cancels *cancels, PGconn *conn);

/* ---- database_statement.c ---- */

/* Begins a statement on a connection that is idle. False: dropped, VT_UNAVAILABLE. Nothing may have been sent. */
bool database_statement_begin(struct database *db, const struct database_message *message);
/*
 * Drives it: IO_DONE when the last result is in. The result is by its SQLSTATE; the connection is dropped
 * where it ended or its state is not known.
 */
enum io_progress database_statement_step(struct database *db, struct io_want *want, enum vt_result *result);
void database_forget_answer(struct database *db);
/* A statement of our own, outside of any request. */
bool database_ask(struct database *db, const char *sql);
/* SELECT 1, for the two kinds of ping. */
bool database_ask_one(struct database *db);

/* ---- database_comment.c ---- */

/* The statement with the comment (NULL: none), good until the next call; sql itself where that cannot be. */
const char *database_comment_add(struct database *db, const char *sql, const char *comment);

/* ---- database_query.c ---- */

/* One statement on the connection that is there, within the deadline; never opens another. The answer stays. */
enum vt_result database_run(struct database *db, const struct database_query *query, int64_t deadline_ns);
/* When the query is over: the earlier of its deadline and the query time-out. */
int64_t database_deadline(const struct database *db, const struct database_query *query);

/* ---- database_transaction.c ---- */

/* A statement of the open transaction. */
enum vt_result database_query_inside(struct database *db, const struct database_query *query, int64_t deadline_ns);

/* ---- database.c ---- */

void database_set_error(struct database *db, const char *words);
/* Drops a connection that must not be used: half open, ended, past its age, inside a transaction. */
void database_drop_unfit(struct database *db);
/* Runs a step function until it is done (true) or the deadline has passed (false). */
typedef enum io_progress database_step_fn(struct database *db, struct io_want *want, enum vt_result *result);
bool database_drive(struct database *db, database_step_fn *step, int64_t deadline_ns, enum vt_result *result);
/* A connection proven fit, opened where needed: VT_OK, VT_UNAVAILABLE, VT_TIMEOUT (the deadline passed). */
enum vt_result database_hand_out(struct database *db, int64_t deadline_ns);

#endif
