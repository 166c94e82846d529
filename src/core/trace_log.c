/*
 * trace_log.c - appends lines to TRACE_FILE.
 *
 * It must be a regular file: the Collector reads files, and a pipe could hold a request up. Where a line went out in
 * part, on a full disk, the next one starts on a line of its own, so that one line is lost and not two.
 */
#include "trace_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "insist.h"

struct trace_log {
	char *path;
	int fd;
	bool torn;
	uint64_t dropped;
};

static int
open_file(const char *path, struct err *err)
{
	int link_flag = geteuid() == 0 ? O_NOFOLLOW : 0;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | link_flag, 0640);
	struct stat st;
	if (fd < 0)
		return err_set(err, "The file for spans \"%s\" (TRACE_FILE) cannot be opened: %s.", path,
		               errno == ELOOP ? "it is a symbolic link, which root does not follow" : strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(err, "The file for spans \"%s\" (TRACE_FILE) is not a regular file.", path);
}

struct trace_log *
trace_log_create(const char *path, struct err *err)
{
	struct trace_log *log = calloc(1, sizeof *log);
	if (log != NULL)
		log->path = strdup(path);
	if (log == NULL || log->path == NULL) {
		free(log);
		err_set(err, "There is no memory for spans.");
		return NULL;
	}
	log->fd = open_file(path, err);
	if (log->fd >= 0)
		return log;
	free(log->path);
	free(log);
	return NULL;
}

void
trace_log_destroy(struct trace_log *log)
{
	if (log == NULL)
		return;
	close(log->fd);
	free(log->path);
	free(log);
}

int
trace_log_chown(const struct trace_log *log, uid_t uid, gid_t gid, struct err *err)
{
	if (log == NULL || fchown(log->fd, uid, gid) == 0)
		return 0;
	return err_set(err, "The file for spans \"%s\" (TRACE_FILE) cannot be given to RUN_USER: %s.", log->path,
	               strerror(errno));
}

int
trace_log_reopen(struct trace_log *log, struct err *err)
{
	if (log == NULL)
		return 0;
	int fd = open_file(log->path, err);
	if (fd < 0)
		return -1;
	close(log->fd);
	log->fd = fd;
	log->torn = false;
	return 0;
}

static ssize_t
write_once(int fd, const char *data, size_t size)
{
	ssize_t n;
	do
		n = write(fd, data, size);
	while (n < 0 && errno == EINTR);
	return n;
}

void
trace_log_write(struct trace_log *log, const char *line, size_t size_bytes)
{
	int kept_errno = errno;
	INSIST(size_bytes <= TRACE_LINE_MAX_BYTES);
	bool ready = !log->torn || write_once(log->fd, "\n", 1) == 1;
	ssize_t n = ready ? write_once(log->fd, line, size_bytes) : -1;
	if (n != (ssize_t)size_bytes)
		log->dropped++;
	if (ready)
		log->torn = n > 0 && n < (ssize_t)size_bytes;
	errno = kept_errno;
}

uint64_t
trace_log_dropped(const struct trace_log *log)
{
	return log->dropped;
}
