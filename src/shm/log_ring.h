/*
 * log_ring.h - a ring of records in shared memory: one process puts them in, another one takes them out.
 *
 * Each slot of the scoreboard has two, for log records and for spans. Whoever lives in the slot writes; the log
 * writer (core/log_writer.h) reads. A record is there once head has moved past it, so a process that is killed
 * loses nothing that it has put and leaves nothing half put, and its successor in the slot goes on behind it. Nothing
 * in here waits: what finds no room is dropped and counted.
 *
 * A record whose truth depends on what comes next, "Request completed" while the response is still to be written,
 * is put as held: readers stop in front of it until it is settled. When its writer dies before that, the record is
 * left undecided: ring_abandon() marks it so for the reader, who finds out.
 *
 * Whoever maps the file for writing can scribble over it. Each frame has a checksum, so that what was not put here is
 * not taken for a record; positions that cannot be are taken for "nothing to read" and "no room".
 */
#ifndef SHM_LOG_RING_H
#define SHM_LOG_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which ring of a slot. */
enum ring_kind { RING_LOG, RING_TRACE, RING_KINDS };

/*
 * What a record says of a request: that it began, that it ended. FRAME_UNDECIDED: that it ended, maybe, for who put it
 * died before it was settled; FRAME_SET_ASIDE: the reader keeps it elsewhere.
 */
enum frame_kind { FRAME_PLAIN, FRAME_BEGIN, FRAME_END, FRAME_UNDECIDED, FRAME_SET_ASIDE };

/* In front of each record; the record is padded to RING_ALIGN. */
struct frame {
	uint32_t size_bytes; /* of the record alone */
	uint8_t level;       /* enum vt_level */
	uint8_t kind;        /* enum frame_kind: what may change once it is put */
	uint16_t checksum;   /* of the rest and of the record; set by ring_put() */
	int64_t mono_ns;     /* when it was put: the order among rings */
	uint64_t key;        /* of the request, the same wherever it is tried again; 0: none */
};

#define RING_ALIGN 8
#define RING_LINE 64

/* Where a batch of records is being written to, for whoever has to go on when the reader dies over it. */
struct ring_intent {
	_Atomic uint32_t state;                 /* core/log_intent.h; set last */
	_Atomic uint64_t device, inode, offset; /* inode 0: no file */
	_Atomic uint64_t extra;                 /* bytes that go there first and that no ring remembers */
	_Atomic uint64_t done; /* bytes of the records that stand in a former file, before it was opened anew */
	_Atomic uint64_t left; /* so many bytes of the batch are still to be written */
};

/* Positions count bytes since the beginning and never fall. */
struct log_ring {
	/* By who lives in the slot. */
	_Alignas(RING_LINE) _Atomic uint64_t head;
	_Atomic uint64_t held;    /* the position of the held record, plus one; 0: none */
	_Atomic uint64_t dropped; /* records that found no room */
	_Atomic uint32_t waits;   /* 1: it waits for room; the futex that it sleeps on */
	/* By the reader. */
	_Alignas(RING_LINE) _Atomic uint64_t tail;
	_Atomic uint64_t taken;      /* the batch that is being written ends here */
	_Atomic uint64_t announced;  /* of dropped records, over all rings of the reader: so many are in the log */
	_Atomic uint64_t announcing; /* so many will be when the batch has been written */
	_Atomic uint64_t reader;     /* owner.h */
	_Atomic uint32_t wake;       /* enum ring_wake: the futex that the reader sleeps on */
	struct ring_intent intent;
};

/* NUDGED: it is awake, and is not to sleep before it has looked at what it was told. */
enum ring_wake { WAKE_AWAKE, WAKE_GATHERING, WAKE_ASLEEP, WAKE_NUDGED };

/* A process's own view of one ring. size_bytes is a multiple of RING_ALIGN; 0: there is no ring. */
struct ring {
	struct log_ring *shared;
	char *bytes;
	size_t size_bytes;
};

/* ---- Putting: one thread of one process at a time ---- */

/* Bytes that a record of size_bytes takes in a ring. */
size_t ring_bytes_of(size_t size_bytes);
/* Copies the record, of a byte at least, in; false where there is no room. FRAME_END is held until ring_settle(). */
bool ring_put(const struct ring *ring, const struct frame *frame, const void *record);
/* Waits, timeout_ms at most, until the reader has given room back. wake as for ring_wake(). */
void ring_wait(const struct ring *ring, size_t size_bytes, _Atomic uint32_t *wake, int timeout_ms);
/* Counts a record that found no room, or, by the reader, one that the sink could never take. */
void ring_drop(const struct ring *ring);
/* The held record is true, and may be read: who settles it wakes the reader. False: there was none. */
bool ring_settle(const struct ring *ring);
/* The process that put a held record is dead. By who buries it, or by the next owner, before it puts anything. */
void ring_abandon(const struct ring *ring);
/*
 * Behind a put: wakes the reader if it sleeps; one that gathers only where the ring has become half full or urgent is
 * true. wake is that of the reader's first ring.
 */
void ring_wake(const struct ring *ring, _Atomic uint32_t *wake, bool urgent);

/* ---- Taking: one reader at a time ---- */

/* The end of what may be read: head, or the held record in front of it; never before tail. */
uint64_t ring_readable_end(const struct ring *ring);
/* The frame at a position before end; false where what stands there cannot be one: memory that was scribbled over. */
bool ring_frame(const struct ring *ring, uint64_t at, uint64_t end, struct frame *frame);
/* Copies the record behind the frame at that position; false where it is not the one that was put with it. */
bool ring_record(const struct ring *ring, uint64_t at, const struct frame *frame, void *record);
/* Gives back the room of everything before that position. */
void ring_give_back(const struct ring *ring, uint64_t to);
/* Makes the frame there one of another kind. */
void ring_mark(const struct ring *ring, uint64_t at, enum frame_kind kind);

#endif
