/*
 * service_manager.c - see service_manager.h. Called by the supervisor, which is single-threaded and must not block:
 * every send has a bound. libsystemd is not needed for a datagram of a few lines.
 */
#include "service_manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"

#define MESSAGE_BYTES 512
#define SEND_WAIT_MS 200
#define US_PER_MS 1000

/* ---- What the environment says ------------------------------------------------------------------ */

/* "@name" is an abstract address: its first byte is a NUL, and its length ends it. */
static int
read_address(struct service_manager *manager, const char *text, struct err *err)
{
	struct sockaddr_un *sun = &manager->address;
	size_t size = strlen(text);
	if ((text[0] != '/' && text[0] != '@') || size < 2)
		return err_set(err, "NOTIFY_SOCKET=%s is neither a path nor an abstract address.", text);
	if (size >= sizeof sun->sun_path)
		return err_set(err, "NOTIFY_SOCKET=%s is too long: %zu bytes at most.", text, sizeof sun->sun_path - 1);
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, text, size);
	if (text[0] == '@')
		sun->sun_path[0] = '\0';
	else
		size++;
	manager->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	return 0;
}

/* A positive decimal number and nothing else; -1 where it is none. */
static int64_t
parse_number(const char *text)
{
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < 1)
		return -1;
	return number;
}

/* WATCHDOG_PID keeps a child that inherited the variables from thinking that it is meant. */
static int
read_watchdog(struct service_manager *manager, const char *usec, const char *pid, struct err *err)
{
	if (pid != NULL) {
		int64_t whose = parse_number(pid);
		if (whose < 0)
			return err_set(err, "WATCHDOG_PID=%s is no process ID.", pid);
		if (whose != getpid())
			return 0;
	}
	int64_t timeout_us = parse_number(usec);
	if (timeout_us < 0)
		return err_set(err, "WATCHDOG_USEC=%s is no time in microseconds.", usec);
	manager->watchdog_timeout_ms = timeout_us / US_PER_MS > 0 ? timeout_us / US_PER_MS : 1;
	return 0;
}

int
service_manager_init(struct service_manager *manager, struct err *err)
{
	*manager = (struct service_manager){.length = 0};
	const char *address = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC");
	if (address == NULL || address[0] == '\0')
		return 0;
	int status = read_address(manager, address, err);
	if (status == 0 && usec != NULL)
		status = read_watchdog(manager, usec, getenv("WATCHDOG_PID"), err);
	if (status != 0)
		*manager = (struct service_manager){.length = 0};
	return status;
}

int64_t
service_manager_watchdog_ms(const struct service_manager *manager)
{
	int64_t timeout_ms = manager->watchdog_timeout_ms;
	return timeout_ms > 1 ? timeout_ms / 2 : timeout_ms;
}

/* ---- Messages ----------------------------------------------------------------------------------- */

/* A blocking socket with a bound: a queue that is full for a moment must not cost us READY=1. */
static int
open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	struct timeval wait = {.tv_usec = SEND_WAIT_MS * US_PER_MS};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	return fd;
}

static int
send_message(const struct service_manager *manager, const char *message)
{
	if (manager->length == 0)
		return 0;
	int fd = open_socket();
	if (fd < 0)
		return -1;
	ssize_t sent = sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&manager->address,
	                      manager->length);
	int why = errno;
	close(fd);
	errno = why;
	return sent < 0 ? -1 : 0;
}

/* state ("READY=1") and STATUS=, which is one line: a line end in it would begin another assignment. */
static int
send_state(const struct service_manager *manager, const char *state, const char *status)
{
	char message[MESSAGE_BYTES];
	int start = snprintf(message, sizeof message, "%s", state);
	if (status != NULL) {
		snprintf(message + start, sizeof message - (size_t)start, "%sSTATUS=%s", start > 0 ? "\n" : "", status);
		for (char *at = message + start + 1; *at != '\0'; at++)
			if (*at == '\n' || *at == '\r')
				*at = ' ';
	}
	return send_message(manager, message);
}

int
service_manager_ready(const struct service_manager *manager, const char *status)
{
	return send_state(manager, "READY=1", status);
}

int
service_manager_reloading(const struct service_manager *manager)
{
	char message[MESSAGE_BYTES];
	snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_ns() / NS_PER_US);
	return send_message(manager, message);
}

int
service_manager_stopping(const struct service_manager *manager, const char *status)
{
	return send_state(manager, "STOPPING=1", status);
}

int
service_manager_status(const struct service_manager *manager, const char *status)
{
	return send_state(manager, "", status != NULL ? status : "");
}

int
service_manager_alive(const struct service_manager *manager)
{
	return send_message(manager, "WATCHDOG=1");
}
