/*
 * redis_address.c - reads REDIS_URL. Pure; its sentences never hold a part of the value, which can be a
 * password.
 *
 * redis://[user:password@]host[:port][/db] is the scheme as registered at IANA, without its parameters;
 * ":password@" has no user. unix:///path and redis+unix:///path take db as a query parameter, and userinfo
 * before the path's first '/'. Reserved characters in userinfo are percent-encoded (RFC 3986 section 3.2.1).
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "percent.h"
#include "redis.h"

#define DEFAULT_PORT 6379
#define UNIX_PATH_MAX_BYTES 107 /* sun_path without its NUL */

struct part {
	const char *text;
	size_t size_bytes;
};

static const char what_is_allowed[] =
	"it must be redis://[user:password@]host[:port][/database] or unix:///path[?db=number]";

/* A decoded copy; NULL where the encoding is wrong, a NUL is encoded, or there is no memory. */
static char *
decode(struct part part)
{
	char *text = malloc(part.size_bytes + 1);
	if (text == NULL)
		return NULL;
	ssize_t n = percent_decode(text, part.text, part.size_bytes, PERCENT_PLUS_KEEP);
	if (n < 0 || memchr(text, '\0', (size_t)n) != NULL) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* A decimal number of 1 to 9 digits and nothing else; -1 where it is not. */
static int
number(struct part part)
{
	int value = 0;
	if (part.size_bytes == 0 || part.size_bytes > 9)
		return -1;
	for (size_t i = 0; i < part.size_bytes; i++) {
		if (part.text[i] < '0' || part.text[i] > '9')
			return -1;
		value = value * 10 + (part.text[i] - '0');
	}
	return value;
}

/* Cuts part at the first c: what stands before it goes to head, what follows stays. False: no c in it. */
static bool
cut(struct part *part, char c, struct part *head)
{
	const char *at = part->size_bytes == 0 ? NULL : memchr(part->text, c, part->size_bytes);
	if (at == NULL)
		return false;
	*head = (struct part){part->text, (size_t)(at - part->text)};
	part->size_bytes -= head->size_bytes + 1;
	part->text = at + 1;
	return true;
}

static int
parse_userinfo(struct redis_address *address, struct part userinfo, struct err *err)
{
	struct part user;
	if (!cut(&userinfo, ':', &user))
		return err_set(err, "REDIS_URL has a user without a password: write user:password@ or :password@.");
	if (userinfo.size_bytes == 0)
		return err_set(err, "REDIS_URL has an empty password.");
	address->user = user.size_bytes > 0 ? decode(user) : NULL;
	address->password = decode(userinfo);
	if (address->password == NULL || (user.size_bytes > 0 && address->user == NULL))
		return err_set(err, "REDIS_URL has a user or password that is not percent-encoded as it should be.");
	return 0;
}

static int
parse_database(struct redis_address *address, struct part text, struct err *err)
{
	address->database = number(text);
	if (address->database < 0)
		return err_set(err, "REDIS_URL names a database that is not a number.");
	return 0;
}

static int
parse_port(struct redis_address *address, struct part text, struct err *err)
{
	address->port = number(text);
	if (address->port < 1 || address->port > 65535)
		return err_set(err, "REDIS_URL names a port that is not a number from 1 to 65535.");
	return 0;
}

/* host, host:port, [v6] or [v6]:port */
static int
parse_host(struct redis_address *address, struct part text, struct err *err)
{
	struct part host = text;
	bool has_port;
	address->port = DEFAULT_PORT;
	if (text.size_bytes > 0 && text.text[0] == '[') {
		text.text++;
		text.size_bytes--;
		if (!cut(&text, ']', &host) || (text.size_bytes > 0 && text.text[0] != ':'))
			return err_set(err, "REDIS_URL has an IPv6 address that is not closed: write [::1]:6379.");
		has_port = text.size_bytes > 0;
		text.text += has_port;
		text.size_bytes -= has_port;
	} else {
		has_port = cut(&text, ':', &host);
	}
	if (host.size_bytes == 0)
		return err_set(err, "REDIS_URL names no host: %s.", what_is_allowed);
	if (memchr(host.text, '@', host.size_bytes) != NULL)
		return err_set(err, "REDIS_URL has more than one '@': write one in a password as %%40.");
	if (has_port && parse_port(address, text, err) != 0)
		return -1;
	address->host = decode(host);
	return address->host != NULL ? 0 : err_set(err, "REDIS_URL has a host that cannot be read.");
}

static int
parse_tcp(struct redis_address *address, struct part rest, struct err *err)
{
	struct part authority, userinfo, database = {NULL, 0};
	if (memchr(rest.text, '?', rest.size_bytes) != NULL || memchr(rest.text, '#', rest.size_bytes) != NULL)
		return err_set(err, "REDIS_URL has parameters or a fragment, which redis:// does not take here: %s.",
		               what_is_allowed);
	if (cut(&rest, '/', &authority))
		database = rest;
	else
		authority = rest;
	if (cut(&authority, '@', &userinfo) && parse_userinfo(address, userinfo, err) != 0)
		return -1;
	if (parse_host(address, authority, err) != 0)
		return -1;
	return database.size_bytes == 0 ? 0 : parse_database(address, database, err);
}

static int
parse_unix(struct redis_address *address, struct part rest, struct err *err)
{
	struct part path = rest, userinfo;
	bool has_query = cut(&rest, '?', &path);
	struct part authority = {path.text, strcspn(path.text, "/?")};
	path.text += authority.size_bytes;
	path.size_bytes -= authority.size_bytes;
	if (cut(&authority, '@', &userinfo) && parse_userinfo(address, userinfo, err) != 0)
		return -1;
	if (authority.size_bytes > 0 || path.size_bytes < 2)
		return err_set(err, "REDIS_URL has a socket without an absolute path: %s.", what_is_allowed);
	address->path = decode(path);
	if (address->path == NULL || strlen(address->path) > UNIX_PATH_MAX_BYTES)
		return err_set(err, "REDIS_URL has a socket path that cannot be read or is longer than %d bytes.",
		               UNIX_PATH_MAX_BYTES);
	if (!has_query)
		return 0;
	if (rest.size_bytes < 3 || strncmp(rest.text, "db=", 3) != 0)
		return err_set(err, "REDIS_URL has a parameter other than db: %s.", what_is_allowed);
	return parse_database(address, (struct part){rest.text + 3, rest.size_bytes - 3}, err);
}

static int
parse_any(struct redis_address *address, const char *url, struct err *err)
{
	static const struct {
		const char *prefix;
		int (*parse)(struct redis_address *, struct part, struct err *);
	} schemes[] = {{"redis://", parse_tcp}, {"unix://", parse_unix}, {"redis+unix://", parse_unix}};
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t length = strlen(schemes[i].prefix);
		if (strncmp(url, schemes[i].prefix, length) == 0)
			return schemes[i].parse(address, (struct part){url + length, strlen(url + length)}, err);
	}
	if (strncmp(url, "rediss://", 9) == 0)
		return err_set(err, "REDIS_URL asks for TLS (rediss://), which the Redis library here does not have: "
		                    "use redis:// on a network that you trust, or a TLS proxy on this machine.");
	return err_set(err, "REDIS_URL cannot be read: %s.", what_is_allowed);
}

int
redis_address_parse(struct redis_address *address, const char *url, struct err *err)
{
	*address = (struct redis_address){0};
	int status = parse_any(address, url, err);
	if (status != 0)
		redis_address_fini(address);
	return status;
}

void
redis_address_fini(struct redis_address *address)
{
	free(address->host);
	free(address->path);
	free(address->user);
	free(address->password);
	*address = (struct redis_address){0};
}
