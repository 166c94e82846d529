/*
 * area.c - creating, owning and mapping the shared file.
 *
 * Called by scoreboard.c only. The owner is whoever holds the write lock (fcntl) on the whole file. That
 * lock belongs to the process, is not inherited over a fork, and is lost as soon as the process closes
 * any descriptor of the file: the descriptor stays open as long as the area, and the owner must never
 * open the file a second time.
 *
 * What a dead owner left is not used again but replaced by a new file: a worker that has not noticed
 * yet that its supervisor is gone goes on writing into the old one, where it harms nobody.
 */
#include "area.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "insist.h"

/* How often another starter may come between before we give up. */
#define CREATE_TRIES 20
/* How long a process that wants to share waits for the one that is making the file ready. */
#define SHARE_WAIT_MS 2000
#define SHARE_LOOK_MS 5

enum ownership { OWNED, LOST, REFUSED };

/* True where path still names the file that fd has open. */
static bool
names_same_file(int fd, const char *path)
{
	struct stat open_file, named_file;
	return fstat(fd, &open_file) == 0 && lstat(path, &named_file) == 0 && open_file.st_dev == named_file.st_dev &&
	       open_file.st_ino == named_file.st_ino;
}

/* LOST: somebody removed or replaced the file between opening and locking. */
static enum ownership
lock_file(int fd, const char *path, struct err *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return names_same_file(fd, path) ? OWNED : LOST;
	if (errno != EACCES && errno != EAGAIN) {
		err_set(err, "Cannot lock the scoreboard %s: %s.", path, strerror(errno));
		return REFUSED;
	}
	struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_GETLK, &holder) != 0 || holder.l_type == F_UNLCK)
		return LOST;
	err_set(err,
	        "The scoreboard %s belongs to the running process %ld; stop it, or name another file with SCOREBOARD.",
	        path, (long)holder.l_pid);
	return REFUSED;
}

/* Is the file one that a former owner of ours can have left? */
static int
check_file(int fd, const char *path, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_set(err, "Cannot look at the scoreboard %s: %s.", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, "The scoreboard %s is not a regular file; name another one with SCOREBOARD.", path);
	/* Root gave its file to RUN_USER in an earlier life, and finds it so. */
	if (st.st_uid != geteuid() && geteuid() != 0)
		return err_set(
			err,
			"The scoreboard %s belongs to user %ld, not to us; remove it, or name another file with SCOREBOARD.",
			path, (long)st.st_uid);
	return 0;
}

/* OWNED: there was a file without a live owner, and it is gone now. */
static enum ownership
remove_stale(const char *path, struct err *err)
{
	/* O_NONBLOCK: whoever put a FIFO there shall not make us wait. */
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return LOST;
	if (fd < 0) {
		err_set(err, "Cannot open the scoreboard %s: %s.", path,
		        errno == ELOOP ? "it is a symbolic link" : strerror(errno));
		return REFUSED;
	}
	enum ownership outcome = check_file(fd, path, err) == 0 ? lock_file(fd, path, err) : REFUSED;
	if (outcome == OWNED && unlink(path) != 0) {
		err_set(err, "Cannot remove the old scoreboard %s: %s.", path, strerror(errno));
		outcome = REFUSED;
	}
	close(fd);
	return outcome;
}

/* A new file at path, opened and locked, or -1: refused. */
static int
create_locked(const char *path, bool *was_there, struct err *err)
{
	for (int i = 0; i < CREATE_TRIES; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0) {
			enum ownership outcome = lock_file(fd, path, err);
			if (outcome == OWNED)
				return fd;
			close(fd); /* another starter took it for a stale one: see below who that is */
			continue;
		}
		if (errno != EEXIST)
			return err_set(err, "Cannot create the scoreboard %s: %s.", path, strerror(errno));
		enum ownership outcome = remove_stale(path, err);
		if (outcome == REFUSED)
			return -1;
		if (outcome == OWNED)
			*was_there = true;
	}
	return err_set(err, "Cannot create the scoreboard %s: other processes keep creating and removing it.", path);
}

static int
map(struct area *area, int protection, struct err *err)
{
	void *base = mmap(NULL, area->size_bytes, protection, MAP_SHARED, area->fd, 0);
	if (base == MAP_FAILED)
		return err_set(err, "Cannot map the scoreboard %s: %s.", area->path, strerror(errno));
	area->base = base;
	return 0;
}

static int
copy_path(struct area *area, const char *path, struct err *err)
{
	area->path = strdup(path);
	return area->path != NULL ? 0 : err_set(err, "There is no memory for the name of the scoreboard %s.", path);
}

/* Reserved now: on a full tmpfs the first touch of a page would otherwise be a SIGBUS in a worker. */
static int
reserve(struct area *area, struct err *err)
{
	struct stat st;
	if (fstat(area->fd, &st) != 0)
		return err_set(err, "Cannot look at the scoreboard %s: %s.", area->path, strerror(errno));
	if ((size_t)st.st_size > area->size_bytes)
		area->size_bytes = (size_t)st.st_size;
	int status = posix_fallocate(area->fd, 0, (off_t)area->size_bytes);
	return status == 0 ? 0
	                   : err_set(err, "Cannot reserve %zu bytes for the scoreboard %s: %s.", area->size_bytes,
	                             area->path, strerror(status));
}

