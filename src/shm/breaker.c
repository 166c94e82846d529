/*
 * breaker.c - see breaker.h. Called by store/redis.c and redis_watch.c; read by metrics.
 *
 *   63                        24 23         8 7        2 1     0
 *   +---------------------------+------------+----------+-------+
 *   | time, monotonic clock, ms |   epoch    | failures | state |
 *   +---------------------------+------------+----------+-------+
 *
 * The time is, closed: since when; open: when the next probe is due; half open: when the claim runs out. Claims differ
 * by it: a later one always runs out later, so that whoever concludes a claim that ran out finds another word.
 */
#include "breaker.h"

#include <stddef.h>

#include "clock.h"
#include "futex_wait.h"
#include "insist.h"
#include "owner.h"

#define STATE_BITS 2
#define FAILURES_SHIFT STATE_BITS
#define FAILURES_MOST 63U
#define EPOCH_SHIFT 8
#define EPOCH_MASK 0xffffU
#define TIME_SHIFT 24

struct parts {
	enum breaker_state state;
	unsigned failures; /* in a row */
	unsigned epoch;
	int64_t time_ms;
};

static struct parts
unpack(uint64_t word)
{
	return (struct parts){
		.state = (enum breaker_state)(word & ((1U << STATE_BITS) - 1)),
		.failures = (unsigned)(word >> FAILURES_SHIFT) & FAILURES_MOST,
		.epoch = (unsigned)(word >> EPOCH_SHIFT) & EPOCH_MASK,
		.time_ms = (int64_t)(word >> TIME_SHIFT),
	};
}

static uint64_t
pack(const struct parts *parts)
{
	return (uint64_t)parts->time_ms << TIME_SHIFT | (uint64_t)(parts->epoch & EPOCH_MASK) << EPOCH_SHIFT |
	       (uint64_t)parts->failures << FAILURES_SHIFT | (uint64_t)parts->state;
}

static int64_t
ms_of(int64_t ns)
{
	return ns / NS_PER_MS;
}

static bool
replace(struct breaker *breaker, uint64_t seen, const struct parts *parts)
{
	return atomic_compare_exchange_strong_explicit(&breaker->word, &seen, pack(parts), memory_order_acq_rel,
	                                               memory_order_relaxed);
}

uint64_t
breaker_look(const struct breaker *breaker)
{
	return atomic_load_explicit(&breaker->word, memory_order_acquire);
}

enum breaker_state
breaker_state(uint64_t seen)
{
	return unpack(seen).state;
}

unsigned
breaker_epoch(uint64_t seen)
{
	return unpack(seen).epoch;
}

