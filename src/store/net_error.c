/* net_error.c - the table of system errors that a connection can end in. Pure. */
#include "net_error.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct net_error {
	int number;
	const char *words;
} net_errors[] = {
	{ECONNREFUSED, "connection refused"},
	{ENOENT, "the socket does not exist"},
	{ENOTDIR, "the socket does not exist"},
	{EACCES, "permission to connect denied"},
	{EPERM, "permission to connect denied"},
	{ETIMEDOUT, "connecting timed out"},
	{EHOSTUNREACH, "no route to the server"},
	{ENETUNREACH, "network unreachable"},
	{ECONNRESET, "connection reset by the server"},
	{EPIPE, "the server closed the connection"},
	{ENOTCONN, "the server does not accept connections"},
	{EAGAIN, "the server does not accept connections"},
	{EADDRNOTAVAIL, "no local address is free"},
	{EMFILE, "no descriptor is free"},
	{ENFILE, "no descriptor is free"},
};

const char *
net_error_words(int error_number)
{
	for (size_t i = 0; i < sizeof net_errors / sizeof net_errors[0]; i++)
		if (net_errors[i].number == error_number)
			return net_errors[i].words;
	return NULL;
}

/* Does a line of text end with these words? A path or a name in quotes is always followed by more. */
static bool
ends_a_line(const char *text, const char *words)
{
	size_t length = strlen(words);
	for (const char *found = strstr(text, words); found != NULL; found = strstr(found + 1, words))
		if (found[length] == '\0' || found[length] == '\n')
			return true;
	return false;
}

const char *
net_error_find(const char *text)
{
	for (size_t i = 0; i < sizeof net_errors / sizeof net_errors[0]; i++)
		if (ends_a_line(text, strerror(net_errors[i].number)))
			return net_errors[i].words;
	return NULL;
}
