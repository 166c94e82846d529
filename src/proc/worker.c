/*
 * worker.c - accepts, waits, visits connections, ends.
 *
 * Called in a worker process by the service. Within one round of the loop, events of connections come
 * before those of listeners: accepting may close an idle connection to get a descriptor, which must not
 * be one that an event of the same round still names.
 */
#include "worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "listener.h"
#include "log.h"
#include "watcher.h"

#define LOGGER "vitals.worker"
#define EVENTS_A_ROUND 64
#define ACCEPT_PAUSE_MS 100
#define WATCHER_TICK_MS 20

struct worker {
	const struct worker_config *config;
	struct fcgi *fcgi;
	struct watcher *watcher;
	struct conn_table table;
	int epoll_fd, signal_fd;
	bool accepting;               /* the listeners are in the epoll set */
	int64_t accept_pause_ends_ns; /* 0: no pause */
	bool stopping;
};

/* ---- Accepting ---------------------------------------------------------------------------------- */

static int
watch_listener(const struct worker *worker, const struct listener *listener)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = (void *)(uintptr_t)listener};
	return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, listener->fd, &event);
}

static void
stop_accepting(struct worker *worker)
{
	if (!worker->accepting)
		return;
	for (size_t i = 0; i < worker->config->listener_count; i++)
		epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, worker->config->listeners[i].fd, NULL);
	worker->accepting = false;
}

/* All listeners or none: -1 with errno. */
static int
start_accepting(struct worker *worker)
{
	worker->accepting = true;
	worker->accept_pause_ends_ns = 0;
	for (size_t i = 0; i < worker->config->listener_count; i++)
		if (watch_listener(worker, &worker->config->listeners[i]) != 0) {
			int error = errno;
			stop_accepting(worker);
			errno = error;
			return -1;
		}
	return 0;
}

/*
 * Closes the connection that has been idle for longest, to make room. One that has just been sent a request
 * is not idle, though this worker has not looked yet. False: there is none.
 */
static bool
give_up_idle(struct worker *worker)
{
	char byte;
	struct connection *idle = conn_table_oldest_idle(&worker->table);
	while (idle != NULL && recv(idle->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		idle = idle->next;
	if (idle == NULL)
		return false;
	conn_table_remove(&worker->table, idle);
	return true;
}

/* Nothing can be given up: look again after a while, or when a connection has been closed. */
static void
pause_accepting(struct worker *worker, const char *reason)
{
	log_event(worker->config->fcgi.log, VT_WARNING, LOGGER, "Connections cannot be accepted for the moment",
	          VT_STR("reason", reason), VT_INT("connections", worker->table.count));
	stop_accepting(worker);
	worker->accept_pause_ends_ns = deadline_in_ms(ACCEPT_PAUSE_MS);
}

/*
 * The kernel wakes the first idle worker in the listener's queue, and having been woken does not change the
 * queue: connections that come one at a time would all go to the same worker, and stay there. So whoever got one
 * goes to the end. What arrives in between is seen when the listener is added.
 */
static void
give_way(struct worker *worker, const struct listener *listener)
{
	epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, listener->fd, NULL);
	if (watch_listener(worker, listener) != 0)
		pause_accepting(worker, strerror(errno));
}

static void
add_connection(struct worker *worker, const struct listener *listener, int fd)
{
	if (listener->address.storage.ss_family != AF_UNIX) {
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	}
	struct connection *connection = conn_table_add(&worker->table, fd, connection_idle_deadline_ns(worker->fcgi));
	if (connection == NULL)
		return;
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
	if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		conn_table_remove(&worker->table, connection);
}

static bool
wants_resources(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* One a wake-up: what else waits in the queue wakes somebody else. The connection stays blocking, for libfcgi. */
static void
accept_one(struct worker *worker, const struct listener *listener)
{
	if (!worker->accepting)
		return;
	if (worker->table.count >= worker->config->max_connections && !give_up_idle(worker)) {
		pause_accepting(worker, "MAX_CONNECTIONS are open and none is idle");
		return;
	}
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 && wants_resources(errno) && give_up_idle(worker))
		fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		add_connection(worker, listener, fd);
		give_way(worker, listener);
	} else if (wants_resources(errno)) {
		pause_accepting(worker, strerror(errno));
	}
}

static void
resume_accepting(struct worker *worker)
{
	if (worker->accepting || worker->stopping || clock_mono_ns() < worker->accept_pause_ends_ns)
		return;
	if (start_accepting(worker) != 0)
		pause_accepting(worker, strerror(errno));
}

/* ---- Signals ------------------------------------------------------------------------------------ */

/* Signals are read, not caught: no call is interrupted, and nothing global is needed. */
static int
open_signals(struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set(err, "Signals cannot be blocked: %s.", strerror(errno));
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd >= 0 ? fd : err_set(err, "Signals cannot be read: %s.", strerror(errno));
}

