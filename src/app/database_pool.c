/* database_pool.c - see database_pool.h. For /metrics, which has the counters anyway, and for /health/detailed. */
#include "database_pool.h"

#include "metric_def.h"
#include "metric_total.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"

void
database_pool_read(struct database_pool *pool, const struct services *services)
{
	const struct settings *settings = services->settings;
	struct pool_summary workers;
	*pool = (struct database_pool){.configured = settings->database_url != NULL};
	if (!pool->configured)
		return;
	scoreboard_summary(services->board, ROLE_WORKER, &workers);
	pool->size = (uint64_t)settings->workers;
	pool->most = (uint64_t)settings->workers_max;
	pool->overflow = workers.workers > pool->size ? workers.workers - pool->size : 0;
	for (unsigned i = 0; i < scoreboard_slots(services->board); i++) {
		const struct slot *slot = scoreboard_slot(services->board, i);
		pool->in_use += scoreboard_slot_lives(services->board, slot) && slot_phase(slot) == PHASE_DATABASE;
	}
}

void
database_pool_read_all(struct database_pool *pool, const struct services *services)
{
	struct scoreboard *board = services->board;
	const struct metric_registry *registry = services->registry;
	database_pool_read(pool, services);
	if (!pool->configured || services->metrics == NULL)
		return;
	pool->counted = true;
	pool->connected = metric_total_of(board, registry, METRIC_DATABASE_CONNECTIONS, "state=\"connected\"");
	pool->reconnects = metric_total(board, registry, METRIC_DATABASE_RECONNECTS);
	pool->connect_failures = metric_total(board, registry, METRIC_DATABASE_CONNECT_FAILURES);
	pool->moves = metric_total(board, registry, METRIC_DATABASE_MOVES);
	pool->recycled = metric_total_of(board, registry, METRIC_DATABASE_CLOSED, "reason=\"recycled\"");
	pool->ended_by_server = metric_total_of(board, registry, METRIC_DATABASE_CLOSED, "reason=\"server\"");
	pool->timed_out = metric_total_of(board, registry, METRIC_DATABASE_CLOSED, "reason=\"timeout\"");
	pool->prepared_again = metric_total_of(board, registry, METRIC_DATABASE_PREPARED, "occasion=\"again\"");
}
