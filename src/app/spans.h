/*
 * spans.h - which spans a request gets, and what stands in them: the OpenTelemetry semantic conventions.
 *
 * wrap_trace.c has the request's own written (span_server.c), api_*.c those of what it waited for (span_client.c).
 * All of them do nothing for a request that is not recorded.
 */
#ifndef APP_SPANS_H
#define APP_SPANS_H

#include <stdint.h>

#include "vitals.h"

/* When an operation begins: monotonic, 0 where the request is not recorded, which spares the clock. */
int64_t span_started_ns(const struct vt_request *req);
/* A statement that has come to result (sqlstate "": the server did not refuse it); its literals are left out. */
struct statement_span {
	int64_t started_ns;
	const char *sql, *sqlstate;
	enum vt_result result;
};
void span_statement(struct vt_request *req, const struct statement_span *statement);
/* An operation of the cache; name is Redis's own, "GET". */
void span_cache(struct vt_request *req, int64_t started_ns, const char *name, enum vt_result result);
/* A call that a handler made. */
void span_outbound(struct vt_request *req, const struct vt_outbound *call);
/* The request itself, with its answer's status: writes the line. */
void span_server(struct vt_request *req, int status);

/* The method as the conventions count it, "_OTHER" where it is not one of those that they know. */
const char *span_method(const char *method);

#endif
