/*
 * pending_count.h - what a request is about to add to its series, for when its worker is killed before it does.
 *
 * A request is counted when its response is written. Who is killed between the two leaves what it would have added in
 * its place of the scoreboard; whether it had been added shows in the cells, which nobody else writes. Whether the
 * response was written only the web server knows: where it was not, it gives the request to another worker, under the
 * same key. So the supervisor keeps what a dead worker left for a moment. A request that is seen to begin again is
 * forgotten, since it will be counted where it ends; what is left then is counted in the supervisor's cells.
 *
 * Takes no lock, allocates nothing. Processes without a supervisor (WORKERS=0) leave it undone: nobody buries them.
 */
#ifndef SHM_PENDING_COUNT_H
#define SHM_PENDING_COUNT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct series_cells;

#define PENDING_ADDS 4
#define PENDING_LINE 64
#define PENDING_BEGUN 16384  /* requests that began last; at tens of thousands a second, half a second's */
#define PENDING_KEPT 64      /* workers that may die within PENDING_WAIT_MS */
#define PENDING_WAIT_MS 1000 /* a web server asks again at once, but may have to wait for a free worker */

/* One observation. */
struct pending_add {
	uint32_t index; /* of the series */
	uint32_t bucket;
	uint64_t value;   /* for the sum, in the metric's unit of storage */
	uint64_t counted; /* all observations of the series in these cells before this one */
};

/* Of one worker; in its place. */
struct pending_count {
	_Alignas(PENDING_LINE) _Atomic uint64_t key; /* of the request; 0: nothing is pending. Written last */
	int64_t mono_ns;                             /* since when */
	uint32_t count;
	struct pending_add adds[PENDING_ADDS];
};

/* When a request began, the later one in the place of another with the same remainder. */
struct pending_begun {
	_Atomic uint64_t key;
	_Atomic int64_t mono_ns;
};

/* What a dead worker left; written by the supervisor, given up by whoever begins the request again. */
struct pending_kept {
	_Atomic uint64_t key; /* 0: free */
	int64_t mono_ns, due_ns;
	uint32_t count;
	struct pending_add adds[PENDING_ADDS];
};

/* Of the service; beside the directory of series. */
struct pending_table {
	_Alignas(PENDING_LINE) _Atomic uint32_t
		waiting; /* how many are kept; mostly 0, which is all that a request reads */
	_Alignas(PENDING_LINE) struct pending_kept kept[PENDING_KEPT];
	_Alignas(PENDING_LINE) struct pending_begun begun[PENDING_BEGUN];
};

/* ---- By the worker ---- */

/* A request begins; key is not 0 and the same wherever it is tried again. */
void pending_begin(struct pending_table *table, uint64_t key, int64_t now_ns);
/* Its response is about to be written; PENDING_ADDS observations at most will be added then. */
void pending_arm(struct pending_count *pending, uint64_t key, const struct pending_add *adds, size_t count,
                 int64_t now_ns);
/* They have been added. */
void pending_clear(struct pending_count *pending);
/* How many observations a histogram's cells hold. */
uint64_t pending_counted(const struct series_cells *cells);

/* ---- By the supervisor ---- */

/* The cells of the dead worker's place and the supervisor's, and how many series there is room for in either. */
struct pending_room {
	const struct series_cells *cells;
	struct series_cells *to;
	unsigned series;
};

/*
 * The worker whose these are is dead, and nobody lives in its place yet. What cannot be kept, for want of room, is
 * counted at once.
 */
void pending_bury(struct pending_table *table, struct pending_count *pending, const struct pending_room *room,
                  int64_t now_ns);
/* Counts what has been kept for long enough. Each second or more often. */
void pending_settle(struct pending_table *table, struct series_cells *to, int64_t now_ns);

#endif
