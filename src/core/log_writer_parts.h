/*
 * log_writer_parts.h - what the files of the log writer share, and nobody else includes.
 *
 * log_writer.c passes over the rings, begins and ends; log_writer_choose.c makes a batch of what stands there;
 * log_writer_wait.c sleeps in between.
 */
#ifndef CORE_LOG_WRITER_PARTS_H
#define CORE_LOG_WRITER_PARTS_H

#include "log_batch.h"
#include "log_merge.h"
#include "log_ring.h"
#include "log_undecided.h"
#include "log_writer.h"

#define LOG_WRITER_NOT_FUTILE SIZE_MAX

struct channel {
	struct log_sink *sink; /* NULL: thrown away */
	struct log_merge merge;
	struct log_batch batch;
	struct ring first; /* the reader's own words stand here */
	uint64_t dropped;  /* as many as the batch announces, when it has been written; 0: it announces none */
};

struct log_writer {
	struct log_writer_config config;
	struct channel channels[RING_KINDS];
	enum log_progress progress; /* of the log alone, in the last pass */
	size_t futile_bytes; /* so far the sinks had come when one was said to be ready; LOG_WRITER_NOT_FUTILE: none was */
	struct log_undecided *undecided; /* NULL: nobody tries again under our eyes */
	_Atomic uint32_t *wake;
};

/* The place whose first ring holds the reader's own words. */
unsigned log_writer_first_place(enum log_writer_scope scope, unsigned slot);

/* ---- log_writer_choose.c ---- */

/* Lines that stand in no ring: the count of what was dropped, what was found damaged, what has been decided. */
void log_writer_choose_extra(struct log_writer *writer, enum undecided_wait wait);
/* Records, oldest first, as many as the batch has room for. */
void log_writer_choose(struct log_writer *writer, struct channel *channel, enum merge_range range);

/* ---- log_writer_wait.c ---- */

/* For room where poll() can tell of it; a moment where it cannot. */
void log_writer_wait_for_sinks(struct log_writer *writer);

#endif
