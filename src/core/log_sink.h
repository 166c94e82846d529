/*
 * log_sink.h - where lines go: a file, or standard error.
 *
 * The log writer puts batches; a process whose records go through no ring writes line by line, each with one write(2)
 * at the file's end, so that lines of several processes never mix (on a pipe: those of up to PIPE_BUF bytes).
 */
#ifndef CORE_LOG_SINK_H
#define CORE_LOG_SINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct log_batch;

struct log_sink {
	char *path;                 /* NULL: standard error */
	const char *what, *setting; /* "The log file", "LOG_FILE": for errors */
	int fd;
	bool may_block;     /* a pipe, socket or terminal, whose reader may have stopped */
	_Atomic bool stuck; /* it did not take the last line in time: the next one does not wait at all */
	_Atomic uint64_t dropped;
	_Atomic bool torn; /* the last line went out in part */
};

/* path NULL or "stderr": standard error. A file is created with mode 0640; root follows no symbolic link. 0 or -1. */
int log_sink_open(struct log_sink *sink, const char *path, struct err *err);
/* A file alone, of which errors speak as the one of that setting. */
int log_sink_open_file(struct log_sink *sink, const char *path, const char *what, const char *setting, struct err *err);
/* Twice is harmless. */
void log_sink_close(struct log_sink *sink);
/* Gives a file, and nothing else, to a user and group. 0 or -1. */
int log_sink_chown(const struct log_sink *sink, uid_t uid, gid_t gid, struct err *err);
/* The file by its name again, under the same descriptor number; keeps the old one where that fails (-1). */
int log_sink_reopen(struct log_sink *sink, struct err *err);
/*
 * Brings a batch on, whole lines in one write as far as the sink is one that others write to as well. True where all
 * of it is done; false where the sink takes no more for now: it is to be called again. Never waits.
 */
bool log_sink_put(struct log_sink *sink, struct log_batch *batch);
/* Before another file is opened: what the sink has of a line that is not done is taken back as far as it can be. */
void log_sink_untear(struct log_sink *sink, struct log_batch *batch);
/* Writes a line, its newline included; one that cannot be written is dropped and counted. Thread-safe. */
void log_sink_write(struct log_sink *sink, const char *line, size_t size_bytes);

#endif
