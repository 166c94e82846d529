/* child.c - spawns by posix_spawn() with pipes for standard input and output; standard error goes nowhere. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define VARIABLES 4
#define VARIABLE_BYTES 1024

/* Settings, which may hold passwords, stay here. */
struct environment {
	char texts[VARIABLES][VARIABLE_BYTES];
	char *variables[VARIABLES + 1];
};

static void
fill_environment(struct environment *environment)
{
	static const struct {
		const char *name, *otherwise;
	} kept[VARIABLES] = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	                     {"HOME", "/"},
	                     {"LANG", "C"},
	                     {"TZ", NULL}};
	size_t count = 0;
	for (size_t i = 0; i < VARIABLES; i++) {
		const char *value = getenv(kept[i].name);
		if (value == NULL)
			value = kept[i].otherwise;
		if (value == NULL)
			continue;
		snprintf(environment->texts[count], VARIABLE_BYTES, "%s=%s", kept[i].name, value);
		environment->variables[count] = environment->texts[count];
		count++;
	}
	environment->variables[count] = NULL;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Its signals are as a program expects them, whatever we block and ignore. */
static int
spawn(pid_t *pid, char *const *argv, int in, int out)
{
	struct environment environment;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	fill_environment(&environment);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	int error = posix_spawn(pid, argv[0], &actions, &attributes, argv, environment.variables);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

int
child_start(struct child *child, char *const *argv, const char *in, int64_t timeout_ms)
{
	int to[2], from[2];
	*child = (struct child){.in = in, .in_bytes = strlen(in), .in_fd = -1, .out_fd = -1};
	if (pipe2(to, O_CLOEXEC) != 0)
		return errno;
	if (pipe2(from, O_CLOEXEC) != 0) {
		int error = errno;
		close(to[0]);
		close(to[1]);
		return error;
	}
	child->in_fd = to[1];
	child->out_fd = from[0];
	fcntl(child->in_fd, F_SETFL, O_NONBLOCK);
	fcntl(child->out_fd, F_SETFL, O_NONBLOCK);
	child->deadline_ns = deadline_in_ms(timeout_ms);
	int error = spawn(&child->pid, argv, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	if (error != 0) {
		child->pid = 0;
		shut(&child->in_fd);
		shut(&child->out_fd);
	}
	return error;
}

void
child_polls(const struct child *child, struct pollfd polls[CHILD_POLLS])
{
	polls[0] = (struct pollfd){.fd = child->pid > 0 ? child->in_fd : -1, .events = POLLOUT};
	polls[1] = (struct pollfd){.fd = child->pid > 0 ? child->out_fd : -1, .events = POLLIN};
}

/* A command that does not read what it is given is no failure. */
static void
feed(struct child *child)
{
	while (child->in_fd >= 0 && child->in_bytes > 0) {
		ssize_t n = write(child->in_fd, child->in, child->in_bytes);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			break;
		child->in += n;
		child->in_bytes -= (size_t)n;
	}
	shut(&child->in_fd);
}

/* What goes beyond is read, so that it does not block, and thrown away. */
static void
listen_to(struct child *child)
{
	char piece[512];
	while (child->out_fd >= 0) {
		ssize_t n = read(child->out_fd, piece, sizeof piece);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			shut(&child->out_fd);
			return;
		}
		size_t room = sizeof child->out - 1 - child->out_bytes;
		size_t kept = (size_t)n < room ? (size_t)n : room;
		memcpy(child->out + child->out_bytes, piece, kept);
		child->out_bytes += kept;
	}
}

static void
enforce(struct child *child)
{
	if (clock_mono_ns() < child->deadline_ns)
		return;
	child->timed_out = true;
	child->deadline_ns = DEADLINE_NEVER;
	kill(-child->pid, SIGKILL);
}

bool
child_step(struct child *child)
{
	if (child->pid == 0)
		return false;
	feed(child);
	listen_to(child);
	if (waitpid(child->pid, &child->wait_status, WNOHANG) != child->pid) {
		enforce(child);
		return false;
	}
	listen_to(child);
	shut(&child->in_fd);
	shut(&child->out_fd);
	child->pid = 0;
	return true;
}

void
child_kill(struct child *child)
{
	if (child->pid == 0)
		return;
	kill(-child->pid, SIGKILL);
	waitpid(child->pid, &child->wait_status, 0);
	shut(&child->in_fd);
	shut(&child->out_fd);
	child->pid = 0;
}
