/*
 * database_hosts.h - the servers that DATABASE_URL names, and whose turn it is.
 *
 * libpq would try several hosts inside one connect, but its connect_timeout does nothing without blocking: the first
 * host that answers nothing would take all the time. So each host is a connect of its own with a share of the time,
 * which is what is left divided by the attempts that are left. target_session_attrs is still libpq's to judge, one
 * host at a time; prefer-standby is a round for standby servers and a second one for any.
 */
#ifndef STORE_DATABASE_HOSTS_H
#define STORE_DATABASE_HOSTS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define DATABASE_HOSTS_MOST 16

/* What target_session_attrs asks of a session that is to be kept. */
enum database_wanted { WANTED_ANY, WANTED_WRITABLE, WANTED_READ_ONLY, WANTED_PRIMARY, WANTED_STANDBY };

struct database_hosts {
	PQconninfoOption *options;      /* of the URL */
	size_t count;                   /* 1 where the URL names none: libpq's default */
	bool prefer_standby;            /* two rounds */
	bool late[DATABASE_HOSTS_MOST]; /* did not answer in its time when it was tried last: tried after the others */
	size_t order[DATABASE_HOSTS_MOST];
	unsigned round; /* 0 or 1 */
	size_t at;      /* in order */
};

/* Proves a URL: that libpq can read it, its ports, its lists of one length, target_session_attrs. Never connects. */
int database_hosts_init(struct database_hosts *hosts, const char *url, struct err *err);
void database_hosts_fini(struct database_hosts *hosts);

/* The first attempt of a new connect. */
void database_hosts_begin(struct database_hosts *hosts);
/* Goes on to the next attempt; false: this was the last. */
bool database_hosts_next(struct database_hosts *hosts);
/* Attempts that are left, the current one among them. */
size_t database_hosts_left(const struct database_hosts *hosts);
/* Position in the URL, from 0, of the host whose turn it is. */
size_t database_hosts_current(const struct database_hosts *hosts);
/* Its time has passed, or it has answered. */
void database_hosts_note(struct database_hosts *hosts, bool answered);
/* Starts a connect to it; NULL: no memory. */
PGconn *database_hosts_start(const struct database_hosts *hosts, const char *application_name);
/* What a session must still be to be kept. */
enum database_wanted database_hosts_wanted(const struct database_hosts *hosts);

#endif
