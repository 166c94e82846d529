/*
 * redact_parts.h - what the redact_*.c files share; nobody else includes it.
 *
 * Text can be wrapped in text: JSON in a JSON string, a URL in a query, a form in a header. Each layer is taken off
 * into a buffer on the stack, and the number of layers is bounded: what lies deeper, or does not fit, is replaced whole.
 */
#ifndef CORE_REDACT_PARTS_H
#define CORE_REDACT_PARTS_H

#include <string.h>

#include "redact.h"
#include "strbuf.h"

#define REDACT_LAYERS_MAX 3
#define REDACT_LAYER_BYTES 2048

/* What a redactor works with. */
struct redactor {
	const struct redact *redact;
	struct strbuf *out;
	unsigned layer; /* 0: the text as it was given */
};

/* Text that is still to be read. */
struct rest {
	const char *at, *end;
	const char *decoded_to; /* free text: up to there it has been looked at decoded */
};

/* The first byte of from that is in set, or the end. */
static inline const char *
redact_find(const char *from, const char *end, const char *set)
{
	while (from < end && (*from == '\0' || strchr(set, *from) == NULL))
		from++;
	return from;
}

/* The first byte of from that is not in set, or the end. */
static inline const char *
redact_skip(const char *from, const char *end, const char *set)
{
	while (from < end && *from != '\0' && strchr(set, *from) != NULL)
		from++;
	return from;
}

/* Of a URL's scheme, RFC 3986 section 3.1. */
static inline bool
redact_scheme_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
	       c == '.';
}

/* Appends in small pieces, so that a full buffer holds as much as fits. */
void redact_put(struct strbuf *out, const char *from, const char *to);
/* Decodes what is percent-encoded in place, leaves a stray '%' as it is, and returns the new size. */
size_t redact_percent_decode(char *text, size_t size_bytes);

/* JSON where it is JSON, free text otherwise. */
void redact_layer(const struct redactor *r, const char *text, size_t size_bytes);
/* True where redact_layer() would change the text, or it lies too deep to be looked at. */
bool redact_layer_hides(const struct redactor *r, const char *text, size_t size_bytes);
/* The same for a text with percent-encoding in it, however often it was encoded. */
bool redact_encoded_hides(const struct redactor *r, const char *text, size_t size_bytes);

/* redact_url(), redact_text() and redact_json() for the layer. */
void redact_url_layer(const struct redactor *r, const char *url, const char *end);
void redact_text_layer(const struct redactor *r, const char *text, size_t size_bytes);
enum redact_json redact_json_layer(const struct redactor *r, const char *text, size_t size_bytes);

#endif
