/*
 * roster.h - who works here: seats and posts.
 *
 * A seat is a slot of the scoreboard with the process that sits in it. A post is a place in the present generation
 * of workers that is to be filled. A worker without a post is one that retires: of an earlier generation, or one
 * too many. The supervisor is the only one who knows these.
 */
#ifndef PROC_ROSTER_H
#define PROC_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "helper_process.h"
#include "log_process.h"
#include "policy.h"
#include "worker_spawn.h"

struct err;

/* Workers of one kind: their number, and what they share. */
struct pool {
	enum slot_role role;
	unsigned count, count_max;
	const struct listener *listeners;
	size_t listener_count;
	const struct handoff *handoff;
};

/* What the supervisor did to a worker. */
enum told { TOLD_NOTHING, TOLD_RETIRE, TOLD_STOP, TOLD_OVERDUE };

struct seat {
	struct slot *slot;
	unsigned index; /* of the slot */
	pid_t pid;      /* 0: nobody */
	enum slot_role role;
	uint32_t generation;
	int64_t started_ns;
	enum told told;
	int64_t kill_ns; /* TOLD_RETIRE: it has until then */
};

struct post {
	const struct pool *pool;
	struct seat *seat;  /* NULL: vacant … */
	int64_t restart_ns; /* … until then at least */
	bool served;        /* some worker has begun to serve here */
	struct restart_history history;
};

struct roster {
	struct seat *seats;
	unsigned seat_count;
	struct post *posts; /* pool by pool, as many as each may grow to */
	unsigned post_count;
	struct log_process log_process;
	struct helper_process helpers[HELPERS];
};

/* A seat for every slot of the board, all empty, and a post for every worker of every pool. -1: no memory. */
int roster_init(struct roster *roster, struct scoreboard *board, const struct pool *pools, size_t pool_count,
                struct err *err);
void roster_fini(struct roster *roster);
/* NULL: all are taken; NULL: nobody here has that pid; NULL: the seat's worker has no post. */
struct seat *roster_empty_seat(const struct roster *roster);
struct seat *roster_seat_of(const struct roster *roster, pid_t pid);
struct post *roster_post_of(const struct roster *roster, const struct seat *seat);
unsigned roster_living(const struct roster *roster);
/* Has its worker come so far that it takes requests? */
bool seat_serves(const struct seat *seat);

#endif
