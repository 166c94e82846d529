/*
 * database_pool.h - the connections of all workers as one pool, in the figures that SQLAlchemy's users know.
 *
 * A worker is a place in the pool, opened at its first use; who waits for a connection waits for a worker, in the
 * listeners' queues. So there is no queue of its own here.
 */
#ifndef APP_DATABASE_POOL_H
#define APP_DATABASE_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct services;

struct database_pool {
	bool configured;     /* there is a DATABASE_URL; otherwise nothing else is known */
	uint64_t size, most; /* WORKERS, WORKERS_MAX */
	uint64_t in_use;     /* workers in a call of the database: checked out */
	uint64_t overflow;   /* workers beyond WORKERS */
	bool counted;        /* there are metrics, and so the rest is known */
	uint64_t connected;  /* workers with a connection, the admin worker's among them */
	uint64_t reconnects, connect_failures, moves;
	uint64_t recycled, ended_by_server, timed_out;
	uint64_t prepared_again;
};

/* From the scoreboard alone; costs a look at each slot. */
void database_pool_read(struct database_pool *pool, const struct services *services);
/* The same and what has been counted; costs a look at each series for each of them. */
void database_pool_read_all(struct database_pool *pool, const struct services *services);

#endif
