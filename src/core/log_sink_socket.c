/*
 * log_sink_socket.c - syslog and the journal: one message a record, to a Unix socket. Also standard error where the
 * journal is at its other end.
 *
 * Nothing is kept of a message that was not taken: the record stays in its batch, and in its ring, and is made into a
 * message again. A receiver that does not read is waited for by the log writer; one that is gone is connected to
 * again, at each try. /dev/log is a datagram socket almost everywhere; where it is a stream a newline ends each message
 * (RFC 6587 section 3.4.2), which is what those who listen there read, and no record holds one.
 *
 * Each process connects for itself: of two that send on one stream the one could be killed in the middle of a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log_batch.h"
#include "log_form.h"
#include "log_sink_kind.h"
#include "strbuf.h"

/* A message that was begun on a stream is not left for this long; it fits into any buffer but the smallest. */
#define STREAM_PATIENCE_MS 10
/* More than the largest message needs, whatever the system's default. */
#define SEND_BUFFER_BYTES 262144

struct log_socket {
	struct log_destination destination;
	struct log_speaker speaker;
	log_form_fn *form;
	bool given;   /* standard error: nobody can connect to it again */
	bool stream;  /* a newline ends a message */
	bool crowded; /* the receiver does not read, and poll() tells when it does */
	pid_t process;
	pthread_mutex_t mutex; /* of the storage, and of the connection */
	char storage[LOG_FORM_MAX_BYTES];
};

enum outcome { SENT, NOT_NOW, NEVER };

/* ---- The connection ----------------------------------------------------------------------------- */

static void
disconnect(struct log_sink *sink)
{
	if (sink->fd >= 0 && !sink->socket->given)
		close(sink->fd);
	if (!sink->socket->given)
		sink->fd = -1;
}

static int
connect_as(struct log_sink *sink, int type)
{
	const struct sockaddr_un *address = &sink->socket->destination.socket;
	const int size = SEND_BUFFER_BYTES;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
		int error = errno;
		close(fd);
		return error;
	}
	sink->fd = fd;
	sink->socket->stream = type == SOCK_STREAM;
	sink->socket->process = getpid();
	return 0;
}

/* True where there is a connection of this process's own. */
static bool
connected(struct log_sink *sink)
{
	struct log_socket *socket = sink->socket;
	if (socket->given || (sink->fd >= 0 && socket->process == getpid()))
		return true;
	disconnect(sink);
	int error = connect_as(sink, SOCK_DGRAM);
	if (error == EPROTOTYPE && socket->destination.place == LOG_TO_SYSLOG)
		error = connect_as(sink, SOCK_STREAM);
	return error == 0;
}

/* ---- One message -------------------------------------------------------------------------------- */

