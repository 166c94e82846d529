/*
 * metric_facts.c - see metric_facts.h. Reads the scoreboard, the listeners' queues, the last results of the checks.
 *
 * A scrape runs no check: what it tells of them is as old as vitals_check_age_seconds says.
 */
#include "metric_facts.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "arena.h"
#include "breaker.h"
#include "checks.h"
#include "clock.h"
#include "database_pool.h"
#include "error_table.h"
#include "health_facts.h"
#include "listen_queue.h"
#include "services.h"
#include "settings.h"
#include "strbuf.h"
#include "tracking.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define FIRST_SAMPLES 64
#define LABELS_FIRST_BYTES 128
#define VALUES(...) ((const char *const[METRIC_LABELS]){__VA_ARGS__})

/* ---- Samples ------------------------------------------------------------------------------------ */

/* False: no memory, which the answer will say, since the arena remembers. */
static bool
make_room(struct metric_facts *facts)
{
	if (facts->count < facts->capacity)
		return true;
	size_t capacity = facts->capacity == 0 ? FIRST_SAMPLES : 2 * facts->capacity;
	struct metric_sample *grown = arena_alloc(facts->arena, capacity * sizeof *grown);
	if (grown == NULL)
		return false;
	if (facts->count > 0)
		memcpy(grown, facts->samples, facts->count * sizeof *grown);
	facts->samples = grown;
	facts->capacity = capacity;
	return true;
}

void
metric_facts_add(struct metric_facts *facts, enum metric_id metric, const char *const *values, double value)
{
	struct strbuf labels;
	if (!make_room(facts))
		return;
	struct metric_sample *sample = &facts->samples[facts->count];
	*sample = (struct metric_sample){.metric = metric, .labels = "", .value = value};
	if (values != NULL) {
		strbuf_init_arena(&labels, facts->arena, LABELS_FIRST_BYTES);
		metric_labels_write(&labels, metric_table[metric].labels, values);
		if (labels.failed)
			return;
		sample->labels = labels.data;
	}
	facts->count++;
}

static double
seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

/* ---- The service -------------------------------------------------------------------------------- */

static void
add_service(struct metric_facts *facts, struct services *services)
{
	const struct settings *settings = services->settings;
	const struct scoreboard_service *service = scoreboard_service(services->board);
	metric_facts_add(facts, METRIC_BUILD_INFO, VALUES(PACKAGE_VERSION), 1);
	metric_facts_add(facts, METRIC_SERVICE_INFO, VALUES(settings->service_name, settings->service_version), 1);
	metric_facts_add(facts, METRIC_START_TIME, NULL, seconds(atomic_load(&service->started_real_ns)));
	metric_facts_add(facts, METRIC_GENERATION, NULL, atomic_load(&service->generation));
	metric_facts_add(facts, METRIC_WORKERS_WANTED, NULL, atomic_load(&service->workers_wanted));
	metric_facts_add(facts, METRIC_WORKERS_MAX, NULL, atomic_load(&service->workers_max));
	metric_facts_add(facts, METRIC_WORKERS_HELD_BACK, NULL, atomic_load(&service->held_back));
	metric_facts_add(facts, METRIC_DRAINING, NULL, atomic_load(&service->draining) != 0);
	metric_facts_add(facts, METRIC_WORKERS_RECYCLED, NULL, (double)atomic_load(&service->recycled));
	metric_facts_add(facts, METRIC_RELOADS, VALUES("done"), (double)atomic_load(&service->reloads));
	metric_facts_add(facts, METRIC_RELOADS, VALUES("refused"), (double)atomic_load(&service->reloads_refused));
	for (size_t cause = 0; cause < DEATH_CAUSES; cause++)
		metric_facts_add(facts, METRIC_WORKER_DEATHS, VALUES(death_cause_name((enum death_cause)cause)),
		                 (double)atomic_load(&service->deaths[cause]));
}

/* ---- The pool ----------------------------------------------------------------------------------- */

