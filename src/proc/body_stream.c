/*
 * body_stream.c - STDIN records from a socket.
 *
 * Called by connection.c. Every wait is a poll() up to the deadline.
 */
#include "body_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "record.h"

/* Some bytes, at least one; VT_OK, VT_PEER_GONE or VT_TIMEOUT. */
static enum vt_result
take_some(struct body_stream *stream, void *buffer, size_t size, size_t *got)
{
	if (stream->ahead_bytes > 0) {
		*got = size < stream->ahead_bytes ? size : stream->ahead_bytes;
		memcpy(buffer, stream->ahead, *got);
		stream->ahead += *got;
		stream->ahead_bytes -= *got;
		return VT_OK;
	}
	for (;;) {
		ssize_t n = recv(stream->fd, buffer, size, MSG_DONTWAIT);
		if (n > 0) {
			*got = (size_t)n;
			return VT_OK;
		}
		if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			return VT_PEER_GONE;
		struct pollfd wait = {.fd = stream->fd, .events = POLLIN};
		int left_ms = deadline_poll_ms(stream->deadline_ns);
		if (left_ms == 0)
			return VT_TIMEOUT;
		poll(&wait, 1, left_ms);
	}
}

static enum vt_result
take_all(struct body_stream *stream, void *buffer, size_t size)
{
	unsigned char *to = buffer;
	while (size > 0) {
		size_t got;
		enum vt_result result = take_some(stream, to, size, &got);
		if (result != VT_OK)
			return result;
		to += got;
		size -= got;
	}
	return VT_OK;
}

static enum vt_result
skip_padding(struct body_stream *stream)
{
	unsigned char padding[UINT8_MAX];
	enum vt_result result = take_all(stream, padding, stream->padding_left);
	stream->padding_left = 0;
	return result;
}

static enum vt_result
next_record(struct body_stream *stream)
{
	unsigned char bytes[RECORD_HEADER_BYTES];
	enum vt_result result = take_all(stream, bytes, sizeof bytes);
	if (result != VT_OK)
		return result;
	struct record_header header = record_header_decode(bytes);
	if (header.version != RECORD_VERSION_1 || header.request_id != stream->request_id)
		return VT_BAD_INPUT;
	if (header.type == RECORD_ABORT_REQUEST)
		return VT_PEER_GONE;
	if (header.type != RECORD_STDIN)
		return VT_BAD_INPUT;
	stream->content_left = header.content_bytes;
	stream->padding_left = header.padding_bytes;
	if (header.content_bytes > 0)
		return VT_OK;
	stream->ended = true;
	return skip_padding(stream);
}

enum vt_result
body_stream_read(struct body_stream *stream, void *buffer, size_t size_bytes, size_t *got)
{
	*got = 0;
	while (stream->failed == VT_OK && !stream->ended && stream->content_left == 0) {
		stream->failed = skip_padding(stream);
		if (stream->failed == VT_OK)
			stream->failed = next_record(stream);
	}
	if (stream->failed != VT_OK || stream->ended)
		return stream->failed;
	size_t want = size_bytes < stream->content_left ? size_bytes : stream->content_left;
	stream->failed = take_some(stream, buffer, want, got);
	stream->content_left -= *got;
	return stream->failed;
}

void
body_stream_drain(struct body_stream *stream, size_t max_bytes, int64_t deadline_ns)
{
	char scrap[16384];
	size_t got = 0;
	stream->deadline_ns = deadline_ns;
	while (!stream->ended && stream->failed == VT_OK && got <= max_bytes) {
		max_bytes -= got;
		body_stream_read(stream, scrap, sizeof scrap, &got);
	}
}
