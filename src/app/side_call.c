/*
 * side_call.c - the thread behind the checks that ask a file system.
 *
 * The thread is detached, has all signals blocked (they are the main thread's) and touches nothing but
 * its call. The answer is published by a release store; the eventfd only wakes the asker's poll().
 */
#include "side_call.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (256 * 1024)

struct side_call {
	_Atomic int references; /* the asker's and the thread's */
	_Atomic bool answered;
	int event_fd;
	int error;
	union side_answer answer;
	side_call_fn *ask;
	char *path;
};

void
side_call_release(struct side_call *call)
{
	if (call == NULL || atomic_fetch_sub(&call->references, 1) > 1)
		return;
	if (call->event_fd >= 0)
		close(call->event_fd);
	free(call->path);
	free(call);
}

static void *
run(void *arg)
{
	struct side_call *call = arg;
	call->error = call->ask(call->path, &call->answer) == 0 ? 0 : errno;
	atomic_store_explicit(&call->answered, true, memory_order_release);
	eventfd_write(call->event_fd, 1);
	side_call_release(call);
	return NULL;
}

/* 0 or an errno, as pthread_create(). */
static int
start_thread(struct side_call *call)
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
	status = pthread_create(&thread, &attributes, run, call);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return status;
}

struct side_call *
side_call_start(const char *path, side_call_fn *ask)
{
	struct side_call *call = calloc(1, sizeof *call);
	if (call == NULL)
		return NULL;
	atomic_init(&call->references, 1);
	call->ask = ask;
	call->path = strdup(path);
	call->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int status = call->path == NULL || call->event_fd < 0 ? errno : 0;
	if (status == 0) {
		atomic_store(&call->references, 2);
		status = start_thread(call);
		if (status != 0)
			atomic_store(&call->references, 1);
	}
	if (status == 0)
		return call;
	side_call_release(call);
	errno = status;
	return NULL;
}

int
side_call_fd(const struct side_call *call)
{
	return call->event_fd;
}

bool
side_call_answer(struct side_call *call, union side_answer *out, int *error)
{
	if (!atomic_load_explicit(&call->answered, memory_order_acquire))
		return false;
	*error = call->error;
	*out = call->answer;
	return true;
}
