/*
 * supervisor.c - the parent process's loop: signals in, forks out.
 *
 * One wait: poll() on the signal descriptor, up to the next restart that is due. Called by vitals.c.
 */
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "insist.h"
#include "log.h"
#include "obituary.h"
#include "policy.h"

#define LOGGER "vitals.supervisor"
#define START_LOOK_MS 10
#define FORK_RETRY_MS 1000

struct seat {
	struct worker_seat worker;
	pid_t pid; /* 0: nobody */
	int64_t started_ns;
	int64_t restart_ns; /* monotonic; counts while pid is 0 */
	struct restart_history history;
};

struct supervisor {
	const struct supervisor_config *config;
	struct scoreboard_service *service;
	struct seat *seats;
	unsigned seat_count;
	int signal_fd;
	bool stopping;
	bool killed;     /* SIGKILL was sent to what was left */
	int64_t kill_ns; /* when it is due */
};

/* ---- Workers ------------------------------------------------------------------------------------ */

static void
start_worker(struct supervisor *supervisor, struct seat *seat)
{
	pid_t pid = spawn_worker(&seat->worker, supervisor->config->worker_main, supervisor->config->context);
	if (pid < 0) {
		log_event(supervisor->config->log, VT_ERROR_LEVEL, LOGGER, "A worker cannot be forked",
		          VT_INT("worker", seat->worker.index), VT_STR("reason", strerror(errno)));
		seat->restart_ns = deadline_in_ms(FORK_RETRY_MS);
		return;
	}
	seat->pid = pid;
	seat->started_ns = clock_mono_ns();
	log_event(supervisor->config->log, VT_INFO, LOGGER, "Worker started", VT_INT("worker", seat->worker.index),
	          VT_INT("pid", pid), VT_STR("role", slot_role_name(seat->worker.role)));
}

static void
start_due_workers(struct supervisor *supervisor)
{
	int64_t now_ns = clock_mono_ns();
	if (supervisor->stopping)
		return;
	for (unsigned i = 0; i < supervisor->seat_count; i++)
		if (supervisor->seats[i].pid == 0 && supervisor->seats[i].restart_ns <= now_ns)
			start_worker(supervisor, &supervisor->seats[i]);
}

static void
bury(struct supervisor *supervisor, struct seat *seat, int wait_status)
{
	bool in_order = death_in_order(wait_status);
	int64_t lived_ms = (clock_mono_ns() - seat->started_ns) / NS_PER_MS;
	if (!in_order || !supervisor->stopping) {
		struct death death = {.worker = seat->worker.index,
		                      .pid = seat->pid,
		                      .wait_status = wait_status,
		                      .lived_ms = lived_ms,
		                      .restart_delay_ms = policy_after_death(&seat->history, lived_ms)};
		seat->restart_ns = deadline_in_ms(death.restart_delay_ms);
		obituary_write(supervisor->config->log, seat->worker.slot, &death);
		atomic_fetch_add(&supervisor->service->worker_deaths, in_order ? 0 : 1);
	}
	slot_release(seat->worker.slot);
	seat->pid = 0;
}

static void
reap(struct supervisor *supervisor)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (unsigned i = 0; i < supervisor->seat_count; i++)
			if (supervisor->seats[i].pid == pid)
				bury(supervisor, &supervisor->seats[i], status);
}

static void
signal_workers(const struct supervisor *supervisor, int signal_number)
{
	for (unsigned i = 0; i < supervisor->seat_count; i++)
		if (supervisor->seats[i].pid > 0)
			kill(supervisor->seats[i].pid, signal_number);
}

static unsigned
living(const struct supervisor *supervisor)
{
	unsigned count = 0;
	for (unsigned i = 0; i < supervisor->seat_count; i++)
		count += supervisor->seats[i].pid > 0;
	return count;
}

/* ---- Stopping ----------------------------------------------------------------------------------- */

/* A second request to stop does not wait any longer. */
static void
stop(struct supervisor *supervisor, int signal_number)
{
	char name[16];
	if (supervisor->stopping) {
		supervisor->kill_ns = clock_mono_ns();
		return;
	}
	log_event(supervisor->config->log, VT_INFO, LOGGER, "Service stopping",
	          VT_STR("signal", signal_name(signal_number, name)));
	supervisor->stopping = true;
	supervisor->kill_ns = deadline_in_ms(supervisor->config->stop_timeout_ms);
	atomic_store(&supervisor->service->draining, 1);
	signal_workers(supervisor, SIGTERM);
}

