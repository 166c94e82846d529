/* pid_file.c - see pid_file.h. Two services cannot meet here: the scoreboard's lock comes first. */
#include "pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

static int
write_pid(const char *path)
{
	char text[32];
	int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, text, (size_t)length);
	return close(fd) == 0 && written == length ? 0 : -1;
}

/* After a reload, whose user may not write there any more, it still is right. */
static bool
says_our_pid(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	return n > 0 && strtol(text, NULL, 10) == (long)getpid();
}

int
pid_file_write(const char *path, struct err *err)
{
	char draft[4096];
	if (path == NULL || says_our_pid(path))
		return 0;
	if (snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid()) >= (int)sizeof draft)
		return err_set(err, "PID_FILE: the path is too long.");
	if (write_pid(draft) != 0 || rename(draft, path) != 0) {
		err_set(err, "PID_FILE: %s cannot be written: %s.", path, strerror(errno));
		unlink(draft);
		return -1;
	}
	return 0;
}

void
pid_file_remove(const char *path)
{
	if (path != NULL && says_our_pid(path))
		unlink(path);
}
