/* check_talk.c - the steps of a talk. Called from the checks' poll() loop; never waits, resolves no name. */
#include "check_talk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

void
check_talk_start(struct check_talk *talk, const struct address *address)
{
	talk->started_ns = clock_mono_ns();
	talk->stage = TALK_CONNECTING;
	talk->sent_bytes = talk->in_bytes = 0;
	talk->error = 0;
	talk->fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (talk->fd < 0 || (connect(talk->fd, (const struct sockaddr *)&address->storage, address->length) != 0 &&
	                     errno != EINPROGRESS))
		talk->error = errno;
}

static enum talk_progress
failed(struct check_talk *talk, int error)
{
	talk->error = error;
	return TALK_FAILED;
}

static enum talk_progress
wait_for(const struct check_talk *talk, short events, struct io_want *want)
{
	*want = (struct io_want){.fd = talk->fd, .events = events};
	return TALK_WAIT;
}

static enum talk_progress
finish_connecting(struct check_talk *talk, struct io_want *want)
{
	struct pollfd ready = {.fd = talk->fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof error;
	if (poll(&ready, 1, 0) == 0)
		return wait_for(talk, POLLOUT, want);
	if (getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return failed(talk, error != 0 ? error : errno);
	talk->stage = TALK_SENDING;
	return TALK_CONNECTED;
}

static enum talk_progress
send_some(struct check_talk *talk, struct io_want *want)
{
	while (talk->sent_bytes < talk->out_bytes) {
		ssize_t n =
			send(talk->fd, talk->out + talk->sent_bytes, talk->out_bytes - talk->sent_bytes, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return wait_for(talk, POLLOUT, want);
		if (n < 0)
			return failed(talk, errno);
		talk->sent_bytes += (size_t)n;
	}
	talk->stage = TALK_READING;
	return wait_for(talk, POLLIN, want);
}

static enum talk_progress
read_some(struct check_talk *talk, struct io_want *want)
{
	if (talk->in_bytes == CHECK_TALK_BYTES)
		return TALK_ENDED;
	ssize_t n = recv(talk->fd, talk->in + talk->in_bytes, CHECK_TALK_BYTES - talk->in_bytes, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return wait_for(talk, POLLIN, want);
	if (n < 0)
		return failed(talk, errno);
	talk->in_bytes += (size_t)n;
	return n == 0 ? TALK_ENDED : TALK_CAME;
}

enum talk_progress
check_talk_step(struct check_talk *talk, struct io_want *want)
{
	if (talk->error != 0)
		return TALK_FAILED;
	if (talk->stage == TALK_CONNECTING)
		return finish_connecting(talk, want);
	return talk->stage == TALK_SENDING ? send_some(talk, want) : read_some(talk, want);
}

void
check_talk_end(struct check_talk *talk)
{
	if (talk->fd >= 0)
		close(talk->fd);
	talk->fd = -1;
}

int64_t
check_talk_ms(const struct check_talk *talk)
{
	return (clock_mono_ns() - talk->started_ns) / NS_PER_MS;
}

const char *
check_talk_words(const struct check_talk *talk)
{
	switch (talk->error) {
	case ECONNREFUSED:
		return "connection refused";
	case ENOENT:
		return "there is no such socket";
	case EAGAIN:
		return "the queue of connections is full";
	case ECONNRESET:
	case EPIPE:
		return "the connection was lost";
	default:
		return strerror(talk->error);
	}
}
