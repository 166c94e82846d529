/*
 * net_error.h - why a server could not be reached, in our own words.
 *
 * The texts of libpq and hiredis can hold host, port, socket path, user and database. They are only
 * searched for what the system said; what is handed on is always one of our constants.
 */
#ifndef STORE_NET_ERROR_H
#define STORE_NET_ERROR_H

/* "connection refused" for ECONNREFUSED; NULL for a number that has no words here. Static. */
const char *net_error_words(int error_number);
/* The words of the system error whose text ends a line of text; NULL where none does. Static. */
const char *net_error_find(const char *text);

#endif
