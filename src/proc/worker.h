/*
 * worker.h - the event loop of a worker: listeners, connections, the end.
 *
 * One epoll holds the listeners (EPOLLEXCLUSIVE, so that one connection wakes one worker), every
 * connection (edge-triggered) and the signals. One request runs at a time; an idle connection costs a
 * descriptor and no worker.
 */
#ifndef PROC_WORKER_H
#define PROC_WORKER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "connection.h"
#include "scoreboard.h"

struct listener;

struct worker_config {
	const struct listener *listeners;
	size_t listener_count;
	size_t max_connections;
	struct fcgi_config fcgi; /* its watcher is set by the worker */
	struct slot *slot;
	pid_t supervisor; /* 0: none */
	int64_t orphan_grace_ms;
	void (*reopen_log)(void *context); /* on SIGUSR1 */
	void *context;
};

/*
 * Serves until SIGTERM, SIGINT or the supervisor's end, finishing the request that runs. Returns 0, or
 * -1 with err where it could not start.
 */
int worker_run(const struct worker_config *config, struct err *err);

#endif
