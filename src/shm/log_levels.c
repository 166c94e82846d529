/*
 * log_levels.c - the two copies of the set, the word that publishes one, and whose turn it is to write.
 *
 * A reader copies the published set and then sees whether it is still the published one. The next writer writes into
 * the other, and only the one after it into the set that was read; by then the word has changed. The fences are those
 * of a sequence lock.
 */
#include "log_levels.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "owner.h"

#define CHANGE_SHIFT 8
#define COUNT_MASK UINT64_C(0x7f)
#define COPY_TRIES 100
#define TURN_LOOK_MS 2

static const char *const scope_names[LEVEL_SCOPES] = {
	[LEVEL_EVERYTHING] = "everything",
	[LEVEL_LOGGER] = "logger",
	[LEVEL_ROUTE] = "route",
	[LEVEL_CORRELATION_ID] = "correlation_id",
};

const char *
level_scope_name(enum level_scope scope)
{
	return (unsigned)scope < LEVEL_SCOPES ? scope_names[scope] : "unknown";
}

bool
level_override_holds(const struct level_override *override, int64_t now_ns)
{
	return override->until_ns > now_ns && override->until_ns - now_ns <= LOG_LEVELS_MAX_MS * NS_PER_MS;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

/* Whatever stands in the word, no more than there is room for. */
static unsigned
count_of(uint64_t word)
{
	uint64_t count = word & COUNT_MASK;
	return count < LOG_LEVELS_MAX ? (unsigned)count : LOG_LEVELS_MAX;
}

static uint64_t
change_of(uint64_t word)
{
	return word >> CHANGE_SHIFT;
}

static void
close_texts(struct level_set *set)
{
	for (unsigned i = 0; i < set->count; i++)
		set->overrides[i].text[LOG_LEVELS_TEXT_BYTES - 1] = '\0';
}

bool
log_levels_copy(const struct level_control *control, struct level_set *copy)
{
	for (int i = 0; i < COPY_TRIES; i++) {
		uint64_t word = atomic_load_explicit(&control->word, memory_order_acquire);
		unsigned count = count_of(word);
		/* Only what is there: this is done for every record while an override holds. */
		memcpy(copy, &control->sets[change_of(word) & 1],
		       offsetof(struct level_set, overrides) + count * sizeof copy->overrides[0]);
		atomic_thread_fence(memory_order_acquire);
		if (change_of(atomic_load_explicit(&control->word, memory_order_relaxed)) != change_of(word))
			continue;
		copy->count = count;
		close_texts(copy);
		return true;
	}
	return false;
}

/* ---- Writing ------------------------------------------------------------------------------------ */

/* The set that nobody reads, filled with what holds good now. Only in one's turn. */
static struct level_set *
draft(struct level_control *control)
{
	uint64_t change = change_of(atomic_load_explicit(&control->word, memory_order_relaxed));
	struct level_set *next = &control->sets[(change + 1) & 1];
	/* Whoever still copies what is overwritten here finds that the word is another. */
	atomic_thread_fence(memory_order_release);
	memcpy(next, &control->sets[change & 1], sizeof *next);
	next->count = count_of(atomic_load_explicit(&control->word, memory_order_relaxed));
	return next;
}

static uint64_t
next_id(const struct level_control *control)
{
	return change_of(atomic_load_explicit(&control->word, memory_order_relaxed)) + 1;
}

/* From here on the draft counts. Beside this only LEVELS_UNTOLD may change, by whoever tells. */
static void
publish(struct level_control *control, const struct level_set *next, uint64_t untold)
{
	uint64_t word = atomic_load_explicit(&control->word, memory_order_relaxed);
	uint64_t change = (change_of(word) + 1) << CHANGE_SHIFT;
	while (!atomic_compare_exchange_weak_explicit(&control->word, &word,
	                                              change | (word & LEVELS_UNTOLD) | untold | next->count,
	                                              memory_order_release, memory_order_relaxed))
		;
}

static int
take_turn(struct level_control *control, uint64_t self, int64_t deadline_ns, struct err *err)
{
	while (!owner_claim(&control->writer, self)) {
		if (clock_mono_ns() >= deadline_ns)
			return err_set(err, "Process %ld is changing the levels and does not come to an end.",
			               (long)owner_pid(atomic_load(&control->writer)));
		poll(NULL, 0, TURN_LOOK_MS);
	}
	return 0;
}

static void
take_out(struct level_set *set, unsigned index)
{
	set->count--;
	memmove(&set->overrides[index], &set->overrides[index + 1], (set->count - index) * sizeof set->overrides[0]);
}

static bool
same_target(const struct level_override *a, const struct level_override *b)
{
	return a->scope == b->scope && strncmp(a->text, b->text, sizeof a->text) == 0;
}

/* The new one's place: its predecessor's, else behind the last, else that of one that has ended; NULL: none is left. */
static struct level_override *
place_for(struct level_set *set, const struct level_override *override, int64_t now_ns)
{
	for (unsigned i = 0; i < set->count; i++)
		if (same_target(&set->overrides[i], override))
			return &set->overrides[i];
	if (set->count < LOG_LEVELS_MAX)
		return &set->overrides[set->count++];
	for (unsigned i = 0; i < set->count; i++)
		if (!level_override_holds(&set->overrides[i], now_ns))
			return &set->overrides[i];
	return NULL;
}

int
log_levels_set(struct level_control *control, const struct level_override *override, int64_t deadline_ns,
               struct err *err)
{
	uint64_t self = owner_self();
	if (take_turn(control, self, deadline_ns, err) != 0)
		return -1;
	struct level_set *next = draft(control);
	struct level_override *place = place_for(next, override, clock_mono_ns());
	if (place != NULL) {
		*place = *override;
		place->id = next_id(control);
		publish(control, next, LEVELS_UNTOLD);
	}
	owner_release(&control->writer, self);
	return place != NULL ? 0
	                     : err_set(err, "%d levels are in force, which is all there is room for; reset them first.",
	                               LOG_LEVELS_MAX);
}

int
log_levels_reset(struct level_control *control, int64_t deadline_ns, unsigned *ended, struct err *err)
{
	uint64_t self = owner_self();
	int64_t now_ns = clock_mono_ns();
	*ended = 0;
	if (take_turn(control, self, deadline_ns, err) != 0)
		return -1;
	struct level_set *next = draft(control);
	for (unsigned i = 0; i < next->count; i++)
		*ended += level_override_holds(&next->overrides[i], now_ns);
	next->count = 0;
	next->reset_id = next_id(control);
	next->reset_by_uid = (int32_t)getuid();
	next->reset_by_pid = (int32_t)getpid();
	publish(control, next, LEVELS_UNTOLD);
	owner_release(&control->writer, self);
	return 0;
}

unsigned
log_levels_expire(struct level_control *control, int64_t now_ns, struct level_override ended[static LOG_LEVELS_MAX])
{
	unsigned count = 0;
	uint64_t self = owner_self();
	if (!owner_claim(&control->writer, self))
		return 0;
	struct level_set *next = draft(control);
	for (unsigned i = 0; i < next->count;) {
		if (level_override_holds(&next->overrides[i], now_ns)) {
			i++;
			continue;
		}
		ended[count++] = next->overrides[i];
		take_out(next, i);
	}
	if (count > 0)
		publish(control, next, 0);
	owner_release(&control->writer, self);
	return count;
}

/* ---- Telling ------------------------------------------------------------------------------------ */

/* The larger of the two from now on; what it was before. */
static uint64_t
raise_to(_Atomic uint64_t *word, uint64_t value)
{
	uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
	while (before < value && !atomic_compare_exchange_weak(word, &before, value))
		;
	return before;
}

bool
log_levels_untold(struct level_control *control, struct level_set *set, uint64_t *since)
{
	uint64_t word = atomic_load_explicit(&control->word, memory_order_acquire);
	if ((word & LEVELS_UNTOLD) == 0 || !log_levels_copy(control, set))
		return false;
	/* A change in between leaves the bit to the next look. */
	if (!atomic_compare_exchange_strong(&control->word, &word, word & ~LEVELS_UNTOLD))
		return false;
	*since = raise_to(&control->told, change_of(word));
	return *since < change_of(word);
}
