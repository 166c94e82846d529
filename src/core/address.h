/*
 * address.h - where to listen: "unix:/path", "tcp:127.0.0.1:9000", "tcp:[::1]:9000".
 *
 * A wildcard is taken only in so many words ("tcp:0.0.0.0:9000", "tcp:[::]:9000"): an empty host and
 * '*' are refused, since FastCGI has no authentication. Host names are not resolved, "localhost" apart.
 */
#ifndef CORE_ADDRESS_H
#define CORE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct err;

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
	char text[128]; /* as written, or as it would be */
};

/* 0, or -1 with a sentence that says what is allowed. A Unix path has at most 107 bytes and is absolute. */
int address_parse(struct address *address, const char *text, struct err *err);
/*
 * Where a socket that somebody else opened is bound, with the text that address_parse() would take for it; an abstract
 * Unix address, which it would not take, reads "unix:@name". 0, or -1 with errno: EAFNOSUPPORT for other families.
 */
int address_of_socket(struct address *address, int fd);
/* Whether a host of so many bytes can be had without looking it up: an address, with no brackets, or "localhost". */
bool address_host_is_known(const char *host, size_t size_bytes);
/* The path of a Unix address, NULL for TCP and for an abstract one. */
const char *address_unix_path(const struct address *address);

#endif
