/*
 * supervisor.h - starts the workers, starts them again when they die, stops them.
 *
 * Runs no handler, parses no request, opens no database. Decides by policy.c, forks by spawn.c, tells of
 * deaths by obituary.c.
 */
#ifndef PROC_SUPERVISOR_H
#define PROC_SUPERVISOR_H

#include "spawn.h"

struct err;
struct log;

/* Workers of one kind: consecutive slots, the same listeners. */
struct pool {
	enum slot_role role;
	unsigned count;
	const struct listener *listeners;
	size_t listener_count;
};

struct supervisor_config {
	const struct pool *pools;
	size_t pool_count;
	struct scoreboard *board; /* has a slot for every worker of every pool */
	struct log *log;
	int64_t stop_timeout_ms; /* from SIGTERM to SIGKILL */
	worker_main_fn *worker_main;
	void (*reopen_log)(void *context); /* on SIGUSR1, before it is passed on to the workers */
	void *context;                     /* of both */
};

/* Before anything is opened: from here on signals wait until supervisor_run() reads them. */
void supervisor_hold_signals(void);
/* Returns when all workers have ended after SIGTERM or SIGINT (0), or -1 with err where it could not start. */
int supervisor_run(const struct supervisor_config *config, struct err *err);

#endif
