/*
 * service_renew.c - the program executes itself anew: same process, same children, listeners and scoreboard, but
 * settings, modules and, for an upgrade, the program's file are read again.
 *
 * A rehearsal is the same in a child, with --check.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "scoreboard.h"
#include "service_state.h"

#define OWN_PROGRAM "/proc/self/exe"

static int
add_listeners(struct handover *handover, enum slot_role role, const struct listener_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (handover_add_listener(handover, &(struct handed_listener){.role = role,
		                                                              .given = set->given,
		                                                              .listener = set->listeners[i]}) != 0)
			return -1;
	return 0;
}

static int
add_workers(struct handover *handover, const struct roster *roster)
{
	for (unsigned i = 0; i < roster->seat_count; i++) {
		const struct seat *seat = &roster->seats[i];
		if (seat->pid > 0 &&
		    handover_add_predecessor(handover, &(struct predecessor){.index = seat->index,
		                                                             .pid = seat->pid,
		                                                             .role = seat->role,
		                                                             .generation = seat->generation,
		                                                             .started_ns = seat->started_ns}) != 0)
			return -1;
	}
	return 0;
}

static int
collect(const struct service *service, enum renewal renewal, const struct roster *roster, struct handover *handover,
        struct err *err)
{
	*handover =
		(struct handover){.renewal = renewal,
	                          .scoreboard_fd = scoreboard_fd(service->board),
	                          .log_writer = log_process_reader(&roster->log_process),
	                          .helpers = {[HELPER_CHECKS] = helper_process_present(&roster->helpers[HELPER_CHECKS]),
	                                      [HELPER_REDIS] = helper_process_present(&roster->helpers[HELPER_REDIS])}};
	handover->scoreboard_path = strdup(scoreboard_path(service->board));
	int status = handover->scoreboard_path != NULL ? add_workers(handover, roster) : -1;
	for (size_t role = 0; role < HANDOVER_ROLES && status == 0; role++) {
		handover->handoffs[role] = service->handoffs[role];
		status = add_listeners(handover, (enum slot_role)role, &service->sets[role]);
	}
	return status == 0 ? 0 : err_set(err, "There is no memory to hand the service over.");
}

/* The arguments as they were, and --check behind them for a rehearsal. */
static char **
arguments(const struct program *program, enum performance performance)
{
	static char check[] = "--check";
	size_t count = 0;
	while (program->argv[count] != NULL)
		count++;
	char **argv = calloc(count + 2, sizeof *argv);
	if (argv == NULL)
		return NULL;
	memcpy(argv, program->argv, count * sizeof *argv);
	if (performance == PERFORMANCE_REHEARSAL)
		argv[count] = check;
	return argv;
}

/* Returns only where it failed. */
static void
execute(const struct program *program, enum renewal renewal, enum performance performance, int state_fd,
        struct err *err)
{
	char text[16];
	const char *path = renewal == RENEWAL_UPGRADE ? program->path : OWN_PROGRAM;
	char **argv = arguments(program, performance);
	snprintf(text, sizeof text, "%d", state_fd);
	if (argv == NULL || setenv(HANDOVER_VARIABLE, text, 1) != 0) {
		err_set(err, "There is no memory to execute %s.", path);
	} else {
		execv(path, argv);
		err_set(err, "%s cannot be executed: %s.", path, strerror(errno));
	}
	unsetenv(HANDOVER_VARIABLE);
	free(argv);
}

int
service_renew(void *context, enum renewal renewal, const struct roster *roster, enum performance performance,
              struct err *err)
{
	const struct service *service = context;
	struct handover handover;
	int state_fd = collect(service, renewal, roster, &handover, err) == 0 ? handover_write(&handover, err) : -1;
	if (state_fd >= 0) {
		handover_mark(&handover, HANDOVER_KEEP);
		execute(service->program, renewal, performance, state_fd, err);
		handover_mark(&handover, HANDOVER_CLOSE);
		close(state_fd);
	}
	handover_fini(&handover);
	return -1;
}
