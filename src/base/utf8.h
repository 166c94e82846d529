/*
 * utf8.h - UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed sequence that starts at text (1 to 4), or 0 where none starts. size_bytes > 0. */
size_t utf8_sequence(const char *text, size_t size_bytes);
/* True where all of it is well-formed; NUL is a character like any other. */
bool utf8_valid(const char *text, size_t size_bytes);

#endif
