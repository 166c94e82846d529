/*
 * address.h - where to listen: "unix:/path", "tcp:127.0.0.1:9000", "tcp:[::1]:9000".
 *
 * A wildcard is taken only in so many words ("tcp:0.0.0.0:9000", "tcp:[::]:9000"): an empty host and
 * '*' are refused, since FastCGI has no authentication. Host names are not resolved, "localhost" apart.
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include <sys/socket.h>

struct err;

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
	char text[128]; /* as written */
};

/* 0, or -1 with a sentence that says what is allowed. A Unix path has at most 107 bytes and is absolute. */
int address_parse(struct address *address, const char *text, struct err *err);
/* The path of a Unix address, NULL for TCP. */
const char *address_unix_path(const struct address *address);

#endif
