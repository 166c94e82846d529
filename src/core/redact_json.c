/*
 * redact_json.c - JSON with the secrets taken out, at any depth, in one pass and constant stack.
 *
 * Called for bodies and for texts of log records that look like JSON. json_check() first finds how far the text is
 * JSON; within that, a string with a colon behind it is a name, and nothing else needs to be known of the nesting.
 * What follows a fault is never copied.
 */
#include <stdint.h>

#include "jsoncheck.h"
#include "jsonw.h"
#include "redact_parts.h"

#define DEPTH_MAX 512
#define NAME_BYTES_MAX 256
#define BLANKS " \t\n\r"

struct scan {
	const struct redactor *r;
	const char *at, *end;
};

/* Behind the closing quote of the string at p, or NULL where it is not closed. */
static const char *
string_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}

/* ---- Decoding, RFC 8259 section 7 ---- */

static uint32_t
hex4(const char *p)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++)
		value = value * 16 + (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return value;
}

static size_t
put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = size - 1; i > 0; i--, code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3F));
	to[0] = (char)((0xF00U >> size & 0xF0) | code);
	return size;
}

/* The character of "\uXXXX" at p, or of two that are a surrogate pair; an unpaired one becomes U+FFFD. */
static uint32_t
unicode_escape(const char **p, const char *end)
{
	uint32_t code = hex4(*p + 2);
	*p += 6;
	if (code < 0xD800 || code > 0xDFFF)
		return code;
	if (code < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
		uint32_t low = hex4(*p + 2);
		if (low >= 0xDC00 && low <= 0xDFFF) {
			*p += 6;
			return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
		}
	}
	return 0xFFFD;
}

static char
short_escape(char c)
{
	static const char forms[] = "b\bf\fn\nr\rt\t";
	const char *found = strchr(forms, c);
	return found != NULL ? found[1] : c;
}

/* The text between the quotes, which json_check() has passed. Never longer than before. */
static size_t
decode(char *to, const char *from, const char *end)
{
	size_t n = 0;
	while (from < end) {
		if (*from != '\\') {
			to[n++] = *from++;
		} else if (from[1] == 'u') {
			n += put_utf8(to + n, unicode_escape(&from, end));
		} else {
			to[n++] = short_escape(from[1]);
			from += 2;
		}
	}
	return n;
}

/* ---- Strings ---- */

static void
put_hidden(const struct redactor *r)
{
	strbuf_puts(r->out, "\"" REDACTED "\"");
}

/* The string from its quote to behind its quote. What is in it is text like any other. */
static void
put_string(const struct redactor *r, const char *from, const char *end)
{
	char decoded[REDACT_LAYER_BYTES], clean_storage[REDACT_LAYER_BYTES];
	struct strbuf clean;
	struct jsonw json;
	size_t size = (size_t)(end - from) - 2;
	if (!redact_may_change(from + 1, size) && memchr(from, '\\', size) == NULL) {
		redact_put(r->out, from, end);
		return;
	}
	if (r->layer == REDACT_LAYERS_MAX || size > sizeof decoded) {
		put_hidden(r);
		return;
	}
	size = decode(decoded, from + 1, end - 1);
	strbuf_init_fixed(&clean, clean_storage, sizeof clean_storage);
	redact_layer(&(struct redactor){.redact = r->redact, .out = &clean, .layer = r->layer + 1}, decoded, size);
	if (clean.length == size && memcmp(clean.data, decoded, size) == 0) {
		redact_put(r->out, from, end);
		return;
	}
	jsonw_init(&json, r->out);
	jsonw_bytes(&json, clean.data, clean.length);
}

static bool
secret_name(const struct redactor *r, const char *from, const char *end)
{
	char name[NAME_BYTES_MAX];
	size_t size = (size_t)(end - from) - 2;
	if (size > sizeof name)
		return true; /* a name of that length hides something, if only its end */
	return redact_is_secret(r->redact, name, decode(name, from + 1, end - 1));
}

/* ---- The document ---- */

/* Behind the value at p; the end where it is not whole. */
static const char *
skip_value(const char *p, const char *end)
{
	size_t depth = 0;
	while (p < end) {
		if (*p == '"') {
			p = string_end(p, end);
			if (p == NULL)
				return end;
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (depth > 0) {
			p++;
			continue;
		} else {
			return redact_find(p, end, ",}]" BLANKS);
		}
		if (depth == 0)
			return p;
	}
	return end;
}

/* null, true and false say nothing that was secret, and much to who looks for a fault. */
static bool
is_word(const char *value, const char *end)
{
	size_t size = (size_t)(end - value);
	return (size == 4 && (memcmp(value, "null", 4) == 0 || memcmp(value, "true", 4) == 0)) ||
	       (size == 5 && memcmp(value, "false", 5) == 0);
}

/* What follows a secret name: up to and with its value. */
static void
hide_value(struct scan *s)
{
	const char *value = redact_skip(s->at, s->end, ":" BLANKS), *end = skip_value(value, s->end);
	redact_put(s->r->out, s->at, value);
	if (is_word(value, end))
		redact_put(s->r->out, value, end);
	else
		put_hidden(s->r);
	s->at = end;
}

/* Up to end, which ends a document or stands before its fault. */
static void
put_document(struct scan *s)
{
	while (s->at < s->end && !s->r->out->failed) {
		const char *quote = memchr(s->at, '"', (size_t)(s->end - s->at));
		redact_put(s->r->out, s->at, quote == NULL ? s->end : quote);
		if (quote == NULL)
			return;
		const char *behind = string_end(quote, s->end);
		if (behind == NULL)
			return;
		const char *next = redact_skip(behind, s->end, BLANKS);
		bool secret = next < s->end && *next == ':' && secret_name(s->r, quote, behind);
		put_string(s->r, quote, behind);
		s->at = behind;
		if (secret)
			hide_value(s);
	}
}

enum redact_json
redact_json_layer(const struct redactor *r, const char *text, size_t size_bytes)
{
	struct json_fault fault;
	struct scan s = {.r = r, .at = text, .end = text + size_bytes};
	int status = json_check(text, size_bytes, DEPTH_MAX, &fault);
	if (status != 0)
		s.end = text + fault.offset;
	put_document(&s);
	if (r->out->failed)
		return REDACT_JSON_CUT;
	return status == 0 ? REDACT_JSON_WHOLE : REDACT_JSON_BROKEN;
}

enum redact_json
redact_json(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes)
{
	return redact_json_layer(&(struct redactor){.redact = redact, .out = out}, text, size_bytes);
}
