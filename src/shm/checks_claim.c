/*
 * checks_claim.c - one run of the checks at a time, over all processes.
 *
 * The claim is one 64-bit word, the runner's pid and its deadline, taken by compare-and-swap: nobody has
 * to clean up after a runner that died, since a claim past its deadline is free for the next. Who has
 * to wait for a run sleeps on a futex that counts the runs that ended, never past the runner's deadline.
 */
#include <stdint.h>
#include <unistd.h>

#include "clock.h"
#include "futex_wait.h"
#include "insist.h"
#include "layout.h"

#define CLAIM_PID_MASK ((UINT64_C(1) << CLAIM_PID_BITS) - 1)

static uint64_t
claim_word(pid_t pid, int64_t deadline_ns)
{
	INSIST(pid > 0 && (uint64_t)pid <= CLAIM_PID_MASK && deadline_ns > 0);
	uint64_t deadline_ms = (uint64_t)((deadline_ns - 1) / NS_PER_MS + 1);
	INSIST(deadline_ms < UINT64_C(1) << (64 - CLAIM_PID_BITS));
	return deadline_ms << CLAIM_PID_BITS | (uint64_t)pid;
}

static int64_t
claim_deadline_ns(uint64_t claim)
{
	return (int64_t)(claim >> CLAIM_PID_BITS) * NS_PER_MS;
}

static bool
claim_holds(uint64_t claim, int64_t now_ns)
{
	return claim != 0 && claim_deadline_ns(claim) > now_ns;
}

bool
checks_claim(struct scoreboard *board, int64_t now_ns, int64_t deadline_ns)
{
	struct checks_control *control = &board->file->control;
	uint64_t seen = atomic_load_explicit(&control->claim, memory_order_acquire);
	if (claim_holds(seen, now_ns))
		return false;
	uint64_t mine = claim_word(getpid(), deadline_ns);
	if (!atomic_compare_exchange_strong_explicit(&control->claim, &seen, mine, memory_order_acq_rel,
	                                             memory_order_relaxed))
		return false;
	board->held = mine;
	return true;
}

void
checks_release(struct scoreboard *board)
{
	struct checks_control *control = &board->file->control;
	uint64_t mine = board->held;
	board->held = 0;
	/* A child that inherited the parent's view does not hold what the parent holds. */
	if (mine == 0 || (mine & CLAIM_PID_MASK) != (uint64_t)getpid())
		return;
	if (!atomic_compare_exchange_strong_explicit(&control->claim, &mine, 0, memory_order_acq_rel,
	                                             memory_order_relaxed))
		return; /* it took too long, and another has taken over */
	atomic_fetch_add_explicit(&control->runs, 1, memory_order_release);
	futex_wake_all(&control->runs);
}

bool
checks_wait(struct scoreboard *board, int64_t deadline_ns)
{
	struct checks_control *control = &board->file->control;
	uint32_t first = atomic_load_explicit(&control->runs, memory_order_acquire);
	for (;;) {
		uint64_t claim = atomic_load_explicit(&control->claim, memory_order_acquire);
		int64_t now = clock_mono_ns();
		if (atomic_load_explicit(&control->runs, memory_order_acquire) != first || !claim_holds(claim, now))
			return true;
		if (now >= deadline_ns)
			return false;
		futex_wait_until(&control->runs, first, deadline_min(deadline_ns, claim_deadline_ns(claim)));
	}
}