static void
read_signals(struct worker *worker)
{
	struct signalfd_siginfo info;
	while (read(worker->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			worker->stopping = true;
		else if (info.ssi_signo == SIGUSR1)
			worker->config->reopen_log(worker->config->context);
	}
}

/* ---- The loop ----------------------------------------------------------------------------------- */

static bool
is_listener(const struct worker *worker, const void *pointer)
{
	const struct listener *listener = pointer;
	return listener >= worker->config->listeners &&
	       listener < worker->config->listeners + worker->config->listener_count;
}

static void
visit(struct worker *worker, struct connection *connection)
{
	connection_visit(worker->fcgi, &worker->table, connection);
}

static void
handle_events(struct worker *worker, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		void *pointer = events[i].data.ptr;
		if (pointer == NULL)
			read_signals(worker);
		else if (!is_listener(worker, pointer))
			visit(worker, pointer);
	}
	for (int i = 0; i < count; i++)
		if (is_listener(worker, events[i].data.ptr))
			accept_one(worker, events[i].data.ptr);
}

/* Each connection that was ready when the round began, once: a peer that sends much does not starve the others. */
static void
visit_ready(struct worker *worker)
{
	size_t count = worker->table.lists[CONN_READY].count;
	for (struct connection *c; count > 0 && (c = conn_table_ready(&worker->table)) != NULL; count--)
		visit(worker, c);
}

static void
remove_expired(struct worker *worker)
{
	int64_t now_ns = clock_mono_ns();
	for (struct connection *c; (c = conn_table_expired(&worker->table, now_ns)) != NULL;) {
		if (c->state == CONN_ARRIVING)
			log_event(worker->config->fcgi.log, VT_WARNING, LOGGER, "Connection closed",
			          VT_STR("reason", "a request did not arrive in time"),
			          VT_INT("bytes", c->pending_bytes));
		conn_table_remove(&worker->table, c);
	}
}

static int
wait_ms(const struct worker *worker)
{
	if (worker->table.lists[CONN_READY].count > 0)
		return 0;
	int64_t deadline_ns = conn_table_next_deadline_ns(&worker->table);
	if (worker->accept_pause_ends_ns > 0)
		deadline_ns = deadline_min(deadline_ns, worker->accept_pause_ends_ns);
	return deadline_poll_ms(deadline_ns);
}

static void
run_loop(struct worker *worker)
{
	struct epoll_event events[EVENTS_A_ROUND];
	while (!worker->stopping) {
		atomic_store_explicit(&worker->config->slot->connections, (uint32_t)worker->table.count,
		                      memory_order_relaxed);
		int count = epoll_wait(worker->epoll_fd, events, EVENTS_A_ROUND, wait_ms(worker));
		handle_events(worker, events, count);
		visit_ready(worker);
		remove_expired(worker);
		resume_accepting(worker);
	}
}

/* On the way out: requests that have arrived are still served, one visit each; then all is closed. */
static void
finish(struct worker *worker)
{
	slot_set_state(worker->config->slot, SLOT_STOPPING);
	stop_accepting(worker);
	for (size_t i = 0; i < CONN_STATES; i++) {
		size_t count = i == CONN_LINGERING ? 0 : worker->table.lists[i].count;
		struct connection *next;
		for (struct connection *c = worker->table.lists[i].first; count > 0 && c != NULL; c = next, count--) {
			next = c->next;
			visit(worker, c);
		}
	}
	conn_table_fini(&worker->table);
}

static int
start(struct worker *worker, struct err *err)
{
	const struct worker_config *config = worker->config;
	worker->signal_fd = open_signals(err);
	if (worker->signal_fd < 0)
		return -1;
	worker->watcher = watcher_create(&(struct watcher_config){.supervisor = config->supervisor,
	                                                          .orphan_grace_ms = config->orphan_grace_ms,
	                                                          .tick_ms = WATCHER_TICK_MS},
	                                 err);
	if (worker->watcher == NULL)
		return -1;
	struct fcgi_config fcgi = config->fcgi;
	fcgi.watcher = worker->watcher;
	worker->fcgi = fcgi_create(&fcgi, err);
	if (worker->fcgi == NULL)
		return -1;
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event signals = {.events = EPOLLIN, .data.ptr = NULL};
	if (worker->epoll_fd < 0 || epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->signal_fd, &signals) != 0 ||
	    start_accepting(worker) != 0)
		return err_set(err, "The event loop cannot be set up: %s.", strerror(errno));
	return 0;
}

int
worker_run(const struct worker_config *config, struct err *err)
{
	struct worker worker = {.config = config, .epoll_fd = -1, .signal_fd = -1};
	int status = start(&worker, err);
	if (status == 0) {
		slot_set_state(config->slot, SLOT_IDLE);
		run_loop(&worker);
		finish(&worker);
	}
	fcgi_destroy(worker.fcgi);
	watcher_destroy(worker.watcher);
	if (worker.epoll_fd >= 0)
		close(worker.epoll_fd);
	if (worker.signal_fd >= 0)
		close(worker.signal_fd);
	return status;
}
