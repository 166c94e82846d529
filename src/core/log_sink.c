/*
 * log_sink.c - brings lines to a descriptor and counts those that it would not take.
 *
 * Never waits for a pipe that the service opened itself (O_NONBLOCK); never removes or rewrites what
 * stands in the file. Where a line went out in part, the next one starts on a line of its own.
 */
#include "log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

static int
open_file(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0)
		return err_set(err, "The log file \"%s\" (LOG_FILE) cannot be opened: %s.", path, strerror(errno));
	return fd;
}

int
log_sink_open(struct log_sink *sink, const char *path, struct err *err)
{
	*sink = (struct log_sink){.fd = STDERR_FILENO};
	if (path == NULL || strcmp(path, "stderr") == 0)
		return 0;
	sink->path = strdup(path);
	if (sink->path == NULL)
		return err_set(err, "There is no memory for the log.");
	sink->fd = open_file(path, err);
	if (sink->fd >= 0)
		return 0;
	free(sink->path);
	sink->path = NULL;
	return -1;
}

void
log_sink_close(struct log_sink *sink)
{
	if (sink->path != NULL)
		close(sink->fd);
	free(sink->path);
	sink->path = NULL;
	sink->fd = STDERR_FILENO;
}

int
log_sink_reopen(struct log_sink *sink, struct err *err)
{
	if (sink->path == NULL)
		return 0;
	int fd = open_file(sink->path, err);
	if (fd < 0)
		return -1;
	/* dup3() puts the new file in place at once: another thread that writes meets the one or the other. */
	int status = dup3(fd, sink->fd, O_CLOEXEC);
	int error = errno;
	close(fd);
	if (status < 0)
		return err_set(err, "The log file \"%s\" (LOG_FILE) cannot be put in place: %s.", sink->path,
		               strerror(error));
	sink->torn = false;
	return 0;
}

/* Returns how many bytes could be written. */
static size_t
write_all(int fd, const char *data, size_t size)
{
	size_t written = 0;
	while (written < size) {
		ssize_t n = write(fd, data + written, size - written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		written += (size_t)n;
	}
	return written;
}

void
log_sink_write(struct log_sink *sink, const char *line, size_t size_bytes)
{
	int kept_errno = errno;
	size_t written = 0;
	if (!sink->torn || write_all(sink->fd, "\n", 1) == 1) {
		written = write_all(sink->fd, line, size_bytes);
		sink->torn = written > 0 && written < size_bytes;
	}
	if (written < size_bytes)
		sink->dropped++;
	errno = kept_errno;
}
