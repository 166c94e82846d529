/*
 * premises.h - what a worker takes for granted of its process, and a module can take away: descriptors, the working
 * directory, the signals that are blocked and ignored.
 *
 * Looked at after requests, at most once a second, so that it costs a request nothing that could be measured.
 */
#ifndef PROC_PREMISES_H
#define PROC_PREMISES_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct log;

#define PREMISES_DESCRIPTORS 40

struct premises {
	struct premise {
		int fd;
		dev_t device;
		ino_t inode;
	} descriptors[PREMISES_DESCRIPTORS];
	size_t descriptor_count;
	struct stat directory;
	int directory_fd; /* -1: cannot be restored */
	sigset_t blocked;
	struct sigaction pipe; /* of SIGPIPE, which would end a worker whose peer has left */
	int64_t next_look_ns;  /* 0: as soon as there is something to look for */
	uint64_t requests_seen;
};

/* Of the process as it is; the worker's own descriptors are added one by one. */
void premises_init(struct premises *premises);
void premises_fini(struct premises *premises);
/* Without effect for -1, and where there are too many. */
void premises_add(struct premises *premises, int fd);
/* When to look next, for a worker that waits: DEADLINE_NEVER where no request has run since the last look. */
int64_t premises_deadline_ns(const struct premises *premises, uint64_t requests);
/*
 * Looks, if it is time. What can be restored is, and what was changed is logged. False: a descriptor is not what it was, and
 * whatever the worker does with it now may hit a file of the module's.
 */
bool premises_intact(struct premises *premises, uint64_t requests, struct log *log);

#endif
