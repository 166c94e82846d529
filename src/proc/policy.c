/* policy.c - the restart policy: at once, unless deaths come young and in a row. */
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
