/*
 * database.h - one worker's PostgreSQL connection: opened after the fork, checked, recycled, and never
 * waited for past a deadline.
 *
 * libpq is used without blocking; every wait is a poll() of ours. A connection on which a wait timed out,
 * or whose state is not known, is thrown away, and the server told to cancel what runs on it. A connection that was
 * idle is pinged before it is used. Reconnects that fail are spaced by a back-off; until it is over, calls fail at once.
 */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io_step.h"
#include "vitals.h"

struct database;
struct err;
struct log;
struct strbuf;

/* When a statement that asks for it (struct database_query) is prepared. */
enum database_prepare {
	PREPARE_AUTO, /* unless something stands between us and the server that may run each statement elsewhere */
	PREPARE_ON,
	PREPARE_OFF
};

struct database_config {
	const char *url; /* postgresql://… or "key=value …", as libpq takes it; several hosts are tried in turn */
	const char *application_name;
	int64_t connect_timeout_ms, query_timeout_ms; /* the former for all hosts together */
	int64_t ping_timeout_ms; /* for the hosts together where a ping connects; 0: connect_timeout_ms */
	int64_t recycle_ms; /* a connection's age at which it is replaced, up to a tenth earlier by chance; 0: never */
	int64_t ping_idle_ms; /* idle for longer: ping first */
	enum database_prepare prepare;
	bool debug_sql;  /* log statements (never parameters) at DEBUG */
	struct log *log; /* outlives the database */
};

/* Proves the URL without connecting. The sentence never holds user, password or host. */
int database_check_url(const char *url, struct err *err);

/* Opens nothing yet. The config's texts are copied. */
struct database *database_create(const struct database_config *config, struct err *err);
void database_destroy(struct database *db);

struct database_query {
	const char *sql;
	const char *comment;       /* sent with it: a whole SQL comment that vouches for itself; NULL: none */
	const char *const *params; /* text, NULL: SQL's null */
	size_t param_count;
	bool prepare;                          /* parsed and planned once a connection; goes without its comment then */
	int64_t deadline_ns;                   /* monotonic; the earlier of it and the query time-out counts */
	const struct log_context *log_context; /* may be NULL */
};

/*
 * Connects where needed. On VT_OK *rows is the caller's, to be freed by rows_destroy(); otherwise NULL. Results
 * as vt_query(); 40001 and 40P01 are VT_CONFLICT too. DB_CONNECT_TIMEOUT passed while connecting is
 * VT_UNAVAILABLE, the deadline passed is VT_TIMEOUT. A statement that leaves a transaction open which
 * database_begin() has not begun, or ends one that it has, is VT_ERROR and undone.
 */
enum vt_result database_query(struct database *db, const struct database_query *query, struct vt_rows **rows);

/*
 * A transaction over several statements: vt_begin() and its kin. The query has everything but sql, params and prepare.
 * Inside one no connection is opened in the place of one that was lost: each further statement, and the commit, come to
 * what the first failure came to. Of an unknown outcome of a commit a record tells.
 */
enum vt_result database_begin(struct database *db, enum vt_transaction kind, const struct database_query *query);
enum vt_result database_commit(struct database *db, const struct database_query *query);
enum vt_result database_rollback(struct database *db, const struct database_query *query);
/* How it stands with one: none, open, failed. */
bool database_in_transaction(const struct database *db);
bool database_transaction_failed(const struct database *db);
void rows_destroy(struct vt_rows *rows);
/*
 * One row as a JSON object: numbers, booleans, json and arrays by their type, dates and times as RFC 3339, all else
 * strings. False: no such row.
 */
bool rows_write_json(const struct vt_rows *rows, size_t row, struct strbuf *out);

/*
 * The check: connects where needed (without regard to the back-off) and runs SELECT 1. begin, then step
 * until IO_DONE, polling *want in between; abandon throws the connection away if the check is not done.
 */
void database_ping_begin(struct database *db);
enum io_progress database_ping_step(struct database *db, struct io_want *want, enum vt_result *result);
void database_ping_abandon(struct database *db);

/* Whether it is connected at this moment. */
bool database_connected(const struct database *db);

/* Why a connection that had served was closed. */
enum database_end {
	END_RECYCLED,  /* for its age */
	END_BY_SERVER, /* it was found ended, or ended under a statement */
	END_TIMEOUT,   /* a wait timed out */
	END_READ_ONLY, /* it is no longer what target_session_attrs asks */
	END_UNFIT,     /* its state was not known: a COPY, a transaction left open, a ping given up */
	DATABASE_ENDS
};
/* "recycled"; static. */
const char *database_end_name(enum database_end why);

/* What has happened since it was created; each only ever grows. */
struct database_counts {
	uint64_t connects;         /* connections that came to serve */
	uint64_t connect_failures; /* attempts, each at all hosts, that did not */
	uint64_t moves;            /* of the connects, those at another host than the one before */
	uint64_t ends[DATABASE_ENDS];
	uint64_t cancels;                                 /* statements that the server was told to cancel */
	uint64_t prepared, prepared_again;                /* the latter: on a connection after the first */
	uint64_t committed, rolled_back, commits_unknown; /* transactions; the last: lost while committing */
};
const struct database_counts *database_counts(const struct database *db);

/*
 * One question of a check, on a database that is used for nothing else: begin, then step with the same sql until
 * IO_DONE. The values of the first row are good until the next begin; NULL: SQL's null, or no such. The connection is
 * opened for each question and closed with it; end closes it if the check is not done.
 */
void database_ask_begin(struct database *db);
enum io_progress database_ask_step(struct database *db, const char *sql, struct io_want *want, enum vt_result *result);
const char *database_ask_value(const struct database *db, int column);
void database_ask_end(struct database *db);
/* Proves that opening the URL resolves no name, "localhost" apart, as far as the URL says. */
int database_check_no_names(const char *url, struct err *err);

/* The SQLSTATE of the last statement that the server refused, "" where the last one was not. */
const char *database_sqlstate(const struct database *db);
/* Why the last operation failed: "connection refused", without host, user or password. Static or the database's. */
const char *database_error(const struct database *db);

#endif
