/*
 * connection.h - a FastCGI connection from its first byte to its last: admission, serving, lingering.
 *
 * One request runs at a time; a struct fcgi is what a worker keeps for that: the buffer to look into,
 * libfcgi, the limits.
 */
#ifndef PROC_CONNECTION_H
#define PROC_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include "admission.h"
#include "conn_table.h"
#include "exchange.h"

struct err;
struct fcgi;
struct log;
struct slot;
struct watcher;

struct fcgi_config {
	struct admission_limits limits;
	int64_t admission_timeout_ms; /* for a request's head to arrive, from its first byte */
	int64_t idle_timeout_ms;      /* 0: never */
	int64_t request_timeout_ms;   /* for a body to arrive, from the head's end; for writing the response */
	size_t body_buffer_bytes;     /* a body up to this size is waited for before a worker is spent on it */
	size_t max_pending_bytes;     /* of all connections that wait */
	size_t linger_bytes;
	int64_t linger_ms;
	struct exchange_handler handler;
	struct watcher *watcher;
	struct log *log;
	struct slot *slot;
};

/* Initialises libfcgi too: after our signal handling is set up. NULL with err. */
struct fcgi *fcgi_create(const struct fcgi_config *config, struct err *err);
void fcgi_destroy(struct fcgi *fcgi);

/*
 * The connection may have something to read: looks, serves at most one request, and leaves the
 * connection in the table in its new state, or removed and freed.
 */
void connection_visit(struct fcgi *fcgi, struct conn_table *table, struct connection *connection);
/* After each visit: what the request has left to do (exchange.h), while other connections may be given away. */
void connection_afterwards(struct fcgi *fcgi);
/* The deadline of a connection that was just accepted or is idle again. */
int64_t connection_idle_deadline_ns(const struct fcgi *fcgi);

#endif
