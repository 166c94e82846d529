/*
 * worker.c - waits, visits connections, ends.
 *
 * Called in a worker process by the service. Within one round of the loop, what comes in is taken first, so that it
 * can be given away again should a request of the same round take long; but only as far as no connection has to
 * be closed for it, which an event of the same round might still name. And once a request has run, the events
 * that are left name connections which may have been given away meanwhile: table.given tells.
 */
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "handoff.h"
#include "intake.h"
#include "listener.h"
#include "log.h"
#include "premises.h"
#include "watcher.h"

#define LOGGER "vitals.worker"
#define EVENTS_A_ROUND 64
#define WATCHER_SLOW_MS 10 /* where nothing is to be given away: for its deadlines */
/* How soon a worker that retires tries again to give away what the handoff socket had no room for. */
#define GIVE_AGAIN_MS 5

struct worker {
	const struct worker_config *config;
	struct fcgi *fcgi;
	struct watcher *watcher;
	struct conn_table table;
	struct intake intake;
	struct premises premises;
	int epoll_fd, signal_fd;
	uint64_t requests_before; /* the slot's count when this worker began */
	bool stopping, retiring;
	bool robbed; /* a descriptor of its own is not what it was */
};

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
	sigaddset(&set, WORKER_RETIRE);
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
		else if (info.ssi_signo == WORKER_RETIRE)
			worker->retiring = true;
		else if (info.ssi_signo == SIGUSR1)
			worker->config->reopen_log(worker->config->context);
	}
}

/* ---- Giving away -------------------------------------------------------------------------------- */

static size_t
give_all(struct worker *worker)
{
	size_t given = handoff_give(worker->config->handoff, &worker->table, worker->epoll_fd);
	atomic_fetch_add_explicit(&worker->config->slot->given, given, memory_order_relaxed);
	return given;
}

/* In the watcher's thread, which has the connections while a request runs. */
static void
give_away(void *context)
{
	give_all(context);
}

/* A worker's last work is to give away what it has. One that has no siblings ends as if told to stop. */
static void
retire(struct worker *worker)
{
	if (!handoff_has_siblings(worker->config->handoff)) {
		worker->stopping = true;
		return;
	}
	slot_set_state(worker->config->slot, SLOT_STOPPING);
	intake_close(&worker->intake);
	worker->intake.pause_ends_ns = 0;
	give_all(worker);
}

static uint64_t
requests_served(const struct worker *worker)
{
	return atomic_load_explicit(&worker->config->slot->requests, memory_order_relaxed);
}

static bool
has_served_enough(const struct worker *worker)
{
	uint64_t requests = requests_served(worker);
	return worker->config->max_requests > 0 && requests - worker->requests_before >= worker->config->max_requests;
}

/* ---- The loop ----------------------------------------------------------------------------------- */

static void
visit(struct worker *worker, struct connection *connection)
{
	connection_visit(worker->fcgi, &worker->table, connection);
	connection_afterwards(worker->fcgi);
}

/* Events of sources are marked as done by NULL, which is otherwise the signals' mark: those come first. */
static void
take_in(struct worker *worker, struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		void *pointer = events[i].data.ptr;
		if (pointer == NULL)
			read_signals(worker);
		else if (intake_source(&worker->intake, pointer) != INTAKE_NO_SOURCE &&
		         intake_event(&worker->intake, pointer, false))
			events[i].data.ptr = NULL;
	}
}

/*
 * The events that a round still had are not looked at once connections were given away. Whoever stayed because the
 * socket was full may have been among them: asked anew, the kernel reports it again (edge-triggered, epoll(7)).
 */
static void
ask_anew(const struct worker *worker)
{
	for (size_t state = 0; state < CONN_STATES; state++)
		for (struct connection *c = worker->table.lists[state].first; c != NULL; c = c->next)
			intake_watch_again(&worker->intake, c);
}

static void
handle_events(struct worker *worker, struct epoll_event *events, int count)
{
	uint64_t given = worker->table.given;
	take_in(worker, events, count);
	for (int i = 0; i < count && worker->table.given == given; i++) {
		void *pointer = events[i].data.ptr;
		if (pointer != NULL && intake_source(&worker->intake, pointer) == INTAKE_NO_SOURCE)
			visit(worker, pointer);
	}
	for (int i = 0; i < count && worker->table.given == given; i++)
		if (intake_source(&worker->intake, events[i].data.ptr) != INTAKE_NO_SOURCE)
			intake_event(&worker->intake, events[i].data.ptr, true);
	if (worker->table.given != given)
		ask_anew(worker);
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
	if (worker->intake.pause_ends_ns > 0)
		deadline_ns = deadline_min(deadline_ns, worker->intake.pause_ends_ns);
	if (worker->retiring)
		deadline_ns = deadline_min(deadline_ns, deadline_in_ms(GIVE_AGAIN_MS));
	deadline_ns = deadline_min(deadline_ns, premises_deadline_ns(&worker->premises, requests_served(worker)));
	return deadline_poll_ms(deadline_ns);
}

/* Nothing can be waited for without an epoll set. */
static void
look_around(struct worker *worker, bool can_wait)
{
	if (!can_wait)
		worker->premises.next_look_ns = 0;
	worker->robbed =
		!premises_intact(&worker->premises, requests_served(worker), worker->config->fcgi.log) || !can_wait;
}

