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

/* What of the batch is not done is appended from now on, at the sink's present end. sink may be NULL. */
void log_intent_begin(struct ring_intent *intent, const struct log_sink *sink, const struct log_batch *batch);
void log_intent_written(struct ring_intent *intent);
void log_intent_clear(struct ring_intent *intent);
enum intent_state log_intent_state(const struct ring_intent *intent);
/*
 * Sets how much of the batch, made anew from the rings alone, is done: what stood in a former file, and what stands in
 * the sink's; a piece of another line at its end is taken back. In another file than the intent's nothing is found;
 * where there was none, what the one that died came to say is done: the write it died over may be missing. Tells whether the lines that no ring remembers were written as well.
 */
enum intent_extra { INTENT_EXTRA_MISSING, INTENT_EXTRA_WRITTEN };
enum intent_extra log_intent_look(const struct ring_intent *intent, const struct log_sink *sink,
                                  struct log_batch *batch);

#endif
