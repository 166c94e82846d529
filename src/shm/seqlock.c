/*
 * seqlock.c - the sequence counter's memory ordering, in one place.
 *
 * The data between is plain memory that is copied while it may change; the fences order the copy
 * against the counter, and a copy that raced is thrown away (the usual C11 rendering of a seqlock).
 */
#include "seqlock.h"

#include <string.h>

void
seqlock_write_begin(struct seqlock *lock)
{
	unsigned sequence = atomic_load_explicit(&lock->sequence, memory_order_relaxed);
	atomic_store_explicit(&lock->sequence, sequence | 1U, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

void
seqlock_write_end(struct seqlock *lock)
{
	unsigned sequence = atomic_load_explicit(&lock->sequence, memory_order_relaxed);
	atomic_store_explicit(&lock->sequence, sequence + 1, memory_order_release);
}

bool
seqlock_read(const struct seqlock *lock, void *copy, const void *shared, size_t size_bytes)
{
	for (int i = 0; i < SEQLOCK_TRIES; i++) {
		unsigned before = atomic_load_explicit(&lock->sequence, memory_order_acquire);
		if (before & 1U)
			continue;
		memcpy(copy, shared, size_bytes);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&lock->sequence, memory_order_relaxed) == before)
			return true;
	}
	return false;
}
