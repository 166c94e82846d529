/*
 * scoreboard.h - what every worker is doing, and what the last checks found, in shared memory.
 *
 * One slot a worker, written by that worker alone while it lives; the supervisor writes a slot only
 * while nobody lives in it. Counters belong to the slot and go on under its next owner, so they never
 * fall. Check results are one record a check, written by whichever worker holds the claim on the run.
 * doc/shm-layout.md draws the file.
 */
#ifndef SHM_SCOREBOARD_H
#define SHM_SCOREBOARD_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "area.h"
#include "log_ring.h"
#include "metric_store.h"
#include "seqlock.h"

struct breaker;
struct err;
struct error_table;
struct flight_table;
struct pending_count;
struct pending_table;
struct level_control;
struct tracking;
struct memory_cache;

#define SCOREBOARD_MAX_SLOTS 4096 /* for two generations of WORKERS_MAX, and admin workers */
#define SCOREBOARD_MAX_RING_BYTES (64U << 20)
#define SCOREBOARD_MAX_CACHE_BYTES ((size_t)64 << 30)
#define SCOREBOARD_MAX_CHECKS 32
#define SCOREBOARD_REFUSAL_BYTES 1024

enum slot_state { SLOT_FREE, SLOT_STARTING, SLOT_IDLE, SLOT_BUSY, SLOT_STOPPING, SLOT_DEAD };
enum slot_role { ROLE_WORKER, ROLE_ADMIN };
enum slot_phase { PHASE_NONE, PHASE_READING, PHASE_HANDLER, PHASE_DATABASE, PHASE_CACHE, PHASE_WRITING };

const char *slot_state_name(enum slot_state state);
const char *slot_role_name(enum slot_role role);
const char *slot_phase_name(enum slot_phase phase);

/* The request in flight; texts are cut to fit and always closed. started_ns is monotonic, 0: none. */
struct slot_request {
	int64_t started_ns;
	char correlation_id[129];
	char trace_id[33];
	char method[16];
	char path[256];
	char route[128];
};

/* What a worker leaves that crashed: proc/crash.c. */
#define SLOT_BACKTRACE_BYTES 2024

struct slot_crash {
	_Atomic int32_t signal; /* 0: it did not; all but the backtrace is written before it */
	int32_t code;           /* si_code: more than 0, the kernel's, with an address; else a sender's */
	uint64_t address;
	int32_t sender;
	_Atomic uint32_t length; /* of the backtrace, as far as its lines are whole */
	char backtrace[SLOT_BACKTRACE_BYTES];
};

struct slot {
	_Alignas(64) _Atomic uint64_t owner; /* owner.h; 0: nobody lives here */
	_Atomic int64_t worker_started_ns;
	_Atomic uint32_t generation;
	_Atomic uint32_t connections; /* held by the present owner */
	_Atomic uint8_t state, role, phase;
	_Atomic uint64_t requests;     /* completed; this and the next two by all owners */
	_Atomic uint64_t given, taken; /* connections handed to siblings, and taken over from them */
	struct seqlock request_lock;
	struct slot_request request;
	struct slot_crash crash;
};

/* CHECK_WARNED: it passes, but not for long. */
enum check_status { CHECK_UNKNOWN, CHECK_HEALTHY, CHECK_FAILED, CHECK_NOT_CONFIGURED, CHECK_WARNED };

/* One check's last result. What total, free and percent mean is the check's to say. */
struct check_result {
	int64_t checked_ns; /* monotonic, when the run ended; 0: never */
	int64_t duration_ns;
	uint64_t identity; /* of the check as it was declared: after a reload another may have this index */
	int32_t status;    /* enum check_status */
	double percent;
	uint64_t total_bytes, free_bytes;
	char text[248]; /* why it failed or warned, without host, user or password */
};

struct scoreboard;

