/*
 * slot.c - one worker's part of the scoreboard, and the names of what stands in it.
 *
 * Written by the worker that lives in the slot, and by the supervisor while nobody does. Read by
 * everyone at any moment: single words are atomics, the request in flight is behind a seqlock. Nothing in
 * here waits.
 */
#include <string.h>

#include "clock.h"
#include "owner.h"
#include "scoreboard.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const state_names[] = {
	[SLOT_FREE] = "free", [SLOT_STARTING] = "starting", [SLOT_IDLE] = "idle",
	[SLOT_BUSY] = "busy", [SLOT_STOPPING] = "stopping", [SLOT_DEAD] = "dead",
};

static const char *const role_names[] = {[ROLE_WORKER] = "worker", [ROLE_ADMIN] = "admin"};

static const char *const cause_names[] = {
	[DEATH_SIGNAL] = "signal", [DEATH_EXIT] = "exit", [DEATH_OOM] = "oom", [DEATH_TIMEOUT] = "timeout"};

static const char *const phase_names[] = {
	[PHASE_NONE] = "none",         [PHASE_READING] = "reading", [PHASE_HANDLER] = "handler",
	[PHASE_DATABASE] = "database", [PHASE_CACHE] = "cache",     [PHASE_WRITING] = "writing",
};

/* The word may come from a file that another program wrote: out of range is not a bug of ours. */
static const char *
name_of(const char *const *names, size_t count, unsigned value)
{
	return value < count ? names[value] : "unknown";
}

const char *
slot_state_name(enum slot_state state)
{
	return name_of(state_names, COUNT_OF(state_names), (unsigned)state);
}

const char *
slot_role_name(enum slot_role role)
{
	return name_of(role_names, COUNT_OF(role_names), (unsigned)role);
}

const char *
death_cause_name(enum death_cause cause)
{
	return name_of(cause_names, COUNT_OF(cause_names), (unsigned)cause);
}

const char *
slot_phase_name(enum slot_phase phase)
{
	return name_of(phase_names, COUNT_OF(phase_names), (unsigned)phase);
}

pid_t
slot_pid(const struct slot *slot)
{
	return owner_pid(atomic_load_explicit(&slot->owner, memory_order_acquire));
}

static void
move_in(struct slot *slot, enum slot_role role, uint32_t generation)
{
	slot_set_request(slot, NULL);
	slot_forget_crash(slot);
	slot_set_phase(slot, PHASE_NONE);
	slot_set_state(slot, SLOT_STARTING);
	atomic_store_explicit(&slot->role, (uint8_t)role, memory_order_relaxed);
	atomic_store_explicit(&slot->generation, generation, memory_order_relaxed);
	atomic_store_explicit(&slot->connections, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->worker_started_ns, clock_mono_ns(), memory_order_relaxed);
}

void
slot_claim(struct slot *slot, enum slot_role role, uint32_t generation)
{
	move_in(slot, role, generation);
	/* Last: who sees the owner sees the rest. */
	atomic_store_explicit(&slot->owner, owner_self(), memory_order_release);
}

struct slot *
scoreboard_take_slot(struct scoreboard *board, enum slot_role role)
{
	uint64_t self = owner_self();
	for (unsigned i = 0; i < scoreboard_slots(board); i++) {
		struct slot *slot = scoreboard_slot(board, i);
		uint64_t owner = atomic_load_explicit(&slot->owner, memory_order_acquire);
		if (owner_lives(owner) || !atomic_compare_exchange_strong(&slot->owner, &owner, self))
			continue;
		move_in(slot, role, 0);
		return slot;
	}
	return NULL;
}

void
slot_release(struct slot *slot)
{
	slot_set_state(slot, SLOT_FREE);
	slot_set_phase(slot, PHASE_NONE);
	atomic_store_explicit(&slot->connections, 0, memory_order_relaxed);
	slot_set_request(slot, NULL);
	/* Last: from here on the slot may be another process's. */
	atomic_store_explicit(&slot->owner, 0, memory_order_release);
}

