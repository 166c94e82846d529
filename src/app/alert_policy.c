/* alert_policy.c - called by alert.c, in the helper. */
#include "alert_policy.h"

#include "clock.h"

#define FIRST_PAUSE_MS 1000
#define LONGEST_PAUSE_MS 300000

void
alert_observe(struct alert_state *state, enum alert_health health, int64_t mono_ns, int64_t real_ns)
{
	if (state->seen_ns != 0 && state->seen == (int32_t)health)
		return;
	state->seen = (int32_t)health;
	state->seen_ns = mono_ns;
	state->seen_real_ns = real_ns;
	state->tries = 0;
}

int64_t
alert_due_ns(const struct alert_state *state, const struct alert_rules *rules)
{
	if (state->seen_ns == 0 || state->seen == state->told)
		return DEADLINE_NEVER;
	if (state->tries > 0)
		return state->retry_ns;
	int64_t due_ns = state->seen_ns + rules->after_ms * NS_PER_MS;
	int64_t spaced_ns = state->begun_ns + rules->interval_ms * NS_PER_MS;
	return state->begun_ns != 0 && spaced_ns > due_ns ? spaced_ns : due_ns;
}

void
alert_begin(struct alert_state *state, int64_t mono_ns)
{
	state->telling = state->seen;
	if (state->tries == 0)
		state->begun_ns = mono_ns;
	state->tries++;
}

void
alert_succeed(struct alert_state *state)
{
	state->told = state->telling;
	state->tries = 0;
}

bool
alert_fail(struct alert_state *state, const struct alert_rules *rules, int64_t mono_ns)
{
	int64_t pause_ms = FIRST_PAUSE_MS;
	if (state->tries == 0) /* the health has changed meanwhile: this attempt is history */
		return true;
	if (state->tries > rules->retries) {
		alert_succeed(state);
		return false;
	}
	for (int i = 1; i < state->tries && pause_ms < LONGEST_PAUSE_MS; i++)
		pause_ms *= 2;
	state->retry_ns = mono_ns + (pause_ms < LONGEST_PAUSE_MS ? pause_ms : LONGEST_PAUSE_MS) * NS_PER_MS;
	return true;
}
