/*
 * fcgi_library.h - libfcgi, used in the one way that has no traps.
 *
 * fcgi_library.c is the only file that includes fcgiapp.h. What is handed to it has been examined by
 * admission.c; then nothing here waits for a peer but the writing of the response.
 */
#ifndef PROC_FCGI_LIBRARY_H
#define PROC_FCGI_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"

struct err;
struct fcgi_library;

/*
 * Initialises libfcgi for this process: after our signal handling is set up, or it sets up its own. head_max_bytes: of
 * any head that it is to read. NULL with err.
 */
struct fcgi_library *fcgi_library_create(size_t head_max_bytes, struct err *err);
void fcgi_library_destroy(struct fcgi_library *library);

/* Lets libfcgi read a request's head from memory; the body is not its business. False: it found fault. */
bool fcgi_library_accept_head(struct fcgi_library *library, const void *head, size_t size_bytes);

/* After an accept: the CGI variables, living until the end; whether the peer asked to keep the connection. */
char *const *fcgi_library_params(const struct fcgi_library *library);
bool fcgi_library_keeps(const struct fcgi_library *library);
/*
 * Writes the response to fd, the end of the request included. May block for as long as the peer does not read: the
 * watcher is armed meanwhile. True where all of it was written.
 */
bool fcgi_library_respond(struct fcgi_library *library, int fd, const struct exchange *exchange);
/* After the response, once nobody needs the variables any more: everything of the request is freed, fd stays open. */
void fcgi_library_end(struct fcgi_library *library);

#endif
