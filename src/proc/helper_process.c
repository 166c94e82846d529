/* helper_process.c - the fork of the helper, and what the supervisor does with it. */
#include "helper_process.h"

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
#include "log.h"
#include "obituary.h"
#include "worker.h"

#define LOGGER "vitals.supervisor"
#define FORK_RETRY_MS 1000
#define STOP_MS 500
#define LOOK_MS 2

static int
open_signals(void)
{
	const int numbers[] = {SIGTERM, SIGUSR1, SIGCHLD, WORKER_RETIRE};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Listeners and handoff sockets must not stay open for the sake of the helper. */
static void
close_all_but(int kept_fd)
{
	unsigned from = STDERR_FILENO + 1;
	if (kept_fd >= (int)from) {
		if (kept_fd > (int)from)
			close_range(from, (unsigned)kept_fd - 1, 0);
		from = (unsigned)kept_fd + 1;
	}
	close_range(from, ~0U, 0);
}

static void
start(struct helper_process *process)
{
	const struct helper_config *config = &process->config;
	pid_t supervisor = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		prctl(PR_SET_NAME, "vitalsd:helper");
		if (getppid() != supervisor)
			_exit(EXIT_SUCCESS);
		close_all_but(config->kept_fd);
		int signal_fd = open_signals();
		_exit(signal_fd >= 0 ? config->main(config->context, signal_fd) : EXIT_FAILURE);
	}
	if (pid < 0) {
		log_event(config->log, VT_ERROR_LEVEL, LOGGER, "The helper cannot be forked",
		          VT_STR("reason", strerror(errno)));
		process->restart_ns = deadline_in_ms(FORK_RETRY_MS);
		return;
	}
	process->pid = pid;
	process->started_ns = clock_mono_ns();
}

void
helper_process_take_over(struct helper_process *process, pid_t former)
{
	process->former = former;
	if (former <= 0)
		return;
	process->former_ends_ns = deadline_in_ms(process->config.leave_ms);
	kill(former, WORKER_RETIRE);
}

pid_t
helper_process_present(const struct helper_process *process)
{
	return process->former > 0 ? process->former : process->pid;
}

void
helper_process_keep(struct helper_process *process)
{
	int64_t now_ns = clock_mono_ns();
	if (process->former > 0 && now_ns >= process->former_ends_ns) {
		kill(process->former, SIGKILL);
		process->former_ends_ns = deadline_in_ms(FORK_RETRY_MS);
	}
	if (process->config.main != NULL && process->pid == 0 && process->former == 0 && now_ns >= process->restart_ns)
		start(process);
}

int64_t
helper_process_due_ns(const struct helper_process *process)
{
	if (process->former > 0)
		return process->former_ends_ns;
	return process->config.main != NULL && process->pid == 0 ? process->restart_ns : DEADLINE_NEVER;
}

static void
mourn(struct helper_process *process, int wait_status)
{
	char name[16];
	int64_t lived_ms = (clock_mono_ns() - process->started_ns) / NS_PER_MS;
	int64_t delay_ms = policy_after_death(&process->history, lived_ms);
	process->restart_ns = deadline_in_ms(delay_ms);
	const struct vt_field how = WIFSIGNALED(wait_status)
	                                    ? VT_STR("signal", signal_name(WTERMSIG(wait_status), name))
	                                    : VT_INT("exit_code", WEXITSTATUS(wait_status));
	log_event(process->config.log, VT_ERROR_LEVEL, LOGGER, "Helper died", VT_INT("pid", process->pid), how,
	          VT_DOUBLE("lived_seconds", (double)lived_ms / 1000),
	          VT_DOUBLE("restart_delay_seconds", (double)delay_ms / 1000));
}

bool
helper_process_reaped(struct helper_process *process, pid_t pid, int wait_status)
{
	if (pid == process->former) {
		process->former = 0;
		return true;
	}
	if (pid != process->pid)
		return false;
	/* Told to by somebody: nothing died. */
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != EXIT_SUCCESS)
		mourn(process, wait_status);
	process->pid = 0;
	return true;
}

void
helper_process_signal(const struct helper_process *process, int signal_number)
{
	if (process->pid > 0)
		kill(process->pid, signal_number);
	if (process->former > 0)
		kill(process->former, signal_number);
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
	end(process->former);
	end(process->pid);
	process->pid = process->former = 0;
}
