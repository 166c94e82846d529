/*
 * peer.c - a listener and a pool for the peers in C: floor.c and libfcgi_loop.c.
 *
 * Nothing here runs while requests do. The pool is as plain as it can be: no restarts, no scoreboard; a child ends with its
 * parent. scripts/bench starts the programs, tests/bench/README.md says what they stand for.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

#define BACKLOG 4096

void
peer_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

int
peer_listen(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		peer_die(path);
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0)
		peer_die(path);
	return fd;
}

static pid_t
start(void (*serve)(int listener, const char *body), int listener, const char *body)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	serve(listener, body);
	_exit(0);
}

void
peer_run(long count, void (*serve)(int listener, const char *body), int listener, const char *body)
{
	signal(SIGPIPE, SIG_IGN);
	if (count == 1) {
		serve(listener, body);
		return;
	}
	sigset_t stops;
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigprocmask(SIG_BLOCK, &stops, NULL);
	pid_t *pids = calloc((size_t)count, sizeof *pids);
	if (pids == NULL)
		peer_die("pids");
	for (long i = 0; i < count; i++)
		if ((pids[i] = start(serve, listener, body)) < 0)
			peer_die("fork");
	int number;
	sigwait(&stops, &number);
	for (long i = 0; i < count; i++)
		kill(pids[i], SIGTERM);
	while (wait(NULL) > 0)
		;
	free(pids);
}

size_t
peer_answer(char *text, size_t size, const char *body)
{
	int length = snprintf(text, size,
	                      "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	                      strlen(body), body);
	if (length < 0 || (size_t)length >= size) {
		errno = EMSGSIZE;
		peer_die("answer");
	}
	return (size_t)length;
}
