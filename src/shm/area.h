/*
 * area.h - one file mapped shared by every process of the service.
 *
 * The supervisor creates it before the fork, workers inherit the mapping, other programs attach to it
 * by its path. Knows nothing of what is inside.
 */
#ifndef SHM_AREA_H
#define SHM_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

struct area {
	void *base;
	size_t size_bytes;
	int fd;
	char *path;
};

/*
 * Creates the file (cleared, mode 0600) in place of the one that a dead owner may have left, locks it for
 * this process alone (fcntl, not inherited over fork) and maps it. was_there: a file stood there, so an
 * earlier owner did not end in order. -1: a live process owns it, it is another user's (unless we are
 * root), no regular file, or the system refused. The lock is gone as soon as this process closes any
 * descriptor of the file: it must not be opened a second time.
 */
int area_create(struct area *area, const char *path, size_t size_bytes, bool *was_there, struct err *err);
/*
 * Goes on with the file whose locked descriptor came over an exec: the lock survives it. Grown to size_bytes where
 * it is smaller. On -1 fd is closed.
 */
int area_adopt(struct area *area, int fd, const char *path, size_t size_bytes, struct err *err);
/*
 * Opens or creates the file to share it among equals: each holds a read lock, so that no area_create() can take it.
 * AREA_ALONE: nobody else has it, and nobody can until area_let_others_in(); it may hold anything, and is at
 * least size_bytes long. AREA_SHARED: others have it, its size is theirs. AREA_REFUSED: a single owner has it, or
 * as area_create().
 */
enum area_share { AREA_REFUSED = -1, AREA_SHARED, AREA_ALONE };
enum area_share area_share(struct area *area, const char *path, size_t size_bytes, struct err *err);
void area_let_others_in(const struct area *area);
/* Gives the file to a user and group, before privileges are dropped; (uid_t)-1 and (gid_t)-1 leave as is. */
int area_chown(const struct area *area, uid_t uid, gid_t gid, struct err *err);
/* Maps an existing file that another process owns; takes no lock. */
enum area_access { AREA_READ, AREA_WRITE };
int area_attach(struct area *area, const char *path, enum area_access access, struct err *err);
/* Unmaps and closes; twice is harmless. */
void area_close(struct area *area);
/* Removes the file; only its creator may. */
void area_unlink(const struct area *area);

#endif
