/*
 * supervisor.c - the parent process's loop: signals in, forks out.
 *
 * One wait: poll() on the signal descriptor and a rehearsal's output, up to the next thing that is due. Called by
 * service.c.
 */
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "err.h"
#include "insist.h"
#include "log.h"
#include "memory_cgroup.h"
#include "obituary.h"
#include "oom_kills.h"
#include "owner.h"
#include "service_manager.h"
#include "supervisor_state.h"

/* From the last worker's end until the log writer, whose sink takes nothing, is killed. */
#define LOG_STOP_MS 1500

/* ---- Stopping ----------------------------------------------------------------------------------- */

static void
signal_helpers(const struct supervisor *supervisor, int number)
{
	for (size_t i = 0; i < HELPERS; i++)
		helper_process_signal(&supervisor->roster.helpers[i], number);
}

static void
enter_stage(struct supervisor *supervisor, enum stage stage, int64_t ms)
{
	supervisor->stage = stage;
	supervisor->stage_ends_ns = deadline_in_ms(ms);
}

static void
stop_workers(struct supervisor *supervisor, int64_t timeout_ms)
{
	atomic_store(&supervisor->service->draining, 1);
	service_manager_stopping(supervisor->config->manager, "Stopping");
	supervisor->config->stopping(supervisor->config->context);
	workforce_signal(supervisor, SIGTERM);
	signal_helpers(supervisor, SIGTERM);
	enter_stage(supervisor, STAGE_STOPPING, timeout_ms);
}

static void
kill_workers(struct supervisor *supervisor)
{
	unsigned living = roster_living(&supervisor->roster);
	if (living > 0)
		log_event(supervisor->config->log, VT_WARNING, SUPERVISOR_LOGGER, "Workers that did not end are killed",
		          VT_INT("workers", living));
	workforce_signal(supervisor, SIGKILL);
	enter_stage(supervisor, STAGE_KILLED, 0);
	supervisor->stage_ends_ns = DEADLINE_NEVER;
}

static void
stop(struct supervisor *supervisor, int signal_number)
{
	char name[16];
	const struct supervisor_config *config = supervisor->config;
	log_event(config->log, VT_INFO, SUPERVISOR_LOGGER, "Service stopping",
	          VT_STR("signal", signal_name(signal_number, name)));
	if (supervisor->stage >= STAGE_STOPPING) {
		kill_workers(supervisor);
	} else if (signal_number == SIGINT) {
		stop_workers(supervisor, config->fast_stop_ms);
	} else if (supervisor->stage == STAGE_DRAINING || config->drain_ms == 0) {
		stop_workers(supervisor, config->stop_timeout_ms);
	} else {
		atomic_store(&supervisor->service->draining, 1);
		service_manager_status(config->manager, "Draining");
		enter_stage(supervisor, STAGE_DRAINING, config->drain_ms);
	}
}

static void
end_stage_if_due(struct supervisor *supervisor)
{
	if (supervisor->stage == STAGE_SERVING || clock_mono_ns() < supervisor->stage_ends_ns)
		return;
	if (supervisor->stage == STAGE_DRAINING)
		stop_workers(supervisor, supervisor->config->stop_timeout_ms);
	else if (supervisor->stage == STAGE_STOPPING)
		kill_workers(supervisor);
}

static void
drain(struct supervisor *supervisor, uint32_t draining)
{
	if (supervisor->stage != STAGE_SERVING || atomic_load(&supervisor->service->draining) == draining)
		return;
	atomic_store(&supervisor->service->draining, draining);
	log_event(supervisor->config->log, VT_INFO, SUPERVISOR_LOGGER, draining ? "Service drains" : "Service resumes",
	          VT_INT("pid", getpid()));
}

/* ---- Signals and children ----------------------------------------------------------------------- */

static void
reopen_log(struct supervisor *supervisor)
{
	supervisor->config->reopen_log(supervisor->config->context);
	log_process_reopen(&supervisor->roster.log_process);
	signal_helpers(supervisor, SIGUSR1);
}

