/*
 * redis_guard.c - the breaker around operations: who may ask, what is told to the others, and the log of it.
 *
 * A wait looks at the breaker every few milliseconds, so that of workers that hang together the first one's time-out
 * ends the waits of all. Only who changes the state writes a record: there is one for the pool.
 */
#include "clock.h"
#include "io_wait.h"
#include "log.h"
#include "redis_link.h"

#define LOGGER "vitals.cache"
#define LOOK_MS 5

bool
redis_guard_enter(struct redis *redis, struct redis_guard *guard)
{
	redis->finding = REDIS_FOUND_NOTHING;
	guard->seen = breaker_look(redis->breaker);
	guard->claim = 0;
	if (breaker_state(guard->seen) == BREAKER_CLOSED)
		return true;
	guard->claim = breaker_claim(redis->breaker, BREAKER_BY_REQUEST, clock_mono_ns(), guard->deadline_ns);
	if (guard->claim != 0)
		return true;
	redis->error = "not asked at present, since it did not answer";
	return false;
}

enum redis_wait
redis_guard_wait(const struct redis *redis, const struct redis_guard *guard, const struct io_want *want)
{
	for (;;) {
		if (io_wait(want, deadline_min(guard->deadline_ns, deadline_in_ms(LOOK_MS))))
			return REDIS_WAIT_READY;
		if (clock_mono_ns() >= guard->deadline_ns)
			return REDIS_WAIT_TIMED_OUT;
		if (guard->claim == 0 && breaker_state(breaker_look(redis->breaker)) != BREAKER_CLOSED)
			return REDIS_WAIT_SPARED;
	}
}

static void
tell_opened(const struct redis *redis)
{
	if (redis->log != NULL)
		log_event(redis->log, VT_WARNING, LOGGER, "Redis is not asked any more",
		          VT_STR("reason", redis->error));
}

static void
tell_closed(const struct redis *redis)
{
	int64_t since_ns = atomic_load_explicit(&redis->breaker->since_ns, memory_order_relaxed);
	if (redis->log != NULL)
		log_event(redis->log, VT_INFO, LOGGER, "Redis is asked again",
		          VT_DOUBLE("after_seconds", (double)(clock_mono_ns() - since_ns) / NS_PER_S));
}

void
redis_guard_conclude(struct redis *redis, uint64_t claim, bool well)
{
	if (breaker_conclude(redis->breaker, claim, well, clock_mono_ns()) && well)
		tell_closed(redis);
}

void
redis_guard_leave(struct redis *redis, const struct redis_guard *guard)
{
	if (guard->claim != 0)
		redis_guard_conclude(redis, guard->claim, redis->finding == REDIS_FOUND_WELL);
	else if (redis->finding == REDIS_FOUND_ILL && breaker_fail(redis->breaker, guard->seen, clock_mono_ns()))
		tell_opened(redis);
}

void
redis_guard_pinged(struct redis *redis)
{
	int64_t now_ns = clock_mono_ns();
	if (now_ns - redis->ping_begun_ns <= redis->timeout_ms * NS_PER_MS && breaker_find_well(redis->breaker, now_ns))
		tell_closed(redis);
}
