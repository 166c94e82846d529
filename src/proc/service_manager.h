/*
 * service_manager.h - tells systemd how the service is: the protocol of sd_notify(3) and sd_watchdog_enabled(3).
 *
 * Only the supervisor (or the single process) has one: the address is kept here and not asked of the environment
 * again, so that no other process notifies by accident. The variables stay in the environment, since the supervisor
 * executes itself anew for a reload or an upgrade and must find them again. No descriptor is held between two
 * messages: there is none for workers to inherit.
 *
 * Without a service manager (no NOTIFY_SOCKET) every message is a success that does nothing.
 */
#ifndef PROC_SERVICE_MANAGER_H
#define PROC_SERVICE_MANAGER_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct err;

struct service_manager {
	struct sockaddr_un address;
	socklen_t length;            /* 0: there is no service manager */
	int64_t watchdog_timeout_ms; /* what it allows between two signs of life; 0: no watchdog */
};

/*
 * Reads NOTIFY_SOCKET (a path, or "@name" for an abstract address), WATCHDOG_USEC and WATCHDOG_PID. -1 with a sentence
 * where one of them makes no sense; then there is no service manager, and the caller may go on without.
 */
int service_manager_init(struct service_manager *manager, struct err *err);

/* How often a sign of life is due: half of what is allowed (sd_watchdog_enabled(3)). 0: never. */
int64_t service_manager_watchdog_ms(const struct service_manager *manager);

/*
 * Each sends one datagram, waiting at most a fraction of a second where the manager does not read. 0, or -1 with errno.
 * status is a short line for `systemctl status`, or NULL; line ends in it become blanks.
 */
int service_manager_ready(const struct service_manager *manager, const char *status);
int service_manager_reloading(const struct service_manager *manager);
int service_manager_stopping(const struct service_manager *manager, const char *status);
int service_manager_status(const struct service_manager *manager, const char *status);
/* A sign of life. */
int service_manager_alive(const struct service_manager *manager);

#endif
