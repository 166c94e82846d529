/*
 * helper_process.h - a helper: a child of the supervisor beside the workers, "vitalsd:helper" or "vitalsd:redis".
 *
 * It is there only where settings need one (helper_main.c, redis_main.c), listens nowhere and serves nobody. SIGTERM ends
 * it at once; WORKER_RETIRE when what it is at has ended, SIGUSR1 has it open the log again. Killed, it is started again.
 */
#ifndef PROC_HELPER_PROCESS_H
#define PROC_HELPER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "side_process.h"

struct log;

/* What the helper does until one of its signals is read; signal_fd: these and SIGCHLD. Returns the exit status. */
typedef int helper_main_fn(void *context, int signal_fd);

enum helper { HELPER_CHECKS, HELPER_REDIS, HELPERS };

struct helper_config {
	helper_main_fn *main; /* NULL: there is to be none */
	struct side_words words;
	void *context;
	struct log *log;
	int kept_fd;      /* stays open in it: the log's; -1: none */
	int64_t leave_ms; /* how long a former one may take to leave */
};

struct helper_process {
	struct helper_config config;
	struct side_process side;
};

/* Tells the former program's to leave; until it has, there is no other, so that nothing is done twice. */
void helper_process_take_over(struct helper_process *process, pid_t former);
/* Starts one where there shall be one and it is due; kills a former one that does not leave. */
void helper_process_keep(struct helper_process *process);
/* Who helps, for the next program to take over; 0: nobody. */
pid_t helper_process_present(const struct helper_process *process);
int64_t helper_process_due_ns(const struct helper_process *process);
/* True where the child that ended was one. */
bool helper_process_reaped(struct helper_process *process, pid_t pid, int wait_status);
void helper_process_signal(const struct helper_process *process, int signal_number);
/* Ends it, without waiting for long. */
void helper_process_stop(struct helper_process *process);

#endif