const char *
breaker_state_name(enum breaker_state state)
{
	static const char *const names[] = {
		[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half_open"};
	return state <= BREAKER_HALF_OPEN ? names[state] : "open";
}

static int64_t
hold_ms(unsigned failures)
{
	int64_t wait_ms = BREAKER_FIRST_MS;
	for (unsigned i = 1; i < failures && wait_ms < BREAKER_LONGEST_MS; i++)
		wait_ms *= 2;
	return wait_ms < BREAKER_LONGEST_MS ? wait_ms : BREAKER_LONGEST_MS;
}

static unsigned
one_more(unsigned failures)
{
	return failures < FAILURES_MOST ? failures + 1 : failures;
}

bool
breaker_fail(struct breaker *breaker, uint64_t seen, int64_t now_ns)
{
	const struct parts was = unpack(seen);
	int64_t now_ms = ms_of(now_ns), closed_ms = now_ms - was.time_ms;
	bool relapse = was.failures > 0 && closed_ms >= 0 && closed_ms < BREAKER_RELAPSE_MS;
	INSIST(was.state == BREAKER_CLOSED);
	unsigned failures = relapse ? one_more(was.failures) : 1;
	if (!replace(breaker, seen,
	             &(struct parts){.state = BREAKER_OPEN,
	                             .failures = failures,
	                             .epoch = was.epoch + 1,
	                             .time_ms = now_ms + hold_ms(failures)}))
		return false;
	atomic_store_explicit(&breaker->since_ns, now_ns, memory_order_relaxed);
	atomic_fetch_add_explicit(&breaker->opened, 1, memory_order_relaxed);
	breaker_nudge(breaker);
	return true;
}

static bool
close_it(struct breaker *breaker, uint64_t seen, int64_t now_ns)
{
	const struct parts was = unpack(seen);
	return replace(breaker, seen,
	               &(struct parts){.state = BREAKER_CLOSED,
	                               .failures = was.failures,
	                               .epoch = was.epoch,
	                               .time_ms = ms_of(now_ns)});
}

bool
breaker_find_well(struct breaker *breaker, int64_t now_ns)
{
	uint64_t seen = breaker_look(breaker);
	return breaker_state(seen) != BREAKER_CLOSED && close_it(breaker, seen, now_ns);
}

/* The keeper does not wait after a first failure: it costs no request anything. */
static int64_t
due_ms(const struct breaker *breaker, const struct parts *now, enum breaker_asker asker)
{
	if (asker == BREAKER_BY_KEEPER)
		return now->state == BREAKER_OPEN && now->failures <= 1 ? 0 : now->time_ms;
	bool kept = atomic_load_explicit(&breaker->keeper, memory_order_relaxed) != 0;
	return now->time_ms + (kept ? BREAKER_GRACE_MS : 0);
}

int64_t
breaker_due_ns(const struct breaker *breaker, enum breaker_asker asker)
{
	const struct parts now = unpack(breaker_look(breaker));
	if (now.state == BREAKER_CLOSED)
		return DEADLINE_NEVER;
	return due_ms(breaker, &now, asker) * NS_PER_MS;
}

uint64_t
breaker_claim(struct breaker *breaker, enum breaker_asker asker, int64_t now_ns, int64_t until_ns)
{
	uint64_t seen = breaker_look(breaker);
	const struct parts now = unpack(seen);
	int64_t now_ms = ms_of(now_ns);
	if (now.state == BREAKER_CLOSED)
		return 0;
	int64_t left_ms = due_ms(breaker, &now, asker) - now_ms;
	if (left_ms > 0 && left_ms < BREAKER_SANE_MS)
		return 0;
	struct parts mine = {.state = BREAKER_HALF_OPEN,
	                     .failures = now.failures,
	                     .epoch = now.epoch,
	                     .time_ms = ms_of(until_ns) + 1};
	return replace(breaker, seen, &mine) ? pack(&mine) : 0;
}

bool
breaker_conclude(struct breaker *breaker, uint64_t claim, bool well, int64_t now_ns)
{
	const struct parts was = unpack(claim);
	INSIST(was.state == BREAKER_HALF_OPEN);
	if (well)
		return close_it(breaker, claim, now_ns);
	return replace(breaker, claim,
	               &(struct parts){.state = BREAKER_OPEN,
	                               .failures = one_more(was.failures),
	                               .epoch = was.epoch,
	                               .time_ms = ms_of(now_ns) + hold_ms(was.failures)});
}

/* ---- The keeper --------------------------------------------------------------------------------- */

bool
breaker_keep(struct breaker *breaker, uint64_t self)
{
	return atomic_load(&breaker->keeper) == self || owner_claim(&breaker->keeper, self);
}

void
breaker_leave(struct breaker *breaker, uint64_t self)
{
	owner_release(&breaker->keeper, self);
}

void
breaker_sleep(struct breaker *breaker, uint32_t *seen, int64_t deadline_ns)
{
	futex_wait_until(&breaker->changes, *seen, deadline_ns);
	*seen = atomic_load_explicit(&breaker->changes, memory_order_acquire);
}

void
breaker_nudge(struct breaker *breaker)
{
	atomic_fetch_add_explicit(&breaker->changes, 1, memory_order_release);
	futex_wake_all(&breaker->changes);
}
