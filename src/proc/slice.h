/*
 * slice.h - how long a thread computes before it makes way.
 *
 * Linux 6.12 and later let a thread choose the length of its time slice (sched_setattr(2), sched_runtime), and let one
 * that wakes with a shorter slice take the processor from one with a longer one. A request that is slow because it
 * computes takes a long slice: it gets its share of the processor, and fast requests need not wait for the end of
 * its turn. Older kernels ignore it.
 */
#ifndef PROC_SLICE_H
#define PROC_SLICE_H

#include <sys/types.h>

/* This thread's ID, as slice_set() takes it. */
pid_t slice_self(void);
enum slice { SLICE_USUAL, SLICE_LONG };
/* Of a thread of this process; whatever else was set for it stays. */
void slice_set(pid_t thread, enum slice slice);

#endif
