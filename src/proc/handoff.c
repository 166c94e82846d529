/*
 * handoff.c - messages of connections: descriptors in the control part, a note for each in the data part.
 *
 * Called by worker.c, and by the watcher thread while a request runs. A descriptor that was sent is still
 * registered in our epoll set, since the set follows the open file and not the number: it is taken out before our
 * copy is closed, or events for a connection that is no longer ours would come with a pointer into freed memory.
 */
#include "handoff.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"

/* Changes with struct note: workers of two versions share the pair during an upgrade. */
#define HANDOFF_VERSION 1
/* A connection, and a memory file with its bytes. */
#define FDS_MAX (2 * HANDOFF_BATCH)

struct note {
	uint32_t state; /* enum conn_state */
	uint32_t pending_bytes;
	int64_t deadline_ns; /* monotonic: one clock for all processes of the machine */
	uint64_t lingered_bytes;
};

struct letter {
	uint32_t version, count;
	struct note notes[HANDOFF_BATCH];
};

/* Room for the control part, aligned as its header must be. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

struct parcel {
	struct letter letter;
	struct connection *connections[HANDOFF_BATCH];
	int fds[FDS_MAX]; /* the connections', then the memory files' */
	size_t fd_count;
};

int
handoff_open(struct handoff *handoff, struct err *err)
{
	int pair[2];
	*handoff = (struct handoff){.send_fd = -1, .receive_fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return err_set(err, "The socket for handing connections over cannot be made: %s.", strerror(errno));
	*handoff = (struct handoff){.send_fd = pair[0], .receive_fd = pair[1]};
	return 0;
}

void
handoff_close(struct handoff *handoff)
{
	if (handoff->send_fd >= 0)
		close(handoff->send_fd);
	if (handoff->receive_fd >= 0)
		close(handoff->receive_fd);
	*handoff = (struct handoff){.send_fd = -1, .receive_fd = -1};
}

/* ---- Giving ------------------------------------------------------------------------------------- */

/* What was read from the connection, as a file; -1 where it cannot be made. */
static int
file_of_pending(const struct connection *connection)
{
	int fd = memfd_create("vitals-pending", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (pwrite(fd, connection->pending, connection->pending_bytes, 0) == (ssize_t)connection->pending_bytes)
		return fd;
	close(fd);
	return -1;
}

static void
pack(struct parcel *parcel, struct connection *connection)
{
	size_t n = parcel->letter.count++;
	parcel->connections[n] = connection;
	parcel->fds[n] = connection->fd;
	parcel->letter.notes[n] = (struct note){
		.state = (uint32_t)connection->state,
		.pending_bytes = connection->pending != NULL ? (uint32_t)connection->pending_bytes : 0,
		.deadline_ns = connection->deadline_ns,
		.lingered_bytes = connection->lingered_bytes,
	};
}

/* Behind the connections' descriptors. False, with none left open, where one could not be made. */
static bool
pack_pending(struct parcel *parcel)
{
	parcel->fd_count = parcel->letter.count;
	for (size_t i = 0; i < parcel->letter.count; i++) {
		if (parcel->letter.notes[i].pending_bytes == 0)
			continue;
		int fd = file_of_pending(parcel->connections[i]);
		if (fd < 0)
			return false;
		parcel->fds[parcel->fd_count++] = fd;
	}
	return true;
}

static void
close_pending(struct parcel *parcel)
{
	while (parcel->fd_count > parcel->letter.count)
		close(parcel->fds[--parcel->fd_count]);
}

static void
fill(struct parcel *parcel, const struct conn_table *table)
{
	parcel->letter = (struct letter){.version = HANDOFF_VERSION};
	for (size_t state = 0; state < CONN_STATES; state++) {
		if (state == CONN_SERVING)
			continue;
		for (struct connection *c = table->lists[state].first; c != NULL; c = c->next) {
			if (parcel->letter.count == HANDOFF_BATCH)
				return;
			pack(parcel, c);
		}
	}
}

static bool
send_parcel(const struct handoff *handoff, struct parcel *parcel)
{
	union control control;
	struct iovec data = {.iov_base = &parcel->letter, .iov_len = sizeof parcel->letter};
	struct msghdr message = {.msg_iov = &data,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = CMSG_SPACE(parcel->fd_count * sizeof(int))};
	memset(&control, 0, sizeof control);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(parcel->fd_count * sizeof(int));
	memcpy(CMSG_DATA(header), parcel->fds, parcel->fd_count * sizeof(int));
	return sendmsg(handoff->send_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof parcel->letter;
}

size_t
handoff_give(const struct handoff *handoff, struct conn_table *table, int epoll_fd)
{
	struct parcel parcel;
	size_t given = 0;
	if (handoff->send_fd < 0)
		return 0;
	for (;;) {
		fill(&parcel, table);
		if (parcel.letter.count == 0)
			break;
		bool sent = pack_pending(&parcel) && send_parcel(handoff, &parcel);
		close_pending(&parcel);
		if (!sent)
			break;
		for (size_t i = 0; i < parcel.letter.count; i++) {
			epoll_ctl(epoll_fd, EPOLL_CTL_DEL, parcel.connections[i]->fd, NULL);
			conn_table_remove(table, parcel.connections[i]);
		}
		given += parcel.letter.count;
	}
	table->given += given;
	return given;
}

/* ---- Taking ------------------------------------------------------------------------------------- */

/* The message's data and descriptors; false where there is none. */
static bool
receive_parcel(const struct handoff *handoff, struct parcel *parcel)
{
	union control control;
	struct iovec data = {.iov_base = &parcel->letter, .iov_len = sizeof parcel->letter};
	struct msghdr message = {.msg_iov = &data,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof control.bytes};
	parcel->fd_count = 0;
	ssize_t n = recvmsg(handoff->receive_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return false;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
		/* Fewer than were sent where this process has no descriptor left. */
		parcel->fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(parcel->fds, CMSG_DATA(header), parcel->fd_count * sizeof(int));
	}
	if (n != (ssize_t)sizeof parcel->letter || (message.msg_flags & MSG_TRUNC) != 0 ||
	    parcel->letter.version != HANDOFF_VERSION || parcel->letter.count > HANDOFF_BATCH)
		parcel->letter.count = 0;
	return true;
}

static bool
read_pending(struct conn_table *table, struct connection *connection, int fd, size_t size)
{
	if (!conn_table_reserve(table, connection, size))
		return false;
	connection->pending_bytes = size;
	return pread(fd, connection->pending, size, 0) == (ssize_t)size;
}

/* NULL where it could not be taken; then it is closed. file_fd -1: it brings no bytes. */
static struct connection *
unpack(struct conn_table *table, const struct note *note, int fd, int file_fd)
{
	struct connection *connection = conn_table_add(table, fd, note->deadline_ns);
	if (connection == NULL)
		return NULL;
	connection->lingered_bytes = note->lingered_bytes;
	if (note->pending_bytes > 0 && !read_pending(table, connection, file_fd, note->pending_bytes)) {
		conn_table_remove(table, connection);
		return NULL;
	}
	if (note->state != CONN_IDLE && note->state < CONN_SERVING)
		conn_table_move(table, connection, (enum conn_state)note->state, note->deadline_ns);
	return connection;
}

bool
handoff_take(const struct handoff *handoff, struct conn_table *table,
             void (*added)(void *context, struct connection *connection), void *context)
{
	struct parcel parcel;
	if (!receive_parcel(handoff, &parcel))
		return false;
	size_t file = parcel.letter.count, used = 0;
	for (; used < parcel.letter.count && used < parcel.fd_count; used++) {
		const struct note *note = &parcel.letter.notes[used];
		int file_fd = note->pending_bytes > 0 && file < parcel.fd_count ? parcel.fds[file++] : -1;
		struct connection *connection = unpack(table, note, parcel.fds[used], file_fd);
		if (connection != NULL)
			added(context, connection);
	}
	/* The memory files, and whatever a letter that cannot be read brought. */
	for (; used < parcel.fd_count; used++)
		close(parcel.fds[used]);
	return true;
}