/* How large a scoreboard is made. Rings: bytes of each slot's, by kind; rounded up to whole lines, 0: none. */
struct scoreboard_shape {
	unsigned slots;
	size_t ring_bytes[RING_KINDS];
	unsigned series;    /* of metrics, SERIES_MOST at most; 0: none */
	size_t cache_bytes; /* of the embedded cache, MEMORY_CACHE_LEAST_BYTES at least; 0: none */
};

/* Bytes of such a scoreboard. */
size_t scoreboard_size_bytes(const struct scoreboard_shape *shape);
/*
 * Creates the file and an empty scoreboard in it; what a dead owner left is replaced. Errors as
 * area_create(), and a file that holds something else than a scoreboard is refused. Not twice in one process.
 */
struct scoreboard *scoreboard_create(const char *path, const struct scoreboard_shape *shape, bool *was_there,
                                     struct err *err);
/*
 * Goes on with the scoreboard whose descriptor came over an exec, ownership and contents as they are; it grows to
 * so many slots where it has fewer, and never shrinks; its rings, series and embedded cache stay as large as they are. NULL with err also where it has another layout: then
 * scoreboard_create() makes a new one in its place. fd is closed in either case with what holds it.
 */
struct scoreboard *scoreboard_adopt(int fd, const char *path, unsigned slots, struct err *err);
/* True where the file of this descriptor is of this build's layout, so that it could be adopted. Leaves fd open. */
bool scoreboard_fits(int fd);
/* Of such a file: the bytes of each slot's ring of that kind. */
size_t scoreboard_ring_bytes(int fd, enum ring_kind kind);
/* Of such a file: how many series of metrics it was made for, and how large its embedded cache is. */
unsigned scoreboard_series_max(int fd);
size_t scoreboard_cache_bytes(int fd);
/*
 * For processes without a supervisor, which share a scoreboard among equals: made by whoever comes first, kept, with
 * all it has counted, when the last has gone. Refused while a supervisor owns it.
 */
struct scoreboard *scoreboard_share(const char *path, const struct scoreboard_shape *shape, struct err *err);
/*
 * Read-only, for other programs; refuses a file of another layout. Never by the process that created it:
 * closing again would drop its lock.
 */
struct scoreboard *scoreboard_attach(const char *path, struct err *err);
/*
 * As scoreboard_attach(), but the file can be written: for the words that are meant to be written from outside
 * (log_levels.h), by its user or root. Takes no lock and touches nobody's.
 */
struct scoreboard *scoreboard_attach_to_control(const char *path, struct err *err);
/* Unmaps; does not remove the file. NULL is allowed. */
void scoreboard_close(struct scoreboard *board);
void scoreboard_unlink(const struct scoreboard *board);
/* The descriptor that holds file and lock, and the path. */
int scoreboard_fd(const struct scoreboard *board);
const char *scoreboard_path(const struct scoreboard *board);
int scoreboard_chown(const struct scoreboard *board, uid_t uid, gid_t gid, struct err *err);

/*
 * This process's view of the embedded cache; false: the scoreboard has none. Called after the fork. What a process of
 * another life has left in a file that is shared among equals is there too.
 */
bool scoreboard_open_cache(const struct scoreboard *board, struct memory_cache *cache);

/* Which values are being computed, flight.h. */
struct flight_table *scoreboard_flights(struct scoreboard *board);

/* ---- The service ---- */

/* Why a worker ended that nobody had told to. */
enum death_cause { DEATH_SIGNAL, DEATH_EXIT, DEATH_OOM, DEATH_TIMEOUT, DEATH_CAUSES };

