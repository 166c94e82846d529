/*
 * supervisor_state.h - what the files of the supervisor share, and nobody else includes.
 *
 * supervisor.c is the loop, the signals and the stages of stopping; workforce.c starts, renews, sizes and buries;
 * renewal.c tries new settings and replaces the program.
 */
#ifndef PROC_SUPERVISOR_STATE_H
#define PROC_SUPERVISOR_STATE_H

#include "rehearsal.h"
#include "supervisor.h"

#define SUPERVISOR_LOGGER "vitals.supervisor"
#define SUPERVISOR_POOLS_MAX 2

enum stage { STAGE_SERVING, STAGE_DRAINING, STAGE_STOPPING, STAGE_KILLED };

struct supervisor {
	const struct supervisor_config *config;
	struct scoreboard_service *service;
	uint32_t generation;
	struct roster roster;
	unsigned wanted[SUPERVISOR_POOLS_MAX]; /* workers, by pool */
	struct pool_history sizes[SUPERVISOR_POOLS_MAX];
	int64_t oom_kills; /* so many there were at the last death; -1: not known */
	bool complete;     /* every worker that was wanted at first has begun to serve */
	int64_t begun_ns;
	int signal_fd;
	enum stage stage;
	int64_t stage_ends_ns; /* DRAINING, STOPPING: when the next stage is due */
	int64_t alive_ns;      /* when the next sign of life is due; 0: not yet known */
	struct rehearsal rehearsal;
	enum renewal asked, rehearsed; /* by a signal, to be done; what the rehearsal is for */
};

/* ---- workforce.c ---- */

/* Starts who is missing, as far as it is due and there are seats. */
void workforce_start_due(struct supervisor *supervisor);
/* A child has ended. */
void workforce_bury(struct supervisor *supervisor, struct seat *seat, int wait_status);
/* Counts what those who died had not counted (shm/pending_count.h), as far as it is due. */
void workforce_settle_counts(struct supervisor *supervisor);
/* Marks the generation as complete when it is, and then lets everybody without a post retire. */
void workforce_renew(struct supervisor *supervisor);
/* Grows and shrinks elastic pools. */
void workforce_resize(struct supervisor *supervisor);
/* Kills workers whose request or whose retirement does not end. */
void workforce_enforce(struct supervisor *supervisor);
void workforce_signal(const struct supervisor *supervisor, int signal_number);
/* The next time at which one of these has something to do, as far as it is known before. */
int64_t workforce_due_ns(const struct supervisor *supervisor);
/* How soon the slots shall be looked at again, in ms. */
int workforce_look_ms(const struct supervisor *supervisor);

/* ---- renewal.c ---- */

void renewal_ask(struct supervisor *supervisor, enum renewal renewal);
/* Starts a rehearsal where one was asked for and nothing is in its way. */
void renewal_start_due(struct supervisor *supervisor);
/* The rehearsal has ended: the program is replaced, or the refusal is told. */
void renewal_rehearsed(struct supervisor *supervisor, int wait_status);

#endif
