/*
 * log_writer.h - brings what stands in the rings to the sinks.
 *
 * Workers put their records into rings in shared memory (shm/log_ring.h) and never write to a sink: whatever a sink
 * does, no request waits for it. One reader empties the rings, in a process of its own (proc/log_process.h) or, where
 * a process serves alone, in a thread. It writes in batches, in the order in which the records were put.
 *
 * Exactly once, whoever is killed: a record is in a ring or it is not (log_ring.h); which batch is under way, and
 * where in the file, stands in the ring as well, so that the next reader finds out how much of it was written. Only a
 * sink that cannot be read again, a pipe or a socket, may get twice what its reader was killed over: one write, and
 * one message where it takes messages.
 *
 * A sink that takes nothing keeps its records in the rings; what then finds no room there is dropped and counted by
 * who put it, and the count is logged when the sink takes lines again.
 */
#ifndef CORE_LOG_WRITER_H
#define CORE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct log;
struct log_sink;
struct log_writer;
struct scoreboard;

/* Whose rings: of every slot and of the supervisor; of one slot alone. */
enum log_writer_scope { LOG_WRITER_ALL, LOG_WRITER_SLOT };

struct log_writer_config {
	struct scoreboard *board;
	enum log_writer_scope scope;
	unsigned slot;          /* LOG_WRITER_SLOT */
	struct log *log;        /* whose sink it writes to, and in whose form the count of dropped records */
	struct log_sink *trace; /* NULL: spans are thrown away */
	int64_t gather_ms;      /* how long records are gathered before they are written */
};

/*
 * Becomes the rings' reader, and goes on where one that died left off. NULL with err: no memory, or another process
 * that lives is their reader.
 */
struct log_writer *log_writer_create(const struct log_writer_config *config, struct err *err);
void log_writer_destroy(struct log_writer *writer); /* NULL is allowed */

enum log_progress { LOG_NOTHING, LOG_WROTE, LOG_BLOCKED };

/* One batch of each kind, as far as there is one and the sink takes it. */
enum log_progress log_writer_pass(struct log_writer *writer);
/* Waits after a pass: for more to gather, for the first record, for the sink; at most a second. */
void log_writer_wait(struct log_writer *writer, enum log_progress progress);
/* Ends a wait, from another process or thread. */
void log_writer_nudge(const struct scoreboard *board, enum log_writer_scope scope, unsigned slot);
/* Opens files by their names again; what was written in part of a line goes whole into the new one. -1 with err. */
int log_writer_reopen(struct log_writer *writer, struct err *err);
/* Whoever put into these rings is dead: what was held is undecided. */
void log_writer_abandon(const struct log_writer *writer);
/* Nobody puts any more: until all is written, or the sink has not taken a batch within patience_ms. */
void log_writer_finish(struct log_writer *writer, int64_t patience_ms);
/* True where it keeps a record that is not decided yet (log_undecided.h): none else has it. */
bool log_writer_keeps(const struct log_writer *writer);
/* True where a slot whose rings these are has an owner that lives. */
bool log_writer_needed(const struct log_writer *writer);

#endif
