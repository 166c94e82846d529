/*
 * log_batch.h - lines that go to a sink together, in memory of one process.
 *
 * Filled by the log writer, emptied by a sink, which may take it in several goes: done counts what it has taken.
 */
#ifndef CORE_LOG_BATCH_H
#define CORE_LOG_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_line {
	size_t start, size_bytes; /* the newline included */
	uint8_t level;            /* enum vt_level */
};

struct log_batch {
	char *bytes;
	size_t size_bytes, capacity_bytes;
	struct batch_line *lines;
	size_t count, capacity;
	size_t done_bytes;
	_Atomic uint64_t *left; /* NULL, or where a successor finds how many bytes are not done */
	size_t refused;         /* lines that are done since the sink could never take them */
	size_t extra_bytes;     /* of the lines at its beginning that stand in no ring */
};

/* -1: no memory. */
int log_batch_init(struct log_batch *batch, size_t capacity_bytes);
void log_batch_fini(struct log_batch *batch);
void log_batch_reset(struct log_batch *batch);
/* Room for a line of so many bytes at the batch's end, counted as one; NULL: it is full. */
char *log_batch_add(struct log_batch *batch, size_t size_bytes, uint8_t level);
/* By the sink: so many bytes more are done. */
void log_batch_took(struct log_batch *batch, size_t size_bytes);
/* The line that was added last is none after all; nothing has been done yet. */
void log_batch_remove_last(struct log_batch *batch);
/* True where the sink has taken all there is. */
bool log_batch_done(const struct log_batch *batch);
/* The line that byte done_bytes is of; batch->count where all is done. */
size_t log_batch_line(const struct log_batch *batch);

#endif
