/*
 * redis_main.c - the keeper: what is asked of Redis once for all, and by no request.
 *
 * "vitalsd:redis" is a child of the supervisor, started where there is a REDIS_URL, and again when it dies; a process
 * that serves alone has a thread instead, and of those one keeps, whoever holds the breaker's word. It probes while the
 * breaker is open (store/redis_watch.c), and hears which keys have changed (redis_listener.c). It opens connections of its
 * own, after the fork, and serves nobody.
 *
 * The breaker's futex is slept on by a thread, the bell, which passes it on to the one poll().
 */
#include "redis_main.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "breaker.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "owner.h"
#include "redis_listener.h"
#include "redis_watch.h"
#include "scoreboard.h"
#include "settings.h"
#include "worker.h"
#include "worker_main.h"

/* How often a process that serves alone looks whether the keeper is gone. */
#define TAKE_OVER_MS 1000
#define LOGGER "vitals.cache"

enum { WANT_WATCH, WANT_LISTENER, WANTS = WANT_LISTENER + REDIS_TRACKING_SIDES };

struct bell {
	struct breaker *breaker;
	int fd; /* readable: it has rung */
	_Atomic bool stop;
	pthread_t thread;
};

struct keeper {
	const struct worker_context *with;
	struct breaker *breaker;
	uint64_t self;
	struct bell bell;
	struct redis_watch *watch;
	bool keeps;
	struct redis_listener *listener; /* NULL: it does not keep, or there is nothing to listen for */
};

bool
redis_needed(const struct settings *settings)
{
	return settings->redis_url != NULL;
}

/* ---- The bell ----------------------------------------------------------------------------------- */

static void *
listen_for_changes(void *context)
{
	struct bell *bell = context;
	uint32_t seen = 0;
	while (!atomic_load(&bell->stop)) {
		breaker_sleep(bell->breaker, &seen, DEADLINE_NEVER);
		eventfd_write(bell->fd, 1);
	}
	return NULL;
}

/* All signals are the main thread's. */
static int
start_thread(pthread_t *thread, void *(*run)(void *), void *context, struct err *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(thread, NULL, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0 ? 0 : err_set(err, "A thread cannot be started: %s.", strerror(error));
}

static int
hang_bell(struct bell *bell, struct breaker *breaker, struct err *err)
{
	bell->breaker = breaker;
	bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell->fd < 0)
		return err_set(err, "No event descriptor is to be had: %s.", strerror(errno));
	if (start_thread(&bell->thread, listen_for_changes, bell, err) == 0)
		return 0;
	close(bell->fd);
	return -1;
}

static void
take_bell_down(struct bell *bell)
{
	atomic_store(&bell->stop, true);
	breaker_nudge(bell->breaker);
	pthread_join(bell->thread, NULL);
	close(bell->fd);
}

/* ---- Keeping ------------------------------------------------------------------------------------ */

static int
open_keeper(struct keeper *keeper, const struct worker_context *with, struct err *err)
{
	*keeper = (struct keeper){.with = with, .breaker = scoreboard_redis_breaker(with->board), .self = owner_self()};
	struct redis_config config = worker_redis_config(with);
	keeper->watch = redis_watch_create(&config, err);
	if (keeper->watch == NULL)
		return -1;
	if (hang_bell(&keeper->bell, keeper->breaker, err) == 0)
		return 0;
	redis_watch_destroy(keeper->watch);
	return -1;
}

static void
close_keeper(struct keeper *keeper)
{
	redis_listener_destroy(keeper->listener);
	breaker_leave(keeper->breaker, keeper->self);
	take_bell_down(&keeper->bell);
	redis_watch_destroy(keeper->watch);
}

/* Where it cannot be had, the embedded cache is believed for CACHE_UNTRACKED_TTL, as without it. */
static void
begin_to_keep(struct keeper *keeper)
{
	struct err err;
	keeper->keeps = true;
	keeper->listener = redis_listener_create(keeper->with, &err);
	if (keeper->listener == NULL && err.text[0] != '\0')
		log_event(keeper->with->log, VT_WARNING, LOGGER, "Changes in Redis are not told",
		          VT_STR("reason", err.text));
}

