/*
 * side_process.h - a child of the supervisor that is no worker: the log writer (log_process.h), the helper
 * (helper_process.h). What both have in common: the fork, the death, and one that the program before this one left.
 */
#ifndef PROC_SIDE_PROCESS_H
#define PROC_SIDE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy.h"

struct log;

struct side_process {
	pid_t pid;                      /* 0: there is none … */
	int64_t started_ns, restart_ns; /* … until then at least */
	struct restart_history history;
	pid_t former;           /* of the program before this one; 0: it is gone */
	int64_t former_ends_ns; /* it is killed then */
};

/* Its name, "vitalsd:log", and the messages of the supervisor's records. */
struct side_words {
	const char *name, *cannot_fork, *died;
};

/*
 * Forks. True in the child, which has its name and gets SIGTERM, blocked, when the supervisor dies or has died. False in
 * the supervisor, also where it cannot fork, which is logged; restart_ns then says when to try again.
 */
bool side_process_fork(struct side_process *side, const struct side_words *words, struct log *log);
/* True where the child that ended was one. A death is logged, and bounds when the next may be started. */
bool side_process_reaped(struct side_process *side, const struct side_words *words, struct log *log, pid_t pid,
                         int wait_status);
/* Kills the former one where its time is up. */
void side_process_keep(struct side_process *side);

/* For the child: a descriptor that reads these signals, which are blocked; -1 with errno. */
int side_process_signals(const int *numbers, size_t count);
/* For the child: listeners and handoff sockets must not stay open for its sake. kept is sorted; -1 in it is none. */
void side_process_close_all_but(int *kept, size_t count);

#endif
