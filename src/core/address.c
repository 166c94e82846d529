/*
 * address.c - reads addresses to listen on, and writes those of sockets that are there. Used by the settings, which
 * prove them, and by whoever opens listeners or takes them over.
 *
 * Hosts are numbers, read by inet_pton(): getaddrinfo() would also take "0" and "127.1", and so a
 * wildcard in disguise. A wildcard counts only in its plain spelling.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "err.h"
#include "insist.h"

#define FORMS "write unix:/path, tcp:127.0.0.1:9000 or tcp:[::1]:9000"

struct host_port {
	char host[64];
	bool bracketed;
	in_port_t port; /* network order */
};

static int
parse_unix(struct address *address, const char *path, struct err *err)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&address->storage;
	size_t size = strlen(path);
	if (path[0] != '/')
		return err_set(err, "\"unix:%s\" is not an absolute path; " FORMS ".", path);
	if (size >= sizeof sun->sun_path)
		return err_set(
			err,
			"\"unix:%s\" is too long: the path of a Unix socket has at most %zu bytes, this one has %zu.",
			path, sizeof sun->sun_path - 1, size);
	if (path[size - 1] == '/')
		return err_set(err, "\"unix:%s\" is a directory; " FORMS ".", path);
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, size + 1);
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
	return 0;
}

static int
parse_port(in_port_t *port, const char *text)
{
	size_t size = strlen(text);
	if (size == 0 || size > 5 || strspn(text, "0123456789") != size)
		return -1;
	long number = strtol(text, NULL, 10);
	if (number < 1 || number > 65535)
		return -1;
	*port = htons((uint16_t)number);
	return 0;
}

/* Splits "host:port" and "[host]:port" at the last colon. */
static int
split(struct host_port *out, const char *text, struct err *err)
{
	const char *colon = strrchr(text, ':');
	if (colon == NULL || parse_port(&out->port, colon + 1) != 0)
		return err_set(err, "\"tcp:%s\" has no port from 1 to 65535; " FORMS ".", text);
	size_t size = (size_t)(colon - text);
	out->bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
	if (out->bracketed) {
		text++;
		size -= 2;
	}
	if (size == 0 || (size == 1 && text[0] == '*'))
		return err_set(
			err,
			"\"tcp:%s\" names no host; write tcp:127.0.0.1:9000, or tcp:0.0.0.0:9000 if the service is to be "
			"reachable from everywhere.",
			text);
	if (size >= sizeof out->host)
		return err_set(err, "\"tcp:%s\" has a host that is no IP address; " FORMS ".", text);
	memcpy(out->host, text, size);
	out->host[size] = '\0';
	return 0;
}

static int
set_ipv4(struct address *address, const struct host_port *from)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&address->storage;
	const char *host = strcmp(from->host, "localhost") == 0 ? "127.0.0.1" : from->host;
	if (from->bracketed || inet_pton(AF_INET, host, &sin->sin_addr) != 1)
		return -1;
	sin->sin_family = AF_INET;
	sin->sin_port = from->port;
	address->length = sizeof *sin;
	return 0;
}

/* The wildcard under another spelling: "0::0", or IPv4's mapped into IPv6. */
static bool
disguised_wildcard(const struct in6_addr *ip, const char *host)
{
	struct in6_addr mapped;
	int known = inet_pton(AF_INET6, "::ffff:0.0.0.0", &mapped);
	INSIST(known == 1);
	return memcmp(ip, &mapped, sizeof mapped) == 0 || (IN6_IS_ADDR_UNSPECIFIED(ip) && strcmp(host, "::") != 0);
}

static int
set_ipv6(struct address *address, const struct host_port *from)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&address->storage;
	if (!from->bracketed || inet_pton(AF_INET6, from->host, &sin6->sin6_addr) != 1)
		return -1;
	if (disguised_wildcard(&sin6->sin6_addr, from->host))
		return -1;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = from->port;
	address->length = sizeof *sin6;
	return 0;
}

