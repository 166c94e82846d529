/* base64.c - see base64.h. */
#include "base64.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define GROUP 4
#define BITS 6

static int
value_of(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
	return at != NULL ? (int)(at - alphabet) : -1;
}

/* Four characters, the last one or two of which may be padding; how many bytes they are, -1: none. */
static int
decode_group(const char *text, unsigned char bytes[static 3])
{
	int padding = text[GROUP - 1] != '=' ? 0 : text[GROUP - 2] != '=' ? 1 : 2;
	uint32_t bits = 0;
	for (int i = 0; i < GROUP; i++) {
		int value = i < GROUP - padding ? value_of(text[i]) : 0;
		if (value < 0)
			return -1;
		bits = bits << BITS | (uint32_t)value;
	}
	for (int i = 0; i < 3; i++)
		bytes[i] = (unsigned char)(bits >> (8 * (2 - i)));
	for (int i = 3 - padding; i < 3; i++)
		if (bytes[i] != 0)
			return -1;
	return 3 - padding;
}

long
base64_decode(const char *text, char *out, size_t size_bytes)
{
	size_t length = strlen(text), used = 0;
	if (length % GROUP != 0)
		return -1;
	for (size_t i = 0; i < length; i += GROUP) {
		unsigned char bytes[3];
		int n = decode_group(text + i, bytes);
		bool last = i + GROUP == length;
		if (n < 0 || (n < 3 && !last) || used + (size_t)n >= size_bytes)
			return -1;
		memcpy(out + used, bytes, (size_t)n);
		used += (size_t)n;
	}
	if (size_bytes == 0)
		return -1;
	out[used] = '\0';
	return (long)used;
}
