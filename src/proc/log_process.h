/*
 * log_process.h - the log writer's process: a child of the supervisor beside the workers, "vitalsd:log".
 *
 * It runs no handler and listens nowhere. It outlives the workers: told to stop, by SIGTERM or by the supervisor's
 * death, it goes on until nobody is left who puts records. Killed, it is started again and goes on where it was.
 */
#ifndef PROC_LOG_PROCESS_H
#define PROC_LOG_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "side_process.h"

struct log_writer_config;

struct log_process {
	const struct log_writer_config *config;
	struct side_process side;
	bool former_reads; /* our rings: until the former one is gone, nobody else may */
};

/* A log writer that an earlier program started; the same rings are ours, or it reads others. */
enum former_rings { FORMER_SAME_RINGS, FORMER_OTHER_RINGS };
/* Tells it to end: at once where we go on with its rings, otherwise when nobody puts into them any more. */
void log_process_take_over(struct log_process *process, pid_t former, enum former_rings rings);
/* Starts one where there is none and it is due; kills a former one that does not end. By the supervisor. */
void log_process_keep(struct log_process *process);
/* Who reads the rings, for the next program to take over; 0: nobody. */
pid_t log_process_reader(const struct log_process *process);
/* When log_process_keep() has something to do next; DEADLINE_NEVER: at a death. */
int64_t log_process_due_ns(const struct log_process *process);
/* True where the child that ended was one. */
bool log_process_reaped(struct log_process *process, pid_t pid, int wait_status);
/* Files are opened again. */
void log_process_reopen(const struct log_process *process);
/* The workers are gone: returns when all is written, or after patience_ms without it. */
void log_process_stop(struct log_process *process, int64_t patience_ms);

#endif
