/* accept.h - proactive negotiation by Accept, RFC 9110 section 12.5.1. */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stddef.h>

/*
 * Which of the offered media types (most preferred first) the Accept field wants: the highest quality,
 * the most specific range deciding each type's quality, earlier offers winning ties. accept NULL or
 * empty: the first. Returns the index, or -1 where none is acceptable.
 */
int accept_choose(const char *accept, const char *const *offers, size_t count);

#endif