struct scoreboard_service {
	_Atomic uint64_t supervisor; /* owner.h; 0: there is none */
	_Atomic uint32_t generation; /* of the workers that are started now; counts reloads and upgrades */
	_Atomic uint32_t workers;    /* WORKERS and WORKERS_MAX of that generation … */
	_Atomic uint32_t workers_max;
	_Atomic uint32_t workers_wanted; /* … and how many are wanted at this moment */
	_Atomic uint32_t draining;       /* 1: the service stops, or was told to drain */
	_Atomic uint32_t started;        /* 1: every worker has started once */
	_Atomic uint32_t checks_passed;  /* 1: the critical checks have all passed at one time since the start */
	_Atomic uint32_t held_back;      /* workers that died young and wait for their restart */
	_Atomic int64_t started_real_ns;
	_Atomic uint64_t deaths[DEATH_CAUSES];
	_Atomic uint64_t reloads, reloads_refused; /* upgrades too */
	_Atomic uint64_t recycled;                 /* workers that ended at MAX_REQUESTS */
	struct seqlock refusal_lock;
	char refusal
		[SCOREBOARD_REFUSAL_BYTES]; /* why the last reload was refused, empty where it was not; read by scoreboard_refusal() */
};

/*
 * What was seen of health, and what ALERT_COMMAND was told of it (alert_policy.h). Written and read by the helper alone;
 * it is here to survive the helper's death and a reload. Monotonic times, 0: never.
 */
enum alert_health { ALERT_HEALTHY, ALERT_DEGRADED };

struct alert_state {
	int32_t seen, told, telling;   /* enum alert_health; the last: by the attempt that was begun last */
	int32_t tries;                 /* to tell the present change */
	int64_t seen_ns, seen_real_ns; /* since when */
	int64_t begun_ns;              /* the first attempt of the last alert */
	int64_t retry_ns;
};

struct alert_state *scoreboard_alert(struct scoreboard *board);

struct scoreboard_service *scoreboard_service(struct scoreboard *board);
const char *death_cause_name(enum death_cause cause);
/* Counts a reload that came to serve, which settles what was refused before. By the supervisor alone. */
void scoreboard_count_reload(struct scoreboard *board);
/* Counts a refused reload and keeps why, cut to fit. By the supervisor alone. */
void scoreboard_refuse_reload(struct scoreboard *board, const char *why);
/* A copy of that text; false where the last one was not refused or no stable copy could be had. */
bool scoreboard_refusal(struct scoreboard *board, char text[static SCOREBOARD_REFUSAL_BYTES]);

/* ---- Slots ---- */

unsigned scoreboard_slots(const struct scoreboard *board);
struct slot *scoreboard_slot(struct scoreboard *board, unsigned index);
/* In the place of an index: the supervisor's own slot and rings. */
#define SCOREBOARD_SUPERVISOR UINT_MAX
/* The rings of a slot's place, or of the supervisor's. size_bytes 0: the scoreboard was made without. */
struct ring scoreboard_ring(const struct scoreboard *board, unsigned index, enum ring_kind kind);
/* Lines that found no room in any of the rings of that kind, since the scoreboard was made. */
uint64_t scoreboard_dropped(const struct scoreboard *board, enum ring_kind kind);
/* Nobody lives in the slot any more: what its rings hold as not yet true is left undecided. By who buries it. */
void scoreboard_abandon_rings(const struct scoreboard *board, unsigned index);
/* The index of a slot that is in the board; SCOREBOARD_SUPERVISOR where it is not. */
unsigned scoreboard_index_of(struct scoreboard *board, const struct slot *slot);
/* Who lives there, 0: nobody. */
pid_t slot_pid(const struct slot *slot);
/* By the worker itself, first thing after the fork, in a slot that its supervisor knows to be free. */
void slot_claim(struct slot *slot, enum slot_role role, uint32_t generation);
/* A free slot, or one whose owner is dead, for a process without a supervisor; NULL: all are taken. */
struct slot *scoreboard_take_slot(struct scoreboard *board, enum slot_role role);
/* By the supervisor when the owner has been reaped, or by the owner on leaving. The counters stay. */
void slot_release(struct slot *slot);
void slot_set_state(struct slot *slot, enum slot_state state);
void slot_set_phase(struct slot *slot, enum slot_phase phase);
enum slot_phase slot_phase(const struct slot *slot);
/* The request in flight; request NULL: none any more. */
void slot_set_request(struct slot *slot, const struct slot_request *request);
/* A copy of it; false where there is none or no stable copy could be had. */
bool slot_get_request(const struct slot *slot, struct slot_request *request);
/*
 * The request of a worker that is dead, also where it died while it wrote it: then as much as is sure to be whole,
 * from the correlation ID on, and started_ns 0 where it was not yet there. False where there was none.
 */
