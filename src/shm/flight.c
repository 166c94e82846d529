/*
 * flight.c - see flight.h.
 *
 * A table of a few hundred lines, searched over four from where the hash points. The first free one is taken, so that two
 * that look at the same moment mostly try for the same and one of them loses and looks again. A line that becomes free
 * between the two lets them take two: each therefore looks once more when it has claimed one, sees the other's, and
 * gives its own back.
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

/* What one look finds, read in this order. */
struct sight {
	uint32_t landed;
	uint64_t claim;
	int64_t began_ns;
};

static struct sight
sight_of(struct flight *flight)
{
	struct sight sight = {.landed = atomic_load(&flight->landed)};
	sight.claim = atomic_load(&flight->claim);
	sight.began_ns = atomic_load(&flight->began_ns);
	return sight;
}

/* Also where it may not be signalled. */
static bool
leader_lives(uint64_t claim)
{
	return kill((pid_t)(claim & PID_MASK), 0) == 0 || errno != ESRCH;
}

/* Just claimed, it has no beginning. */
static bool
is_over(const struct sight *sight, int64_t most_ns)
{
	if (sight->claim == 0 || !leader_lives(sight->claim))
		return true;
	return sight->began_ns != 0 && clock_mono_ns() - sight->began_ns > most_ns;
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

/*
 * The beginning goes before the claim does, so that who claims next does not count as late by it; who takes it away has
 * the claim to himself. False: it has changed.
 */
static bool
vacate(struct flight *flight, uint64_t claim, int64_t began_ns)
{
	return atomic_compare_exchange_strong(&flight->began_ns, &began_ns, 0) &&
	       atomic_compare_exchange_strong(&flight->claim, &claim, 0);
}

static bool
claim(struct flight *flight, const struct sight *seen, struct flight_seat *seat)
{
	uint64_t nobody = 0;
	if ((seen->claim != 0 && !vacate(flight, seen->claim, seen->began_ns)) ||
	    !atomic_compare_exchange_strong(&flight->claim, &nobody, seat->claim))
		return false;
	seat->flight = flight;
	seat->began_ns = clock_mono_ns();
	atomic_store(&flight->began_ns, seat->began_ns);
	return true;
}

static bool
has_rival(struct flight_table *table, uint64_t hash, int64_t most_ns, const struct flight_seat *seat)
{
	for (unsigned n = 0; n < PROBES; n++) {
		struct flight *flight = probe(table, hash, n);
		const struct sight seen = sight_of(flight);
		if (flight != seat->flight && is_of_hash(seen.claim, hash) && !is_over(&seen, most_ns))
			return true;
	}
	return false;
}

/* One look: the flight of this hash, else the first that is free. */
static bool
look(struct flight_table *table, uint64_t hash, int64_t most_ns, struct flight_seat *seat, enum flight_turn *turn)
{
	struct flight *free_one = NULL;
	struct sight free_sight = {0};
	for (unsigned n = 0; n < PROBES; n++) {
		struct flight *flight = probe(table, hash, n);
		const struct sight seen = sight_of(flight);
		bool over = is_over(&seen, most_ns);
		if (is_of_hash(seen.claim, hash) && !over) {
			*seat = (struct flight_seat){.flight = flight, .claim = seen.claim, .landed = seen.landed};
			*turn = FLIGHT_FOLLOWS;
			return true;
		}
		if (over && free_one == NULL) {
			free_one = flight;
			free_sight = seen;
		}
	}
	*turn = free_one != NULL ? FLIGHT_LEADS : FLIGHT_ALONE;
	return free_one == NULL || claim(free_one, &free_sight, seat);
}

enum flight_turn
flight_board(struct flight_table *table, uint64_t hash, int64_t most_ns, struct flight_seat *seat)
{
	enum flight_turn turn = FLIGHT_ALONE;
	for (unsigned i = 0; i < TRIES; i++) {
		*seat = (struct flight_seat){.claim = (hash & ~PID_MASK) | (uint64_t)getpid()};
		if (!look(table, hash, most_ns, seat, &turn))
			continue;
		if (turn != FLIGHT_LEADS || !has_rival(table, hash, most_ns, seat))
			return turn;
		flight_land(seat);
	}
	*seat = (struct flight_seat){0};
	return FLIGHT_ALONE;
}

void
flight_land(struct flight_seat *seat)
{
	struct flight *flight = seat->flight;
	seat->flight = NULL;
	if (flight == NULL || !vacate(flight, seat->claim, seat->began_ns))
		return; /* it took too long, and another has taken over */
	atomic_fetch_add(&flight->landed, 1);
	if (atomic_load(&flight->waiting) != 0)
		futex_wake_all(&flight->landed);
}

static bool
is_under_way(const struct flight_seat *seat)
{
	return atomic_load(&seat->flight->landed) == seat->landed && atomic_load(&seat->flight->claim) == seat->claim &&
	       leader_lives(seat->claim);
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
