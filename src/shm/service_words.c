/*
 * service_words.c - what the scoreboard says of the service as a whole: its slots summed up, its last refused reload, and
 * where its log levels and errors stand.
 *
 * Read by health routes, metrics and vitalsctl at any moment, without a lock.
 */
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "owner.h"

struct level_control *
scoreboard_levels(struct scoreboard *board)
{
	return &board->file->levels;
}

struct error_table *
scoreboard_errors(struct scoreboard *board)
{
	return &board->file->errors;
}

struct breaker *
scoreboard_redis_breaker(struct scoreboard *board)
{
	return &board->file->redis_breaker;
}

struct tracking *
scoreboard_tracking(struct scoreboard *board)
{
	return &board->file->tracking;
}

static void
count_state(struct pool_summary *summary, enum slot_state state)
{
	switch (state) {
	case SLOT_STARTING:
		summary->starting++;
		break;
	case SLOT_IDLE:
		summary->idle++;
		break;
	case SLOT_BUSY:
		summary->busy++;
		break;
	case SLOT_STOPPING:
		summary->stopping++;
		break;
	case SLOT_FREE:
	case SLOT_DEAD:
		break;
	}
}

bool
scoreboard_slot_lives(const struct scoreboard *board, const struct slot *slot)
{
	uint64_t owner = atomic_load_explicit(&slot->owner, memory_order_acquire);
	if (owner == 0 || atomic_load_explicit(&board->file->service.supervisor, memory_order_relaxed) != 0)
		return owner != 0;
	return owner_lives(owner);
}

bool
scoreboard_slot_was_used(const struct slot *slot)
{
	return atomic_load_explicit(&slot->worker_started_ns, memory_order_acquire) != 0;
}

void
scoreboard_summary(struct scoreboard *board, enum slot_role role, struct pool_summary *summary)
{
	*summary = (struct pool_summary){0};
	for (unsigned i = 0; i < board->slots; i++) {
		struct slot *slot = scoreboard_slot(board, i);
		if (atomic_load_explicit(&slot->role, memory_order_relaxed) != role)
			continue;
		summary->requests += atomic_load_explicit(&slot->requests, memory_order_relaxed);
		if (!scoreboard_slot_lives(board, slot))
			continue;
		summary->workers++;
		summary->connections += atomic_load_explicit(&slot->connections, memory_order_relaxed);
		count_state(summary, atomic_load_explicit(&slot->state, memory_order_relaxed));
	}
}

uint64_t
scoreboard_dropped(const struct scoreboard *board, enum ring_kind kind)
{
	uint64_t dropped = atomic_load_explicit(&scoreboard_ring(board, SCOREBOARD_SUPERVISOR, kind).shared->dropped,
	                                        memory_order_relaxed);
	for (unsigned i = 0; i < board->slots; i++)
		dropped += atomic_load_explicit(&scoreboard_ring(board, i, kind).shared->dropped, memory_order_relaxed);
	return dropped;
}

static void
set_refusal(struct scoreboard_service *service, const char *why)
{
	seqlock_write_begin(&service->refusal_lock);
	snprintf(service->refusal, sizeof service->refusal, "%s", why);
	seqlock_write_end(&service->refusal_lock);
}

void
scoreboard_count_reload(struct scoreboard *board)
{
	struct scoreboard_service *service = &board->file->service;
	set_refusal(service, "");
	atomic_fetch_add(&service->reloads, 1);
}

void
scoreboard_refuse_reload(struct scoreboard *board, const char *why)
{
	struct scoreboard_service *service = &board->file->service;
	set_refusal(service, why);
	/* Last: who sees the count finds the text. */
	atomic_fetch_add(&service->reloads_refused, 1);
}

bool
scoreboard_refusal(struct scoreboard *board, char text[static SCOREBOARD_REFUSAL_BYTES])
{
	const struct scoreboard_service *service = &board->file->service;
	bool stable = seqlock_read(&service->refusal_lock, text, service->refusal, SCOREBOARD_REFUSAL_BYTES);
	text[SCOREBOARD_REFUSAL_BYTES - 1] = '\0';
	return stable && text[0] != '\0';
}
