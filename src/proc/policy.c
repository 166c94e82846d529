/* policy.c - see policy.h. Called by the supervisor. */
#include "policy.h"

int64_t
policy_after_death(struct restart_history *history, int64_t lived_ms)
{
	if (lived_ms >= POLICY_YOUNG_MS) {
		history->young_deaths = 0;
		return 0;
	}
	history->young_deaths++;
	if (history->young_deaths == 1)
		return 0;
	int64_t delay_ms = POLICY_FIRST_DELAY_MS;
	for (unsigned i = 2; i < history->young_deaths && delay_ms < POLICY_MAX_DELAY_MS; i++)
		delay_ms *= 2;
	return delay_ms < POLICY_MAX_DELAY_MS ? delay_ms : POLICY_MAX_DELAY_MS;
}

static unsigned
grown(struct pool_history *history, const struct pool_demand *demand)
{
	history->step = history->step == 0 ? 1 : history->step * 2;
	unsigned room = demand->most - demand->wanted;
	return demand->wanted + (history->step < room ? history->step : room);
}

static unsigned
shrunk(struct pool_history *history, const struct pool_demand *demand, int64_t now_ms)
{
	bool needless = demand->wanted > demand->least && demand->serving == demand->wanted &&
	                demand->serving - demand->busy > POLICY_SPARE;
	if (!needless) {
		history->needless_since_ms = 0;
		return demand->wanted;
	}
	if (history->needless_since_ms == 0)
		history->needless_since_ms = now_ms;
	if (now_ms - history->needless_since_ms < demand->idle_timeout_ms)
		return demand->wanted;
	history->needless_since_ms += POLICY_SHRINK_EVERY_MS;
	return demand->wanted - 1;
}

unsigned
policy_pool_size(struct pool_history *history, const struct pool_demand *demand, int64_t now_ms)
{
	/* Those that were asked for last have not all come: there is nothing to judge by yet. */
	if (demand->serving < demand->wanted)
		return demand->wanted;
	if (demand->all_busy_ms >= POLICY_GROW_AFTER_MS && demand->wanted < demand->most) {
		history->needless_since_ms = 0;
		return grown(history, demand);
	}
	if (demand->all_busy_ms == 0)
		history->step = 0;
	return shrunk(history, demand, now_ms);
}