int
area_create(struct area *area, const char *path, size_t size_bytes, bool *was_there, struct err *err)
{
	INSIST(size_bytes > 0);
	*area = (struct area){.fd = -1, .size_bytes = size_bytes};
	*was_there = false;
	if (copy_path(area, path, err) != 0)
		return -1;
	area->fd = create_locked(path, was_there, err);
	if (area->fd < 0) {
		area_close(area);
		return -1;
	}
	if (reserve(area, err) != 0 || map(area, PROT_READ | PROT_WRITE, err) != 0) {
		area_unlink(area);
		area_close(area);
		return -1;
	}
	return 0;
}

int
area_adopt(struct area *area, int fd, const char *path, size_t size_bytes, struct err *err)
{
	*area = (struct area){.fd = fd, .size_bytes = size_bytes};
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (copy_path(area, path, err) == 0 && reserve(area, err) == 0 && map(area, PROT_READ | PROT_WRITE, err) == 0)
		return 0;
	area_close(area);
	return -1;
}

/* F_WRLCK where nobody else holds any lock, F_RDLCK where no one owns it alone, F_UNLCK for neither. */
static short
lock_to_share(int fd)
{
	static const short kinds[] = {F_WRLCK, F_RDLCK};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct flock lock = {.l_type = kinds[i], .l_whence = SEEK_SET};
		if (fcntl(fd, F_SETLK, &lock) == 0)
			return kinds[i];
	}
	return F_UNLCK;
}

/*
 * Opens and locks, within SHARE_WAIT_MS: whoever makes the file ready holds it alone for a moment. The lock's kind,
 * or F_UNLCK with err.
 */
static short
open_to_share(struct area *area, struct err *err)
{
	for (int64_t end_ns = deadline_in_ms(SHARE_WAIT_MS); clock_mono_ns() < end_ns; poll(NULL, 0, SHARE_LOOK_MS)) {
		area->fd = open(area->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
		if (area->fd < 0) {
			err_set(err, "Cannot open the scoreboard %s: %s.", area->path, strerror(errno));
			return F_UNLCK;
		}
		if (check_file(area->fd, area->path, err) != 0)
			return F_UNLCK;
		short kind = lock_to_share(area->fd);
		if (kind != F_UNLCK && names_same_file(area->fd, area->path))
			return kind;
		close(area->fd);
		area->fd = -1;
	}
	err_set(err,
	        "The scoreboard %s belongs to a running supervisor; stop it, or name another file with SCOREBOARD.",
	        area->path);
	return F_UNLCK;
}

static int
map_shared(struct area *area, short lock, struct err *err)
{
	struct stat st;
	if (lock == F_WRLCK && reserve(area, err) != 0)
		return -1;
	if (lock == F_RDLCK && fstat(area->fd, &st) == 0)
		area->size_bytes = (size_t)st.st_size;
	return map(area, PROT_READ | PROT_WRITE, err);
}

enum area_share
area_share(struct area *area, const char *path, size_t size_bytes, struct err *err)
{
	*area = (struct area){.fd = -1, .size_bytes = size_bytes};
	short lock = copy_path(area, path, err) == 0 ? open_to_share(area, err) : F_UNLCK;
	if (lock != F_UNLCK && map_shared(area, lock, err) == 0)
		return lock == F_WRLCK ? AREA_ALONE : AREA_SHARED;
	area_close(area);
	return AREA_REFUSED;
}

void
area_let_others_in(const struct area *area)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	fcntl(area->fd, F_SETLK, &lock);
}

int
area_chown(const struct area *area, uid_t uid, gid_t gid, struct err *err)
{
	if (fchown(area->fd, uid, gid) == 0)
		return 0;
	return err_set(err, "Cannot give the scoreboard %s to user %ld, group %ld: %s.", area->path, (long)uid,
	               (long)gid, strerror(errno));
}

static int
open_existing(struct area *area, enum area_access access, struct err *err)
{
	int how = access == AREA_WRITE ? O_RDWR : O_RDONLY;
	area->fd = open(area->path, how | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (area->fd < 0 || fstat(area->fd, &st) != 0)
		return err_set(err, "Cannot open the scoreboard %s: %s%s.", area->path, strerror(errno),
		               errno == EACCES ? "; it takes the user whose service it is, or root" : "");
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return err_set(err, "%s is not a scoreboard.", area->path);
	area->size_bytes = (size_t)st.st_size;
	return 0;
}

int
area_attach(struct area *area, const char *path, enum area_access access, struct err *err)
{
	int protection = access == AREA_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
	*area = (struct area){.fd = -1};
	if (copy_path(area, path, err) == 0 && open_existing(area, access, err) == 0 && map(area, protection, err) == 0)
		return 0;
	area_close(area);
	return -1;
}

void
area_close(struct area *area)
{
	if (area->base != NULL)
		munmap(area->base, area->size_bytes);
	if (area->fd >= 0)
		close(area->fd);
	free(area->path);
	*area = (struct area){.fd = -1};
}

void
area_unlink(const struct area *area)
{
	if (area->path != NULL && area->fd >= 0 && names_same_file(area->fd, area->path))
		unlink(area->path);
}
