/* percent.c - percent-decoding, once and strictly. */
#include "percent.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

ssize_t
percent_decode(char *out, const char *text, size_t size_bytes, enum percent_plus plus)
{
	size_t n = 0;
	for (size_t i = 0; i < size_bytes; i++) {
		char c = text[i];
		if (c == '%') {
			int high = size_bytes - i > 2 ? hex_value(text[i + 1]) : -1;
			int low = size_bytes - i > 2 ? hex_value(text[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -1;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus == PERCENT_PLUS_BLANK) {
			c = ' ';
		}
		out[n++] = c;
	}
	return (ssize_t)n;
}
