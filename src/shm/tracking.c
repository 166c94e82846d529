/* tracking.c - see tracking.h. Called by store/cache.c in every worker, and by redis_listener.c. */
#include "tracking.h"

#include "clock.h"

static enum tracking_state
judge(int64_t until_ns, int64_t now_ns)
{
	if (until_ns == 0)
		return TRACKING_NONE;
	return until_ns > now_ns && until_ns - now_ns < TRACKING_SANE_MS * NS_PER_MS ? TRACKING_HOLDS : TRACKING_LAPSED;
}

enum tracking_state
tracking_look(const struct tracking *tracking, int64_t now_ns)
{
	return judge(atomic_load_explicit(&tracking->until_ns, memory_order_acquire), now_ns);
}

void
tracking_promise(struct tracking *tracking, int64_t until_ns)
{
	atomic_store_explicit(&tracking->until_ns, until_ns, memory_order_release);
}

void
tracking_settle(struct tracking *tracking, int64_t now_ns)
{
	int64_t until_ns = atomic_load_explicit(&tracking->until_ns, memory_order_acquire);
	if (judge(until_ns, now_ns) == TRACKING_LAPSED)
		atomic_compare_exchange_strong(&tracking->until_ns, &until_ns, 0);
}

void
tracking_distrust(struct tracking *tracking, int64_t real_ms)
{
	int64_t before_ms = atomic_load(&tracking->void_before_ms);
	while (before_ms < real_ms && !atomic_compare_exchange_weak(&tracking->void_before_ms, &before_ms, real_ms))
		;
}

int64_t
tracking_void_before_ms(const struct tracking *tracking)
{
	return atomic_load(&tracking->void_before_ms);
}
