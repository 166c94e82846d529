/* snapshot.c - copies the words of the scoreboard; whoever writes them goes on. Used by vitalsctl and /status. */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "log_levels.h"
#include "owner.h"

static double
seconds_since(int64_t then_ns, int64_t now_ns)
{
	return then_ns > 0 && now_ns > then_ns ? (double)(now_ns - then_ns) / NS_PER_S : 0;
}

static void
read_worker(struct snapshot_worker *row, const struct slot *slot, unsigned index)
{
	int64_t now_ns = clock_mono_ns();
	uint64_t owner = atomic_load_explicit(&slot->owner, memory_order_acquire);
	*row = (struct snapshot_worker){
		.index = index,
		.pid = owner_pid(owner),
		.lives = owner_lives(owner),
		.role = (enum slot_role)atomic_load(&slot->role),
		.state = (enum slot_state)atomic_load(&slot->state),
		.phase = slot_phase(slot),
		.generation = atomic_load(&slot->generation),
		.connections = atomic_load(&slot->connections),
		.requests = atomic_load(&slot->requests),
		.given = atomic_load(&slot->given),
		.taken = atomic_load(&slot->taken),
		.age_s = seconds_since(atomic_load(&slot->worker_started_ns), now_ns),
	};
	row->has_request = row->state == SLOT_BUSY && slot_get_request(slot, &row->request);
	row->elapsed_s = row->has_request ? seconds_since(row->request.started_ns, now_ns) : 0;
}

static int
read_workers(struct snapshot *snapshot, struct scoreboard *board, struct err *err)
{
	unsigned slots = scoreboard_slots(board);
	snapshot->rows = calloc(slots, sizeof *snapshot->rows);
	if (snapshot->rows == NULL)
		return err_set(err, "There is no memory for %u workers.", slots);
	for (unsigned i = 0; i < slots; i++) {
		const struct slot *slot = scoreboard_slot(board, i);
		if (slot_pid(slot) != 0)
			read_worker(&snapshot->rows[snapshot->row_count++], slot, i);
	}
	return 0;
}

static const char *
status_of(const struct snapshot *snapshot, const struct scoreboard_service *service)
{
	if (snapshot->supervisor == 0)
		return "alone";
	if (!snapshot->supervisor_lives)
		return "stopped";
	if (atomic_load(&service->draining) != 0)
		return "draining";
	return atomic_load(&service->started) != 0 ? "serving" : "starting";
}

static unsigned
count_levels(const struct level_control *levels)
{
	struct level_set set = {.count = 0};
	int64_t now_ns = clock_mono_ns();
	unsigned count = 0;
	if (!log_levels_copy(levels, &set))
		return 0;
	for (unsigned i = 0; i < set.count; i++)
		count += level_override_holds(&set.overrides[i], now_ns);
	return count;
}

static uint64_t
waiting_in(const struct scoreboard *board, unsigned index)
{
	const struct log_ring *records = scoreboard_ring(board, index, RING_LOG).shared;
	uint64_t tail = atomic_load(&records->tail), head = atomic_load(&records->head);
	return head - tail;
}

static struct snapshot_log
read_log(const struct scoreboard *board)
{
	uint64_t writer = atomic_load(&scoreboard_ring(board, SCOREBOARD_SUPERVISOR, RING_LOG).shared->reader);
	struct snapshot_log log = {.writer = owner_pid(writer),
	                           .writer_lives = owner_lives(writer),
	                           .dropped = scoreboard_dropped(board, RING_LOG),
	                           .spans_dropped = scoreboard_dropped(board, RING_TRACE),
	                           .waiting_bytes = waiting_in(board, SCOREBOARD_SUPERVISOR)};
	for (unsigned i = 0; i < scoreboard_slots(board); i++)
		log.waiting_bytes += waiting_in(board, i);
	return log;
}

int
snapshot_take(struct snapshot *snapshot, struct scoreboard *board, struct err *err)
{
	struct scoreboard_service *service = scoreboard_service(board);
	uint64_t supervisor = atomic_load(&service->supervisor);
	*snapshot = (struct snapshot){
		.supervisor = owner_pid(supervisor),
		.supervisor_lives = owner_lives(supervisor),
		.generation = atomic_load(&service->generation),
		.workers = atomic_load(&service->workers),
		.workers_max = atomic_load(&service->workers_max),
		.workers_wanted = atomic_load(&service->workers_wanted),
		.held_back = atomic_load(&service->held_back),
		.up_s = seconds_since(atomic_load(&service->started_real_ns), clock_real_ns()),
		.recycled = atomic_load(&service->recycled),
		.reloads = atomic_load(&service->reloads),
		.reloads_refused = atomic_load(&service->reloads_refused),
		.errors = error_table_totals(scoreboard_errors(board)),
		.log = read_log(board),
		.log_levels = count_levels(scoreboard_levels(board)),
	};
	for (size_t i = 0; i < DEATH_CAUSES; i++)
		snapshot->deaths[i] = atomic_load(&service->deaths[i]);
	if (!scoreboard_refusal(board, snapshot->refusal))
		snapshot->refusal[0] = '\0';
	snapshot->status = status_of(snapshot, service);
	scoreboard_summary(board, ROLE_WORKER, &snapshot->pool);
	scoreboard_summary(board, ROLE_ADMIN, &snapshot->admin);
	return read_workers(snapshot, board, err);
}

void
snapshot_fini(struct snapshot *snapshot)
{
	free(snapshot->rows);
	*snapshot = (struct snapshot){0};
}
