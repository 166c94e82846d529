/*
 * watcher.c - see watcher.h.
 *
 * The mutex guards only the armed descriptor, so that it is never shut down after the main thread has
 * let go of it. On the fast path the main thread makes no system call: the futex is woken only where
 * the watcher has said that it sleeps.
 */
#include "watcher.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "insist.h"

enum { IDLE, RUNNING, ENDING };

struct watcher {
	struct watcher_config config;
	pthread_t thread;
	_Atomic uint32_t word; /* IDLE, RUNNING, ENDING: the futex */
	_Atomic bool asleep;
	pthread_mutex_t lock;
	int armed_fd; /* -1: none */
	int64_t armed_deadline_ns;
	bool fired;
	int64_t orphan_since_ns; /* 0: the supervisor was there at the last tick; the watcher's own */
};

static void
futex_wait(_Atomic uint32_t *word, uint32_t expected, const struct timespec *timeout)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, NULL, 0);
}

static void
futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void
enforce_deadline(struct watcher *watcher, int64_t now_ns)
{
	pthread_mutex_lock(&watcher->lock);
	if (watcher->armed_fd >= 0 && !watcher->fired && now_ns >= watcher->armed_deadline_ns) {
		shutdown(watcher->armed_fd, SHUT_RDWR);
		watcher->fired = true;
	}
	pthread_mutex_unlock(&watcher->lock);
}

/* A worker whose supervisor died finishes what it runs, but not for ever. */
static void
enforce_parent(struct watcher *watcher, int64_t now_ns)
{
	if (watcher->config.supervisor == 0 || getppid() == watcher->config.supervisor)
		return;
	if (watcher->orphan_since_ns == 0)
		watcher->orphan_since_ns = now_ns;
	else if (now_ns - watcher->orphan_since_ns > watcher->config.orphan_grace_ms * NS_PER_MS)
		_exit(0);
}

static void *
watch(void *arg)
{
	struct watcher *watcher = arg;
	const struct timespec tick = {.tv_sec = watcher->config.tick_ms / 1000,
	                              .tv_nsec = watcher->config.tick_ms % 1000 * NS_PER_MS};
	for (;;) {
		uint32_t word = atomic_load(&watcher->word);
		if (word == ENDING)
			return NULL;
		if (word == RUNNING) {
			futex_wait(&watcher->word, RUNNING, &tick);
			int64_t now_ns = clock_mono_ns();
			enforce_deadline(watcher, now_ns);
			enforce_parent(watcher, now_ns);
			continue;
		}
		atomic_store(&watcher->asleep, true);
		futex_wait(&watcher->word, IDLE, NULL);
		atomic_store(&watcher->asleep, false);
	}
}

static int
start_thread(struct watcher *watcher)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int status = pthread_create(&watcher->thread, NULL, watch, watcher);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

struct watcher *
watcher_create(const struct watcher_config *config, struct err *err)
{
	struct watcher *watcher = calloc(1, sizeof *watcher);
	if (watcher == NULL) {
		err_set(err, "There is no memory for the watcher thread.");
		return NULL;
	}
	watcher->config = *config;
	watcher->armed_fd = -1;
	pthread_mutex_init(&watcher->lock, NULL);
	int status = start_thread(watcher);
	if (status != 0) {
		err_set(err, "The watcher thread cannot be started: %s.", strerror(status));
		pthread_mutex_destroy(&watcher->lock);
		free(watcher);
		return NULL;
	}
	return watcher;
}

static void
set_word(struct watcher *watcher, uint32_t word)
{
	atomic_store(&watcher->word, word);
	if (atomic_load(&watcher->asleep))
		futex_wake(&watcher->word);
}

void
watcher_destroy(struct watcher *watcher)
{
	if (watcher == NULL)
		return;
	atomic_store(&watcher->word, ENDING);
	futex_wake(&watcher->word);
	pthread_join(watcher->thread, NULL);
	pthread_mutex_destroy(&watcher->lock);
	free(watcher);
}

void
watcher_request_begin(struct watcher *watcher)
{
	set_word(watcher, RUNNING);
}

void
watcher_request_end(struct watcher *watcher)
{
	atomic_store(&watcher->word, IDLE);
}

void
watcher_arm(struct watcher *watcher, int fd, int64_t deadline_ns)
{
	pthread_mutex_lock(&watcher->lock);
	INSIST(watcher->armed_fd < 0);
	watcher->armed_fd = fd;
	watcher->armed_deadline_ns = deadline_ns;
	watcher->fired = false;
	pthread_mutex_unlock(&watcher->lock);
}

bool
watcher_disarm(struct watcher *watcher)
{
	pthread_mutex_lock(&watcher->lock);
	bool fired = watcher->fired;
	watcher->armed_fd = -1;
	pthread_mutex_unlock(&watcher->lock);
	return fired;
}
