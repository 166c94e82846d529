/*
 * body_stream.h - a request's body, read from STDIN records without libfcgi and under a deadline.
 *
 * libfcgi reads the network in blocks of 8 KiB with no limit in time, and answers management records
 * that stand in a body. So where the body has not wholly arrived, the connection reads it here: exactly
 * to its end and not a byte further, since the next request may follow.
 */
#ifndef PROC_BODY_STREAM_H
#define PROC_BODY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vitals.h"

struct body_stream {
	int fd;
	const unsigned char *ahead; /* bytes that were read from fd before, still to be taken */
	size_t ahead_bytes;
	uint16_t request_id;
	int64_t deadline_ns; /* monotonic, for all of the body */
	size_t content_left, padding_left;
	bool ended;            /* the empty record has been taken */
	enum vt_result failed; /* sticky: VT_PEER_GONE, VT_TIMEOUT, VT_BAD_INPUT */
};

/* VT_OK with *got 0 at the end. VT_PEER_GONE also where the request is aborted, VT_BAD_INPUT for a record that cannot stand there. */
enum vt_result body_stream_read(struct body_stream *stream, void *buffer, size_t size_bytes, size_t *got);
/* Reads what is left and forgets it, up to max_bytes and the deadline; the stream's state says whether it ended. */
void body_stream_drain(struct body_stream *stream, size_t max_bytes, int64_t deadline_ns);

#endif
