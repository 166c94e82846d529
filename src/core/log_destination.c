/*
 * log_destination.c - reads what LOG_FILE says, and proves that what it names can be there. The words are nginx's
 * ("syslog:server=unix:/dev/log,facility=local7"), whose users know them.
 */
#include "log_destination.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "address.h"
#include "clock.h"
#include "err.h"

#define SYSLOG_SOCKET "/dev/log"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* What rsyslog takes of a message unless it is told otherwise; a record that is cut there is no JSON any more. */
#define SYSLOG_MAX_BYTES 8096
#define SIZE_LEAST 1024
#define SIZE_MOST 32768

#define PATIENCE_MS 1000
#define LOOK_MS 20

#define ALLOWED                                                                                                        \
	"allowed is an absolute path, which starts with '/', stderr, syslog or journald; behind \"syslog:\" and "      \
	"\"journald:\" server=unix:/path and facility=NAME, behind \"syslog:\" also format=rfc3164 and size=BYTES "    \
	"from 1024 to 32768, with commas in between."

/* The index is the number. */
static const char *const facilities[] = {
	"kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
	"uucp",   "cron",   "authpriv", "ftp",    NULL,     NULL,     NULL,     NULL,
	"local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};

#define FACILITIES ((int)(sizeof facilities / sizeof *facilities))

static int
set_server(struct log_destination *destination, const char *value)
{
	struct address address;
	if (strncmp(value, "unix:", 5) != 0 || address_parse(&address, value, NULL) != 0)
		return -1;
	memcpy(&destination->socket, &address.storage, sizeof destination->socket);
	return 0;
}

static int
set_facility(struct log_destination *destination, const char *value)
{
	for (int i = 0; i < FACILITIES; i++) {
		if (facilities[i] == NULL || strcmp(facilities[i], value) != 0)
			continue;
		destination->facility = i;
		return 0;
	}
	return -1;
}

static int
set_format(struct log_destination *destination, const char *value)
{
	bool old = strcmp(value, "rfc3164") == 0;
	destination->format = old ? SYSLOG_RFC3164 : SYSLOG_RFC5424;
	return destination->place == LOG_TO_SYSLOG && (old || strcmp(value, "rfc5424") == 0) ? 0 : -1;
}

static int
set_size(struct log_destination *destination, const char *value)
{
	size_t size = strlen(value);
	if (destination->place != LOG_TO_SYSLOG || size == 0 || size > 5 || strspn(value, "0123456789") != size)
		return -1;
	destination->max_bytes = (size_t)strtoul(value, NULL, 10);
	return destination->max_bytes >= SIZE_LEAST && destination->max_bytes <= SIZE_MOST ? 0 : -1;
}

static int
set_option(struct log_destination *destination, const char *option)
{
	static const struct {
		const char *name;
		int (*set)(struct log_destination *destination, const char *value);
	} options[] = {
		{"server=", set_server}, {"facility=", set_facility}, {"format=", set_format}, {"size=", set_size}};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		size_t size = strlen(options[i].name);
		if (strncmp(option, options[i].name, size) == 0)
			return options[i].set(destination, option + size);
	}
	return -1;
}

/* Cuts the text up. */
static int
set_options(struct log_destination *destination, char *options)
{
	for (char *option; (option = strsep(&options, ",")) != NULL;)
		if (set_option(destination, option) != 0)
			return -1;
	return 0;
}

/* What stands behind "syslog" or "journald": nothing, or a colon and options; NULL where it is another word. */
static const char *
behind(const char *text, const char *word)
{
	size_t size = strlen(word);
	return strncmp(text, word, size) == 0 && (text[size] == '\0' || text[size] == ':') ? text + size : NULL;
}

static int
parse_socket(struct log_destination *destination, const char *rest)
{
	char options[512];
	const char *path = destination->place == LOG_TO_SYSLOG ? SYSLOG_SOCKET : JOURNAL_SOCKET;
	destination->socket.sun_family = AF_UNIX;
	memcpy(destination->socket.sun_path, path, strlen(path) + 1);
	(void)set_facility(destination, "daemon");
	if (rest[0] == '\0')
		return 0;
	if (snprintf(options, sizeof options, "%s", rest + 1) >= (int)sizeof options)
		return -1;
	return set_options(destination, options);
}

int
log_destination_parse(struct log_destination *destination, const char *text, struct err *err)
{
	const char *rest;
	*destination = (struct log_destination){.place = LOG_TO_STDERR, .max_bytes = SYSLOG_MAX_BYTES};
	if (text == NULL || strcmp(text, "stderr") == 0)
		return 0;
	if (text[0] == '/') {
		destination->place = LOG_TO_FILE;
		destination->file = text;
		return 0;
	}
	if ((rest = behind(text, "syslog")) != NULL)
		destination->place = LOG_TO_SYSLOG;
	else if ((rest = behind(text, "journald")) != NULL)
		destination->place = LOG_TO_JOURNAL;
	if (rest == NULL || parse_socket(destination, rest) != 0)
		return err_set(err, ALLOWED);
	return 0;
}

static int
look(const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return err_set(err, "LOG_FILE: there is no socket %s: %s; server=unix:/path names another.", path,
		               strerror(errno));
	return S_ISSOCK(st.st_mode) ? 0
	                            : err_set(err, "LOG_FILE: %s is no socket; server=unix:/path names another.", path);
}

int
log_destination_prove(const char *text, struct err *err)
{
	struct log_destination destination;
	if (log_destination_parse(&destination, text, err) != 0)
		return -1;
	if (destination.place != LOG_TO_SYSLOG && destination.place != LOG_TO_JOURNAL)
		return 0;
	int64_t deadline_ns = deadline_in_ms(PATIENCE_MS);
	while (look(destination.socket.sun_path, err) != 0) {
		if (deadline_poll_ms(deadline_ns) == 0)
			return -1;
		poll(NULL, 0, LOOK_MS);
	}
	return 0;
}
