/*
 * wrappers.h - what runs around every handler. The order of the table is the order of nesting.
 *
 * Each wrapper is a file of its own: wrap_*.c.
 */
#ifndef APP_WRAPPERS_H
#define APP_WRAPPERS_H

#include "chain.h"

extern const struct wrapper wrap_correlation; /* gives the request its IDs, the response X-Correlation-ID */
extern const struct wrapper wrap_trace;       /* gives the request its trace context, and writes its spans */
extern const struct wrapper wrap_scoreboard;  /* shows the request in the worker's slot */
extern const struct wrapper wrap_timing;      /* X-Process-Time */
extern const struct wrapper wrap_log;         /* "Request started", "Request completed" */
extern const struct wrapper wrap_headers;     /* "Request headers" at DEBUG */
extern const struct wrapper wrap_body;        /* "Request body", "Response body": LOG_BODIES */
extern const struct wrapper wrap_queue;       /* 503 for what has waited for longer than QUEUE_TIMEOUT */
extern const struct wrapper wrap_limits;      /* 413 before anything is read */

/* The response is written, everything of the request still there: it may have been slow. */
void wrap_log_written(struct vt_request *req, const struct vt_response *res);

/* Shows a request in the worker's slot. */
void wrap_scoreboard_show(struct vt_request *req);

extern const struct wrapper *const wrappers[];
extern const size_t wrappers_count;

#endif
