/*
 * log_sink_file.c - files and standard error: brings lines to a descriptor and counts those that it would not take.
 *
 * Never removes or rewrites what stands in the file. Where a line went out in part, the next one starts on a
 * line of its own. A pipe, socket or terminal is written to only when it says that it has room, in pieces
 * that then fit (pipe(7), PIPE_BUF): a reader that has stopped costs one line WAIT_MS and the following ones
 * nothing. Since another process may take that room in between, a pipe is also opened without blocking.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log_batch.h"
#include "log_form.h"
#include "log_sink_kind.h"

/*
 * Who may write in the log's directory, as RUN_USER often may, could put a link to any file there; root does
 * not follow it. What stands in /dev is root's own, and links there are ordinary.
 */
static int
link_flag(const char *path)
{
	return geteuid() == 0 && strncmp(path, "/dev/", 5) != 0 ? O_NOFOLLOW : 0;
}

static int
open_file(const struct log_sink *sink, const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | link_flag(path), 0640);
	if (fd < 0)
		return err_set(err, "%s \"%s\" (%s) cannot be opened: %s.", sink->what, path, sink->setting,
		               errno == ELOOP ? "it is a symbolic link, which root does not follow" : strerror(errno));
	return fd;
}

/* A pipe on standard error cannot be made non-blocking for all that share it; opened again, it can for us alone. */
static int
open_standard_error(void)
{
	char path[32];
	struct stat st;
	if (fstat(STDERR_FILENO, &st) != 0 || !S_ISFIFO(st.st_mode))
		return STDERR_FILENO;
	snprintf(path, sizeof path, "/proc/self/fd/%d", STDERR_FILENO);
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 ? fd : STDERR_FILENO;
}

static bool
is_regular(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int
log_sink_chown(const struct log_sink *sink, uid_t uid, gid_t gid, struct err *err)
{
	if (sink->path == NULL || !is_regular(sink->fd) || fchown(sink->fd, uid, gid) == 0)
		return 0;
	return err_set(err, "%s \"%s\" (%s) cannot be given to RUN_USER: %s.", sink->what, sink->path, sink->setting,
	               strerror(errno));
}

static int
reopen_file(struct log_sink *sink, struct err *err)
{
	if (sink->path == NULL)
		return 0;
	int fd = open_file(sink, sink->path, err);
	if (fd < 0)
		return -1;
	/* dup3() puts the new file in place at once: another thread that writes meets the one or the other. */
	int status = dup3(fd, sink->fd, O_CLOEXEC);
	int error = errno;
	close(fd);
	if (status < 0)
		return err_set(err, "%s \"%s\" (%s) cannot be put in place: %s.", sink->what, sink->path, sink->setting,
		               strerror(error));
	sink->may_block = !is_regular(sink->fd);
	sink->torn = false;
	sink->stuck = false;
	return 0;
}

static bool
has_room(const struct log_sink *sink, int64_t deadline_ns)
{
	struct pollfd wait = {.fd = sink->fd, .events = POLLOUT};
	return poll(&wait, 1, deadline_poll_ms(deadline_ns)) == 1 && (wait.revents & POLLOUT) != 0;
}

/* Returns how many bytes could be written. */
static size_t
write_all(const struct log_sink *sink, const char *data, size_t size, int64_t deadline_ns)
{
	size_t written = 0;
	while (written < size) {
		size_t piece = size - written;
		if (sink->may_block && piece > PIPE_BUF)
			piece = PIPE_BUF;
		if (sink->may_block && !has_room(sink, deadline_ns))
			break;
		ssize_t n = write(sink->fd, data + written, piece);
		if (n < 0 && (errno == EINTR || (errno == EAGAIN && deadline_poll_ms(deadline_ns) > 0)))
			continue;
		if (n <= 0)
			break;
		written += (size_t)n;
	}
	return written;
}

/* Of what is not done: all for a file of ours, and on a pipe as many lines as are one write that is not split. */
static size_t
next_piece(const struct log_sink *sink, const struct log_batch *batch)
{
	size_t rest = batch->size_bytes - batch->done_bytes, end = 0;
	if (!sink->may_block || rest <= PIPE_BUF)
		return rest;
	for (size_t i = log_batch_line(batch); i < batch->count; i++) {
		const struct batch_line *line = &batch->lines[i];
		if (line->start + line->size_bytes - batch->done_bytes > PIPE_BUF)
			break;
		end = line->start + line->size_bytes - batch->done_bytes;
	}
	return end > 0 ? end : PIPE_BUF;
}

static bool
put_lines(struct log_sink *sink, struct log_batch *batch)
{
	while (!log_batch_done(batch)) {
		if (sink->may_block && !has_room(sink, 0))
			return false;
		ssize_t n = write(sink->fd, batch->bytes + batch->done_bytes, next_piece(sink, batch));
		if (n > 0)
			log_batch_took(batch, (size_t)n);
		else if (n == 0 || errno != EINTR)
			return false;
	}
	return true;
}

static void
untear(struct log_sink *sink, struct log_batch *batch)
{
	struct stat st;
	size_t line = log_batch_line(batch);
	if (line == batch->count || batch->lines[line].start == batch->done_bytes)
		return;
	size_t part = batch->done_bytes - batch->lines[line].start;
	if (fstat(sink->fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size >= part)
		(void)!ftruncate(sink->fd, st.st_size - (off_t)part);
	batch->done_bytes = batch->lines[line].start;
}

static void
write_line(struct log_sink *sink, const struct log_line *line)
{
	int kept_errno = errno;
	size_t written = 0;
	int64_t deadline_ns = sink->may_block && !sink->stuck ? deadline_in_ms(LOG_SINK_WAIT_MS) : 0;
	if (!sink->torn || write_all(sink, "\n", 1, deadline_ns) == 1) {
		written = write_all(sink, line->text, line->size_bytes, deadline_ns);
		sink->torn = written > 0 && written < line->size_bytes;
	}
	sink->stuck = written < line->size_bytes;
	if (written < line->size_bytes)
		sink->dropped++;
	errno = kept_errno;
}

/* A file whose disk is full says nothing. */
static int
wait_fd(const struct log_sink *sink)
{
	return sink->may_block ? sink->fd : -1;
}

/* ---- Opening ------------------------------------------------------------------------------------ */

static const struct log_sink_kind file_kind = {
	.put = put_lines, .wait_fd = wait_fd, .write = write_line, .reopen = reopen_file, .untear = untear};

void
log_sink_none(struct log_sink *sink)
{
	*sink = (struct log_sink){.kind = &file_kind, .fd = STDERR_FILENO, .may_block = !is_regular(STDERR_FILENO)};
}

void
log_sink_stderr_open(struct log_sink *sink)
{
	sink->fd = open_standard_error();
}

int
log_sink_open_file(struct log_sink *sink, const char *path, const char *what, const char *setting, struct err *err)
{
	log_sink_none(sink);
	sink->what = what;
	sink->setting = setting;
	sink->path = strdup(path);
	if (sink->path == NULL)
		return err_set(err, "There is no memory for the log.");
	int fd = open_file(sink, path, err);
	if (fd < 0) {
		free(sink->path);
		sink->path = NULL;
		return -1;
	}
	sink->fd = fd;
	sink->may_block = !is_regular(fd);
	return 0;
}
