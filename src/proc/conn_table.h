/*
 * conn_table.h - a worker's connections, each in one list by what it waits for.
 *
 * Every list's members wait for the same length of time, so each list is in order of deadline by
 * itself: adding is at the tail, what expires is at the head. No timer structure is needed. A connection that
 * comes from a sibling brings a deadline of its own and is put where it belongs.
 *
 * While a request runs, the table is the watcher thread's: see watcher.h.
 */
#ifndef PROC_CONN_TABLE_H
#define PROC_CONN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admission.h"

enum conn_state {
	CONN_IDLE,      /* kept alive, no byte of a request has come */
	CONN_READY,     /* more may be there already: to be looked at again without waiting */
	CONN_ARRIVING,  /* part of a request has come */
	CONN_LINGERING, /* answered and shut down for writing; what still comes is thrown away */
	CONN_SERVING,   /* its request runs: the one connection that is never given away */
	CONN_STATES
};

struct connection {
	int fd;
	enum conn_state state;
	int64_t deadline_ns;
	struct connection *previous, *next;
	unsigned char *pending; /* ARRIVING: what has been read; NULL where nothing was taken out of the socket */
	size_t pending_bytes, pending_capacity;
	struct admission admission; /* of pending, as far as it was examined; INCOMPLETE: from its start */
	size_t lingered_bytes;
};

struct conn_list {
	struct connection *first, *last;
	size_t count;
};

struct conn_table {
	struct conn_list lists[CONN_STATES];
	size_t count;
	size_t pending_bytes; /* of all connections: capacity, not content */
	uint64_t given; /* counts connections given away: who held pointers before a request looks whether it rose */
};

/* Takes the descriptor over; NULL for want of memory, the descriptor is then closed. */
struct connection *conn_table_add(struct conn_table *table, int fd, int64_t deadline_ns);
/* Moves to the state's tail; its pending bytes stay. */
void conn_table_move(struct conn_table *table, struct connection *connection, enum conn_state state,
                     int64_t deadline_ns);
/* Room for at least size_bytes in pending; false for want of memory. */
bool conn_table_reserve(struct conn_table *table, struct connection *connection, size_t size_bytes);
/* Forgets the first size_bytes of pending; what follows moves to its start. */
void conn_table_consume(struct connection *connection, size_t size_bytes);
void conn_table_drop_pending(struct conn_table *table, struct connection *connection);
/* Closes the descriptor and frees. */
void conn_table_remove(struct conn_table *table, struct connection *connection);
/* The earliest deadline of all, DEADLINE_NEVER where there is none. */
int64_t conn_table_next_deadline_ns(const struct conn_table *table);
/* Some connection whose deadline has passed, or NULL. */
struct connection *conn_table_expired(const struct conn_table *table, int64_t now_ns);
/* The first that is ready, or NULL. */
struct connection *conn_table_ready(const struct conn_table *table);
/* The one that has been idle for longest, or NULL. */
struct connection *conn_table_oldest_idle(const struct conn_table *table);
/* Closes all. */
void conn_table_fini(struct conn_table *table);

#endif
