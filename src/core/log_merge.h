/*
 * log_merge.h - the records of several rings as one sequence, in the order in which they were put.
 *
 * Called by the log writer. Reads the rings and moves nothing in them until it is told to.
 */
#ifndef CORE_LOG_MERGE_H
#define CORE_LOG_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log_ring.h"

struct merge_source {
	struct ring ring;
	uint64_t at, end; /* the next record, and where those that count end */
	bool pending;     /* there is one; then frame is its */
	bool damaged;     /* something else than a record stood there since it was last asked */
	struct frame frame;
};

struct log_merge {
	struct merge_source *sources;
	size_t count;
};

/* Which of them: all that may be read, or those that a former reader had begun to write out. */
enum merge_range { MERGE_READABLE, MERGE_TAKEN };

/* -1: no memory. The caller sets each source's ring. */
int log_merge_init(struct log_merge *merge, size_t count);
void log_merge_fini(struct log_merge *merge);
/* From every ring's tail on. */
void log_merge_begin(struct log_merge *merge, enum merge_range range);
/* The source whose next record is the oldest; NULL: there is none. */
struct merge_source *log_merge_next(struct log_merge *merge);
/* Behind that record. */
void merge_source_advance(struct merge_source *source);
/* What stands there is no record: the rest of that ring, up to its end, is passed over. */
void merge_source_skip(struct merge_source *source);
/* Says to whoever comes after us how far the batch reaches; that it has been written. */
void log_merge_take(struct log_merge *merge);
void log_merge_commit(struct log_merge *merge);
/* Forgets what a former reader had taken. */
void log_merge_untake(struct log_merge *merge);

#endif
