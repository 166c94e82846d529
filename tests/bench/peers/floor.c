/*
 * floor.c - the floor of the protocol: the least that a FastCGI responder behind nginx can do.
 *
 *   floor SOCKET PROCESSES BODY
 *
 * One epoll a process, one read and one write a request, connections kept where the web server asks for it. The answer is
 * built once. A request is found by its record headers alone: no parameter is looked at, nothing is logged, counted or
 * timed. It serves request ID 1 only, which is all that nginx and scripts/bench send, and requests that fit its buffer; every
 * other connection is closed. Nobody could run this: it is here to show how far from the least the others are.
 */
#include <errno.h>
#include <fastcgi.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

#define BUFFER_BYTES 16384
#define EVENTS 64

struct answer {
	unsigned char bytes[4096];
	size_t size;
};

/* parsed: where the next record's header begins. */
struct connection {
	int fd;
	bool keep;
	size_t used, parsed;
	unsigned char buffer[BUFFER_BYTES];
};

enum progress { INCOMPLETE, COMPLETE, REFUSED };

static size_t
put_header(unsigned char *at, int type, size_t length)
{
	FCGI_Header header = {
		.version = FCGI_VERSION_1,
		.type = (unsigned char)type,
		.requestIdB0 = 1,
		.contentLengthB1 = (unsigned char)(length >> 8),
		.contentLengthB0 = (unsigned char)length,
	};
	memcpy(at, &header, sizeof header);
	return sizeof header;
}

/* STDOUT with everything, then END_REQUEST: complete, status 0. */
static void
build(struct answer *answer, const char *body)
{
	size_t end_bytes = sizeof(FCGI_EndRequestRecord);
	size_t length = peer_answer((char *)answer->bytes + FCGI_HEADER_LEN,
	                            sizeof answer->bytes - FCGI_HEADER_LEN - end_bytes, body);
	answer->size = put_header(answer->bytes, FCGI_STDOUT, length) + length;
	memset(answer->bytes + answer->size, 0, end_bytes);
	put_header(answer->bytes + answer->size, FCGI_END_REQUEST, sizeof(FCGI_EndRequestBody));
	answer->size += end_bytes;
}

/* Goes on where the last call stopped; COMPLETE at the empty STDIN record. */
static enum progress
walk(struct connection *c)
{
	while (c->used - c->parsed >= FCGI_HEADER_LEN) {
		const unsigned char *header = c->buffer + c->parsed;
		size_t length = (size_t)header[4] << 8 | header[5];
		size_t whole = FCGI_HEADER_LEN + length + header[6];
		if (header[0] != FCGI_VERSION_1 || header[2] != 0 || header[3] != 1 || c->parsed + whole > BUFFER_BYTES)
			return REFUSED;
		if (c->used - c->parsed < whole)
			return INCOMPLETE;
		if (header[1] == FCGI_BEGIN_REQUEST)
			c->keep = length >= 3 && (header[FCGI_HEADER_LEN + 2] & FCGI_KEEP_CONN) != 0;
		c->parsed += whole;
		if (header[1] == FCGI_STDIN && length == 0)
			return COMPLETE;
	}
	return INCOMPLETE;
}

/* Bytes after the request's end belong to the next one. */
static void
begin_next(struct connection *c)
{
	c->used -= c->parsed;
	memmove(c->buffer, c->buffer + c->parsed, c->used);
	c->parsed = 0;
}

/* False where the connection is to be closed. */
static bool
serve_readable(struct connection *c, const struct answer *answer)
{
	ssize_t got = read(c->fd, c->buffer + c->used, BUFFER_BYTES - c->used);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	c->used += (size_t)got;
	enum progress progress;
	while ((progress = walk(c)) == COMPLETE) {
		if (write(c->fd, answer->bytes, answer->size) != (ssize_t)answer->size || !c->keep)
			return false;
		begin_next(c);
	}
	return progress == INCOMPLETE && c->used < BUFFER_BYTES;
}

static void
take(int epoll, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct connection *c = calloc(1, sizeof *c);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	if (c == NULL || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		peer_die("connection");
	c->fd = fd;
}

static void
serve(int listener, const char *body)
{
	struct answer answer = {0};
	build(&answer, body);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[EVENTS] = {{.events = EPOLLIN | EPOLLEXCLUSIVE}};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &events[0]) != 0)
		peer_die("epoll");
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;
			if (c == NULL) {
				take(epoll, listener);
			} else if (!serve_readable(c, &answer)) {
				close(c->fd);
				free(c);
			}
		}
	}
}

int
main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: floor SOCKET PROCESSES BODY\n");
		return 2;
	}
	int listener = peer_listen(argv[1]);
	/* More than one process may be woken for one connection. */
	if (fcntl(listener, F_SETFL, O_NONBLOCK) != 0)
		peer_die("listener");
	peer_run(strtol(argv[2], NULL, 10), serve, listener, argv[3]);
	return 0;
}