static void
add_role(struct metric_facts *facts, struct services *services, enum slot_role role)
{
	struct pool_summary pool;
	scoreboard_summary(services->board, role, &pool);
	const char *name = slot_role_name(role);
	metric_facts_add(facts, METRIC_WORKERS, VALUES(name, slot_state_name(SLOT_STARTING)), pool.starting);
	metric_facts_add(facts, METRIC_WORKERS, VALUES(name, slot_state_name(SLOT_IDLE)), pool.idle);
	metric_facts_add(facts, METRIC_WORKERS, VALUES(name, slot_state_name(SLOT_BUSY)), pool.busy);
	metric_facts_add(facts, METRIC_WORKERS, VALUES(name, slot_state_name(SLOT_STOPPING)), pool.stopping);
}

struct slot_sums {
	uint64_t active, connections, given, taken;
};

static void
add_slot(struct slot_sums *sums, const struct scoreboard *board, const struct slot *slot)
{
	struct slot_request request;
	sums->given += atomic_load_explicit(&slot->given, memory_order_relaxed);
	sums->taken += atomic_load_explicit(&slot->taken, memory_order_relaxed);
	if (!scoreboard_slot_lives(board, slot))
		return;
	sums->connections += atomic_load_explicit(&slot->connections, memory_order_relaxed);
	sums->active += slot_get_request(slot, &request);
}

static void
add_database(struct metric_facts *facts, const struct services *services)
{
	struct database_pool pool;
	database_pool_read(&pool, services);
	if (!pool.configured)
		return;
	metric_facts_add(facts, METRIC_DATABASE_POOL_SIZE, VALUES("usual"), (double)pool.size);
	metric_facts_add(facts, METRIC_DATABASE_POOL_SIZE, VALUES("most"), (double)pool.most);
	metric_facts_add(facts, METRIC_DATABASE_IN_USE, NULL, (double)pool.in_use);
	metric_facts_add(facts, METRIC_DATABASE_OVERFLOW, NULL, (double)pool.overflow);
}

static void
add_pool(struct metric_facts *facts, struct services *services)
{
	struct slot_sums sums = {0};
	for (unsigned i = 0; i < scoreboard_slots(services->board); i++)
		add_slot(&sums, services->board, scoreboard_slot(services->board, i));
	metric_facts_add(facts, METRIC_ACTIVE_REQUESTS, NULL, (double)sums.active);
	metric_facts_add(facts, METRIC_CONNECTIONS, NULL, (double)sums.connections);
	metric_facts_add(facts, METRIC_CONNECTIONS_GIVEN, NULL, (double)sums.given);
	metric_facts_add(facts, METRIC_CONNECTIONS_TAKEN, NULL, (double)sums.taken);
	metric_facts_add(facts, METRIC_LOG_DROPPED, NULL, (double)scoreboard_dropped(services->board, RING_LOG));
	metric_facts_add(facts, METRIC_SPANS_DROPPED, NULL, (double)scoreboard_dropped(services->board, RING_TRACE));
	const struct error_totals errors = error_table_totals(scoreboard_errors(services->board));
	metric_facts_add(facts, METRIC_ERRORS, NULL, (double)errors.total);
	const struct series_directory directory = scoreboard_directory(services->board);
	if (directory.capacity > 0)
		metric_facts_add(facts, METRIC_SERIES, NULL, atomic_load(&directory.head->used));
}

static void
add_cache(struct metric_facts *facts, const struct services *services)
{
	struct memory_figures figures;
	if (services->memory.base == NULL)
		return;
	memory_cache_figures(&services->memory, &figures);
	metric_facts_add(facts, METRIC_CACHE_MEMORY, NULL, (double)figures.room_bytes);
	metric_facts_add(facts, METRIC_CACHE_MEMORY_USED, NULL, (double)figures.used_bytes);
	metric_facts_add(facts, METRIC_CACHE_STORED, NULL, (double)figures.stored);
	metric_facts_add(facts, METRIC_CACHE_EVICTED, NULL, (double)figures.evicted);
}