bool slot_get_request_of_dead(const struct slot *slot, struct slot_request *request);

struct crash_report {
	int signal, code;
	pid_t sender;
	uint64_t address;
	char backtrace[SLOT_BACKTRACE_BYTES]; /* a frame a line, the innermost first */
};

/* How the slot's dead worker crashed; false where it did not, or had no time to say. */
bool slot_get_crash(const struct slot *slot, struct crash_report *report);
void slot_forget_crash(struct slot *slot);

/* For how long the worker has been in the same request, in ns; 0 where it is in none. */
int64_t slot_busy_ns(const struct slot *slot, int64_t now_ns);

/*
 * Does somebody live there? A supervisor tidies up after its workers; among processes without one a dead owner stays
 * in its slot until another takes it, so they are looked up.
 */
bool scoreboard_slot_lives(const struct scoreboard *board, const struct slot *slot);
/* Has anybody ever lived there? Where nobody has, its cells need not be touched. */
bool scoreboard_slot_was_used(const struct slot *slot);

/* How many slots are alive, busy and so on, at about one moment. */
struct pool_summary {
	unsigned workers, starting, idle, busy, stopping;
	uint64_t requests;
	uint32_t connections;
};
void scoreboard_summary(struct scoreboard *board, enum slot_role role, struct pool_summary *summary);

/* ---- What is told from outside, and told to it ---- */

struct level_control *scoreboard_levels(struct scoreboard *board); /* log_levels.h */
struct error_table *scoreboard_errors(struct scoreboard *board);   /* error_table.h */
/* Whether Redis is asked; never written through a view that was attached to read. */
struct tracking *scoreboard_tracking(struct scoreboard *board);     /* tracking.h */
struct breaker *scoreboard_redis_breaker(struct scoreboard *board); /* breaker.h */

/* The directory of series; capacity 0: the scoreboard was made without metrics. */
struct series_directory scoreboard_directory(const struct scoreboard *board);
/* The cells of a slot's place, or of the supervisor's, by the index of a series; NULL: there are none. */
struct series_cells *scoreboard_cells(const struct scoreboard *board, unsigned index);

/* What the request of a place is about to count (pending_count.h). */
struct pending_count *scoreboard_pending(const struct scoreboard *board, unsigned index);
/* NULL: the scoreboard was made without metrics. */
struct pending_table *scoreboard_pending_table(const struct scoreboard *board);

/* ---- Check results ---- */

/*
 * One run of all checks at a time, whoever is asked: the claim is a word in shared memory that holds
 * the runner's deadline and pid, so that a runner that died holds it no longer than its deadline.
 */
bool checks_claim(struct scoreboard *board, int64_t now_ns, int64_t deadline_ns);
/* Gives the claim back and wakes those who wait; does nothing where this process is not its holder (any more). */
void checks_release(struct scoreboard *board);
/* Waits until no run is on (true: it ended, or the claim of a dead runner ran out) or the deadline passes (false). */
bool checks_wait(struct scoreboard *board, int64_t deadline_ns);
void check_publish(struct scoreboard *board, unsigned index, const struct check_result *result);
/* False where never published or no stable copy could be had. */
bool check_read(struct scoreboard *board, unsigned index, struct check_result *result);
/* The same for what the helper found by a command, for the check of that index to make its result of. */
void check_report(struct scoreboard *board, unsigned index, const struct check_result *result);
bool check_read_report(struct scoreboard *board, unsigned index, struct check_result *result);

#endif
