/*
 * request_metrics.h - what a request adds to the metrics, and what it waited for.
 *
 * All of it does nothing where ENABLE_METRICS is off.
 */
#ifndef APP_REQUEST_METRICS_H
#define APP_REQUEST_METRICS_H

#include <stdint.h>

#include "vitals.h"

struct services;

/*
 * A request is counted once, when its response has been written: one that was given to another worker because this one
 * died under it is counted there. It begins, is prepared before the response is written, and counted after that; who is
 * killed between the last two has it counted by the supervisor (shm/pending_count.h). By wrap_scoreboard.c, and the
 * latter two by dispatch.c.
 */
void request_metrics_begin(struct vt_request *req);
void request_metrics_prepare(struct vt_request *req, const struct vt_response *res);
void request_metrics_count(struct vt_request *req);
/* An operation of the cache: "get", "set", "delete", "forget"; operation is static. */
void request_metrics_cache(struct vt_request *req, const char *operation, enum vt_result result, int64_t took_ns);
/* A value that was there; tier is static. */
void request_metrics_hit(struct vt_request *req, const char *tier);
/* What the cache had for a route that is cached: "hit" and the like; result is static. */
void request_metrics_answer(struct vt_request *req, const char *result);
/* A statement. */
void request_metrics_database(struct vt_request *req, enum vt_result result, int64_t took_ns);
/* Whether the worker's database connection stands, where that has changed. Also once at the worker's start. */
void request_metrics_connection(struct services *services);

#endif
