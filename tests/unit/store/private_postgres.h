/*
 * private_postgres.h - a PostgreSQL of the test's own: Unix socket only, trust, no fsync.
 */
#ifndef TESTS_PRIVATE_POSTGRES_H
#define TESTS_PRIVATE_POSTGRES_H

#include <libpq-fe.h>

#include "private_server.h"

/* Names that must never show in an error text; the socket's directory is the server's. */
#define PRIVATE_USER "joesecretuser"
#define PRIVATE_PASSWORD "hunter2secret"
#define PRIVATE_DATABASE "secretdatabase"
#define PRIVATE_MAX_CONNECTIONS 12

/* initdb, start, and the database. */
void private_postgres_init(struct private_server *server);
/* Starts it where it does not run, and waits until it takes connections. */
void private_postgres_up(struct private_server *server);
/* Fast shutdown (SIGINT). */
void private_postgres_down(struct private_server *server);
/* Its address, for database_create(). */
void private_postgres_url(const struct private_server *server, char *url, size_t size_bytes);
/* Runs SQL on a connection of its own and returns the first field as a number, 0 where there is none. */
long private_postgres_number(const struct private_server *server, const char *sql);

#endif
