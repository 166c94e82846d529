/*
 * log_sink_kind.h - what a kind of sink can do. For log_sink.c and the kinds alone.
 *
 * Contracts are those of log_sink.h. A kind that has nothing to do at an event leaves its function out.
 */
#ifndef CORE_LOG_SINK_KIND_H
#define CORE_LOG_SINK_KIND_H

#include "log_destination.h"
#include "log_sink.h"

/* How long a line may wait for room where no log writer keeps it. */
#define LOG_SINK_WAIT_MS 10

struct log_sink_kind {
	bool (*put)(struct log_sink *sink, struct log_batch *batch);
	int (*wait_fd)(const struct log_sink *sink);
	void (*write)(struct log_sink *sink, const struct log_line *line);
	int (*reopen)(struct log_sink *sink, struct err *err);
	void (*untear)(struct log_sink *sink, struct log_batch *batch);
	void (*close)(struct log_sink *sink);
};

/* Each opens a sink whose members are those of standard error. 0 or -1. */
void log_sink_stderr_open(struct log_sink *sink);
/* Syslog or the journal. */
int log_sink_socket_open(struct log_sink *sink, const struct log_destination *destination, const char *app_name,
                         struct err *err);
/* Standard error, which is a stream of the journal's. */
int log_sink_stream_open(struct log_sink *sink, struct err *err);
/* A closed sink: lines go to standard error as they are. */
void log_sink_none(struct log_sink *sink);

#endif
