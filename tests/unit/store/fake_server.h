/*
 * fake_server.h - servers that do not do what they should: silent, unreachable, or talking nonsense.
 */
#ifndef TESTS_FAKE_SERVER_H
#define TESTS_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A listening Unix socket at path from which nobody accepts. Returns its descriptor. */
int fake_listener(const char *path);
/* A TCP port on loopback whose queue is full: the kernel drops what would connect. Returns the port. */
int fake_black_hole(void);

struct fake_answer {
	const char *data; /* sent when something has been read, again and again `repeat` times */
	size_t size_bytes;
	unsigned repeat;
	bool each; /* whatever is read is answered, not only what is read first */
};

/*
 * A process that serves path: each connection gets the answer to its first bytes, and is then held open.
 * Ends with the test that started it.
 */
pid_t fake_server(const char *path, const struct fake_answer *answer);
/* The same on a free TCP port of 127.0.0.1. Returns the port. */
int fake_tcp_server(const struct fake_answer *answer);

#endif
