/* correlation.c - correlation IDs: judged by a table-free scan, made of random bytes and written by libuuid. */
#include "correlation.h"

#include <string.h>
#include <uuid/uuid.h>

#include "random_id.h"

static bool
allowed(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

bool
correlation_id_valid(const char *text)
{
	size_t size = 0;
	if (text == NULL)
		return false;
	while (size <= CORRELATION_ID_MAX && allowed(text[size]))
		size++;
	return size > 0 && size <= CORRELATION_ID_MAX && text[size] == '\0';
}

void
correlation_id_make(char out[UUID_TEXT_BYTES])
{
	uuid_t uuid = {0};
	random_bytes(uuid, sizeof uuid);
	uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40); /* version 4, RFC 9562 section 5.4 */
	uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80); /* variant, section 4.1 */
	uuid_unparse_lower(uuid, out);
}
