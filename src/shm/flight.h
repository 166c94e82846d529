/*
 * flight.h - one computation of a value at a time over all processes ("single flight").
 *
 * Who wants a value that nobody has leads a flight for its key, or follows one that is under way and waits for its
 * landing. A flight is claimed by one word, the key's hash and the leader's pid, so that one whose leader has died is
 * seen to be over, and is taken by the next. Two keys of the same hash share a flight: the follower then finds nothing
 * when it lands, and tries again.
 */
#ifndef SHM_FLIGHT_H
#define SHM_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FLIGHTS 256

struct flight {
	_Alignas(64) _Atomic uint64_t claim; /* upper bits of the hash, 22 bits of pid; 0: free */
	_Atomic int64_t began_ns;            /* monotonic; 0: free, or just claimed */
	_Atomic uint32_t landed;             /* counts landings: the futex */
	_Atomic uint32_t waiting;            /* at least as many as wait */
};

struct flight_table {
	struct flight flights[FLIGHTS];
};

/* As one process sees the flight it leads or follows. */
struct flight_seat {
	struct flight *flight; /* NULL: none */
	uint64_t claim;
	int64_t began_ns; /* its leader's */
	uint32_t landed;
};

enum flight_turn {
	FLIGHT_LEADS,   /* this process computes, and lands */
	FLIGHT_FOLLOWS, /* another does; flight_wait() */
	FLIGHT_ALONE    /* the table is full just here: this process computes without telling anybody */
};

/* most_ns: a flight that began longer ago has been given up, whatever its leader says. */
enum flight_turn flight_board(struct flight_table *table, uint64_t hash, int64_t most_ns, struct flight_seat *seat);
/* By the leader, when what it computed is stored or is not to be; does nothing without a flight. */
void flight_land(struct flight_seat *seat);
/* By a follower: true when the flight has landed or its leader is dead, false when the deadline has passed. */
bool flight_wait(const struct flight_seat *seat, int64_t deadline_ns);

#endif
