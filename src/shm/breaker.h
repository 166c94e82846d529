/*
 * breaker.h - whether a server is asked at all, decided once for all processes that map the scoreboard.
 *
 *   closed -> open:       somebody's operation failed for a reason that every other would fail for, too
 *   open -> half open:    when it is due, one process claims the probe; the claim runs out by itself
 *   half open -> closed:  the probe was answered in time;  -> open: it was not, and the next is due later
 *
 * All of it is one 64-bit word, changed by compare-and-swap alone: nothing in it is a lock, and whoever dies in between
 * leaves a state that time ends. A closed breaker costs a caller one load.
 *
 * The keeper is the process that probes (redis_main.c), so that no request has to: it looks at once after a first
 * failure, which it sleeps for on the futex. Without it, or where it lets a probe be due for longer, whoever has an
 * operation to do may claim. Set back within BREAKER_RELAPSE_MS it goes on with the longer waits of the last time, so
 * that a server that answers probes and nothing else is not tried at each of them.
 */
#ifndef SHM_BREAKER_H
#define SHM_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FIRST_MS 100   /* until the first probe, and twice as long after each that failed … */
#define BREAKER_LONGEST_MS 500 /* … up to this, which bounds how long a server is back before anybody knows */
#define BREAKER_RELAPSE_MS 2000
#define BREAKER_GRACE_MS 1000 /* a keeper that has let a probe be due for so long is not waited for any more */
#define BREAKER_SANE_MS 60000 /* what is due later than that was written before the machine was started again */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

/* In shared memory; all zeros: closed. */
struct breaker {
	_Alignas(64) _Atomic uint64_t word;
	_Atomic uint64_t keeper;  /* owner.h; 0: nobody */
	_Atomic uint64_t opened;  /* how often it went from closed to open */
	_Atomic int64_t since_ns; /* when it did last, monotonic */
	_Atomic uint32_t changes; /* the futex: how often it did, or who waits was nudged */
};

enum breaker_asker { BREAKER_BY_REQUEST, BREAKER_BY_KEEPER };

/* The word as it is now; what follows asks of such a copy. */
uint64_t breaker_look(const struct breaker *breaker);
enum breaker_state breaker_state(uint64_t seen);
/* A number that is another one after each opening: what was connected before is not to be trusted. */
unsigned breaker_epoch(uint64_t seen);
const char *breaker_state_name(enum breaker_state state);

/*
 * An operation that began while it looked like seen, which was closed, failed. True for the one caller who opened it by
 * that; false where it is open already, or has been in between, since the failure then is news no more.
 */
bool breaker_fail(struct breaker *breaker, uint64_t seen, int64_t now_ns);
/* The server was found well by somebody who had not claimed. True for who closed it by that. */
bool breaker_find_well(struct breaker *breaker, int64_t now_ns);

/* When the asker may claim next; DEADLINE_NEVER while it is closed. */
int64_t breaker_due_ns(const struct breaker *breaker, enum breaker_asker asker);
/* Claims the probe, for until_ns at most; 0: not due, or another one has it. Otherwise what breaker_conclude() takes. */
uint64_t breaker_claim(struct breaker *breaker, enum breaker_asker asker, int64_t now_ns, int64_t until_ns);
/* What the probe found. False where the claim had run out and was taken over, and then nothing changes. */
bool breaker_conclude(struct breaker *breaker, uint64_t claim, bool well, int64_t now_ns);

/* ---- The keeper ---- */

/* False: another living process is. */
bool breaker_keep(struct breaker *breaker, uint64_t self);
void breaker_leave(struct breaker *breaker, uint64_t self);
/* Sleeps until it opens after *seen was read, somebody nudges, or the deadline; seen is brought up to date. */
void breaker_sleep(struct breaker *breaker, uint32_t *seen, int64_t deadline_ns);
void breaker_nudge(struct breaker *breaker);

#endif
