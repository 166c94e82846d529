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
	int wait_status;
	int64_t lived_ms, restart_delay_ms;
};

/* "SIGSEGV"; "signal 64" for one without a name. */
const char *signal_name(int signal_number, char buffer[static 16]);
/* True for an exit status of 0: somebody told the worker to end. */
bool death_in_order(int wait_status);
/* Writes the record, "Worker died" at ERROR or "Worker ended" at INFO; reads the request in flight from the slot, so before the slot is released. */
void obituary_write(struct log *log, const struct slot *slot, const struct death *death);

#endif