/* 0, or errno. */
static int
send_once(const struct log_sink *sink, const char *message, size_t size, size_t *sent)
{
	ssize_t n;
	do
		n = send(sink->fd, message + *sent, size - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	*sent += (size_t)n;
	return 0;
}

/* A stream may take a part. What is begun is ended, or the connection is, so that the receiver sees that it was not. */
static int
send_all(struct log_sink *sink, const char *message, size_t size)
{
	size_t sent = 0;
	int error = send_once(sink, message, size, &sent);
	int64_t deadline_ns = sent > 0 && sent < size ? deadline_in_ms(STREAM_PATIENCE_MS) : 0;
	while (sent > 0 && sent < size && (error == 0 || error == EAGAIN)) {
		struct pollfd room = {.fd = sink->fd, .events = POLLOUT};
		if (poll(&room, 1, deadline_poll_ms(deadline_ns)) != 1)
			break;
		error = send_once(sink, message, size, &sent);
	}
	if (sent == 0 || sent == size)
		return error;
	sink->torn = sink->socket->given;
	return ECONNRESET;
}

/* A message that is too large for a datagram goes in a sealed memory file, as the protocol has it. */
static int
send_in_file(const struct log_sink *sink, const char *message, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr header = {.msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	int error = 0, fd = memfd_create("vitals-record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return errno;
	*rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
	memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	if (write(fd, message, size) != (ssize_t)size || fcntl(fd, F_ADD_SEALS, seals) != 0)
		error = EMSGSIZE;
	else if (sendmsg(sink->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		error = errno;
	close(fd);
	return error;
}

static int
transmit(struct log_sink *sink, const struct strbuf *message)
{
	int error = send_all(sink, message->data, message->length);
	if (sink->socket->destination.place == LOG_TO_JOURNAL && (error == EMSGSIZE || error == ENOBUFS))
		error = send_in_file(sink, message->data, message->length);
	return error;
}

/* The receiver is gone, and another one may be there already: tried a second time, on a new connection. */
static enum outcome
deliver(struct log_sink *sink, const struct strbuf *message)
{
	for (int i = 0; i < 2 && connected(sink); i++) {
		int error = transmit(sink, message);
		sink->socket->crowded = error == EAGAIN;
		if (error == 0)
			return SENT;
		if (error == EMSGSIZE)
			return NEVER;
		if (error == EAGAIN || error == ENOBUFS || error == ENOMEM || sink->socket->given)
			return NOT_NOW;
		disconnect(sink);
	}
	return NOT_NOW;
}

static enum outcome
send_line(struct log_sink *sink, const struct log_line *line)
{
	struct log_socket *socket = sink->socket;
	struct strbuf message;
	enum outcome outcome = NEVER;
	pthread_mutex_lock(&socket->mutex);
	socket->crowded = false;
	strbuf_init_fixed(&message, socket->storage, sizeof socket->storage);
	if (sink->torn)
		strbuf_putc(&message, '\n');
	if (!connected(sink)) {
		outcome = NOT_NOW;
	} else if (socket->form(&socket->speaker, line, &message)) {
		if (socket->stream)
			strbuf_putc(&message, '\n');
		outcome = deliver(sink, &message);
	}
	sink->torn = sink->torn && outcome != SENT;
	pthread_mutex_unlock(&socket->mutex);
	return outcome;
}

/* ---- The kind ----------------------------------------------------------------------------------- */

static bool
put_messages(struct log_sink *sink, struct log_batch *batch)
{
	for (size_t i = log_batch_line(batch); i < batch->count; i++) {
		const struct batch_line *line = &batch->lines[i];
		enum outcome outcome = send_line(sink, &(const struct log_line){.text = batch->bytes + line->start,
		                                                                .size_bytes = line->size_bytes,
		                                                                .level = line->level});
		if (outcome == NOT_NOW)
			return false;
		batch->refused += outcome == NEVER;
		log_batch_took(batch, line->start + line->size_bytes - batch->done_bytes);
	}
	return true;
}

static int
wait_fd(const struct log_sink *sink)
{
	return sink->socket->crowded ? sink->fd : -1;
}

static void
write_message(struct log_sink *sink, const struct log_line *line)
{
	int kept_errno = errno;
	enum outcome outcome = send_line(sink, line);
	if (outcome == NOT_NOW && !sink->stuck) {
		struct pollfd room = {.fd = wait_fd(sink), .events = POLLOUT};
		poll(&room, 1, LOG_SINK_WAIT_MS);
		outcome = send_line(sink, line);
	}
	sink->stuck = outcome == NOT_NOW;
	if (outcome != SENT)
		sink->dropped++;
	errno = kept_errno;
}

/* There may be another receiver by now. */
static int
reconnect(struct log_sink *sink, struct err *err)
{
	(void)err;
	pthread_mutex_lock(&sink->socket->mutex);
	disconnect(sink);
	sink->stuck = false;
	pthread_mutex_unlock(&sink->socket->mutex);
	return 0;
}

static void
close_socket(struct log_sink *sink)
{
	pthread_mutex_destroy(&sink->socket->mutex);
	free(sink->socket);
	sink->socket = NULL;
}

static const struct log_sink_kind socket_kind = {
	.put = put_messages, .wait_fd = wait_fd, .write = write_message, .reopen = reconnect, .close = close_socket};

static log_form_fn *
form_of(const struct log_destination *destination)
{
	if (destination->place == LOG_TO_JOURNAL)
		return log_form_journal;
	return destination->format == SYSLOG_RFC3164 ? log_form_rfc3164 : log_form_rfc5424;
}

static int
open_kind(struct log_sink *sink, const struct log_destination *destination, struct err *err)
{
	struct log_socket *socket = calloc(1, sizeof *socket);
	if (socket == NULL)
		return err_set(err, "There is no memory for the log.");
	socket->destination = *destination;
	socket->form = form_of(destination);
	pthread_mutex_init(&socket->mutex, NULL);
	sink->socket = socket;
	sink->kind = &socket_kind;
	return 0;
}

int
log_sink_socket_open(struct log_sink *sink, const struct log_destination *destination, const char *app_name,
                     struct err *err)
{
	if (open_kind(sink, destination, err) != 0)
		return -1;
	log_speaker_init(&sink->socket->speaker, destination, app_name);
	sink->fd = -1;
	connected(sink);
	return 0;
}

int
log_sink_stream_open(struct log_sink *sink, struct err *err)
{
	if (open_kind(sink, &(const struct log_destination){.place = LOG_TO_STDERR}, err) != 0)
		return -1;
	sink->socket->given = true;
	sink->socket->form = log_form_prefixed;
	return 0;
}
