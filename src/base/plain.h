/*
 * plain.h - whether a text is what nearly every text is: printable ASCII that no form of writing has to escape.
 */
#ifndef BASE_PLAIN_H
#define BASE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PLAIN_WORD_BYTES 8
#define PLAIN_EVERY_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/*
 * True where all of eight bytes are from ' ' to '~' and neither '"' nor '\'. Each term has the high bit of a byte set
 * where that is below 0x20, one of the two characters, or 0x7f; a borrow can set others, but only above a byte that is
 * found.
 */
static inline bool
plain_word(const char *text)
{
	uint64_t word;
	memcpy(&word, text, sizeof word);
	uint64_t quote = word ^ PLAIN_EVERY_BYTE('"'), backslash = word ^ PLAIN_EVERY_BYTE('\\');
	uint64_t found = word | (word - PLAIN_EVERY_BYTE(0x20)) | (quote - PLAIN_EVERY_BYTE(1)) |
	                 (backslash - PLAIN_EVERY_BYTE(1)) | (word + PLAIN_EVERY_BYTE(1));
	return (found & PLAIN_EVERY_BYTE(0x80)) == 0;
}

/* The same of so many; an empty text is plain. */
bool plain_text(const char *text, size_t size_bytes);

#endif
