/* fake_server.c - see fake_server.h. */
#include "fake_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
fake_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
	memcpy(address.sun_path, path, strlen(path));
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	return fd;
}

int
fake_black_hole(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	/* More than the queue holds; they stay open until the test's process ends. */
	for (int i = 0; i < 4; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int status = connect(fd, (struct sockaddr *)&address, sizeof address);
		ck_assert(status == 0 || errno == EINPROGRESS);
	}
	return ntohs(address.sin_port);
}

/* False where the peer has gone. */
static bool
answer_once(int fd, const struct fake_answer *answer)
{
	char bytes[4096];
	if (read(fd, bytes, sizeof bytes) <= 0)
		return false;
	for (unsigned i = 0; i < answer->repeat; i++)
		if (send(fd, answer->data, answer->size_bytes, MSG_NOSIGNAL) < 0)
			return false;
	return true;
}

/* In a process of its own. */
static void
answer_each(int fd, const struct fake_answer *answer)
{
	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (answer_once(fd, answer))
		;
	_exit(0);
}

static void
serve(int listener, const struct fake_answer *answer)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (!answer->each) {
			answer_once(fd, answer);
			continue;
		}
		answer_each(fd, answer);
		close(fd);
	}
}

static pid_t
serve_aside(int listener, const struct fake_answer *answer)
{
	pid_t parent = getpid(), pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			serve(listener, answer);
		_exit(0);
	}
	close(listener);
	return pid;
}

pid_t
fake_server(const char *path, const struct fake_answer *answer)
{
	return serve_aside(fake_listener(path), answer);
}

int
fake_tcp_server(const struct fake_answer *answer)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(listener, 16), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	serve_aside(listener, answer);
	return ntohs(address.sin_port);
}
