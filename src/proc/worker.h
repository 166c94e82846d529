/*
 * worker.h - the event loop of a worker: listeners, connections, the end.
 *
 * One epoll holds the sources of connections (intake.h), every connection (edge-triggered) and the signals. One
 * request runs at a time; an idle connection costs a descriptor and no worker, and a request that takes long costs
 * the others nothing: the watcher gives them to siblings.
 */
#ifndef PROC_WORKER_H
#define PROC_WORKER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "connection.h"
#include "scoreboard.h"

struct handoff;
struct listener;

struct worker_config {
	const struct listener *listeners;
	size_t listener_count;
	const struct handoff *handoff; /* NULL: there are no siblings */
	size_t max_connections;
	uint64_t max_requests; /* then it retires; 0: never */
	int64_t handoff_after_ms; /* how long a request may take before the other connections are given away; 0: any time */
	struct fcgi_config fcgi; /* its watcher is set by the worker */
	struct slot *slot;
	pid_t supervisor; /* 0: none */
	int64_t orphan_grace_ms;
	void (*reopen_log)(void *context); /* on SIGUSR1 */
	void *context;
};

/*
 * Serves until it is told to end, finishing the request that runs. SIGTERM or SIGINT (also the supervisor's end):
 * what has arrived is served, then all connections are closed. WORKER_RETIRE, or max_requests: every connection is
 * given to the siblings, none is closed. Returns 0, or -1 with err where it could not start, or WORKER_ROBBED where a
 * handler has closed descriptors of the worker's, which is logged: nothing can be waited for, and the process is to end.
 */
#define WORKER_RETIRE SIGUSR2
#define WORKER_ROBBED 1
int worker_run(const struct worker_config *config, struct err *err);

#endif
