/* side_process.c - called by log_process.c and helper_process.c, in the supervisor and in their children. */
#include "side_process.h"

#include <errno.h>
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

#define LOGGER "vitals.supervisor"
#define FORK_RETRY_MS 1000
#define KILL_AGAIN_MS 1000

/* ---- In the child ------------------------------------------------------------------------------- */

int
side_process_signals(const int *numbers, size_t count)
{
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void
side_process_close_all_but(int *kept, size_t count)
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

/* ---- In the supervisor -------------------------------------------------------------------------- */

bool
side_process_fork(struct side_process *side, const struct side_words *words, struct log *log)
{
	pid_t supervisor = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		prctl(PR_SET_NAME, words->name);
		if (getppid() != supervisor)
			raise(SIGTERM);
		return true;
	}
	if (pid < 0) {
		log_event(log, VT_ERROR_LEVEL, LOGGER, words->cannot_fork, VT_STR("reason", strerror(errno)));
		side->restart_ns = deadline_in_ms(FORK_RETRY_MS);
		return false;
	}
	side->pid = pid;
	side->started_ns = clock_mono_ns();
	return false;
}

static void
mourn(struct side_process *side, const struct side_words *words, struct log *log, int wait_status)
{
	char name[16];
	int64_t lived_ms = (clock_mono_ns() - side->started_ns) / NS_PER_MS;
	int64_t delay_ms = policy_after_death(&side->history, lived_ms);
	side->restart_ns = deadline_in_ms(delay_ms);
	const struct vt_field how = WIFSIGNALED(wait_status)
	                                    ? VT_STR("signal", signal_name(WTERMSIG(wait_status), name))
	                                    : VT_INT("exit_code", WEXITSTATUS(wait_status));
	log_event(log, VT_ERROR_LEVEL, LOGGER, words->died, VT_INT("pid", side->pid), how,
	          VT_DOUBLE("lived_seconds", (double)lived_ms / 1000),
	          VT_DOUBLE("restart_delay_seconds", (double)delay_ms / 1000));
}

bool
side_process_reaped(struct side_process *side, const struct side_words *words, struct log *log, pid_t pid,
                    int wait_status)
{
	if (pid == side->former) {
		side->former = 0;
		return true;
	}
	if (pid != side->pid)
		return false;
	/* Told to by somebody: nothing died. */
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EXIT_SUCCESS)
		side->restart_ns = 0;
	else
		mourn(side, words, log, wait_status);
	side->pid = 0;
	return true;
}

void
side_process_keep(struct side_process *side)
{
	if (side->former <= 0 || clock_mono_ns() < side->former_ends_ns)
		return;
	kill(side->former, SIGKILL);
	side->former_ends_ns = deadline_in_ms(KILL_AGAIN_MS);
}
