/*
 * log_process.c - the loop of the log writer, and what the supervisor does with it.
 *
 * A signal is followed by a nudge, since the writer sleeps on a futex: its signals are read between two waits.
 */
#include "log_process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_sink.h"
#include "log_writer.h"
#include "worker.h"

/* Longer than a record may be kept back (log_undecided.h). */
#define FORMER_PATIENCE_MS 2000
#define LOOK_MS 2
#define DIE_MS 500
/* How long a sink may take nothing, once nobody puts any more. */
#define FINISH_PATIENCE_MS 500

/* ---- In the child ------------------------------------------------------------------------------- */

struct orders {
	int signal_fd;
	bool stop, leave, reopen;
};

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
	const int signals[] = {SIGTERM, SIGUSR1, WORKER_RETIRE};
	struct orders orders = {.signal_fd = side_process_signals(signals, sizeof signals / sizeof *signals)};
	int kept[] = {orders.signal_fd, log_sink_of(config->log)->fd, config->trace != NULL ? config->trace->fd : -1};
	side_process_close_all_but(kept, sizeof kept / sizeof *kept);
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

static const struct side_words words = {"vitalsd:log", "The log writer cannot be forked", "Log writer died"};

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
	process->side.former = former;
	process->former_reads = rings == FORMER_SAME_RINGS;
	process->side.former_ends_ns = process->former_reads ? deadline_in_ms(FORMER_PATIENCE_MS) : DEADLINE_NEVER;
	tell(process, former, process->former_reads ? WORKER_RETIRE : SIGTERM);
}

pid_t
log_process_reader(const struct log_process *process)
{
	return process->side.pid > 0 || !process->former_reads ? process->side.pid : process->side.former;
}

void
log_process_keep(struct log_process *process)
{
	struct side_process *side = &process->side;
	side_process_keep(side);
	if (side->pid == 0 && clock_mono_ns() >= side->restart_ns && !(side->former > 0 && process->former_reads) &&
	    side_process_fork(side, &words, process->config->log))
		_exit(child_main(process->config));
}

int64_t
log_process_due_ns(const struct log_process *process)
{
	int64_t due_ns = process->side.former > 0 ? process->side.former_ends_ns : DEADLINE_NEVER;
	if (process->side.pid == 0 && !(process->side.former > 0 && process->former_reads))
		due_ns = deadline_min(due_ns, process->side.restart_ns);
	return due_ns;
}

bool
log_process_reaped(struct log_process *process, pid_t pid, int wait_status)
{
	return side_process_reaped(&process->side, &words, process->config->log, pid, wait_status);
}

void
log_process_reopen(const struct log_process *process)
{
	tell(process, process->side.pid, SIGUSR1);
	if (process->side.former > 0)
		kill(process->side.former, SIGUSR1);
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
	tell(process, process->side.pid, SIGTERM);
	end(process->side.former, deadline_ns);
	end(process->side.pid, deadline_ns);
	process->side.pid = process->side.former = 0;
}
