/*
 * log_intent.h - what a reader of rings is writing, in shared memory, for whoever comes after it.
 *
 * Called by the log writer. Tells a batch that was not begun from one that is being written, and that from one that
 * has been written but not yet been given back to the rings.
 */
#ifndef CORE_LOG_INTENT_H
#define CORE_LOG_INTENT_H

#include <stddef.h>
#include <stdint.h>

#include "log_ring.h"

struct log_batch;
struct log_sink;

enum intent_state { INTENT_NONE, INTENT_WRITING, INTENT_WRITTEN };

/* What is appended from now on, the rest of the batch, begins at the sink's present end. sink may be NULL. */
void log_intent_begin(struct ring_intent *intent, const struct log_sink *sink, const struct log_batch *batch);
void log_intent_written(struct ring_intent *intent);
void log_intent_clear(struct ring_intent *intent);
enum intent_state log_intent_state(const struct ring_intent *intent);
/*
 * How many bytes of the batch stand in the sink's file; 0 where it is another one. Where there was no file, how many
 * were done as far as the one that died came to say: the write that it died over may be missing there.
 */
size_t log_intent_found(const struct ring_intent *intent, const struct log_sink *sink, const struct log_batch *batch);

#endif
