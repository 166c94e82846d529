/*
 * futex_wait.h - sleeping on a word of shared memory until somebody wakes or a time has come, futex(2).
 *
 * Works between processes: without FUTEX_PRIVATE_FLAG.
 */
#ifndef SHM_FUTEX_WAIT_H
#define SHM_FUTEX_WAIT_H

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* Sleeps until *word is no longer seen, somebody wakes, or the deadline on the monotonic clock has passed; or less. */
static inline void
futex_wait_until(_Atomic uint32_t *word, uint32_t seen, int64_t deadline_ns)
{
	struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};
	/* FUTEX_WAIT_BITSET takes an absolute time. */
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, &until, NULL, FUTEX_BITSET_MATCH_ANY);
}

static inline void
futex_wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

#endif
