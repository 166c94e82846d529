/*
 * supervisor.h - starts the workers, starts them again when they die, renews them, stops them.
 *
 * Runs no handler, parses no request, opens no database. Decides by policy.c, keeps its books in roster.c, forks by
 * worker_spawn.c, tries new settings by rehearsal.c, tells of deaths by obituary.c.
 *
 *   SIGTERM, SIGQUIT   graceful stop: not ready for drain_ms, then running requests finish
 *   SIGINT             fast stop: running requests have fast_stop_ms; a second signal to stop does not wait
 *   SIGHUP             reload: the program executes itself anew, with listeners and workers handed over
 *   SIGUSR2            upgrade: the same with the program's file as it is now
 *   SIGUSR1            the log file is opened again
 *   CONTROL_DRAIN, CONTROL_RESUME   not ready, and ready again (control.h)
 */
#ifndef PROC_SUPERVISOR_H
#define PROC_SUPERVISOR_H

#include "log_process.h"
#include "roster.h"

struct err;
struct log;
struct service_manager;

/* A worker of an earlier generation, taken over from the program that this one replaced. */
struct predecessor {
	unsigned index; /* of its slot */
	pid_t pid;
	enum slot_role role;
	uint32_t generation;
	int64_t started_ns;
};

/* How the program is replaced by itself. */
enum renewal { RENEWAL_NONE, RENEWAL_RELOAD, RENEWAL_UPGRADE };
enum performance { PERFORMANCE_REHEARSAL, PERFORMANCE_REAL };

struct supervisor_config {
	const struct pool *pools;
	size_t pool_count;
	struct scoreboard *board; /* has slots for two generations */
	struct log *log;
	const struct service_manager *manager;
	const struct predecessor *predecessors;
	size_t predecessor_count;
	enum renewal renewal; /* what made this program: RENEWAL_NONE for a first start */
	int64_t drain_ms;
	int64_t stop_timeout_ms; /* from SIGTERM for the workers to SIGKILL */
	int64_t fast_stop_ms;
	int64_t overdue_ms; /* a request that takes longer costs its worker's life */
	int64_t idle_worker_ms;
	int64_t rehearsal_ms;
	const struct log_writer_config *log_writer;
	pid_t former_log_writer;        /* of the program that this one replaced; 0: none */
	enum former_rings former_rings; /* what it reads */
	struct helper_config helpers[HELPERS];
	pid_t former_helpers[HELPERS]; /* as former_log_writer */
	worker_main_fn *worker_main;
	void (*reopen_log)(void *context); /* on SIGUSR1, before it is passed on to the log writer */
	/* The present generation is complete. */
	void (*started)(void *context);
	/* The workers are about to be told to stop: no more connections. */
	void (*stopping)(void *context);
	/*
	 * Executes the program anew, handing over what this one has; as a rehearsal (in a child) only to check the next
	 * settings. Returns only where it cannot: -1 with err.
	 */
	int (*renew)(void *context, enum renewal renewal, const struct roster *roster, enum performance performance,
	             struct err *err);
	void *context; /* of all of them */
};

/* Before anything is opened: from here on signals wait until supervisor_run() reads them. */
void supervisor_hold_signals(void);
/* Returns when all workers have ended after a signal to stop (0), or -1 with err where it could not start. */
int supervisor_run(const struct supervisor_config *config, struct err *err);

#endif
