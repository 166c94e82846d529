/*
 * worker_spawn.h - forks a worker into a slot.
 */
#ifndef PROC_WORKER_SPAWN_H
#define PROC_WORKER_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "scoreboard.h"

struct handoff;
struct listener;

/* What a worker is told about its place. */
struct worker_seat {
	unsigned index; /* of the slot */
	enum slot_role role;
	uint32_t generation;
	struct slot *slot;
	const struct listener *listeners;
	size_t listener_count;
	const struct handoff *handoff; /* NULL: no siblings */
	pid_t supervisor;              /* 0: none */
};

/* Runs in the child; its return value is the child's exit status. */
typedef int worker_main_fn(void *context, const struct worker_seat *seat);

/* The child's pid, or -1 with errno. The child never returns from this. */
pid_t spawn_worker(const struct worker_seat *seat, worker_main_fn *main, void *context);

#endif
