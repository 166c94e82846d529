/*
 * intake.h - where a worker's connections come from: its listeners, and siblings that hand theirs over.
 *
 * Both are in the worker's epoll set with EPOLLEXCLUSIVE, so that one connection, or one message, wakes one
 * worker. Where a worker is full, the connections that have been idle for longest make room; where none is idle it
 * takes no more for a while.
 */
#ifndef PROC_INTAKE_H
#define PROC_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn_table.h"

struct fcgi;
struct handoff;
struct listener;
struct log;
struct slot;

struct intake {
	/* Given; the caller's. */
	const struct listener *listeners;
	size_t listener_count;
	const struct handoff *handoff;
	size_t max_connections;
	struct conn_table *table;
	struct fcgi *fcgi;
	struct log *log;
	struct slot *slot;
	int epoll_fd;
	/* Its own. */
	bool open;             /* the sources are in the epoll set */
	int64_t pause_ends_ns; /* 0: no pause */
};

/* What an event is about, as the pointer that came with it says. */
enum intake_source { INTAKE_NO_SOURCE, INTAKE_LISTENER, INTAKE_HANDOFF };

/* All sources or none: -1 with errno. */
int intake_open(struct intake *intake);
void intake_close(struct intake *intake);
enum intake_source intake_source(const struct intake *intake, const void *pointer);
/*
 * Takes one connection, or one message of them, from the source of an event. Unless may_close, nothing that is in
 * the table is touched: false where there is no room, to be called again with may_close once no event of the same
 * round can name a connection any more.
 */
bool intake_event(struct intake *intake, const void *pointer, bool may_close);
/* Has the epoll set report a connection once more where something has come. */
void intake_watch_again(const struct intake *intake, struct connection *connection);
/* Opens again when a pause is over. */
void intake_resume(struct intake *intake);
/* Takes all that waits, without waiting; for a worker on its way out. Returns how many. */
size_t intake_drain(struct intake *intake);

#endif
