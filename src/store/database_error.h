/*
 * database_error.h - what PostgreSQL's errors mean to a caller, and words for them that tell no secret.
 *
 * SQLSTATE codes are those of PostgreSQL 15, appendix A. Nothing here hands on a byte of what a server or
 * libpq wrote, apart from the five characters of the code.
 */
#ifndef STORE_DATABASE_ERROR_H
#define STORE_DATABASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "vitals.h"

#define SQLSTATE_BYTES 6

/*
 * The outcome for a statement that failed with this code. Class 22 VT_BAD_INPUT; class 23 VT_CONFLICT;
 * 40001 and 40P01 VT_CONFLICT too: somebody else changed the same data, nothing was done, and the client
 * may try again (a 503 would make load balancers take the service for down); 57014, 25P03, 25P04 VT_TIMEOUT;
 * class 08, 53300 and 57P* VT_UNAVAILABLE; all else VT_ERROR.
 */
enum vt_result database_error_result(const char *sqlstate);
/* True where the server says with this code that it ends the connection. */
bool database_error_ends_connection(const char *sqlstate);
/* Writes "syntax error (SQLSTATE 42601)", cut at size_bytes. */
void database_error_describe(char *out, size_t size_bytes, const char *sqlstate);

/*
 * Finds the code in libpq's text for a connection that could not be opened. libpq 15 gives it no other
 * way; it stands at the end of a line under PQERRORS_SQLSTATE. The last one counts (several hosts).
 */
bool database_error_find_sqlstate(const char *libpq_text, char sqlstate[SQLSTATE_BYTES]);
/* Words for libpq's text where it has no code. Static, never NULL. */
const char *database_error_connect_words(const char *libpq_text);

#endif
