/* helper_process.c - what a helper's child begins with, and what the supervisor does with it. */
#include "helper_process.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "worker.h"

#define STOP_MS 500
#define LOOK_MS 2

static int
child_main(const struct helper_config *config)
{
	const int signals[] = {SIGTERM, SIGUSR1, SIGCHLD, WORKER_RETIRE};
	int kept[] = {config->kept_fd};
	side_process_close_all_but(kept, sizeof kept / sizeof *kept);
	int signal_fd = side_process_signals(signals, sizeof signals / sizeof *signals);
	return signal_fd >= 0 ? config->main(config->context, signal_fd) : EXIT_FAILURE;
}

void
helper_process_take_over(struct helper_process *process, pid_t former)
{
	process->side.former = former;
	if (former <= 0)
		return;
	process->side.former_ends_ns = deadline_in_ms(process->config.leave_ms);
	kill(former, WORKER_RETIRE);
}

pid_t
helper_process_present(const struct helper_process *process)
{
	return process->side.former > 0 ? process->side.former : process->side.pid;
}

void
helper_process_keep(struct helper_process *process)
{
	struct side_process *side = &process->side;
	side_process_keep(side);
	if (process->config.main != NULL && side->pid == 0 && side->former == 0 &&
	    clock_mono_ns() >= side->restart_ns && side_process_fork(side, &process->config.words, process->config.log))
		_exit(child_main(&process->config));
}

int64_t
helper_process_due_ns(const struct helper_process *process)
{
	if (process->side.former > 0)
		return process->side.former_ends_ns;
	return process->config.main != NULL && process->side.pid == 0 ? process->side.restart_ns : DEADLINE_NEVER;
}

bool
helper_process_reaped(struct helper_process *process, pid_t pid, int wait_status)
{
	return side_process_reaped(&process->side, &process->config.words, process->config.log, pid, wait_status);
}

void
helper_process_signal(const struct helper_process *process, int signal_number)
{
	if (process->side.pid > 0)
		kill(process->side.pid, signal_number);
	if (process->side.former > 0)
		kill(process->side.former, signal_number);
}

static void
end(pid_t pid)
{
	int64_t deadline_ns = deadline_in_ms(STOP_MS);
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_mono_ns() >= deadline_ns) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
		poll(NULL, 0, LOOK_MS);
	}
}

void
helper_process_stop(struct helper_process *process)
{
	helper_process_signal(process, SIGTERM);
	end(process->side.former);
	end(process->side.pid);
	process->side.pid = process->side.former = 0;
}
