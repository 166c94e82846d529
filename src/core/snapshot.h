/*
 * snapshot.h - what a scoreboard says at about one moment, copied out of it.
 *
 * Read without the service's help: it may be wedged, or dead.
 */
#ifndef CORE_SNAPSHOT_H
#define CORE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "error_table.h"
#include "scoreboard.h"

struct err;

struct snapshot_worker {
	unsigned index;
	pid_t pid;
	bool lives; /* false: nobody has tidied up after it yet */
	enum slot_role role;
	enum slot_state state;
	enum slot_phase phase;
	uint32_t generation, connections;
	uint64_t requests, given, taken;
	double age_s;
	bool has_request;
	struct slot_request request;
	double elapsed_s; /* of the request */
};

/* What stands in the rings of all slots. */
struct snapshot_log {
	pid_t writer; /* the process that empties them; 0: there is none, or each process has its own */
	bool writer_lives;
	uint64_t dropped, spans_dropped; /* for want of room, since the scoreboard was made */
	uint64_t waiting_bytes;          /* not written yet */
};

struct snapshot {
	const char *status; /* serving, starting, draining, stopped, alone */
	pid_t supervisor;   /* 0: there is none */
	bool supervisor_lives;
	uint32_t generation, workers, workers_max, workers_wanted, held_back;
	double up_s;
	uint64_t deaths[DEATH_CAUSES];
	uint64_t recycled, reloads, reloads_refused;
	char refusal[SCOREBOARD_REFUSAL_BYTES]; /* "" where none was refused */
	struct error_totals errors;
	unsigned log_levels; /* that are set for a while */
	struct snapshot_log log;
	struct pool_summary pool, admin;
	struct snapshot_worker *rows; /* of slots that somebody lives in */
	size_t row_count;
};

/* -1 with err: no memory. */
int snapshot_take(struct snapshot *snapshot, struct scoreboard *board, struct err *err);
void snapshot_fini(struct snapshot *snapshot);

#endif
