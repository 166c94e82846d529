/*
 * intake.c - accepts and takes over. Called by worker.c.
 *
 * Never exits and never spins for want of descriptors: it closes idle connections, or waits.
 */
#include "intake.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "connection.h"
#include "handoff.h"
#include "listener.h"
#include "log.h"
#include "scoreboard.h"

#define LOGGER "vitals.worker"
#define PAUSE_MS 100
#define CONNECTION_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

/* ---- Sources ------------------------------------------------------------------------------------ */

static int
watch(const struct intake *intake, int fd, const void *pointer)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = (void *)(uintptr_t)pointer};
	return epoll_ctl(intake->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

void
intake_close(struct intake *intake)
{
	if (!intake->open)
		return;
	for (size_t i = 0; i < intake->listener_count; i++)
		epoll_ctl(intake->epoll_fd, EPOLL_CTL_DEL, intake->listeners[i].fd, NULL);
	if (handoff_has_siblings(intake->handoff))
		epoll_ctl(intake->epoll_fd, EPOLL_CTL_DEL, intake->handoff->receive_fd, NULL);
	intake->open = false;
}

int
intake_open(struct intake *intake)
{
	intake->open = true;
	intake->pause_ends_ns = 0;
	int status =
		handoff_has_siblings(intake->handoff) ? watch(intake, intake->handoff->receive_fd, intake->handoff) : 0;
	for (size_t i = 0; status == 0 && i < intake->listener_count; i++)
		status = watch(intake, intake->listeners[i].fd, &intake->listeners[i]);
	if (status == 0)
		return 0;
	int error = errno;
	intake_close(intake);
	errno = error;
	return -1;
}

/* Nothing can be given up: look again after a while. */
static void
pause_intake(struct intake *intake, const char *reason)
{
	log_event(intake->log, VT_WARNING, LOGGER, "Connections cannot be accepted for the moment",
	          VT_STR("reason", reason), VT_INT("connections", intake->table->count));
	intake_close(intake);
	intake->pause_ends_ns = deadline_in_ms(PAUSE_MS);
}

void
intake_resume(struct intake *intake)
{
	if (intake->open || intake->pause_ends_ns == 0 || clock_mono_ns() < intake->pause_ends_ns)
		return;
	if (intake_open(intake) != 0)
		pause_intake(intake, strerror(errno));
}

/*
 * The kernel wakes the first idle worker in a source's queue, and having been woken does not change the queue:
 * connections that come one at a time would all go to the same worker, and stay there. So whoever got one goes to
 * the end. What arrives in between is seen when the source is added.
 */
static void
give_way(struct intake *intake, int fd, const void *pointer)
{
	epoll_ctl(intake->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	if (watch(intake, fd, pointer) != 0)
		pause_intake(intake, strerror(errno));
}

/* ---- Room --------------------------------------------------------------------------------------- */

/*
 * Closes the connection that has been idle for longest, to make room. One that has just been sent a request
 * is not idle, though this worker has not looked yet. False: there is none.
 */
static bool
give_up_idle(struct intake *intake)
{
	char byte;
	struct connection *idle = conn_table_oldest_idle(intake->table);
	while (idle != NULL && recv(idle->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		idle = idle->next;
	if (idle == NULL)
		return false;
	conn_table_remove(intake->table, idle);
	return true;
}

static bool
has_room(const struct intake *intake, size_t count)
{
	return intake->table->count + count <= intake->max_connections || intake->table->count == 0;
}

static bool
wants_resources(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* ---- Listeners ---------------------------------------------------------------------------------- */

void
intake_watch_again(const struct intake *intake, struct connection *connection)
{
	struct epoll_event event = {.events = CONNECTION_EVENTS, .data.ptr = connection};
	epoll_ctl(intake->epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static void
watch_connection(void *context, struct connection *connection)
{
	const struct intake *intake = context;
	struct epoll_event event = {.events = CONNECTION_EVENTS, .data.ptr = connection};
	if (epoll_ctl(intake->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		conn_table_remove(intake->table, connection);
}

static void
add_accepted(struct intake *intake, const struct listener *listener, int fd)
{
	if (listener->address.storage.ss_family != AF_UNIX) {
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	}
	struct connection *connection = conn_table_add(intake->table, fd, connection_idle_deadline_ns(intake->fcgi));
	if (connection != NULL)
		watch_connection(intake, connection);
}

/* One a wake-up: what else waits in the queue wakes somebody else. The connection stays blocking, for libfcgi. */
static bool
accept_one(struct intake *intake, const struct listener *listener, bool may_close)
{
	if (!has_room(intake, 1) && !(may_close && give_up_idle(intake))) {
		if (may_close)
			pause_intake(intake, "MAX_CONNECTIONS are open and none is idle");
		return may_close;
	}
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 && wants_resources(errno) && may_close && give_up_idle(intake))
		fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		add_accepted(intake, listener, fd);
		give_way(intake, listener->fd, listener);
	} else if (wants_resources(errno)) {
		if (may_close)
			pause_intake(intake, strerror(errno));
		return may_close;
	}
	return true;
}

/* ---- Siblings ----------------------------------------------------------------------------------- */

static bool
take_over(struct intake *intake)
{
	size_t before = intake->table->count;
	bool there = handoff_take(intake->handoff, intake->table, watch_connection, intake);
	atomic_fetch_add_explicit(&intake->slot->taken, intake->table->count - before, memory_order_relaxed);
	return there;
}

/* One message a wake-up, likewise. */
static bool
take_message(struct intake *intake, bool may_close)
{
	while (!has_room(intake, HANDOFF_BATCH)) {
		if (!may_close)
			return false;
		if (!give_up_idle(intake)) {
			pause_intake(intake, "MAX_CONNECTIONS are open and none is idle");
			return true;
		}
	}
	if (take_over(intake))
		give_way(intake, intake->handoff->receive_fd, intake->handoff);
	return true;
}

/* ---- Events ------------------------------------------------------------------------------------- */

enum intake_source
intake_source(const struct intake *intake, const void *pointer)
{
	const struct listener *listener = pointer;
	if (pointer != NULL && pointer == intake->handoff)
		return INTAKE_HANDOFF;
	bool ours = listener >= intake->listeners && listener < intake->listeners + intake->listener_count;
	return ours ? INTAKE_LISTENER : INTAKE_NO_SOURCE;
}

bool
intake_event(struct intake *intake, const void *pointer, bool may_close)
{
	if (!intake->open)
		return true;
	return intake_source(intake, pointer) == INTAKE_HANDOFF ? take_message(intake, may_close)
	                                                        : accept_one(intake, pointer, may_close);
}

size_t
intake_drain(struct intake *intake)
{
	size_t before = intake->table->count;
	while (handoff_has_siblings(intake->handoff) && has_room(intake, HANDOFF_BATCH) && take_over(intake))
		;
	for (size_t i = 0; i < intake->listener_count; i++) {
		const struct listener *listener = &intake->listeners[i];
		for (int fd; has_room(intake, 1) && (fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
			add_accepted(intake, listener, fd);
	}
	return intake->table->count - before;
}
