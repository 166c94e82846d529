/*
 * log_sink.h - where lines go: a file, standard error, syslog, the journal.
 *
 * The log writer puts batches; a process whose records go through no ring writes line by line. Lines of several
 * processes never mix: each is one write(2) at a file's end or one message (on a pipe: up to PIPE_BUF bytes). Which
 * kind a sink is of only log_sink.c knows; each kind is a file of its own behind log_sink_kind.h.
 *
 * Nothing in here waits longer than a moment, and only log_sink_write() waits at all.
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
struct log_line;
struct log_sink_kind;
struct log_socket;

struct log_sink {
	const struct log_sink_kind *kind;
	char *path;                 /* of a file; NULL: it is none */
	const char *what, *setting; /* "The log file", "LOG_FILE": for errors of a file */
	int fd;                     /* -1: a socket that is not connected */
	_Atomic uint64_t dropped;
	bool may_block;            /* a pipe, socket or terminal, whose reader may have stopped */
	_Atomic bool stuck;        /* it did not take the last line in time: the next one does not wait at all */
	_Atomic bool torn;         /* the last line went out in part */
	struct log_socket *socket; /* of a sink that sends messages */
};

struct log_sink_config {
	const char *where;    /* as LOG_FILE says it (log_destination.h); NULL: standard error */
	const char *app_name; /* what syslog and the journal call the service; NULL: "vitals" */
};

/*
 * A file is created with mode 0640; root follows no symbolic link. A socket where nobody listens yet is no error:
 * what is put waits for it (log_destination_prove() is for the start). 0 or -1.
 */
int log_sink_open(struct log_sink *sink, const struct log_sink_config *config, struct err *err);
/* A file alone, of which errors speak as the one of that setting. */
int log_sink_open_file(struct log_sink *sink, const char *path, const char *what, const char *setting, struct err *err);
/* What is written to it then goes to standard error. Twice is harmless. */
void log_sink_close(struct log_sink *sink);
/* Gives a file, and nothing else, to a user and group. 0 or -1. */
int log_sink_chown(const struct log_sink *sink, uid_t uid, gid_t gid, struct err *err);
/* The file by its name again, under the same descriptor number; keeps the old one where that fails (-1). */
int log_sink_reopen(struct log_sink *sink, struct err *err);
/*
 * Brings a batch on, whole lines in one write as far as the sink is one that others write to as well. True where all
 * of it is done; false where the sink takes no more for now: it is to be called again. Never waits. A line that the
 * sink could never take is done, and counted in the batch as refused.
 */
bool log_sink_put(struct log_sink *sink, struct log_batch *batch);
/* Behind log_sink_put() that was false: what poll() says POLLOUT of when there is room; -1: it is to be tried again. */
int log_sink_wait_fd(const struct log_sink *sink);
/* Before another file is opened: what the sink has of a line that is not done is taken back as far as it can be. */
void log_sink_untear(struct log_sink *sink, struct log_batch *batch);
/* Writes a line; one that cannot be written is dropped and counted. Thread-safe. */
void log_sink_write(struct log_sink *sink, const struct log_line *line);

#endif
