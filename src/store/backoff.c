/* backoff.c - exponential back-off with jitter, for the database's and the cache's reconnects. */
#include "backoff.h"

#include "clock.h"

void
backoff_fail(struct backoff *backoff, int64_t now_ns, uint32_t chance_number)
{
	int64_t wait_ms = BACKOFF_FIRST_MS;
	for (unsigned i = 0; i < backoff->failures && wait_ms < BACKOFF_MAX_MS; i++)
		wait_ms *= 2;
	if (wait_ms > BACKOFF_MAX_MS)
		wait_ms = BACKOFF_MAX_MS;
	int64_t half_ns = wait_ms * NS_PER_MS / 2;
	int64_t less_ns = (int64_t)((double)chance_number / UINT32_MAX * (double)half_ns);
	backoff->until_ns = now_ns + 2 * half_ns - less_ns;
	if (backoff->failures < 32)
		backoff->failures++;
}

void
backoff_reset(struct backoff *backoff)
{
	*backoff = (struct backoff){0};
}

bool
backoff_over(const struct backoff *backoff, int64_t now_ns)
{
	return now_ns >= backoff->until_ns;
}
