/*
 * worker_spawn.c - the fork, and what a child does before it is a worker.
 *
 * Called by the supervisor only, which is single-threaded and holds no connection: nothing has to be
 * let go of in the child. Signals stay blocked as they are in the supervisor; the worker reads them.
 */
#include "worker_spawn.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "crash.h"

/* The supervisor's death is a request to stop. It may have died before this was said. */
static void
follow_supervisor(pid_t supervisor)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != supervisor)
		_exit(0);
}

/* What top and ps -o comm show: "vitalsd:3", "vitalsd:admin". */
static void
take_name(const struct worker_seat *seat)
{
	char name[16];
	if (seat->role == ROLE_ADMIN)
		snprintf(name, sizeof name, "vitalsd:admin");
	else
		snprintf(name, sizeof name, "vitalsd:%u", seat->index);
	prctl(PR_SET_NAME, name);
}

pid_t
spawn_worker(const struct worker_seat *seat, worker_main_fn *main, void *context)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	follow_supervisor(seat->supervisor);
	take_name(seat);
	slot_claim(seat->slot, seat->role, seat->generation);
	crash_watch(seat->slot);
	_exit(main(context, seat));
}
