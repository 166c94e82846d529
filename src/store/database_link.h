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
#include "database_error.h"
#include "io_step.h"
#include "vitals.h"

struct database_query;
struct log;
struct log_context;

enum database_state {
	DATABASE_ABSENT,
	DATABASE_CONNECTING, /* PQconnectPoll() is not through */
	DATABASE_SETTING_UP, /* the SET is not answered */
	DATABASE_READY
};

enum database_ping { PING_NONE, PING_CONNECTING, PING_ASKING };

struct database {
	char *url, *application_name;
	int64_t connect_timeout_ms, query_timeout_ms, recycle_ms, ping_idle_ms;
	bool debug_sql;
	struct log *log; /* may be NULL */

	enum database_state state;
	PGconn *conn;
	PostgresPollingStatusType polling; /* what PQconnectPoll() waits for */
	bool doomed;                       /* the server has said that it ends this connection */
	int64_t expires_ns, used_ns;
	struct backoff backoff;
	uint64_t connects; /* that came to serve */
	bool failing;      /* the last attempt to connect failed, which is logged once */

	char *text; /* a statement with its comment, as it is sent */
	size_t text_bytes;
	PGresult *answer; /* to the last statement: its first error, else its last result */
	bool flushed;     /* the statement has left our buffer */
	bool copying;     /* it was a COPY */

	enum database_ping ping;
	bool ping_reopened;
	bool asking; /* the question of database_ask.c is under way */

	char error[160];
	char sqlstate[SQLSTATE_BYTES]; /* of the last statement, "" where the server did not refuse it */
};

/* ---- database_connect.c ---- */

/* From any state to READY: IO_DONE with VT_OK, or with VT_UNAVAILABLE and the connection dropped. */
enum io_progress database_connect_step(struct database *db, struct io_want *want, enum vt_result *result);
/* Closes the connection without waiting; ABSENT from then on. The answer, if any, stays. */
void database_drop(struct database *db);
/* For who gave up on a connect: logs it as a step that failed does. The error is set before. */
void database_connect_failed(struct database *db);

/* ---- database_statement.c ---- */

/* Begins a statement on a connection that is idle. False: dropped, VT_UNAVAILABLE. Nothing may have been sent. */
bool database_statement_begin(struct database *db, const struct database_query *query);
/*
 * Drives it: IO_DONE when the last result is in. The result is by its SQLSTATE; the connection is dropped
 * where it ended or its state is not known.
 */
enum io_progress database_statement_step(struct database *db, struct io_want *want, enum vt_result *result);
void database_forget_answer(struct database *db);
/* SELECT 1, for the two kinds of ping. */
bool database_ask_one(struct database *db);

/* ---- database_comment.c ---- */

/* The statement with the comment (NULL: none), good until the next call; sql itself where that cannot be. */
const char *database_comment_add(struct database *db, const char *sql, const char *comment);

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
