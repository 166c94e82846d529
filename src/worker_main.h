/*
 * worker_main.h - what the supervisor's process prepares for every worker, and the worker's main function.
 */
#ifndef WORKER_MAIN_H
#define WORKER_MAIN_H

#include "redis.h"
#include "worker_spawn.h"

struct err;
struct log;
struct log_thread;
struct metric_registry;
struct redact;
struct router;
struct services;
struct settings;
struct settings_reader;
struct trace_log;

/* Made before the fork, the same for all workers, constant from then on. */
struct worker_context {
	const struct settings *settings;
	const struct settings_reader *settings_reader;
	const struct router *router;
	const struct router
		*admin_router; /* the built-in routes alone: no module's handler can hold the admin worker up */
	const struct redact *redact;
	const struct metric_registry *registry;
	struct log *log;
	struct log_thread *log_thread; /* NULL: the log writer is a process */
	struct trace_log *trace_log;   /* NULL: no TRACE_FILE */
	const char *instance_id;       /* of this start of the service, for its spans */
	struct scoreboard *board;
	int *listen_fds; /* of the public listeners, for every worker to see their queues */
	size_t listen_fd_count;
};

/* The Redis that the settings name, with the breaker of all who ask it. */
struct redis_config worker_redis_config(const struct worker_context *with);
/* Database and cache as the settings say, in services; opens no connection yet. Also for the helper. -1 with err. */
int worker_open_stores(const struct worker_context *with, struct services *services, struct err *err);
/* A worker_main_fn; context is a struct worker_context. */
int worker_main(void *context, const struct worker_seat *seat);

#endif
