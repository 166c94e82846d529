/* rehearsal.c - forks, executes and listens. Called by the supervisor, whose signals are blocked. */
#include "rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"

/* Kept for the sentence that say() adds. */
#define VERDICT_BYTES 128

/* In the child: nothing of it may outlive the supervisor, and nothing may stay blocked in the program. */
static void
play(rehearsal_fn *perform, void *context, int output)
{
	sigset_t none;
	struct err err;
	int input = open("/dev/null", O_RDONLY);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (perform(context, &err) != 0)
		dprintf(STDERR_FILENO, "%s\n", err.text);
	_exit(127);
}

int
rehearsal_start(struct rehearsal *rehearsal, rehearsal_fn *perform, void *context, int64_t timeout_ms, struct err *err)
{
	int pipes[2];
	*rehearsal = (struct rehearsal){.output = -1};
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_set(err, "No pipe for the rehearsal: %s.", strerror(errno));
	/* Our end alone: the child's writes must wait for us, not fail. */
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	pid_t pid = fork();
	if (pid == 0)
		play(perform, context, pipes[1]);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return err_set(err, "No process for the rehearsal: %s.", strerror(errno));
	}
	rehearsal->pid = pid;
	rehearsal->output = pipes[0];
	rehearsal->deadline_ns = deadline_in_ms(timeout_ms);
	return 0;
}

void
rehearsal_read(struct rehearsal *rehearsal)
{
	char piece[512];
	if (rehearsal->output < 0)
		return;
	for (;;) {
		ssize_t n = read(rehearsal->output, piece, sizeof piece);
		if (n <= 0) {
			if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
				close(rehearsal->output);
				rehearsal->output = -1;
			}
			return;
		}
		size_t room = sizeof rehearsal->text - VERDICT_BYTES - rehearsal->length;
		size_t kept = (size_t)n < room ? (size_t)n : room;
		memcpy(rehearsal->text + rehearsal->length, piece, kept);
		rehearsal->length += kept;
	}
}

void
rehearsal_enforce(struct rehearsal *rehearsal, int64_t now_ns)
{
	if (rehearsal->pid == 0 || now_ns < rehearsal->deadline_ns)
		return;
	kill(rehearsal->pid, SIGKILL);
	rehearsal->deadline_ns = DEADLINE_NEVER;
}

/* It may have ended by itself just before it would have been killed. */
static bool
timed_out(const struct rehearsal *rehearsal, int wait_status)
{
	return rehearsal->deadline_ns == DEADLINE_NEVER && WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
}

/* Behind what it said itself: an end that is not an exit is the reason, whatever stands before it. */
static void
say(struct rehearsal *rehearsal, int wait_status)
{
	char *end = rehearsal->text + rehearsal->length;
	size_t room = sizeof rehearsal->text - rehearsal->length;
	const char *before = rehearsal->length > 0 ? "\n" : "";
	if (timed_out(rehearsal, wait_status))
		snprintf(end, room, "%sThe check of the new settings did not end in time.", before);
	else if (WIFSIGNALED(wait_status))
		snprintf(end, room, "%sThe check of the new settings died of signal %d.", before,
		         WTERMSIG(wait_status));
	else if (rehearsal->length == 0)
		snprintf(end, room, "The check of the new settings failed with status %d and said nothing.",
		         WEXITSTATUS(wait_status));
}

bool
rehearsal_end(struct rehearsal *rehearsal, int wait_status)
{
	rehearsal_read(rehearsal);
	if (rehearsal->output >= 0)
		close(rehearsal->output);
	rehearsal->output = -1;
	rehearsal->text[rehearsal->length] = '\0';
	while (rehearsal->length > 0 && rehearsal->text[rehearsal->length - 1] == '\n')
		rehearsal->text[--rehearsal->length] = '\0';
	bool passed = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
	if (!passed)
		say(rehearsal, wait_status);
	rehearsal->pid = 0;
	return passed;
}
