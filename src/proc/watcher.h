/*
 * watcher.h - the small thread in a worker that acts when the main thread cannot.
 *
 * While a request runs it ticks; it shuts a connection down whose write deadline has passed (libfcgi
 * writes without one), and ends the worker when the supervisor is gone and the request still runs after
 * a grace. While the worker is idle it sleeps on a futex. The handoff of idle connections will start here.
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
	int64_t tick_ms;
};

/* Starts the thread, all signals blocked in it. NULL with err: no thread, no memory. */
struct watcher *watcher_create(const struct watcher_config *config, struct err *err);
void watcher_destroy(struct watcher *watcher);
/* A request begins and ends: between the two the watcher ticks. */
void watcher_request_begin(struct watcher *watcher);
void watcher_request_end(struct watcher *watcher);
/* From now until watcher_disarm(), fd is shut down when the deadline passes. */
void watcher_arm(struct watcher *watcher, int fd, int64_t deadline_ns);
/* True where the deadline had passed and fd was shut down. */
bool watcher_disarm(struct watcher *watcher);

#endif
