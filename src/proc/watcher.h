/*
 * watcher.h - the small thread in a worker that acts when the main thread cannot.
 *
 * While requests run it ticks. When it finds one that has taken slow_ms, it calls on_slow(), which gives the
 * worker's idle connections away; it shuts a connection down whose write deadline has passed (libfcgi
 * writes without one); and it ends the worker when the supervisor is gone and the request still runs after a
 * grace. While the worker is idle it sleeps on a futex.
 *
 * The worker's connections belong to the main thread, but between watcher_request_begin() and
 * watcher_request_end() to the watcher: a mutex goes from hand to hand there.
 */
#ifndef PROC_WATCHER_H
#define PROC_WATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct watcher;

struct watcher_config {
	pid_t supervisor; /* 0: there is none to outlive */
	int64_t orphan_grace_ms;
	int64_t slow_ms; /* a request that has taken so long is slow; it ticks at twice that: few ticks, and in time */
	void (*on_slow)(void *context); /* in the watcher's thread, at most once a request; NULL: nothing is done */
	void *context;
};

/*
 * By the main thread, whose the connections are from now on. Starts the thread, all signals blocked in it. NULL
 * with err: no thread, no memory.
 */
struct watcher *watcher_create(const struct watcher_config *config, struct err *err);
/* By the same thread, outside a request. */
void watcher_destroy(struct watcher *watcher);
/* A request begins and ends: between the two the watcher ticks, and may touch what on_slow() touches. */
void watcher_request_begin(struct watcher *watcher);
void watcher_request_end(struct watcher *watcher);
/* From now until watcher_disarm(), fd is shut down when the deadline passes. */
void watcher_arm(struct watcher *watcher, int fd, int64_t deadline_ns);
/* True where the deadline had passed and fd was shut down. */
bool watcher_disarm(struct watcher *watcher);

#endif
