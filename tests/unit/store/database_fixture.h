/*
 * database_fixture.h - what the programs that test the database against a real PostgreSQL share.
 */
#ifndef TESTS_DATABASE_FIXTURE_H
#define TESTS_DATABASE_FIXTURE_H

#include <check.h>
#include <stdint.h>

#include "database.h"
#include "private_postgres.h"

/* One server a program; the log of all databases is its file "test.log". */
extern struct private_server pg;

/* The unchecked fixture of every case. */
void fixture_start(void);
void fixture_stop(void);
/* The checked one: the server runs, the log is empty. */
void fixture_each(void);

/* The defaults of the tests: connect 1 s, query 2 s, no recycling, ping after a minute. url is static. */
struct database_config fixture_config(void);
struct database *fixture_database(void);

/* A statement without parameters within timeout_ms (0: the database's own). rows may be NULL. */
enum vt_result fixture_run(struct database *db, const char *sql, int64_t timeout_ms, struct vt_rows **rows);
/* The first field of its only row as a number; fails the test where it is not answered. */
long fixture_number(struct database *db, const char *sql);
/* Repeats a statement until it is answered, for at most timeout_ms, and returns how long that took. */
int64_t fixture_recovers_ms(struct database *db, int64_t timeout_ms);
/* Drives a ping; gives up with VT_TIMEOUT after timeout_ms. */
enum vt_result fixture_ping(struct database *db, int64_t timeout_ms);
/* Fails where a text holds host, user, password, database or the socket's directory. */
void fixture_no_secret(const char *text);
/* What has been logged; static. */
const char *fixture_log(void);
/* The lowest descriptor that is free: what a closed connection gives back. */
int fixture_free_descriptor(void);
int64_t fixture_ms_since(int64_t start_ns);

#endif
