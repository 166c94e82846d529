/* syntax.c - tokens and field values. Used for what comes in (methods) and for what goes out (headers). */
#include "syntax.h"

#include <stdint.h>

#include "plain.h"

/* RFC 9110 section 5.6.2: letters, digits and !#$%&'*+-.^_`|~, a bit for each character. */
static const uint64_t token_bits[4] = {UINT64_C(0x03ff6cfa00000000), UINT64_C(0x57ffffffc7fffffe)};

static bool
is_token_character(char c)
{
	unsigned char code = (unsigned char)c;
	return (token_bits[code / 64] >> code % 64 & 1) != 0;
}

bool
syntax_token(const char *text, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		if (!is_token_character(text[i]))
			return false;
	return size_bytes > 0;
}

static char
small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
syntax_same_name(const char *one, const char *other)
{
	while (*one != '\0' && small(*one) == small(*other)) {
		one++;
		other++;
	}
	return *one == '\0' && *other == '\0';
}

bool
syntax_field_value(const char *text, size_t size_bytes)
{
	if (plain_text(text, size_bytes))
		return true;
	for (size_t i = 0; i < size_bytes; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool
syntax_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void
syntax_trim(const char **text, size_t *size_bytes)
{
	while (*size_bytes > 0 && syntax_is_blank((*text)[0])) {
		(*text)++;
		(*size_bytes)--;
	}
	while (*size_bytes > 0 && syntax_is_blank((*text)[*size_bytes - 1]))
		(*size_bytes)--;
}