/* What is due, by who keeps; returns when to come again. */
static int64_t
keep_step(struct keeper *keeper, struct io_want wants[static WANTS])
{
	if (!breaker_keep(keeper->breaker, keeper->self))
		return deadline_in_ms(TAKE_OVER_MS);
	if (!keeper->keeps)
		begin_to_keep(keeper);
	int64_t due_ns = redis_watch_step(keeper->watch, &wants[WANT_WATCH]);
	if (keeper->listener == NULL)
		return due_ns;
	return deadline_min(due_ns, redis_listener_step(keeper->listener, &wants[WANT_LISTENER]));
}

/* One round, which ends when there is something to do or stop_fd can be read. */
static void
keep(struct keeper *keeper, int stop_fd)
{
	enum { STOP = WANTS, BELL, COUNT };
	struct io_want wants[WANTS];
	struct pollfd polls[COUNT] = {
		[STOP] = {.fd = stop_fd, .events = POLLIN}, [BELL] = {.fd = keeper->bell.fd, .events = POLLIN}};
	eventfd_t rung;
	for (size_t i = 0; i < WANTS; i++)
		wants[i] = (struct io_want){.fd = -1};
	int64_t due_ns = keep_step(keeper, wants);
	for (size_t i = 0; i < WANTS; i++)
		polls[i] = (struct pollfd){.fd = wants[i].fd, .events = wants[i].events};
	poll(polls, COUNT, deadline_poll_ms(due_ns));
	(void)eventfd_read(keeper->bell.fd, &rung);
}

/* ---- As a process ------------------------------------------------------------------------------- */

/* True: it is time to go. */
static bool
read_signals(const struct keeper *keeper, int signal_fd)
{
	struct signalfd_siginfo info;
	struct err err;
	bool leave = false;
	while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		leave |= info.ssi_signo == SIGTERM || info.ssi_signo == WORKER_RETIRE;
		if (info.ssi_signo == SIGUSR1 && log_reopen(keeper->with->log, &err) != 0)
			log_event(keeper->with->log, VT_ERROR_LEVEL, "vitals.log", "A file cannot be opened again",
			          VT_STR("reason", err.text));
	}
	return leave;
}

int
redis_main(void *context, int signal_fd)
{
	const struct worker_context *with = context;
	struct keeper keeper;
	struct err err;
	log_use_ring(with->log, NULL, NULL); /* it has no slot */
	if (open_keeper(&keeper, with, &err) != 0) {
		log_event(with->log, VT_CRITICAL, LOGGER, "Redis is watched by nobody", VT_STR("reason", err.text));
		return EXIT_FAILURE;
	}
	while (!read_signals(&keeper, signal_fd))
		keep(&keeper, signal_fd);
	close_keeper(&keeper);
	return EXIT_SUCCESS;
}

/* ---- As a thread -------------------------------------------------------------------------------- */

struct redis_thread {
	struct keeper keeper;
	int stop_fd;
	_Atomic bool stop;
	pthread_t thread;
};

static void *
keep_until_stopped(void *context)
{
	struct redis_thread *thread = context;
	while (!atomic_load(&thread->stop))
		keep(&thread->keeper, thread->stop_fd);
	return NULL;
}

static int
open_thread(struct redis_thread *thread, const struct worker_context *with, struct err *err)
{
	thread->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (thread->stop_fd < 0)
		return err_set(err, "No event descriptor is to be had: %s.", strerror(errno));
	if (open_keeper(&thread->keeper, with, err) == 0) {
		if (start_thread(&thread->thread, keep_until_stopped, thread, err) == 0)
			return 0;
		close_keeper(&thread->keeper);
	}
	close(thread->stop_fd);
	return -1;
}

struct redis_thread *
redis_thread_start(const struct worker_context *with, struct err *err)
{
	struct redis_thread *thread = calloc(1, sizeof *thread);
	if (thread == NULL) {
		err_set(err, "There is no memory for watching Redis.");
		return NULL;
	}
	if (open_thread(thread, with, err) == 0)
		return thread;
	free(thread);
	return NULL;
}

void
redis_thread_stop(struct redis_thread *thread)
{
	if (thread == NULL)
		return;
	atomic_store(&thread->stop, true);
	eventfd_write(thread->stop_fd, 1);
	pthread_join(thread->thread, NULL);
	close_keeper(&thread->keeper);
	close(thread->stop_fd);
	free(thread);
}