static int
parse_tcp(struct address *address, const char *text, struct err *err)
{
	struct host_port parts = {0};
	if (split(&parts, text, err) != 0)
		return -1;
	if (set_ipv4(address, &parts) == 0 || set_ipv6(address, &parts) == 0)
		return 0;
	if (!parts.bracketed && strchr(parts.host, ':') != NULL)
		return err_set(err, "\"tcp:%s\" has an IPv6 address without brackets; write tcp:[::1]:9000.", text);
	return err_set(
		err,
		"\"tcp:%s\" has a host that is neither an IP address nor localhost; names are not resolved, " FORMS ".",
		text);
}

int
address_parse(struct address *address, const char *text, struct err *err)
{
	*address = (struct address){0};
	int status;
	if (strncmp(text, "unix:", 5) == 0)
		status = parse_unix(address, text + 5, err);
	else if (strncmp(text, "tcp:", 4) == 0)
		status = parse_tcp(address, text + 4, err);
	else
		status = err_set(err, "\"%s\" is no address; " FORMS ".", text);
	if (status == 0)
		snprintf(address->text, sizeof address->text, "%s", text);
	return status;
}

/* ---- Of a socket that is there -------------------------------------------------------------------- */

/* sun_path need not end with a NUL (unix(7)); the bytes behind it are 0, since the storage is larger. */
static void
write_unix(struct address *address)
{
	const struct sockaddr_un *sun = (const struct sockaddr_un *)&address->storage;
	bool abstract = sun->sun_path[0] == '\0';
	size_t size = (size_t)address->length - offsetof(struct sockaddr_un, sun_path);
	if (!abstract)
		size = strnlen(sun->sun_path, size);
	else if (size > 0)
		size--;
	snprintf(address->text, sizeof address->text, "unix:%s%.*s", abstract ? "@" : "", (int)size,
	         sun->sun_path + (abstract ? 1 : 0));
}

static void
write_ipv4(struct address *address)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&address->storage;
	char host[INET_ADDRSTRLEN] = "";
	inet_ntop(AF_INET, &sin->sin_addr, host, sizeof host);
	snprintf(address->text, sizeof address->text, "tcp:%s:%u", host, (unsigned)ntohs(sin->sin_port));
}

static void
write_ipv6(struct address *address)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)&address->storage;
	char host[INET6_ADDRSTRLEN] = "";
	inet_ntop(AF_INET6, &sin6->sin6_addr, host, sizeof host);
	snprintf(address->text, sizeof address->text, "tcp:[%s]:%u", host, (unsigned)ntohs(sin6->sin6_port));
}

int
address_of_socket(struct address *address, int fd)
{
	*address = (struct address){.length = sizeof address->storage};
	if (getsockname(fd, (struct sockaddr *)&address->storage, &address->length) != 0)
		return -1;
	switch (address->storage.ss_family) {
	case AF_UNIX:
		write_unix(address);
		return 0;
	case AF_INET:
		write_ipv4(address);
		return 0;
	case AF_INET6:
		write_ipv6(address);
		return 0;
	default:
		errno = EAFNOSUPPORT;
		return -1;
	}
}

bool
address_host_is_known(const char *host, size_t size_bytes)
{
	char text[300];
	struct address address;
	bool v6 = memchr(host, ':', size_bytes) != NULL;
	snprintf(text, sizeof text, v6 ? "tcp:[%.*s]:1" : "tcp:%.*s:1", (int)size_bytes, host);
	return address_parse(&address, text, NULL) == 0;
}

const char *
address_unix_path(const struct address *address)
{
	const struct sockaddr_un *sun = (const struct sockaddr_un *)&address->storage;
	return address->storage.ss_family == AF_UNIX && sun->sun_path[0] != '\0' ? sun->sun_path : NULL;
}
