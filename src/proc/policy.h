/*
 * policy.h - what the supervisor decides: when a worker that died is started again, how many workers there shall be.
 * Pure: no clock, no process; the supervisor acts on it.
 */
#ifndef PROC_POLICY_H
#define PROC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* ---- Restarts ---- */

/* A worker that lived for less died young; restarts at its post are then spaced, doubling up to the bound. */
#define POLICY_YOUNG_MS 1000
#define POLICY_FIRST_DELAY_MS 100
#define POLICY_MAX_DELAY_MS 5000

struct restart_history {
	unsigned young_deaths; /* in a row */
};

/* Notes a death after lived_ms; returns how long to wait before the restart, in ms: 0 for the first of a row. */
int64_t policy_after_death(struct restart_history *history, int64_t lived_ms);

/* ---- The size of the pool ---- */

/* Every worker has been in one request for this long: more are wanted. */
#define POLICY_GROW_AFTER_MS 20
/* So many idle workers are a reserve; with more, one is needless. */
#define POLICY_SPARE 1
/* Needless workers go one at a time, with this between them. */
#define POLICY_SHRINK_EVERY_MS 500

struct pool_demand {
	unsigned least, most;    /* WORKERS, WORKERS_MAX */
	unsigned wanted;         /* at present */
	unsigned serving, busy;  /* of the present generation: that have started; of those, in a request */
	int64_t all_busy_ms;     /* for how long every one of them has been in the same request; 0: one is free */
	int64_t idle_timeout_ms; /* how long a worker beyond WORKERS has to be needless before it goes */
};

struct pool_history {
	unsigned step;             /* by how many it grew last; 0: it does not grow */
	int64_t needless_since_ms; /* 0: nobody is needless */
};

/* How many workers there shall be from now on. Grows 1, 2, 4 … as long as everyone stays busy. */
unsigned policy_pool_size(struct pool_history *history, const struct pool_demand *demand, int64_t now_ms);

#endif
