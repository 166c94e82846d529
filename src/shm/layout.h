/*
 * layout.h - the scoreboard file, byte by byte; private to this floor.
 *
 * The parts that different processes write stand on cache lines of their own. A change of any type in
 * here, or in scoreboard.h's slot and results, changes the fingerprint by itself; a change of meaning
 * alone needs a new SCOREBOARD_VERSION. doc/shm-layout.md draws it.
 */
#ifndef SHM_LAYOUT_H
#define SHM_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

#include "area.h"
#include "breaker.h"
#include "error_table.h"
#include "flight.h"
#include "log_levels.h"
#include "metric_store.h"
#include "pending_count.h"
#include "scoreboard.h"
#include "tracking.h"

#define SCOREBOARD_MAGIC "VITALSSB" /* eight bytes, without the NUL */
#define SCOREBOARD_MAGIC_BYTES 8
#define SCOREBOARD_VERSION 6
#define SCOREBOARD_LINE 64

/* Another process reads these words, so the compiler must not put a hidden lock around them. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "32-bit atomics must be lock-free");

struct scoreboard_header {
	char magic[SCOREBOARD_MAGIC_BYTES]; /* written last: a file without it is not ready */
	uint32_t version;
	uint32_t slots;
	uint64_t fingerprint;
	uint64_t size_bytes;
	uint64_t ring_bytes[RING_KINDS]; /* of each ring, by kind */
	uint32_t series;                 /* METRICS_SERIES_MAX; 0: no metrics */
	uint64_t cache_bytes;            /* CACHE_MEMORY_BYTES; 0: no embedded cache */
};

/* Who runs the checks, and how often a run has ended. */
struct checks_control {
	_Atomic uint64_t claim; /* deadline in ms << CLAIM_PID_BITS | pid; 0: nobody */
	_Atomic uint32_t runs;  /* the futex that waiters sleep on */
};

/*
 * A result and its checksum. The claim sees to one writer at a time, but cannot stop a writer that was
 * frozen in the middle, lost its claim and woke again; its late bytes fail the checksum.
 */
struct sealed_result {
	uint64_t checksum;
	struct check_result result;
};

struct check_record {
	_Alignas(SCOREBOARD_LINE) struct seqlock lock;
	struct sealed_result sealed;
};

/*
 * A slot and the heads of its rings; the rings' bytes follow, then the cells of its metrics, then the next place. The
 * first is the supervisor's.
 */
struct place {
	struct slot slot;
	struct log_ring rings[RING_KINDS];
	struct pending_count pending;
};

struct scoreboard_file {
	_Alignas(SCOREBOARD_LINE) struct scoreboard_header header;
	_Alignas(SCOREBOARD_LINE) struct scoreboard_service service;
	_Alignas(SCOREBOARD_LINE) struct checks_control control;
	struct check_record checks[SCOREBOARD_MAX_CHECKS];
	_Alignas(SCOREBOARD_LINE) struct alert_state alert;
	struct check_record reports[SCOREBOARD_MAX_CHECKS]; /* by the helper, of commands */
	struct level_control levels;
	struct error_table errors;
	struct flight_table flights;
	struct breaker redis_breaker;
	struct tracking tracking;
	_Alignas(SCOREBOARD_LINE) char rest
		[]; /* what is pending and the directory of series, where there are any; the embedded cache; then the places */
};

/* A process's own view of the file. */
struct scoreboard {
	struct area area;
	struct scoreboard_file *file;
	unsigned slots; /* as many as this process has mapped: the file may have grown since */
	size_t ring_bytes[RING_KINDS], place_bytes; /* as the header said when it was proved, as the next two */
	size_t directory_bytes, cache_bytes;
	unsigned series;
	uint64_t held; /* the claim as this process took it; 0: none */
};

/* ---- layout.c ---- */

/* Writes the header, the magic last. */
void layout_fill_header(struct scoreboard_file *file, const struct scoreboard_shape *shape);
/* 0 where the mapped file is a scoreboard of this build's layout; err may be NULL. */
int layout_check_header(const struct area *area, struct err *err);
/* Takes the sizes from a header that was proved, once: what others write there later moves nothing here. */
void layout_take_sizes(struct scoreboard *board);
/* How many slots there is room for in what this process has mapped; how many of those there are. */
unsigned layout_room(const struct scoreboard *board);
unsigned layout_mapped_slots(const struct scoreboard *board);
/* In the header: another number of slots, with rings as they are. */
void layout_set_slots(struct scoreboard_file *file, unsigned slots);
/* The bytes of the scoreboard that fd has open, were it to have so many slots. */
size_t layout_grown_bytes(int fd, unsigned slots);
/* The place of a slot, or of the supervisor (SCOREBOARD_SUPERVISOR). */
struct place *scoreboard_place_of(const struct scoreboard *board, unsigned index);

/* The 22 bits hold every pid: the kernel's PID_MAX_LIMIT is 2^22. The other 42 hold 139 years in ms. */
#define CLAIM_PID_BITS 22

#endif
