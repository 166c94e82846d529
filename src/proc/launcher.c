/*
 * launcher.c - see launcher.h. systemd's protocol is read here without libsystemd, of which it needs three variables.
 *
 * Must never unlink, bind or listen: these sockets are their launcher's. Sentences name what the launcher gave,
 * so that its configuration can be put right.
 */
#include "launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "err.h"

#define FIRST_DESCRIPTOR 3 /* SD_LISTEN_FDS_START */
#define MAX_DESCRIPTORS 256
#define ADMIN_NAME "admin"

/* The three variables as they were; NULL: not set. */
struct activation {
	const char *pid, *fds, *names;
};

/* ---- One socket --------------------------------------------------------------------------------- */

static int
socket_option(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	return getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

static bool
is_listening(int fd)
{
	return socket_option(fd, SO_ACCEPTCONN) == 1;
}

/* What is wrong with the descriptor, as the end of a sentence; NULL where it can be served. */
static const char *
unusable(int fd)
{
	int family = socket_option(fd, SO_DOMAIN);
	if (family < 0)
		return errno == EBADF ? "is not open" : "is not a socket";
	if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
		return "is a socket of neither Unix nor TCP";
	if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
		return "is not a stream socket (ListenStream= in a unit)";
	if (!is_listening(fd))
		return "does not listen (Accept=no in a unit)";
	return NULL;
}

/* By descriptor: the same for each launcher. from: who gave it and as what, for the sentence. */
static int
take_socket(struct listener *listener, int fd, const char *from, struct err *err)
{
	*listener = (struct listener){.fd = fd};
	const char *wrong = unusable(fd);
	if (wrong != NULL)
		return err_set(err, "%s, descriptor %d, %s; a listening stream socket is needed.", from, fd, wrong);
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    address_of_socket(&listener->address, fd) != 0)
		return err_set(err, "%s, descriptor %d, cannot be taken over: %s.", from, fd, strerror(errno));
	return 0;
}

static int
make_room(struct launcher_set *set, size_t count, struct err *err)
{
	set->listeners = calloc(count, sizeof *set->listeners);
	return set->listeners != NULL ? 0 : err_set(err, "There is no memory for the launcher's sockets.");
}

/* ---- systemd ------------------------------------------------------------------------------------ */

/* A positive decimal number up to max and nothing else; 0 where it is none. */
static long
parse_number(const char *text, long max)
{
	char *end;
	if (text[0] < '1' || text[0] > '9')
		return 0;
	errno = 0;
	long number = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && number <= max ? number : 0;
}

/* Takes the next of the names apart by ':'; "" past the last. *names is what is left, NULL after the last. */
static size_t
next_name(const char **names, const char **name)
{
	*name = *names != NULL ? *names : "";
	size_t size = strcspn(*name, ":");
	*names = (*name)[size] == ':' ? *name + size + 1 : NULL;
	return size;
}

static long
count_names(const char *names)
{
	long count = 1;
	for (; *names != '\0'; names++)
		count += *names == ':';
	return count;
}

/* sd_listen_fds_with_names(3): without LISTEN_FDNAMES every socket is "unknown"; otherwise each has a name. */
static int
read_count(const struct activation *given, long *count, struct err *err)
{
	*count = parse_number(given->fds, MAX_DESCRIPTORS);
	if (*count == 0) {
		err_set(err, "LISTEN_FDS=%s is no number of sockets from 1 to %d.", given->fds, MAX_DESCRIPTORS);
		return -1;
	}
	if (given->names != NULL && count_names(given->names) != *count)
		return err_set(err, "LISTEN_FDNAMES=%s does not name LISTEN_FDS=%ld sockets.", given->names, *count);
	return 0;
}

static int
take_named(struct launcher *launcher, int fd, const char *name, size_t name_size, struct err *err)
{
	bool admin = name_size == sizeof ADMIN_NAME - 1 && memcmp(name, ADMIN_NAME, name_size) == 0;
	struct launcher_set *set = admin ? &launcher->admin : &launcher->public;
	return take_socket(&set->listeners[set->count++], fd,
	                   admin ? "The socket \"" ADMIN_NAME "\" that systemd passed" : "A socket that systemd passed",
	                   err);
}

static void
drop_empty(struct launcher_set *set)
{
	if (set->count > 0)
		return;
	free(set->listeners);
	set->listeners = NULL;
}

/* The first one that is refused gives the sentence, and the others are still taken, so that all are closed. */
static int
take_activated(struct launcher *launcher, const struct activation *given, struct err *err)
{
	long count;
	if (read_count(given, &count, err) != 0 || make_room(&launcher->public, (size_t)count, err) != 0 ||
	    make_room(&launcher->admin, (size_t)count, err) != 0)
		return -1;
	launcher->kind = LAUNCHER_SYSTEMD;
	const char *names = given->names, *name;
	int status = 0;
	for (int i = 0; i < count; i++) {
		size_t size = next_name(&names, &name);
		if (take_named(launcher, FIRST_DESCRIPTOR + i, name, size, status == 0 ? err : NULL) != 0)
			status = -1;
	}
	drop_empty(&launcher->public);
	drop_empty(&launcher->admin);
	return status;
}

/* LISTEN_PID tells whose the descriptors are: a process that only inherited the variables must not touch them. */
static int
take_from_systemd(struct launcher *launcher, struct err *err)
{
	struct activation given = {getenv("LISTEN_PID"), getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES")};
	if (given.pid == NULL || given.fds == NULL || strcmp(given.fds, "0") == 0)
		return 0;
	long pid = parse_number(given.pid, INT32_MAX);
	if (pid == 0)
		return err_set(err, "LISTEN_PID=%s is no process ID.", given.pid);
	return pid == getpid() ? take_activated(launcher, &given, err) : 0;
}

static void
clear_environment(void)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* ---- Descriptor 0 ------------------------------------------------------------------------------- */

/* Anything else than a listening socket there is standard input as everybody has it. */
static int
take_descriptor_0(struct launcher *launcher, struct err *err)
{
	if (!is_listening(STDIN_FILENO))
		return 0;
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int replaced = null >= 0 ? dup2(null, STDIN_FILENO) : -1;
	int why = errno;
	if (null >= 0)
		close(null);
	if (fd < 0 || replaced < 0) {
		if (fd >= 0)
			close(fd);
		return err_set(err, "The socket on descriptor 0 cannot be moved: %s.", strerror(why));
	}
	if (make_room(&launcher->public, 1, err) != 0) {
		close(fd);
		return -1;
	}
	launcher->kind = LAUNCHER_DESCRIPTOR_0;
	return take_socket(&launcher->public.listeners[launcher->public.count++], fd,
	                   "The socket that was given as standard input", err);
}

/* ---- The whole ---------------------------------------------------------------------------------- */

int
launcher_take(struct launcher *launcher, struct err *err)
{
	*launcher = (struct launcher){.kind = LAUNCHER_NONE};
	int status = take_from_systemd(launcher, err);
	clear_environment();
	if (status == 0 && launcher->kind == LAUNCHER_NONE)
		status = take_descriptor_0(launcher, err);
	if (status != 0)
		launcher_fini(launcher);
	return status;
}

static void
fini_set(struct launcher_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		listener_close(&set->listeners[i], LISTENER_KEEP_FILE);
	free(set->listeners);
	*set = (struct launcher_set){.listeners = NULL};
}

void
launcher_fini(struct launcher *launcher)
{
	fini_set(&launcher->public);
	fini_set(&launcher->admin);
	launcher->kind = LAUNCHER_NONE;
}
