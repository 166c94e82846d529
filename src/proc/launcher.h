/*
 * launcher.h - the listening sockets that this process was started with, if any.
 *
 * Who starts a FastCGI program may have opened its socket already: systemd (socket activation, sd_listen_fds(3)),
 * and whoever keeps to the FastCGI convention (FastCGI 1.0 section 2.2: spawn-fcgi, mod_fcgid), who gives it as
 * descriptor 0. Called once by the supervisor or the single process, before there is any thread or child: the
 * environment and descriptor 0 are changed.
 */
#ifndef PROC_LAUNCHER_H
#define PROC_LAUNCHER_H

#include <stddef.h>

#include "listener.h"

struct err;

enum launcher_kind {
	LAUNCHER_NONE,         /* nobody gave a socket: LISTEN and ADMIN_LISTEN are ours to open */
	LAUNCHER_DESCRIPTOR_0, /* one public listener */
	LAUNCHER_SYSTEMD,      /* one listener or more, in the order in which they were given */
};

struct launcher_set {
	struct listener *listeners; /* from malloc(); NULL where there are none */
	size_t count;
};

/*
 * A set that was given stands for its setting. One that is empty leaves its setting as it is: with a socket for
 * LISTEN alone, ADMIN_LISTEN is still opened by us.
 */
struct launcher {
	enum launcher_kind kind;
	struct launcher_set public; /* for LISTEN */
	struct launcher_set admin;  /* for ADMIN_LISTEN: systemd's with FileDescriptorName=admin */
};

/*
 * Takes over what was given: listening, non-blocking, close-on-exec, as listener_open() leaves a socket, but with no
 * device and inode, so that listener_close() never removes the file of a socket that is somebody else's. LISTEN_PID,
 * LISTEN_FDS and LISTEN_FDNAMES are gone from the environment afterwards, also on failure; descriptor 0 is /dev/null
 * where it was a listening socket. The caller may take the arrays away (and set the pointer to NULL).
 *
 * -1 with a sentence where something was given that cannot be served: variables that make no sense, a descriptor that
 * is no listening stream socket of Unix or TCP. Nothing is left to free then.
 */
int launcher_take(struct launcher *launcher, struct err *err);

/* Closes and frees what is still there. Twice is harmless. */
void launcher_fini(struct launcher *launcher);

#endif