static void
take_signal(struct supervisor *supervisor, int number)
{
	if (number == SIGTERM || number == SIGQUIT || number == SIGINT)
		stop(supervisor, number);
	else if (number == CONTROL_RELOAD)
		renewal_ask(supervisor, RENEWAL_RELOAD);
	else if (number == CONTROL_UPGRADE)
		renewal_ask(supervisor, RENEWAL_UPGRADE);
	else if (number == SIGUSR1)
		reopen_log(supervisor);
	else if (number == CONTROL_DRAIN || number == CONTROL_RESUME)
		drain(supervisor, number == CONTROL_DRAIN);
	/* SIGCHLD is followed by reap(); the others are blocked so that they do no harm. */
}

static void
read_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;
	while (read(supervisor->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		take_signal(supervisor, (int)info.ssi_signo);
}

static bool
helper_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
	for (size_t i = 0; i < HELPERS; i++)
		if (helper_process_reaped(&supervisor->roster.helpers[i], pid, status))
			return true;
	return false;
}

static void
reap(struct supervisor *supervisor)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		struct seat *seat = roster_seat_of(&supervisor->roster, pid);
		if (seat != NULL)
			workforce_bury(supervisor, seat, status);
		else if (pid == supervisor->rehearsal.pid)
			renewal_rehearsed(supervisor, status);
		else if (!helper_reaped(supervisor, pid, status))
			log_process_reaped(&supervisor->roster.log_process, pid, status);
	}
}

