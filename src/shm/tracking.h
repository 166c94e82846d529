/*
 * tracking.h - until when every change in Redis is told to this machine, so that the embedded cache may be believed.
 *
 * The keeper (redis_main.c), which is told, renews the promise several times a second, forgets what has changed, and
 * withdraws the promise when it is told no more; then it forgets everything. Where it dies instead, the promise lapses,
 * and whoever finds that forgets everything in its place before it reads anything.
 *
 * Beside it stands the reverse: a change that Redis could not be told of. What was kept before it counts no more here. Two
 * words, and no lock.
 */
#ifndef SHM_TRACKING_H
#define SHM_TRACKING_H

#include <stdatomic.h>
#include <stdint.h>

/* No promise is longer; one that is was written before the machine was started again, and has lapsed. */
#define TRACKING_SANE_MS 60000

struct tracking {
	_Alignas(64) _Atomic int64_t until_ns; /* monotonic; 0: there is no promise */
	_Atomic int64_t void_before_ms; /* real time, since what came of Redis from before may be wrong; 0: nothing */
};

enum tracking_state { TRACKING_NONE, TRACKING_HOLDS, TRACKING_LAPSED };

enum tracking_state tracking_look(const struct tracking *tracking, int64_t now_ns);
/* By the keeper; 0 withdraws it. */
void tracking_promise(struct tracking *tracking, int64_t until_ns);
/* By who has found it lapsed and has forgotten everything. Does nothing where it was renewed meanwhile. */
void tracking_settle(struct tracking *tracking, int64_t now_ns);
/* Redis has missed a change that was made before that moment. */
void tracking_distrust(struct tracking *tracking, int64_t real_ms);
int64_t tracking_void_before_ms(const struct tracking *tracking);

#endif
