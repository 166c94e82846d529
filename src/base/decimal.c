/* decimal.c - see decimal.h. */
#include "decimal.h"

#include <string.h>

char *
decimal_padded(char *out, uint64_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return out + digits;
}

size_t
decimal_uint(char out[static DECIMAL_BYTES], uint64_t value)
{
	char digits[DECIMAL_BYTES];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	memcpy(out, digits + at, sizeof digits - at);
	return sizeof digits - at;
}

size_t
decimal_int(char out[static DECIMAL_BYTES], int64_t value)
{
	char digits[DECIMAL_BYTES];
	if (value >= 0)
		return decimal_uint(out, (uint64_t)value);
	size_t size = decimal_uint(digits, -(uint64_t)value);
	out[0] = '-';
	memcpy(out + 1, digits, size);
	return size + 1;
}
