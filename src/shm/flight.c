/*
 * flight.c - see flight.h.
 *
 * A table of a few hundred lines, searched over four from where the hash points. The first free one is taken, so that two
 * that look at the same moment try for the same and one of them loses and looks again.
 */
#include "flight.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"
#include "futex_wait.h"
#include "owner.h"

#define PROBES 4
#define TRIES 8
#define PID_MASK ((UINT64_C(1) << OWNER_PID_BITS) - 1)
/* A dead leader wakes nobody: how long a follower sleeps before it looks. */
#define LOOK_NS (20 * NS_PER_MS)

static bool
is_over(uint64_t claim, const struct flight *flight, int64_t most_ns)
{
	pid_t leader = (pid_t)(claim & PID_MASK);
	int64_t began_ns = atomic_load_explicit(&flight->began_ns, memory_order_relaxed);
	if (claim == 0 || (kill(leader, 0) != 0 && errno == ESRCH))
		return true;
	/* Just claimed, it may still show the beginning of the one before. */
	return began_ns != 0 && clock_mono_ns() - began_ns > most_ns &&
	       atomic_load_explicit(&flight->claim, memory_order_acquire) == claim;
}

static bool
is_of_hash(uint64_t claim, uint64_t hash)
{
	return claim != 0 && (claim & ~PID_MASK) == (hash & ~PID_MASK);
}

static struct flight *
probe(struct flight_table *table, uint64_t hash, unsigned n)
{
	return &table->flights[((hash & PID_MASK) + n) % FLIGHTS];
}

static bool
claim(struct flight *flight, uint64_t seen, struct flight_seat *seat)
{
	if (!atomic_compare_exchange_strong(&flight->claim, &seen, seat->claim))
		return false;
	atomic_store_explicit(&flight->began_ns, clock_mono_ns(), memory_order_relaxed);
	seat->flight = flight;
	return true;
}

/* One look: the flight of this hash, else the first that is free. */
static bool
look(struct flight_table *table, uint64_t hash, int64_t most_ns, struct flight_seat *seat, enum flight_turn *turn)
{
	struct flight *free_one = NULL;
	uint64_t free_claim = 0;
	for (unsigned n = 0; n < PROBES; n++) {
		struct flight *flight = probe(table, hash, n);
		uint32_t landed = atomic_load(&flight->landed);
		uint64_t seen = atomic_load(&flight->claim);
		bool over = is_over(seen, flight, most_ns);
		if (is_of_hash(seen, hash) && !over) {
			*seat = (struct flight_seat){.flight = flight, .claim = seen, .landed = landed};
			*turn = FLIGHT_FOLLOWS;
			return true;
		}
		if (over && free_one == NULL) {
			free_one = flight;
			free_claim = seen;
		}
	}
	*turn = free_one != NULL ? FLIGHT_LEADS : FLIGHT_ALONE;
	return free_one == NULL || claim(free_one, free_claim, seat);
}

enum flight_turn
flight_board(struct flight_table *table, uint64_t hash, int64_t most_ns, struct flight_seat *seat)
{
	enum flight_turn turn = FLIGHT_ALONE;
	for (unsigned i = 0; i < TRIES; i++) {
		*seat = (struct flight_seat){.claim = (hash & ~PID_MASK) | (uint64_t)getpid()};
		if (look(table, hash, most_ns, seat, &turn))
			return turn;
	}
	*seat = (struct flight_seat){0};
	return FLIGHT_ALONE;
}

void
flight_land(struct flight_seat *seat)
{
	struct flight *flight = seat->flight;
	uint64_t mine = seat->claim;
	seat->flight = NULL;
	if (flight == NULL || !atomic_compare_exchange_strong(&flight->claim, &mine, 0))
		return; /* it took too long, and another has taken over */
	atomic_fetch_add(&flight->landed, 1);
	if (atomic_load(&flight->waiting) != 0)
		futex_wake_all(&flight->landed);
}

static bool
is_under_way(const struct flight_seat *seat)
{
	pid_t leader = (pid_t)(seat->claim & PID_MASK);
	return atomic_load(&seat->flight->landed) == seat->landed && atomic_load(&seat->flight->claim) == seat->claim &&
	       (kill(leader, 0) == 0 || errno != ESRCH);
}

bool
flight_wait(const struct flight_seat *seat, int64_t deadline_ns)
{
	bool landed = false;
	atomic_fetch_add(&seat->flight->waiting, 1);
	for (;;) {
		int64_t now_ns = clock_mono_ns();
		landed = !is_under_way(seat);
		if (landed || now_ns >= deadline_ns)
			break;
		futex_wait_until(&seat->flight->landed, seat->landed, deadline_min(deadline_ns, now_ns + LOOK_NS));
	}
	atomic_fetch_sub(&seat->flight->waiting, 1);
	return landed;
}