/* ---- The breaker before Redis ------------------------------------------------------------------- */

static void
add_breaker(struct metric_facts *facts, const struct services *services)
{
	const struct breaker *breaker = scoreboard_redis_breaker(services->board);
	enum breaker_state now = breaker_state(breaker_look(breaker));
	if (services->settings->redis_url == NULL)
		return;
	for (size_t i = BREAKER_CLOSED; i <= BREAKER_HALF_OPEN; i++) {
		enum breaker_state state = (enum breaker_state)i;
		metric_facts_add(facts, METRIC_CACHE_BREAKER_STATE, VALUES(breaker_state_name(state)), state == now);
	}
	metric_facts_add(facts, METRIC_CACHE_BREAKER_OPENED, NULL, (double)atomic_load(&breaker->opened));
	enum tracking_state tracking = tracking_look(scoreboard_tracking(services->board), clock_mono_ns());
	metric_facts_add(facts, METRIC_CACHE_TRACKING, NULL, tracking == TRACKING_HOLDS);
}

/* ---- Listeners ---------------------------------------------------------------------------------- */

static void
add_queues(struct metric_facts *facts, const struct services *services)
{
	for (size_t i = 0; i < services->listen_fd_count; i++) {
		struct listen_queue queue;
		struct address address;
		if (listen_queue_read(services->listen_fds[i], &queue) != 0)
			continue;
		if (address_of_socket(&address, services->listen_fds[i]) != 0)
			snprintf(address.text, sizeof address.text, "fd:%d", services->listen_fds[i]);
		metric_facts_add(facts, METRIC_LISTEN_QUEUE, VALUES(address.text), queue.pending);
		metric_facts_add(facts, METRIC_LISTEN_QUEUE_CAPACITY, VALUES(address.text), queue.capacity);
	}
}

/* ---- Checks ------------------------------------------------------------------------------------- */

static void
add_check(struct metric_facts *facts, const struct check_report *check)
{
	const struct check_result *result = &check->result;
	if (result->checked_ns == 0 || result->status == CHECK_NOT_CONFIGURED)
		return;
	bool warned = result->status == CHECK_WARNED;
	metric_facts_add(facts, METRIC_CHECK_UP, VALUES(check->name), warned || result->status == CHECK_HEALTHY);
	metric_facts_add(facts, METRIC_CHECK_WARNING, VALUES(check->name), warned);
	metric_facts_add(facts, METRIC_CHECK_DURATION, VALUES(check->name), seconds(result->duration_ns));
	metric_facts_add(facts, METRIC_CHECK_AGE, VALUES(check->name), seconds(clock_mono_ns() - result->checked_ns));
}

/* A check that has never run says nothing against being ready. */
static void
add_checks(struct metric_facts *facts, struct services *services)
{
	struct health_report report;
	struct health_facts health;
	struct health_verdict verdict;
	checks_peek(services->checks, &report);
	for (size_t i = 0; i < report.count; i++) {
		add_check(facts, &report.checks[i]);
		if (report.checks[i].result.checked_ns == 0)
			report.checks[i].importance = CHECK_EXCLUDED;
	}
	health_facts_gather(services, &health);
	health_judge(HEALTH_READY, &health, &report, &verdict);
	metric_facts_add(facts, METRIC_READY, NULL, verdict.passes);
}

void
metric_facts_gather(struct metric_facts *facts, struct services *services, struct arena *arena)
{
	*facts = (struct metric_facts){.arena = arena};
	add_service(facts, services);
	add_role(facts, services, ROLE_WORKER);
	add_role(facts, services, ROLE_ADMIN);
	add_pool(facts, services);
	add_cache(facts, services);
	add_database(facts, services);
	add_breaker(facts, services);
	add_queues(facts, services);
	add_checks(facts, services);
	metric_processes_gather(facts, services);
}
