/*
 * percent.h - percent-encoding, RFC 3986 section 2.1.
 */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include <sys/types.h>

struct strbuf;

enum percent_plus { PERCENT_PLUS_KEEP, PERCENT_PLUS_BLANK };

/*
 * Decodes once into out (at least size_bytes, may be the input itself), without a NUL. Returns the
 * length, or -1 where a '%' is not followed by two hexadecimal digits.
 */
ssize_t percent_decode(char *out, const char *text, size_t size_bytes, enum percent_plus plus);
/* Appends text with all but the unreserved characters (section 2.3) encoded. */
void percent_encode(struct strbuf *out, const char *text);

#endif