static sigset_t
signals_read(void)
{
	const int numbers[] = {SIGTERM, SIGINT,  SIGQUIT,  SIGCHLD,       SIGHUP,        SIGUSR1,
	                       SIGUSR2, SIGALRM, SIGWINCH, CONTROL_DRAIN, CONTROL_RESUME};
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
	signal(SIGXFSZ, SIG_IGN); /* a log file at its bound is one that takes nothing */
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int
open_signals(struct err *err)
{
	sigset_t set = signals_read();
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd >= 0 ? fd : err_set(err, "Signals cannot be read: %s.", strerror(errno));
}

/* ---- The loop ----------------------------------------------------------------------------------- */

static int
wait_ms(const struct supervisor *supervisor)
{
	int64_t due_ns = deadline_in_ms(workforce_look_ms(supervisor));
	if (supervisor->alive_ns > 0)
		due_ns = deadline_min(due_ns, supervisor->alive_ns);
	if (supervisor->stage != STAGE_SERVING)
		due_ns = deadline_min(due_ns, supervisor->stage_ends_ns);
	if (supervisor->stage < STAGE_STOPPING) {
		due_ns = deadline_min(due_ns, workforce_due_ns(supervisor));
		for (size_t i = 0; i < HELPERS; i++)
			due_ns = deadline_min(due_ns, helper_process_due_ns(&supervisor->roster.helpers[i]));
	}
	if (supervisor->rehearsal.pid > 0)
		due_ns = deadline_min(due_ns, supervisor->rehearsal.deadline_ns);
	due_ns = deadline_min(due_ns, log_process_due_ns(&supervisor->roster.log_process));
	return deadline_poll_ms(due_ns);
}

/* For the service manager's watchdog. */
static void
tell_alive(struct supervisor *supervisor)
{
	int64_t every_ms = service_manager_watchdog_ms(supervisor->config->manager);
	if (every_ms == 0 || clock_mono_ns() < supervisor->alive_ns)
		return;
	service_manager_alive(supervisor->config->manager);
	supervisor->alive_ns = deadline_in_ms(every_ms);
}

static void
work(struct supervisor *supervisor)
{
	tell_alive(supervisor);
	log_process_keep(&supervisor->roster.log_process);
	workforce_settle_counts(supervisor);
	if (supervisor->stage < STAGE_STOPPING) {
		for (size_t i = 0; i < HELPERS; i++)
			helper_process_keep(&supervisor->roster.helpers[i]);
		workforce_start_due(supervisor);
		workforce_renew(supervisor);
		workforce_resize(supervisor);
		workforce_enforce(supervisor);
	}
	if (supervisor->stage == STAGE_SERVING)
		renewal_start_due(supervisor);
	rehearsal_enforce(&supervisor->rehearsal, clock_mono_ns());
	end_stage_if_due(supervisor);
}

static void
run_loop(struct supervisor *supervisor)
{
	while (supervisor->stage < STAGE_STOPPING || roster_living(&supervisor->roster) > 0) {
		work(supervisor);
		struct pollfd waits[] = {{.fd = supervisor->signal_fd, .events = POLLIN},
		                         {.fd = supervisor->rehearsal.output, .events = POLLIN}};
		poll(waits, sizeof waits / sizeof *waits, wait_ms(supervisor));
		rehearsal_read(&supervisor->rehearsal);
		read_signals(supervisor);
		reap(supervisor);
	}
}

/* They keep their seats until they have retired, whatever became of their posts. */
static void
take_over(struct supervisor *supervisor)
{
	const struct supervisor_config *config = supervisor->config;
	log_process_take_over(&supervisor->roster.log_process, config->former_log_writer, config->former_rings);
	for (size_t i = 0; i < HELPERS; i++) {
		supervisor->roster.helpers[i].config = config->helpers[i];
		helper_process_take_over(&supervisor->roster.helpers[i], config->former_helpers[i]);
	}
	for (size_t i = 0; i < config->predecessor_count; i++) {
		const struct predecessor *from = &config->predecessors[i];
		if (from->index >= supervisor->roster.seat_count)
			continue;
		struct seat *seat = &supervisor->roster.seats[from->index];
		seat->pid = from->pid;
		seat->role = from->role;
		seat->generation = from->generation;
		seat->started_ns = from->started_ns;
	}
}

/* What the whole service is to know of this generation. */
static void
publish(struct supervisor *supervisor)
{
	const struct supervisor_config *config = supervisor->config;
	struct scoreboard_service *service = supervisor->service;
	supervisor->generation = atomic_fetch_add(&service->generation, 1) + 1;
	atomic_store(&service->supervisor, owner_self());
	atomic_store(&service->workers, config->pools[0].count);
	atomic_store(&service->workers_max, config->pools[0].count_max);
	atomic_store(&service->workers_wanted, config->pools[0].count);
	if (config->renewal == RENEWAL_NONE)
		atomic_store(&service->started_real_ns, clock_real_ns());
}

int
supervisor_run(const struct supervisor_config *config, struct err *err)
{
	struct supervisor supervisor = {.config = config,
	                                .service = scoreboard_service(config->board),
	                                .begun_ns = clock_mono_ns(),
	                                .oom_kills = oom_kills_read(&memory_roots_real),
	                                .rehearsal = {.output = -1}};
	INSIST(config->pool_count > 0 && config->pool_count <= SUPERVISOR_POOLS_MAX);
	supervisor.signal_fd = open_signals(err);
	if (supervisor.signal_fd < 0)
		return -1;
	int status = roster_init(&supervisor.roster, config->board, config->pools, config->pool_count, err);
	if (status == 0) {
		supervisor.roster.log_process.config = config->log_writer;
		for (size_t i = 0; i < config->pool_count; i++)
			supervisor.wanted[i] = config->pools[i].count;
		publish(&supervisor);
		take_over(&supervisor);
		run_loop(&supervisor);
		for (size_t i = 0; i < HELPERS; i++)
			helper_process_stop(&supervisor.roster.helpers[i]);
		log_event(config->log, VT_INFO, SUPERVISOR_LOGGER, "Service stopped", VT_INT("pid", getpid()));
		log_process_stop(&supervisor.roster.log_process, LOG_STOP_MS);
	}
	roster_fini(&supervisor.roster);
	close(supervisor.signal_fd);
	return status;
}
