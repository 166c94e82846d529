/* setup_watch.c - compares the process before and after a module's setup; changes nothing. Called by app.c. */
#include "setup_watch.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t
count_threads(void)
{
	size_t count = 0;
	DIR *tasks = opendir("/proc/self/task");
	if (tasks == NULL)
		return 0;
	for (const struct dirent *task; (task = readdir(tasks)) != NULL;)
		count += task->d_name[0] != '.';
	closedir(tasks);
	return count;
}

static mode_t
file_mask(void)
{
	mode_t mask = umask(0);
	umask(mask);
	return mask;
}

void
setup_watch_begin(struct setup_watch *watch)
{
	*watch = (struct setup_watch){.pid = getpid(), .threads = count_threads(), .mask = file_mask()};
	stat(".", &watch->directory);
}

const char *
setup_watch_end(const struct setup_watch *watch)
{
	struct stat directory = {0};
	if (getpid() != watch->pid)
		_exit(EXIT_FAILURE);
	stat(".", &directory);
	if (directory.st_dev != watch->directory.st_dev || directory.st_ino != watch->directory.st_ino)
		return "its setup changed the working directory, which settings and reloads rely on.";
	if (file_mask() != watch->mask)
		return "its setup changed the umask, which says who may read what the service writes.";
	if (count_threads() > watch->threads)
		return "its setup started a thread, which no worker would have; start it at the first request of a "
		       "worker.";
	return NULL;
}
