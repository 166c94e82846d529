/* base64.h - reads base64, RFC 4648 section 4: the alphabet with + and /, padded, nothing else. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

/*
 * Decodes a text into out, which holds size_bytes, and closes it with a NUL. Returns how many bytes there are before
 * it; -1: a character of no base64, missing padding, bits left over that are not 0, or no room.
 */
long base64_decode(const char *text, char *out, size_t size_bytes);

#endif
