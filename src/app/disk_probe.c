/*
 * disk_probe.c - the helper thread behind the disk check.
 *
 * The thread is detached, has all signals blocked (they are the main thread's) and touches nothing but
 * its probe. The answer is published by a release store; the eventfd only wakes the asker's poll().
 */
#include "disk_probe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)

struct disk_probe {
	_Atomic int references; /* the asker's and the thread's */
	_Atomic bool answered;
	int event_fd;
	int error;
	struct statvfs answer;
	disk_probe_fn *ask;
	char *path;
};

void
disk_probe_release(struct disk_probe *probe)
{
	if (probe == NULL || atomic_fetch_sub(&probe->references, 1) > 1)
		return;
	if (probe->event_fd >= 0)
		close(probe->event_fd);
	free(probe->path);
	free(probe);
}

static void *
run(void *arg)
{
	struct disk_probe *probe = arg;
	probe->error = probe->ask(probe->path, &probe->answer) == 0 ? 0 : errno;
	atomic_store_explicit(&probe->answered, true, memory_order_release);
	eventfd_write(probe->event_fd, 1);
	disk_probe_release(probe);
	return NULL;
}

/* 0 or an errno, as pthread_create(). */
static int
start_thread(struct disk_probe *probe)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	int status = pthread_attr_init(&attributes);
	if (status != 0)
		return status;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* The thread inherits the mask of this moment. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&thread, &attributes, run, probe);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return status;
}

struct disk_probe *
disk_probe_start(const char *path, disk_probe_fn *ask)
{
	struct disk_probe *probe = calloc(1, sizeof *probe);
	if (probe == NULL)
		return NULL;
	atomic_init(&probe->references, 1);
	probe->ask = ask;
	probe->path = strdup(path);
	probe->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int status = probe->path == NULL || probe->event_fd < 0 ? errno : 0;
	if (status == 0) {
		atomic_store(&probe->references, 2);
		status = start_thread(probe);
		if (status != 0)
			atomic_store(&probe->references, 1);
	}
	if (status == 0)
		return probe;
	disk_probe_release(probe);
	errno = status;
	return NULL;
}

int
disk_probe_fd(const struct disk_probe *probe)
{
	return probe->event_fd;
}

bool
disk_probe_answer(struct disk_probe *probe, struct statvfs *out, int *error)
{
	if (!atomic_load_explicit(&probe->answered, memory_order_acquire))
		return false;
	*error = probe->error;
	*out = probe->answer;
	return true;
}
