/*
 * listener.c - opens, probes, takes over and removes listening sockets.
 *
 * Called by the supervisor, which is single-threaded: umask() is changed for a moment. Never uses
 * FCGX_OpenSocket(), which unlinks blindly and exits on errors.
 */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"

#define PROBE_EVERY_MS 50

enum probe { PROBE_ABSENT, PROBE_STALE, PROBE_SERVED, PROBE_NO_SOCKET };

static int
open_socket(const struct address *address)
{
	return socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Is there somebody behind this Unix socket? A full queue (EAGAIN) is somebody. */
static enum probe
probe_unix(const struct address *address)
{
	struct stat st;
	if (lstat(address_unix_path(address), &st) != 0)
		return PROBE_ABSENT;
	if (!S_ISSOCK(st.st_mode))
		return PROBE_NO_SOCKET;
	int fd = open_socket(address);
	if (fd < 0)
		return PROBE_SERVED;
	int status = connect(fd, (const struct sockaddr *)&address->storage, address->length);
	enum probe probe = status != 0 && errno == ECONNREFUSED ? PROBE_STALE : PROBE_SERVED;
	close(fd);
	return probe;
}

static int
clear_unix_path(const struct address *address, int64_t wait_ms, struct err *err)
{
	const char *path = address_unix_path(address);
	int64_t deadline_ns = deadline_in_ms(wait_ms);
	enum probe probe = probe_unix(address);
	while (probe == PROBE_SERVED && deadline_poll_ms(deadline_ns) > 0) {
		poll(NULL, 0, PROBE_EVERY_MS);
		probe = probe_unix(address);
	}
	if (probe == PROBE_SERVED)
		return err_set(err, "LISTEN: another process serves the socket %s; stop it, or listen elsewhere.",
		               path);
	if (probe == PROBE_NO_SOCKET)
		return err_set(err, "LISTEN: %s exists and is not a socket; remove it, or listen elsewhere.", path);
	if (probe == PROBE_STALE && unlink(path) != 0)
		return err_set(err, "LISTEN: the stale socket %s cannot be removed: %s.", path, strerror(errno));
	return 0;
}

/* Is the file at its path still the one that was made? */
static bool
has_own_file(const struct listener *listener, struct stat *st)
{
	const char *path = address_unix_path(&listener->address);
	return path != NULL && listener->inode != 0 && lstat(path, st) == 0 && st->st_dev == listener->device &&
	       st->st_ino == listener->inode;
}

/* Touches only what is not so already: after a reload the supervisor is a user who may not. */
static int
set_access(const struct listener *listener, const struct listener_config *config, struct err *err)
{
	const char *path = address_unix_path(&listener->address);
	struct stat st;
	if (!has_own_file(listener, &st))
		return err_set(err, "LISTEN: the socket %s is gone, or another one by now.", path);
	uid_t uid = config->uid != (uid_t)-1 ? config->uid : st.st_uid;
	gid_t gid = config->gid != (gid_t)-1 ? config->gid : st.st_gid;
	if ((uid != st.st_uid || gid != st.st_gid) && lchown(path, uid, gid) != 0)
		return err_set(err, "LISTEN_OWNER: the owner of %s cannot be set: %s.", path, strerror(errno));
	if ((st.st_mode & 07777) != config->mode && chmod(path, config->mode) != 0)
		return err_set(err, "LISTEN_MODE: the mode of %s cannot be set: %s.", path, strerror(errno));
	return 0;
}

/* Until its mode and owner are right, nobody may connect. */
static int
bind_unix(struct listener *listener, const struct listener_config *config, struct err *err)
{
	const char *path = address_unix_path(&listener->address);
	mode_t before = umask(0777);
	int status = bind(listener->fd, (const struct sockaddr *)&listener->address.storage, listener->address.length);
	int bind_errno = errno;
	umask(before);
	if (status != 0)
		return err_set(err, "LISTEN: the socket %s cannot be made: %s.", path, strerror(bind_errno));
	struct stat st;
	if (lstat(path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
	}
	return set_access(listener, config, err);
}

static int
bind_tcp(struct listener *listener, struct err *err)
{
	int on = 1;
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (listener->address.storage.ss_family == AF_INET6)
		setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(listener->fd, (const struct sockaddr *)&listener->address.storage, listener->address.length) != 0)
		return err_set(err, "LISTEN: %s cannot be bound: %s.", listener->address.text,
		               errno == EADDRINUSE ? "another process listens there" : strerror(errno));
	return 0;
}

static int
start_listening(const struct listener *listener, const struct listener_config *config, struct err *err)
{
	if (listen(listener->fd, config->backlog) != 0)
		return err_set(err, "LISTEN: %s cannot be listened on: %s.", listener->address.text, strerror(errno));
	return 0;
}

static int
open_and_listen(struct listener *listener, const struct listener_config *config, struct err *err)
{
	const char *path = address_unix_path(&listener->address);
	if (path != NULL && clear_unix_path(&listener->address, config->orphan_wait_ms, err) != 0)
		return -1;
	listener->fd = open_socket(&listener->address);
	if (listener->fd < 0)
		return err_set(err, "LISTEN: no socket for %s: %s.", listener->address.text, strerror(errno));
	if ((path != NULL ? bind_unix(listener, config, err) : bind_tcp(listener, err)) != 0)
		return -1;
	return start_listening(listener, config, err);
}

int
listener_renew(struct listener *listener, const struct listener_config *config, struct err *err)
{
	if (address_unix_path(&listener->address) != NULL && set_access(listener, config, err) != 0)
		return -1;
	return start_listening(listener, config, err);
}

int
listener_open(struct listener *listener, const struct address *address, const struct listener_config *config,
              struct err *err)
{
	*listener = (struct listener){.fd = -1, .address = *address};
	if (open_and_listen(listener, config, err) == 0)
		return 0;
	listener_close(listener, LISTENER_REMOVE_FILE);
	return -1;
}

void
listener_refuse(const struct listener *listener)
{
	if (listener->address.storage.ss_family == AF_UNIX)
		shutdown(listener->fd, SHUT_RD);
}

void
listener_close(struct listener *listener, enum listener_file file)
{
	struct stat st;
	if (file == LISTENER_REMOVE_FILE && has_own_file(listener, &st))
		unlink(address_unix_path(&listener->address));
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}