void
slot_set_state(struct slot *slot, enum slot_state state)
{
	atomic_store_explicit(&slot->state, (uint8_t)state, memory_order_relaxed);
}

void
slot_set_phase(struct slot *slot, enum slot_phase phase)
{
	atomic_store_explicit(&slot->phase, (uint8_t)phase, memory_order_relaxed);
}

enum slot_phase
slot_phase(const struct slot *slot)
{
	return (enum slot_phase)atomic_load_explicit(&slot->phase, memory_order_relaxed);
}

/* Whatever was copied, each text ends inside its array. */
static void
close_texts(struct slot_request *request)
{
	request->correlation_id[sizeof request->correlation_id - 1] = '\0';
	request->trace_id[sizeof request->trace_id - 1] = '\0';
	request->method[sizeof request->method - 1] = '\0';
	request->path[sizeof request->path - 1] = '\0';
	request->route[sizeof request->route - 1] = '\0';
}

/* The compiler leaves what is before it before it, for who looks at the slot when its writer was killed. */
static void
keep_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * Into empty texts, one after the other, and the start last: a worker may be killed at any byte of it, and from the
 * order slot_get_request_of_dead() tells which texts are whole.
 */
static void
write_request(struct slot_request *to, const struct slot_request *from)
{
	to->started_ns = 0;
	keep_order();
	memcpy(to->correlation_id, from->correlation_id, sizeof to->correlation_id);
	keep_order();
	memcpy(to->trace_id, from->trace_id, sizeof to->trace_id);
	keep_order();
	memcpy(to->method, from->method, sizeof to->method);
	keep_order();
	memcpy(to->path, from->path, sizeof to->path);
	keep_order();
	memcpy(to->route, from->route, sizeof to->route);
	close_texts(to);
	keep_order();
	to->started_ns = from->started_ns;
}

static void
wipe_request(struct slot_request *request)
{
	request->started_ns = 0;
	keep_order();
	memset(request, 0, sizeof *request);
}

void
slot_set_request(struct slot *slot, const struct slot_request *request)
{
	seqlock_write_begin(&slot->request_lock);
	if (request != NULL)
		write_request(&slot->request, request);
	else
		wipe_request(&slot->request);
	seqlock_write_end(&slot->request_lock);
}

bool
slot_get_request(const struct slot *slot, struct slot_request *request)
{
	if (!seqlock_read(&slot->request_lock, request, &slot->request, sizeof *request))
		return false;
	close_texts(request);
	return request->started_ns != 0;
}

/* Of a request that was not written to its end: the last text that is there may be a part of one. */
static void
drop_unfinished(struct slot_request *request)
{
	char *const texts[] = {request->correlation_id, request->trace_id, request->method, request->path,
	                       request->route};
	for (size_t i = COUNT_OF(texts); i-- > 0;)
		if (texts[i][0] != '\0') {
			texts[i][0] = '\0';
			return;
		}
}

bool
slot_get_request_of_dead(const struct slot *slot, struct slot_request *request)
{
	if (slot_get_request(slot, request))
		return true;
	bool cut_off = atomic_load_explicit(&slot->request_lock.sequence, memory_order_acquire) & 1U;
	if (!cut_off || atomic_load_explicit(&slot->state, memory_order_relaxed) != SLOT_BUSY)
		return false;
	memcpy(request, &slot->request, sizeof *request);
	close_texts(request);
	if (request->started_ns == 0)
		drop_unfinished(request);
	return request->started_ns != 0 || request->correlation_id[0] != '\0';
}

int64_t
slot_busy_ns(const struct slot *slot, int64_t now_ns)
{
	struct slot_request request;
	if (atomic_load_explicit(&slot->state, memory_order_relaxed) != SLOT_BUSY || !slot_get_request(slot, &request))
		return 0;
	return now_ns > request.started_ns ? now_ns - request.started_ns : 0;
}
