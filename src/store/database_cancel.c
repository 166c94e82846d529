/*
 * database_cancel.c - tells the server to cancel a statement that nobody waits for any more, and closes its connection.
 *
 * PQcancel() opens a connection of its own and blocks until the server has closed it, which a server that is frozen or
 * out of reach does not; libpq before 17 has nothing else. So it is called in a thread, which owns the connection from
 * then on: the request is answered at its deadline, whatever the server does. The connection stays open until the
 * server has heard: pgbouncer forgets which server a client's statement runs at when the client has left.
 *
 * A few at a time; where they are all stuck, a connection is just closed, and the server ends its statement by
 * statement_timeout or when it notices that its client has gone.
 */
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "clock.h"
#include "database_link.h"

#define AT_ONCE 3
#define STACK_BYTES ((size_t)256 << 10)
#define ANSWER_MS                                                                                                      \
	1000 /* for the statement to end before its connection is closed, which spares pgbouncer a connection */
#define DESTROY_MS 250

/* Shared with the threads; freed by whoever lets go last. */
struct cancels {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned busy;
	bool abandoned;
};

struct task {
	struct cancels *cancels;
	PGcancel *cancel;
	PGconn *conn;
};

struct cancels *
cancels_create(void)
{
	struct cancels *cancels = calloc(1, sizeof *cancels);
	pthread_condattr_t attributes;
	if (cancels == NULL)
		return NULL;
	pthread_mutex_init(&cancels->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&cancels->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return cancels;
}

static void
release(struct cancels *cancels)
{
	pthread_cond_destroy(&cancels->changed);
	pthread_mutex_destroy(&cancels->mutex);
	free(cancels);
}

void
cancels_destroy(struct cancels *cancels)
{
	if (cancels == NULL)
		return;
	int64_t until_ns = deadline_in_ms(DESTROY_MS);
	const struct timespec until = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
	pthread_mutex_lock(&cancels->mutex);
	while (cancels->busy > 0 && pthread_cond_timedwait(&cancels->changed, &cancels->mutex, &until) == 0)
		;
	bool last = cancels->busy == 0;
	cancels->abandoned = true;
	pthread_mutex_unlock(&cancels->mutex);
	if (last)
		release(cancels);
}

static void
let_go(struct cancels *cancels)
{
	pthread_mutex_lock(&cancels->mutex);
	cancels->busy--;
	bool last = cancels->abandoned && cancels->busy == 0;
	pthread_cond_signal(&cancels->changed);
	pthread_mutex_unlock(&cancels->mutex);
	if (last)
		release(cancels);
}

static void *
run(void *argument)
{
	struct task *task = argument;
	char unused[256];
	struct pollfd answer = {.fd = PQsocket(task->conn), .events = POLLIN};
	if (PQcancel(task->cancel, unused, sizeof unused) != 0)
		poll(&answer, 1, ANSWER_MS);
	PQfreeCancel(task->cancel);
	PQfinish(task->conn);
	let_go(task->cancels);
	free(task);
	return NULL;
}

/* Every signal stays with the thread that runs the worker. */
static bool
spawn(struct task *task)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_create(&thread, &attributes, run, task) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return started;
}

static bool
reserve(struct cancels *cancels)
{
	pthread_mutex_lock(&cancels->mutex);
	bool free_place = cancels->busy < AT_ONCE;
	cancels->busy += free_place;
	pthread_mutex_unlock(&cancels->mutex);
	return free_place;
}

static void
ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

bool
cancels_start(struct cancels *cancels, PGconn *conn)
{
	struct task *task = malloc(sizeof *task);
	if (task == NULL || !reserve(cancels)) {
		PQfinish(conn);
		free(task);
		return false;
	}
	*task = (struct task){.cancels = cancels, .cancel = PQgetCancel(conn), .conn = conn};
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	if (task->cancel != NULL && spawn(task))
		return true;
	PQfreeCancel(task->cancel);
	PQfinish(conn);
	free(task);
	let_go(cancels);
	return false;
}
