/*
 * obituary.h - the record of a worker's death: how, and during which request.
 */
#ifndef PROC_OBITUARY_H
#define PROC_OBITUARY_H

#include <stdbool.h>
#include <sys/types.h>

#include "scoreboard.h"

struct log;

struct death {
	unsigned worker; /* slot index */
	pid_t pid;
	uint32_t generation;
	int wait_status;
	bool overdue;    /* the supervisor killed it, because its request did not end */
	bool oom_killed; /* the kernel killed a process for want of memory since the last death */
	int64_t lived_ms, restart_delay_ms;
};

/* "SIGSEGV"; "signal 64" for one without a name. */
const char *signal_name(int signal_number, char buffer[static 16]);
/* True for an exit status of 0 with no request in flight: a handler may have called exit(). */
bool death_in_order(const struct slot *slot, int wait_status);
enum death_cause death_cause(const struct death *death);
/*
 * Writes the record, "Worker died" at ERROR or "Worker ended" at INFO; reads the request in flight from the slot, so
 * before the slot is released.
 */
void obituary_write(struct log *log, const struct slot *slot, const struct death *death);
/*
 * Of a process without a supervisor, "Process died": by any of its equals that finds it dead in a slot, and by one of
 * them alone; counted as a death. How it ended is known only where it crashed, for nobody waited for it. Does nothing
 * where the slot's owner lives or has left in order.
 */
void obituary_of_stranger(struct log *log, struct scoreboard *board, unsigned index);

#endif
