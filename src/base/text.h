/* text.h - copying texts into arrays of fixed size, and how they end. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* As much of from as there is room for, and a NUL; size_bytes is at least 1. Returns the copy's length. */
static inline size_t
text_copy(char *to, size_t size_bytes, const char *from)
{
	size_t length = strnlen(from, size_bytes - 1);
	memcpy(to, from, length);
	to[length] = '\0';
	return length;
}

/* Whether size_bytes of text are more than end, and end in it. */
static inline bool
text_ends_with(const char *text, size_t size_bytes, const char *end)
{
	size_t end_bytes = strlen(end);
	return size_bytes > end_bytes && memcmp(text + size_bytes - end_bytes, end, end_bytes) == 0;
}

#endif
