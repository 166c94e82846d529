/* utf8.c - well-formedness of UTF-8 (RFC 3629 section 4, the table of byte ranges). */
#include "utf8.h"

static bool
in_range(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

/* The range of the second byte narrows for four lead bytes: that rules out overlong forms and surrogates. */
static bool
second_byte_valid(unsigned char lead, unsigned char second)
{
	switch (lead) {
	case 0xE0:
		return in_range(second, 0xA0, 0xBF);
	case 0xED:
		return in_range(second, 0x80, 0x9F);
	case 0xF0:
		return in_range(second, 0x90, 0xBF);
	case 0xF4:
		return in_range(second, 0x80, 0x8F);
	default:
		return in_range(second, 0x80, 0xBF);
	}
}

size_t
utf8_sequence(const char *text, size_t size_bytes)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t length;
	if (p[0] < 0x80)
		return 1;
	if (in_range(p[0], 0xC2, 0xDF))
		length = 2;
	else if (in_range(p[0], 0xE0, 0xEF))
		length = 3;
	else if (in_range(p[0], 0xF0, 0xF4))
		length = 4;
	else
		return 0;
	if (size_bytes < length || !second_byte_valid(p[0], p[1]))
		return 0;
	for (size_t i = 2; i < length; i++)
		if (!in_range(p[i], 0x80, 0xBF))
			return 0;
	return length;
}

bool
utf8_valid(const char *text, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes;) {
		size_t n = utf8_sequence(text + i, size_bytes - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
