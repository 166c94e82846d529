/*
 * alert_policy.h - when a change of health is told. Pure: no clock, no process; alert.c acts on it.
 *
 * A change is told once it has lasted, never sooner than the interval after the one before, and again with growing pauses
 * where that failed. What changes back before it has lasted is never told, however often.
 */
#ifndef APP_ALERT_POLICY_H
#define APP_ALERT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "scoreboard.h"

struct alert_rules {
	int64_t after_ms, interval_ms;
	int64_t retries; /* beyond the first attempt */
};

/* What the checks say at this moment. */
void alert_observe(struct alert_state *state, enum alert_health health, int64_t mono_ns, int64_t real_ns);
/* When the next attempt is due, on the monotonic clock; DEADLINE_NEVER: nothing has changed that was not told. */
int64_t alert_due_ns(const struct alert_state *state, const struct alert_rules *rules);
/* An attempt begins: it tells what is seen now. */
void alert_begin(struct alert_state *state, int64_t mono_ns);
void alert_succeed(struct alert_state *state);
/* False: it is given up, and counts as told, so that it is not tried for ever. */
bool alert_fail(struct alert_state *state, const struct alert_rules *rules, int64_t mono_ns);

#endif
