/*
 * policy.h - when a worker that died is started again. Pure; the supervisor acts on it.
 */
#ifndef PROC_POLICY_H
#define PROC_POLICY_H

#include <stdint.h>

/* A worker that lived for less died young; its slot's restarts are then spaced, doubling up to the bound. */
#define POLICY_YOUNG_MS 1000
#define POLICY_FIRST_DELAY_MS 100
#define POLICY_MAX_DELAY_MS 5000

struct restart_history {
	unsigned young_deaths; /* in a row */
};

/* Notes a death after lived_ms; returns how long to wait before the restart, in ms: 0 for the first of a row. */
int64_t policy_after_death(struct restart_history *history, int64_t lived_ms);

#endif
