/*
 * correlation.h - correlation IDs: which are taken over from a client, and how one is made.
 */
#ifndef CORE_CORRELATION_H
#define CORE_CORRELATION_H

#include <stdbool.h>

#define CORRELATION_ID_MAX 128
#define UUID_TEXT_BYTES 37

/* One value of [A-Za-z0-9._-]{1,128}. */
bool correlation_id_valid(const char *text);
/* A random UUID (RFC 9562 version 4) in lower case, and a NUL; its bytes are random_id.h's, since uuid_generate_random() makes five system calls. */
void correlation_id_make(char out[UUID_TEXT_BYTES]);

#endif
