/*
 * log_sink.c - opens the kind of sink that a setting names, and passes calls on to it.
 *
 * Standard error is its own kind where it is a stream of the journal's: there a prefix says how grave a line is.
 */
#include "log_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "log_destination.h"
#include "log_sink_kind.h"

/* systemd.exec(5): "device:inode" of what systemd has connected standard output or standard error with. */
static bool
is_journal_stream(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;
	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

int
log_sink_open(struct log_sink *sink, const struct log_sink_config *config, struct err *err)
{
	struct log_destination destination;
	log_sink_none(sink);
	if (log_destination_parse(&destination, config->where, err) != 0)
		return -1;
	switch (destination.place) {
	case LOG_TO_FILE:
		return log_sink_open_file(sink, destination.file, "The log file", "LOG_FILE", err);
	case LOG_TO_SYSLOG:
	case LOG_TO_JOURNAL:
		return log_sink_socket_open(sink, &destination, config->app_name, err);
	case LOG_TO_STDERR:
	default:
		if (is_journal_stream())
			return log_sink_stream_open(sink, err);
		log_sink_stderr_open(sink);
		return 0;
	}
}

void
log_sink_close(struct log_sink *sink)
{
	if (sink->kind->close != NULL)
		sink->kind->close(sink);
	if (sink->fd != STDERR_FILENO && sink->fd >= 0)
		close(sink->fd);
	free(sink->path);
	uint64_t dropped = sink->dropped;
	log_sink_none(sink);
	sink->dropped = dropped;
}

int
log_sink_reopen(struct log_sink *sink, struct err *err)
{
	return sink->kind->reopen != NULL ? sink->kind->reopen(sink, err) : 0;
}

bool
log_sink_put(struct log_sink *sink, struct log_batch *batch)
{
	return sink->kind->put(sink, batch);
}

int
log_sink_wait_fd(const struct log_sink *sink)
{
	return sink->kind->wait_fd(sink);
}

void
log_sink_untear(struct log_sink *sink, struct log_batch *batch)
{
	if (sink->kind->untear != NULL)
		sink->kind->untear(sink, batch);
}

void
log_sink_write(struct log_sink *sink, const struct log_line *line)
{
	sink->kind->write(sink, line);
}
