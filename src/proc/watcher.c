/*
 * watcher.c - see watcher.h.
 *
 * The main thread makes no system call for it on the fast path: the futex is woken only where the watcher has
 * said that it sleeps, and it goes on ticking for a while after the last request, so that under load it hardly
 * ever does. One mutex guards the armed descriptor, so that it is never shut down after the main thread has let
 * go of it; the other one says whose the connections are.
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

/* The word: a count of requests above two flags. The count makes the word of each request its own. */
#define RUNNING UINT32_C(1)
#define ENDING UINT32_C(2)
#define ONE_REQUEST UINT32_C(4)
/* Once the connections are given away only deadlines are left to watch. */
#define LONG_TICK_MS 20
/*
 * Each tick takes the processor from somebody: at 500 a second and worker, eight workers lost some 6% of their
 * throughput (doc/performance.md). A slow request is found when it has taken between slow_ms and three times that.
 */
#define TICK_OF_SLOW 2
#define QUIET_TICKS 12
#define TICKS_A_LOOK 4

struct watcher {
	struct watcher_config config;
	pthread_t thread;
	_Atomic uint32_t word;    /* the futex */
	_Atomic int64_t begun_ns; /* of the request that the word is about */
	_Atomic bool asleep;      /* wants to be woken when a request begins */
	pthread_mutex_t connections;
	pthread_mutex_t arming;
	int armed_fd; /* -1: none */
	int64_t armed_deadline_ns;
	bool fired;
	int64_t orphan_since_ns; /* 0: the supervisor was there at the last tick; this and the next are the thread's own */
	uint32_t slow;           /* the word of the request that on_slow() was called for */
	unsigned quiet_ticks, ticks;
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
	pthread_mutex_lock(&watcher->arming);
	if (watcher->armed_fd >= 0 && !watcher->fired && now_ns >= watcher->armed_deadline_ns) {
		shutdown(watcher->armed_fd, SHUT_RDWR);
		watcher->fired = true;
	}
	pthread_mutex_unlock(&watcher->arming);
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

/* Never waits for the main thread: where that has the connections, the request is over. */
static void
notice_slow(struct watcher *watcher, uint32_t word, int64_t now_ns)
{
	if (watcher->config.on_slow == NULL || word == watcher->slow ||
	    now_ns - atomic_load(&watcher->begun_ns) < watcher->config.slow_ms * NS_PER_MS)
		return;
	if (pthread_mutex_trylock(&watcher->connections) != 0)
		return;
	if (atomic_load(&watcher->word) == word) {
		watcher->config.on_slow(watcher->config.context);
		watcher->slow = word;
	}
	pthread_mutex_unlock(&watcher->connections);
}

/* Up to ms, or (wakeable) until the next request begins; negative: until then, however long. */
static void
rest(struct watcher *watcher, uint32_t word, int64_t ms, bool wakeable)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};
	atomic_store(&watcher->asleep, wakeable);
	futex_wait(&watcher->word, word, ms < 0 ? NULL : &time);
	atomic_store(&watcher->asleep, false);
}

static void
tick(struct watcher *watcher, uint32_t word)
{
	int64_t now_ns = clock_mono_ns();
	enforce_deadline(watcher, now_ns);
	if (watcher->ticks++ % TICKS_A_LOOK == 0)
		enforce_parent(watcher, now_ns);
	notice_slow(watcher, word, now_ns);
	watcher->quiet_ticks = 0;
	if (word == watcher->slow)
		rest(watcher, word, LONG_TICK_MS, true);
	else
		rest(watcher, word, TICK_OF_SLOW * watcher->config.slow_ms, false);
}

static void *
watch(void *arg)
{
	struct watcher *watcher = arg;
	for (;;) {
		uint32_t word = atomic_load(&watcher->word);
		if ((word & ENDING) != 0)
			return NULL;
		if ((word & RUNNING) != 0)
			tick(watcher, word);
		else if (watcher->quiet_ticks++ < QUIET_TICKS)
			rest(watcher, word, TICK_OF_SLOW * watcher->config.slow_ms, false);
		else
			rest(watcher, word, -1, true);
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
	pthread_mutex_init(&watcher->arming, NULL);
	pthread_mutex_init(&watcher->connections, NULL);
	pthread_mutex_lock(&watcher->connections);
	int status = start_thread(watcher);
	if (status != 0) {
		err_set(err, "The watcher thread cannot be started: %s.", strerror(status));
		free(watcher);
		return NULL;
	}
	return watcher;
}

void
watcher_destroy(struct watcher *watcher)
{
	if (watcher == NULL)
		return;
	atomic_fetch_or(&watcher->word, ENDING);
	futex_wake(&watcher->word);
	pthread_join(watcher->thread, NULL);
	pthread_mutex_unlock(&watcher->connections);
	pthread_mutex_destroy(&watcher->connections);
	pthread_mutex_destroy(&watcher->arming);
	free(watcher);
}

void
watcher_request_begin(struct watcher *watcher)
{
	uint32_t word = atomic_load_explicit(&watcher->word, memory_order_relaxed);
	atomic_store_explicit(&watcher->begun_ns, clock_mono_ns(), memory_order_relaxed);
	pthread_mutex_unlock(&watcher->connections);
	atomic_store(&watcher->word, (word + ONE_REQUEST) | RUNNING);
	if (atomic_load(&watcher->asleep))
		futex_wake(&watcher->word);
}

void
watcher_request_end(struct watcher *watcher)
{
	atomic_store(&watcher->word, atomic_load_explicit(&watcher->word, memory_order_relaxed) & ~RUNNING);
	pthread_mutex_lock(&watcher->connections);
}

void
watcher_arm(struct watcher *watcher, int fd, int64_t deadline_ns)
{
	pthread_mutex_lock(&watcher->arming);
	INSIST(watcher->armed_fd < 0);
	watcher->armed_fd = fd;
	watcher->armed_deadline_ns = deadline_ns;
	watcher->fired = false;
	pthread_mutex_unlock(&watcher->arming);
}

bool
watcher_disarm(struct watcher *watcher)
{
	pthread_mutex_lock(&watcher->arming);
	bool fired = watcher->fired;
	watcher->armed_fd = -1;
	pthread_mutex_unlock(&watcher->arming);
	return fired;
}
