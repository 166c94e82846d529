/*
 * health_facts.c - reads the state of the pool from the scoreboard, and what waits from its listeners.
 *
 * Takes no lock and waits for nothing. A worker that answers a probe is itself part of the pool, busy with a
 * request that has just begun; so only the admin worker can find all workers busy for a while or stuck, which
 * is right: as long as a worker of the pool answers, there is progress. A long queue is seen by any.
 */
#include "health_facts.h"

#include "clock.h"
#include "services.h"
#include "settings.h"

#define PERCENT 100
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

static bool
queue_is_long(const struct listen_queue *queue, int64_t max_percent)
{
	return max_percent > 0 && queue->capacity > 0 &&
	       (int64_t)queue->pending * PERCENT >= queue->capacity * max_percent;
}

/*
 * The queues of all listeners, added up. Whether one is long is judged by itself: a web server that finds its
 * listener full is not helped by another's being empty. True where one is.
 */
static bool
gather_queues(const struct services *services, struct health_facts *facts)
{
	bool is_long = false;
	facts->queue_known = services->listen_fd_count > 0;
	for (size_t i = 0; i < services->listen_fd_count; i++) {
		struct listen_queue queue;
		if (listen_queue_read(services->listen_fds[i], &queue) != 0) {
			facts->queue_known = false;
			continue;
		}
		facts->queue.pending += queue.pending;
		facts->queue.capacity += queue.capacity;
		is_long = is_long || queue_is_long(&queue, services->settings->ready_max_queue_percent);
	}
	return is_long;
}

void
health_facts_gather(const struct services *services, struct health_facts *facts)
{
	const struct settings *settings = services->settings;
	struct scoreboard_service *service = scoreboard_service(services->board);
	health_facts_now(settings, facts);
	scoreboard_summary(services->board, ROLE_WORKER, &facts->pool);
	facts->draining = atomic_load_explicit(&service->draining, memory_order_relaxed) != 0;
	facts->started = atomic_load_explicit(&service->started, memory_order_relaxed) != 0;
	facts->checks_passed = atomic_load_explicit(&service->checks_passed, memory_order_relaxed) != 0;
	facts->held_back = atomic_load_explicit(&service->held_back, memory_order_relaxed);
	facts->workers_wanted = atomic_load_explicit(&service->workers_wanted, memory_order_relaxed);
	int64_t busy = all_busy_ns(services->board, facts->mono_ns);
	facts->saturated = gather_queues(services, facts) || busy > settings->saturated_after_ms * NS_PER_MS;
	facts->stuck = busy / STUCK_AFTER_TIMEOUTS > settings->request_timeout_ms * NS_PER_MS;
}
