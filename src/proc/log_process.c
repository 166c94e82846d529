/*
 * log_process.c - the fork and the loop of the log writer, and what the supervisor does with it.
 *
 * A signal is followed by a nudge, since the writer sleeps on a futex: its signals are read between two waits.
 */
#include "log_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_sink.h"
#include "log_writer.h"
#include "obituary.h"
#include "worker.h"

#define LOGGER "vitals.supervisor"
#define FORK_RETRY_MS 1000
/* Longer than a record may be kept back (log_undecided.h). */
#define FORMER_PATIENCE_MS 2000
#define FORMER_KILL_AGAIN_MS 1000
#define LOOK_MS 2
#define DIE_MS 500
/* How long a sink may take nothing, once nobody puts any more. */
#define FINISH_PATIENCE_MS 500

/* ---- In the child ------------------------------------------------------------------------------- */

struct orders {
	int signal_fd;
	bool stop, leave, reopen;
};

static int
open_signals(void)
{
	const int numbers[] = {SIGTERM, SIGUSR1, WORKER_RETIRE};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void
read_orders(struct orders *orders)
{
	struct signalfd_siginfo info;
	while (read(orders->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		orders->stop |= info.ssi_signo == SIGTERM;
		orders->leave |= info.ssi_signo == WORKER_RETIRE;
		orders->reopen |= info.ssi_signo == SIGUSR1;
	}
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Listeners and handoff sockets must not stay open for the sake of the log. */
static void
close_all_but(int *kept, size_t count)
{
	unsigned from = STDERR_FILENO + 1;
	qsort(kept, count, sizeof *kept, by_number);
	for (size_t i = 0; i < count; i++) {
		if (kept[i] < (int)from)
			continue;
		if (kept[i] > (int)from)
			close_range(from, (unsigned)kept[i] - 1, 0);
		from = (unsigned)kept[i] + 1;
	}
	close_range(from, ~0U, 0);
}

static void
reopen(struct log_writer *writer, struct log *log)
{
	struct err err;
	if (log_writer_reopen(writer, &err) != 0)
		log_event(log, VT_ERROR_LEVEL, "vitals.log", "A file cannot be opened again",
		          VT_STR("reason", err.text));
}

static void
run(struct log_writer *writer, struct orders *orders, struct log *log)
{
	for (;;) {
		read_orders(orders);
		if (orders->reopen)
			reopen(writer, log);
		orders->reopen = false;
		enum log_progress progress = log_writer_pass(writer);
		if (orders->leave && !log_writer_keeps(writer))
			return;
		if (orders->stop && !log_writer_needed(writer)) {
			log_writer_finish(writer, FINISH_PATIENCE_MS);
			return;
		}
		log_writer_wait(writer, progress);
	}
}

static int
child_main(const struct log_writer_config *config)
{
	struct err err;
	struct orders orders = {.signal_fd = open_signals()};
	int kept[] = {orders.signal_fd, log_sink_of(config->log)->fd, config->trace != NULL ? config->trace->fd : -1};
	close_all_but(kept, sizeof kept / sizeof *kept);
	/* Its own few records go straight to the sink: the ring that it inherited is the supervisor's. */
	log_use_ring(config->log, NULL, NULL);
	struct log_writer *writer = log_writer_create(config, &err);
	if (writer == NULL || orders.signal_fd < 0) {
		log_event(config->log, VT_CRITICAL, "vitals.log", "The log writer cannot start",
		          VT_STR("reason", writer == NULL ? err.text : strerror(errno)));
		return EXIT_FAILURE;
	}
	run(writer, &orders, config->log);
	log_writer_destroy(writer);
	return EXIT_SUCCESS;
}

/* ---- In the supervisor -------------------------------------------------------------------------- */

static void
start(struct log_process *process)
{
	pid_t supervisor = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		prctl(PR_SET_NAME, "vitalsd:log");
		if (getppid() != supervisor)
			raise(SIGTERM);
		_exit(child_main(process->config));
	}
	if (pid < 0) {
		log_event(process->config->log, VT_ERROR_LEVEL, LOGGER, "The log writer cannot be forked",
		          VT_STR("reason", strerror(errno)));
		process->restart_ns = deadline_in_ms(FORK_RETRY_MS);
		return;
	}
	process->pid = pid;
	process->started_ns = clock_mono_ns();
}

static void
tell(const struct log_process *process, pid_t pid, int signal_number)
{
	if (pid <= 0)
		return;
	kill(pid, signal_number);
	log_writer_nudge(process->config->board, LOG_WRITER_ALL, 0);
}

void
log_process_take_over(struct log_process *process, pid_t former, enum former_rings rings)
{
	process->former = former;
	process->former_reads = rings == FORMER_SAME_RINGS;
	process->former_ends_ns = process->former_reads ? deadline_in_ms(FORMER_PATIENCE_MS) : DEADLINE_NEVER;
	tell(process, former, process->former_reads ? WORKER_RETIRE : SIGTERM);
}

pid_t
log_process_reader(const struct log_process *process)
{
	return process->pid > 0 || !process->former_reads ? process->pid : process->former;
}

void
log_process_keep(struct log_process *process)
{
	int64_t now_ns = clock_mono_ns();
	if (process->former > 0 && now_ns >= process->former_ends_ns) {
		kill(process->former, SIGKILL);
		process->former_ends_ns = deadline_in_ms(FORMER_KILL_AGAIN_MS);
	}
	if (process->pid == 0 && now_ns >= process->restart_ns && !(process->former > 0 && process->former_reads))
		start(process);
}

int64_t
log_process_due_ns(const struct log_process *process)
{
	int64_t due_ns = process->former > 0 ? process->former_ends_ns : DEADLINE_NEVER;
	if (process->pid == 0 && !(process->former > 0 && process->former_reads))
		due_ns = deadline_min(due_ns, process->restart_ns);
	return due_ns;
}

static void
mourn(struct log_process *process, int wait_status)
{
	char name[16];
	int64_t lived_ms = (clock_mono_ns() - process->started_ns) / NS_PER_MS;
	int64_t delay_ms = policy_after_death(&process->history, lived_ms);
	process->restart_ns = deadline_in_ms(delay_ms);
	const struct vt_field how = WIFSIGNALED(wait_status)
	                                    ? VT_STR("signal", signal_name(WTERMSIG(wait_status), name))
	                                    : VT_INT("exit_code", WEXITSTATUS(wait_status));
	log_event(process->config->log, VT_ERROR_LEVEL, LOGGER, "Log writer died", VT_INT("pid", process->pid), how,
	          VT_DOUBLE("lived_seconds", (double)lived_ms / 1000),
	          VT_DOUBLE("restart_delay_seconds", (double)delay_ms / 1000));
}

bool
log_process_reaped(struct log_process *process, pid_t pid, int wait_status)
{
	if (pid == process->former) {
		process->former = 0;
		return true;
	}
	if (pid != process->pid)
		return false;
	/* Told to by somebody, and no worker was left: nothing died. */
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EXIT_SUCCESS)
		process->restart_ns = 0;
	else
		mourn(process, wait_status);
	process->pid = 0;
	return true;
}

void
log_process_reopen(const struct log_process *process)
{
	tell(process, process->pid, SIGUSR1);
	if (process->former > 0)
		kill(process->former, SIGUSR1);
}

/* A process that waits for a disk that hangs does not even die: it is left behind. */
static void
end(pid_t pid, int64_t deadline_ns)
{
	int64_t given_up_ns = deadline_ns + DIE_MS * NS_PER_MS;
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0 && clock_mono_ns() < given_up_ns) {
		if (clock_mono_ns() >= deadline_ns)
			kill(pid, SIGKILL);
		poll(NULL, 0, LOOK_MS);
	}
}

void
log_process_stop(struct log_process *process, int64_t patience_ms)
{
	int64_t deadline_ns = deadline_in_ms(patience_ms);
	tell(process, process->pid, SIGTERM);
	end(process->former, deadline_ns);
	end(process->pid, deadline_ns);
	process->pid = process->former = 0;
}
