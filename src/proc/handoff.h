/*
 * handoff.h - passing connections from one worker to its siblings.
 *
 * All workers of one kind share a SOCK_SEQPACKET pair: who has connections to give away sends their descriptors
 * (SCM_RIGHTS, unix(7)), and whoever is free takes them. If nobody is, they wait in the socket as in a listen
 * queue. The supervisor keeps the pair open over every generation of workers, so that what is under way when a
 * worker ends is not lost.
 *
 * A connection travels with its state, its deadline and the bytes that were read from it and not yet served, so
 * that a request which has arrived in part goes on arriving.
 */
#ifndef PROC_HANDOFF_H
#define PROC_HANDOFF_H

#include <stddef.h>

#include "conn_table.h"

struct err;

/* How many go in one message. Few, so that several idle siblings are woken and each takes some. */
#define HANDOFF_BATCH 4

struct handoff {
	int send_fd, receive_fd; /* non-blocking, close-on-exec; -1: there are no siblings */
};

/* False for NULL too. */
static inline bool
handoff_has_siblings(const struct handoff *handoff)
{
	return handoff != NULL && handoff->send_fd >= 0;
}

/* -1 with err. */
int handoff_open(struct handoff *handoff, struct err *err);
void handoff_close(struct handoff *handoff);
/*
 * Gives away every connection but the one that is being served, and lets go of those that the socket took: out of
 * the epoll set, closed here, counted in table->given. Returns how many; the others stay (the socket is full, no
 * descriptors). Never waits.
 */
size_t handoff_give(const struct handoff *handoff, struct conn_table *table, int epoll_fd);
/*
 * Takes one message's connections into the table; the caller puts them into its epoll set by way of added(). False
 * where there is no message. Never waits. The caller has room for HANDOFF_BATCH more.
 */
bool handoff_take(const struct handoff *handoff, struct conn_table *table,
                  void (*added)(void *context, struct connection *connection), void *context);

#endif
