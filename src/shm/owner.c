/* owner.c - packs a process's ID and when it was started (process_stat.h). */
#include "owner.h"

#include <unistd.h>

#include "process_stat.h"

#define STARTED_MASK ((UINT64_C(1) << (64 - OWNER_PID_BITS)) - 1)
#define PID_MASK ((UINT64_C(1) << OWNER_PID_BITS) - 1)

uint64_t
owner_self(void)
{
	struct process_stat process = {0};
	process_stat_read(&process, getpid());
	return process.started_ticks << OWNER_PID_BITS | (uint64_t)getpid();
}

pid_t
owner_pid(uint64_t owner)
{
	return (pid_t)(owner & PID_MASK);
}

uint64_t
owner_started(uint64_t owner)
{
	return owner >> OWNER_PID_BITS;
}

bool
owner_lives(uint64_t owner)
{
	struct process_stat process;
	if (owner_pid(owner) == 0 || !process_stat_read(&process, owner_pid(owner)))
		return false;
	return (process.started_ticks & STARTED_MASK) == owner_started(owner) && process.state != 'Z' &&
	       process.state != 'X';
}

bool
owner_claim(_Atomic uint64_t *word, uint64_t self)
{
	uint64_t owner = 0;
	if (atomic_compare_exchange_strong_explicit(word, &owner, self, memory_order_acq_rel, memory_order_acquire))
		return true;
	return !owner_lives(owner) &&
	       atomic_compare_exchange_strong_explicit(word, &owner, self, memory_order_acq_rel, memory_order_relaxed);
}

void
owner_release(_Atomic uint64_t *word, uint64_t self)
{
	atomic_compare_exchange_strong_explicit(word, &self, 0, memory_order_acq_rel, memory_order_relaxed);
}
