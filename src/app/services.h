/*
 * services.h - what a worker's handlers and wrappers may use; a request reaches it through with.services.
 *
 * Built by vitals.c in each worker after the fork; outlives every request.
 */
#ifndef APP_SERVICES_H
#define APP_SERVICES_H

#include "cached.h"
#include "memory_cache.h"
#include "request.h"

/* A request adds to its duration, to the sizes of its body and of the response's, and to the time in a queue. */
#define REQUEST_METRICS 4

struct redis;
struct cache;
struct checks;
struct database;
struct log;
struct metric_registry;
struct metrics;
struct pending_count;
struct router;
struct scoreboard;
struct settings;
struct settings_reader;
struct slot;
struct span_line;
struct trace_log;

struct services {
	const struct settings *settings;
	const struct settings_reader *settings_reader;
	const struct router *router;
	struct log *log;
	struct scoreboard *board;
	struct slot *slot;
	const int *listen_fds; /* the listeners of the whole pool, also in the admin worker: their queues are health */
	size_t listen_fd_count;
	struct database *database;  /* NULL: no DATABASE_URL */
	struct redis *redis;        /* NULL: no REDIS_URL */
	struct memory_cache memory; /* open where CACHE_MEMORY_BYTES is not 0 */
	struct cache *cache;        /* over both; NULL: neither */
	struct refresh refresh;     /* of a cached answer, behind the response of the request that runs */
	struct checks *checks;
	const struct metric_registry *registry;
	struct metrics *metrics;       /* NULL: ENABLE_METRICS is off */
	struct pending_count *pending; /* of this worker's place; where there are metrics */
	struct request_count {
		uint32_t index[REQUEST_METRICS]; /* of the series; SERIES_NONE: nothing to count */
		int64_t value[REQUEST_METRICS];
	} request_count; /* what request_metrics.c is about to count */
	struct database_counted {
		bool known, connected;
		uint64_t connects;
	} database_counted;          /* what request_metrics.c has told of the database's connection */
	struct span_line *span_line; /* NULL: no TRACE_FILE, as the next */
	struct trace_log *trace_log;
};

static inline struct services *
services_of(const struct vt_request *req)
{
	return req->with.services;
}

#endif
