/*
 * child.h - a command that is run with a deadline: what it is given on standard input, what it says, how it ends.
 *
 * For the helper alone: workers and the supervisor run no commands. Driven by a loop of its own, without waiting. The
 * command is the leader of a process group, which is killed as a whole; it inherits no descriptor and no setting: of the
 * environment only PATH, HOME, LANG and TZ.
 */
#ifndef CORE_CHILD_H
#define CORE_CHILD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_OUT_BYTES 1024
#define CHILD_POLLS 2

struct child {
	pid_t pid;      /* 0: it does not run */
	const char *in; /* the caller's, for as long as it runs */
	size_t in_bytes;
	int in_fd, out_fd;         /* -1: closed */
	char out[CHILD_OUT_BYTES]; /* the beginning of its standard output, closed with a NUL */
	size_t out_bytes;
	int64_t deadline_ns;
	bool timed_out; /* it was killed at its deadline */
	int wait_status;
};

/* argv[0] is an absolute path. 0, or the errno of what failed. */
int child_start(struct child *child, char *const *argv, const char *in, int64_t timeout_ms);
/* What to poll for it; fd -1 where there is nothing. */
void child_polls(const struct child *child, struct pollfd polls[CHILD_POLLS]);
/* Goes on: feeds, reads, kills at the deadline. True once, when it has ended: SIGCHLD is the time to look. */
bool child_step(struct child *child);
/* Kills and reaps it, group and all; harmless where it does not run. */
void child_kill(struct child *child);

#endif
