/*
 * health_facts.c - reads the state of the pool from the scoreboard.
 *
 * Takes no lock and waits for nothing. A worker that answers a probe is itself part of the pool, busy with a
 * request that has just begun; so only the admin worker can find the pool saturated or stuck, which is
 * right: as long as a worker of the pool answers, there is progress.
 */
#include "health_facts.h"

#include "clock.h"
#include "settings.h"

/* All workers busy with one request for this long: new requests wait, and better go elsewhere. */
#define SATURATED_AFTER_MS 1000
/* Past REQUEST_TIMEOUT a request is overdue; past so many times that, nothing will end it. */
#define STUCK_AFTER_TIMEOUTS 2

void
health_facts_now(const struct settings *settings, struct health_facts *facts)
{
	*facts = (struct health_facts){
		.real_ns = clock_real_ns(),
		.mono_ns = clock_mono_ns(),
		.service = settings->service_name != NULL ? settings->service_name : "",
		.version = settings->service_version != NULL ? settings->service_version : "",
	};
}

/* The shortest time that a live worker has been in the same request; 0 where there are none. */
static int64_t
all_busy_ns(struct scoreboard *board, int64_t now_ns)
{
	int64_t shortest = INT64_MAX;
	for (unsigned i = 0; i < scoreboard_slots(board); i++) {
		const struct slot *slot = scoreboard_slot(board, i);
		if (slot_pid(slot) == 0 || atomic_load_explicit(&slot->role, memory_order_relaxed) != ROLE_WORKER)
			continue;
		int64_t busy = slot_busy_ns(slot, now_ns);
		if (busy < shortest)
			shortest = busy;
	}
	return shortest == INT64_MAX ? 0 : shortest;
}

void
health_facts_gather(const struct settings *settings, struct scoreboard *board, struct health_facts *facts)
{
	struct scoreboard_service *service = scoreboard_service(board);
	health_facts_now(settings, facts);
	scoreboard_summary(board, ROLE_WORKER, &facts->pool);
	facts->draining = atomic_load_explicit(&service->draining, memory_order_relaxed) != 0;
	facts->started = atomic_load_explicit(&service->started, memory_order_relaxed) != 0;
	facts->checks_passed = atomic_load_explicit(&service->checks_passed, memory_order_relaxed) != 0;
	int64_t busy = all_busy_ns(board, facts->mono_ns);
	facts->saturated = busy > SATURATED_AFTER_MS * NS_PER_MS;
	facts->stuck = busy / STUCK_AFTER_TIMEOUTS > settings->request_timeout_ms * NS_PER_MS;
}