static void
kill_if_due(struct supervisor *supervisor)
{
	if (!supervisor->stopping || supervisor->killed || clock_mono_ns() < supervisor->kill_ns)
		return;
	log_event(supervisor->config->log, VT_WARNING, LOGGER, "Workers that did not end are killed",
	          VT_INT("workers", living(supervisor)));
	signal_workers(supervisor, SIGKILL);
	supervisor->killed = true;
}

/* ---- The loop ----------------------------------------------------------------------------------- */

static void
read_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;
	while (read(supervisor->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			stop(supervisor, (int)info.ssi_signo);
			break;
		case SIGUSR1:
			supervisor->config->reopen_log(supervisor->config->context);
			signal_workers(supervisor, SIGUSR1);
			break;
		default: /* SIGCHLD is followed by reap(); the others are blocked so that they do no harm */
			break;
		}
	}
}

static void
notice_start(struct supervisor *supervisor)
{
	if (atomic_load(&supervisor->service->started) != 0)
		return;
	for (unsigned i = 0; i < supervisor->seat_count; i++) {
		int state = atomic_load(&supervisor->seats[i].worker.slot->state);
		if (state != SLOT_IDLE && state != SLOT_BUSY)
			return;
	}
	atomic_store(&supervisor->service->started, 1);
	log_event(supervisor->config->log, VT_INFO, LOGGER, "Service started",
	          VT_INT("workers", supervisor->seat_count), VT_INT("pid", getpid()));
}

static int
wait_ms(const struct supervisor *supervisor)
{
	int64_t deadline_ns = DEADLINE_NEVER;
	if (supervisor->stopping && !supervisor->killed)
		deadline_ns = supervisor->kill_ns;
	for (unsigned i = 0; i < supervisor->seat_count && !supervisor->stopping; i++)
		if (supervisor->seats[i].pid == 0)
			deadline_ns = deadline_min(deadline_ns, supervisor->seats[i].restart_ns);
	int ms = deadline_poll_ms(deadline_ns);
	bool starting = atomic_load(&supervisor->service->started) == 0 && !supervisor->stopping;
	return starting && (ms < 0 || ms > START_LOOK_MS) ? START_LOOK_MS : ms;
}

static sigset_t
signals_read(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGQUIT};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaddset(&set, numbers[i]);
	return set;
}

void
supervisor_hold_signals(void)
{
	sigset_t set = signals_read();
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int
open_signals(struct err *err)
{
	sigset_t set = signals_read();
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd >= 0 ? fd : err_set(err, "Signals cannot be read: %s.", strerror(errno));
}

static int
take_seats(struct supervisor *supervisor, struct err *err)
{
	const struct supervisor_config *config = supervisor->config;
	for (size_t i = 0; i < config->pool_count; i++)
		supervisor->seat_count += config->pools[i].count;
	INSIST(supervisor->seat_count > 0);
	supervisor->seats = calloc(supervisor->seat_count, sizeof *supervisor->seats);
	if (supervisor->seats == NULL)
		return err_set(err, "There is no memory for %u workers.", supervisor->seat_count);
	unsigned index = 0;
	for (size_t i = 0; i < config->pool_count; i++)
		for (unsigned k = 0; k < config->pools[i].count; k++, index++)
			supervisor->seats[index].worker = (struct worker_seat){
				.index = index,
				.role = config->pools[i].role,
				.generation = atomic_load(&supervisor->service->generation),
				.slot = scoreboard_slot(config->board, index),
				.listeners = config->pools[i].listeners,
				.listener_count = config->pools[i].listener_count,
				.supervisor = getpid(),
			};
	atomic_store(&supervisor->service->workers_wanted, supervisor->seat_count);
	return 0;
}

static void
run_loop(struct supervisor *supervisor)
{
	struct pollfd signals = {.fd = supervisor->signal_fd, .events = POLLIN};
	while (!supervisor->stopping || living(supervisor) > 0) {
		start_due_workers(supervisor);
		poll(&signals, 1, wait_ms(supervisor));
		read_signals(supervisor);
		reap(supervisor);
		notice_start(supervisor);
		kill_if_due(supervisor);
	}
}

int
supervisor_run(const struct supervisor_config *config, struct err *err)
{
	struct supervisor supervisor = {.config = config, .service = scoreboard_service(config->board)};
	supervisor.signal_fd = open_signals(err);
	if (supervisor.signal_fd < 0 || take_seats(&supervisor, err) != 0)
		return -1;
	atomic_store(&supervisor.service->supervisor_pid, getpid());
	atomic_store(&supervisor.service->started_real_ns, clock_real_ns());
	run_loop(&supervisor);
	log_event(config->log, VT_INFO, LOGGER, "Service stopped", VT_INT("pid", getpid()));
	free(supervisor.seats);
	close(supervisor.signal_fd);
	return 0;
}
