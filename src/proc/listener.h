/*
 * listener.h - the sockets that a service listens on.
 *
 * Opened by the supervisor, inherited by workers. A Unix socket that somebody serves is never taken
 * away; one that nobody serves any more is.
 */
#ifndef PROC_LISTENER_H
#define PROC_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

#include "address.h"

struct err;

struct listener {
	int fd;
	struct address address;
	dev_t device; /* of a Unix socket's file as we made it */
	ino_t inode;
};

struct listener_config {
	int backlog;
	mode_t mode; /* of a Unix socket */
	uid_t uid;   /* (uid_t)-1: leave */
	gid_t gid;
	int64_t orphan_wait_ms; /* how long workers of a dead supervisor of ours may still answer there; 0: refuse at once */
};

/* Listening, non-blocking, close-on-exec. -1 with a sentence that names the address. */
int listener_open(struct listener *listener, const struct address *address, const struct listener_config *config,
                  struct err *err);
/*
 * Gives one that is open already the backlog, mode and owner of the present settings; what is so already is not
 * touched. -1 as listener_open(), and where its file is not the one that was made; it listens on as it did.
 */
int listener_renew(struct listener *listener, const struct listener_config *config, struct err *err);
/*
 * No connection more, for all processes that have it; those in the queue can still be accepted. For Unix sockets only:
 * for TCP the kernel would throw the queue away, so there nothing is done.
 */
void listener_refuse(const struct listener *listener);
/* Closes; removes the socket's file where it is still the one that was made. */
enum listener_file { LISTENER_KEEP_FILE, LISTENER_REMOVE_FILE };
void listener_close(struct listener *listener, enum listener_file file);

#endif
