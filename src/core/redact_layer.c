/*
 * redact_layer.c - text in text: decides what a text is, and bounds how deep it is looked into.
 *
 * JSON strings, parameters and fields of a record all come here; what is found inside comes here again, one layer
 * deeper. Nothing is let through that was not looked at: past the bound, everything that could hide a secret does.
 */
#include "redact_parts.h"

static bool
looks_like_json(const char *text, size_t size)
{
	const char *end = text + size, *p = redact_skip(text, end, " \t\r\n");
	return p < end && (*p == '{' || *p == '[' || *p == '"');
}

void
redact_layer(const struct redactor *r, const char *text, size_t size_bytes)
{
	size_t before = r->out->length;
	if (looks_like_json(text, size_bytes)) {
		if (redact_json_layer(r, text, size_bytes) != REDACT_JSON_BROKEN)
			return;
		strbuf_truncate(r->out, before);
	}
	redact_text_layer(r, text, size_bytes);
}

bool
redact_layer_hides(const struct redactor *r, const char *text, size_t size_bytes)
{
	char storage[REDACT_LAYER_BYTES];
	struct strbuf clean;
	if (!redact_may_change(text, size_bytes))
		return false;
	if (r->layer == REDACT_LAYERS_MAX || size_bytes >= sizeof storage)
		return true;
	strbuf_init_fixed(&clean, storage, sizeof storage);
	redact_layer(&(struct redactor){.redact = r->redact, .out = &clean, .layer = r->layer + 1}, text, size_bytes);
	return clean.failed || clean.length != size_bytes || memcmp(clean.data, text, size_bytes) != 0;
}

/* Behind each decoding the text may show what it was before. */
bool
redact_encoded_hides(const struct redactor *r, const char *text, size_t size_bytes)
{
	char decoded[REDACT_LAYER_BYTES];
	if (memchr(text, '%', size_bytes) == NULL)
		return redact_layer_hides(r, text, size_bytes);
	if (r->layer == REDACT_LAYERS_MAX || size_bytes > sizeof decoded)
		return true;
	memcpy(decoded, text, size_bytes);
	for (int pass = 0; pass < 3; pass++) {
		size_t shorter = redact_percent_decode(decoded, size_bytes);
		if (shorter == size_bytes)
			break;
		size_bytes = shorter;
		if (redact_layer_hides(r, decoded, size_bytes))
			return true;
	}
	return false;
}

void
redact_value(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes)
{
	redact_layer(&(struct redactor){.redact = redact, .out = out}, text, size_bytes);
}
