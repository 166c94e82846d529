/*
 * private_server.h - a real server in a directory of its own, for the tests of the store floor.
 *
 * A test program calls private_server_init() in an unchecked fixture. Servers may be started and stopped
 * from any test (each runs in a fork): the pid is kept in a file. A keeper process ends the server and
 * removes the directory when the test program is gone, however it ended. All waits are bounded; whatever
 * does not work fails the test with its reason.
 */
#ifndef TESTS_PRIVATE_SERVER_H
#define TESTS_PRIVATE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct private_server {
	char dir[64]; /* also where the sockets are; mode 0755 */
	uid_t uid;    /* whom the server runs as: not root */
	gid_t gid;
	pid_t keeper;
	int keeper_fd;
};

void private_server_init(struct private_server *server, const char *name);
/* Ends the server, removes the directory. */
void private_server_fini(struct private_server *server);

/* Runs a program to its end within timeout_s and demands that it succeeds. Output goes to dir/log. */
void private_server_run(struct private_server *server, char *const argv[], int timeout_s);
/* Starts the server itself. */
void private_server_start(struct private_server *server, char *const argv[]);
bool private_server_alive(const struct private_server *server);
pid_t private_server_pid(const struct private_server *server);
/* Sends the signal to the server and its children. */
void private_server_signal(const struct private_server *server, int signal_number);
/* Sends the signal to the server alone and waits until it and its children are gone. */
void private_server_stop(const struct private_server *server, int signal_number);
/* Sleeps for a few milliseconds inside a loop that waits for a condition. */
void private_server_nap(void);

#endif