static void
run_loop(struct worker *worker)
{
	struct epoll_event events[EVENTS_A_ROUND];
	while (!worker->stopping && !worker->robbed) {
		if (worker->retiring)
			retire(worker);
		if (worker->stopping || (worker->retiring && worker->table.count == 0))
			break;
		atomic_store_explicit(&worker->config->slot->connections, (uint32_t)worker->table.count,
		                      memory_order_relaxed);
		int count = epoll_wait(worker->epoll_fd, events, EVENTS_A_ROUND, wait_ms(worker));
		bool can_wait = count >= 0 || errno == EINTR;
		handle_events(worker, events, count);
		visit_ready(worker);
		remove_expired(worker);
		intake_resume(&worker->intake);
		look_around(worker, can_wait);
		if (has_served_enough(worker))
			worker->retiring = true;
	}
}

/* To the state that visits are due to. */
static void
make_ready(struct worker *worker, enum conn_state state)
{
	for (struct connection *c; (c = worker->table.lists[state].first) != NULL;)
		conn_table_move(&worker->table, c, CONN_READY, DEADLINE_NEVER);
}

static void
serve_arrived(struct worker *worker)
{
	make_ready(worker, CONN_IDLE);
	make_ready(worker, CONN_ARRIVING);
	for (struct connection *c; (c = conn_table_ready(&worker->table)) != NULL;)
		visit(worker, c);
}

static void
close_idle(struct worker *worker)
{
	for (struct connection *c; (c = conn_table_oldest_idle(&worker->table)) != NULL;)
		conn_table_remove(&worker->table, c);
}

/*
 * On the way out: requests that have arrived are still served, also those of connections that wait to be accepted or
 * taken over; then all is closed. Who is idle goes first, and makes room for those that wait; only once, so that this
 * comes to an end however many go on coming. A visit leaves a connection READY only as long as it holds bytes of a
 * further request.
 */
static void
finish(struct worker *worker)
{
	slot_set_state(worker->config->slot, SLOT_STOPPING);
	intake_close(&worker->intake);
	serve_arrived(worker);
	close_idle(worker);
	while (intake_drain(&worker->intake) > 0)
		serve_arrived(worker);
	conn_table_fini(&worker->table);
}

static struct watcher *
start_watcher(struct worker *worker, struct err *err)
{
	const struct worker_config *config = worker->config;
	bool hands_over = handoff_has_siblings(config->handoff) && config->handoff_after_ms > 0;
	return watcher_create(
		&(struct watcher_config){.supervisor = config->supervisor,
	                                 .orphan_grace_ms = config->orphan_grace_ms,
	                                 .slow_ms = hands_over ? config->handoff_after_ms : WATCHER_SLOW_MS,
	                                 .on_slow = hands_over ? give_away : NULL,
	                                 .context = worker},
		err);
}

static void
note_premises(struct worker *worker)
{
	const struct worker_config *config = worker->config;
	premises_init(&worker->premises);
	premises_add(&worker->premises, worker->epoll_fd);
	premises_add(&worker->premises, worker->signal_fd);
	for (size_t i = 0; i < config->listener_count; i++)
		premises_add(&worker->premises, config->listeners[i].fd);
	if (handoff_has_siblings(config->handoff)) {
		premises_add(&worker->premises, config->handoff->send_fd);
		premises_add(&worker->premises, config->handoff->receive_fd);
	}
	worker->premises.requests_seen = requests_served(worker);
}

static struct intake
configure_intake(struct worker *worker)
{
	const struct worker_config *config = worker->config;
	return (struct intake){.listeners = config->listeners,
	                       .listener_count = config->listener_count,
	                       .handoff = config->handoff,
	                       .max_connections = config->max_connections,
	                       .table = &worker->table,
	                       .fcgi = worker->fcgi,
	                       .log = config->fcgi.log,
	                       .slot = config->slot,
	                       .epoll_fd = worker->epoll_fd};
}

static int
start(struct worker *worker, struct err *err)
{
	const struct worker_config *config = worker->config;
	worker->signal_fd = open_signals(err);
	if (worker->signal_fd < 0)
		return -1;
	worker->watcher = start_watcher(worker, err);
	if (worker->watcher == NULL)
		return -1;
	struct fcgi_config fcgi = config->fcgi;
	fcgi.watcher = worker->watcher;
	worker->fcgi = fcgi_create(&fcgi, err);
	if (worker->fcgi == NULL)
		return -1;
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	worker->intake = configure_intake(worker);
	worker->requests_before = requests_served(worker);
	struct epoll_event signals = {.events = EPOLLIN, .data.ptr = NULL};
	if (worker->epoll_fd < 0 || epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->signal_fd, &signals) != 0 ||
	    intake_open(&worker->intake) != 0)
		return err_set(err, "The event loop cannot be set up: %s.", strerror(errno));
	note_premises(worker);
	return 0;
}

int
worker_run(const struct worker_config *config, struct err *err)
{
	struct worker worker = {.config = config, .premises = {.directory_fd = -1}, .epoll_fd = -1, .signal_fd = -1};
	int status = start(&worker, err);
	if (status == 0) {
		slot_set_state(config->slot, SLOT_IDLE);
		run_loop(&worker);
		/* Who retired has nothing left, and must take nothing more; who was robbed can reach nobody. */
		if (worker.stopping && !worker.robbed)
			finish(&worker);
		status = worker.robbed ? WORKER_ROBBED : 0;
	}
	premises_fini(&worker.premises);
	fcgi_destroy(worker.fcgi);
	watcher_destroy(worker.watcher);
	if (worker.epoll_fd >= 0)
		close(worker.epoll_fd);
	if (worker.signal_fd >= 0)
		close(worker.signal_fd);
	return status;
}
