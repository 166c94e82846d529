/*
 * statement.h - what stands around every call of the database that a request makes: phase, metrics, span, comment.
 *
 * By api_query.c and api_transaction.c.
 */
#ifndef APP_STATEMENT_H
#define APP_STATEMENT_H

#include <stdint.h>

#include "database.h"
#include "phase.h"
#include "vitals.h"

struct statement {
	struct vt_request *req;
	const char *sql;
	struct phase phase;
	int64_t started_ns;
	struct database_query query; /* for the store: sql, comment, deadline and context are set */
};

/* Just before the call; the request's service has a database. */
void statement_enter(struct statement *statement, struct vt_request *req, const char *sql);
/* Just after it. Returns result. */
enum vt_result statement_leave(struct statement *statement, enum vt_result result);

#endif
