/*
 * log_levels.h - levels of the log that hold for a while, in shared memory.
 *
 * Written by vitalsctl, read by every process that logs. There are two copies of the set: a writer fills the one that
 * nobody reads and then publishes it by one word, so that a writer that is killed in the middle, or stopped, has
 * changed nothing and holds no reader up. Writers take turns by an owner word (owner.h); a dead one's turn is over.
 *
 * An override ends by itself: its end is on the monotonic clock, which all processes of a machine share. What an
 * override means for a record is not decided here (core/log_level.h).
 */
#ifndef SHM_LOG_LEVELS_H
#define SHM_LOG_LEVELS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define LOG_LEVELS_MAX 16
#define LOG_LEVELS_TEXT_BYTES 129
/* The longest that one may hold; one that claims more was left by an earlier boot and does not count. */
#define LOG_LEVELS_MAX_MS (INT64_C(24) * 3600 * 1000)

/* From the least to the most specific. */
enum level_scope { LEVEL_EVERYTHING, LEVEL_LOGGER, LEVEL_ROUTE, LEVEL_CORRELATION_ID, LEVEL_SCOPES };

/* "everything", "logger", "route", "correlation_id"; "unknown" out of range. */
const char *level_scope_name(enum level_scope scope);

struct level_override {
	uint64_t id;                      /* counts changes: those since one look have a larger one */
	int64_t until_ns;                 /* monotonic */
	int64_t set_real_ns;              /* when it was set … */
	int32_t set_by_uid, set_by_pid;   /* … and by whom */
	uint8_t scope, level;             /* enum level_scope, enum vt_level */
	char text[LOG_LEVELS_TEXT_BYTES]; /* the logger, template or ID; "" for everything */
};

struct level_set {
	uint64_t reset_id; /* of the last reset; 0: never */
	int32_t reset_by_uid, reset_by_pid;
	uint32_t count;
	struct level_override overrides[LOG_LEVELS_MAX];
};

/*
 * The word: changes << 8 | LEVELS_UNTOLD | how many overrides. The lowest byte 0 is the usual case: nothing is
 * overridden and nobody has to be told.
 */
struct level_control {
	_Alignas(64) _Atomic uint64_t word;
	_Atomic uint64_t told;                 /* the last change that the log tells of */
	_Atomic uint64_t writer;               /* owner.h; 0: nobody */
	_Alignas(64) struct level_set sets[2]; /* the one that counts is that of the lowest bit of changes */
};

#define LEVELS_UNTOLD UINT64_C(0x80)

/* One relaxed load: no override is there and no change is to be told. */
static inline bool
log_levels_quiet(const struct level_control *control)
{
	return (atomic_load_explicit(&control->word, memory_order_relaxed) & 0xff) == 0;
}

/* A change waits to be told: log_levels_untold(). */
static inline bool
log_levels_due(const struct level_control *control)
{
	return (atomic_load_explicit(&control->word, memory_order_relaxed) & LEVELS_UNTOLD) != 0;
}

/* True where it holds at that moment. */
bool level_override_holds(const struct level_override *override, int64_t now_ns);
/* Copies those that are there, also such as have ended. False where the set changed faster than it could be copied. */
bool log_levels_copy(const struct level_control *control, struct level_set *copy);

/*
 * Adds it, or replaces the one of the same scope and text; id is set here. -1 with err: there are LOG_LEVELS_MAX that
 * still hold, or another living process has kept its turn past the deadline.
 */
int log_levels_set(struct level_control *control, const struct level_override *override, int64_t deadline_ns,
                   struct err *err);
/* Ends them all; *ended is how many still held. Errors as above. */
int log_levels_reset(struct level_control *control, int64_t deadline_ns, unsigned *ended, struct err *err);
/*
 * Takes those out that have ended, and gives them to whoever asks first. 0 where there are none or another process
 * has its turn just now: never waits.
 */
unsigned log_levels_expire(struct level_control *control, int64_t now_ns,
                           struct level_override ended[static LOG_LEVELS_MAX]);
/*
 * True for one process alone after a change: it has to log what is newer than *since in the set, overrides and reset.
 */
bool log_levels_untold(struct level_control *control, struct level_set *set, uint64_t *since);

#endif
