/* percent.c - percent-decoding, once and strictly, and encoding. */
#include "percent.h"

#include "strbuf.h"

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

static bool
unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_' || c == '~';
}

void
percent_encode(struct strbuf *out, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	while (*text != '\0') {
		size_t plain = 0;
		while (unreserved(text[plain]))
			plain++;
		strbuf_append(out, text, plain);
		text += plain;
		if (*text != '\0') {
			unsigned char c = (unsigned char)*text++;
			strbuf_append(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
		}
	}
}
