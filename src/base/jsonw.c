/* jsonw.c - the JSON writer. Strings are copied in runs; only what must be escaped is looked at twice. */
#include "jsonw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "insist.h"
#include "plain.h"
#include "strbuf.h"
#include "utf8.h"

#define MICROS 1e6
#define MICROS_DIGITS 6
#define MICROS_MAX 1e9 /* fifteen digits in all, which a double holds */

void
jsonw_init(struct jsonw *w, struct strbuf *out)
{
	*w = (struct jsonw){.out = out};
}

/* The comma before a value or key, where one is due. */
static void
separate(struct jsonw *w)
{
	if (w->value_pending) {
		w->value_pending = false;
		return;
	}
	uint64_t bit = UINT64_C(1) << w->depth;
	if (w->has_members & bit)
		strbuf_putc(w->out, ',');
	w->has_members |= bit;
}

static void
begin(struct jsonw *w, char bracket)
{
	separate(w);
	INSIST(w->depth + 1 < JSONW_MAX_DEPTH);
	w->depth++;
	w->has_members &= ~(UINT64_C(1) << w->depth);
	strbuf_putc(w->out, bracket);
}

static void
end(struct jsonw *w, char bracket)
{
	INSIST(w->depth > 0 && !w->value_pending);
	w->depth--;
	strbuf_putc(w->out, bracket);
}

void
jsonw_begin_object(struct jsonw *w)
{
	begin(w, '{');
}

void
jsonw_end_object(struct jsonw *w)
{
	end(w, '}');
}

void
jsonw_begin_array(struct jsonw *w)
{
	begin(w, '[');
}

void
jsonw_end_array(struct jsonw *w)
{
	end(w, ']');
}

/*
 * Characters that RFC 8259 lets stand but that are not to reach whoever shows the text: the C1 controls U+0080 to
 * U+009F, on which terminals act, and U+2028 and U+2029, which end lines. Their code, or 0.
 */
static unsigned
unwelcome(const unsigned char *p, size_t size)
{
	if (size == 2 && p[0] == 0xC2 && p[1] < 0xA0)
		return p[1];
	if (size == 3 && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9))
		return 0x2000U + (p[2] & 0x3FU);
	return 0;
}

/* Bytes from text that stand in a JSON string as they are. */
static size_t
plain_run(const char *text, size_t size)
{
	size_t i = 0;
	while (i < size) {
		if (size - i >= PLAIN_WORD_BYTES && plain_word(text + i)) {
			i += PLAIN_WORD_BYTES;
			continue;
		}
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			break;
		size_t n = c < 0x80 ? 1 : utf8_sequence(text + i, size - i);
		if (n == 0 || (n > 1 && unwelcome((const unsigned char *)text + i, n) != 0))
			break;
		i += n;
	}
	return i;
}

/* The character at text, which cannot stand as it is; returns its bytes. */
static size_t
escape(struct strbuf *out, const char *text, size_t size)
{
	static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	unsigned char c = (unsigned char)text[0];
	for (size_t i = 0; short_forms[i] != '\0'; i += 2)
		if ((unsigned char)short_forms[i] == c) {
			strbuf_append(out, (char[]){'\\', short_forms[i + 1]}, 2);
			return 1;
		}
	size_t n = utf8_sequence(text, size);
	if (n == 0) {
		strbuf_puts(out, "\xEF\xBF\xBD");
		return 1;
	}
	strbuf_printf(out, "\\u%04x", n == 1 ? c : unwelcome((const unsigned char *)text, n));
	return n;
}

size_t
jsonw_character(const char *text, size_t size_bytes, size_t *written_bytes)
{
	unsigned char c = (unsigned char)text[0];
	size_t n = utf8_sequence(text, size_bytes);
	*written_bytes = n;
	if (n == 0)
		*written_bytes = 3; /* U+FFFD */
	else if (c < 0x20 || c == 0x7f || unwelcome((const unsigned char *)text, n) != 0)
		*written_bytes = 6;
	else if (c == '"' || c == '\\')
		*written_bytes = 2;
	return n == 0 ? 1 : n;
}

static void
quote_in_runs(struct strbuf *out, const char *text, size_t size)
{
	strbuf_putc(out, '"');
	for (size_t i = 0; i < size;) {
		size_t n = plain_run(text + i, size - i);
		strbuf_append(out, text + i, n);
		i += n;
		if (i < size)
			i += escape(out, text + i, size - i);
	}
	strbuf_putc(out, '"');
}

void
jsonw_quote(struct strbuf *out, const char *text, size_t size_bytes)
{
	if (!plain_text(text, size_bytes)) {
		quote_in_runs(out, text, size_bytes);
		return;
	}
	char *to = strbuf_reserve(out, size_bytes + 2);
	if (to == NULL)
		return;
	to[0] = '"';
	memcpy(to + 1, text, size_bytes);
	to[size_bytes + 1] = '"';
	strbuf_commit(out, size_bytes + 2);
}

void
jsonw_key(struct jsonw *w, const char *key)
{
	INSIST(!w->value_pending && w->depth > 0);
	separate(w);
	jsonw_quote(w->out, key, strlen(key));
	strbuf_putc(w->out, ':');
	w->value_pending = true;
}

void
jsonw_written_key(struct jsonw *w, const char *written, size_t size_bytes)
{
	INSIST(!w->value_pending && w->depth > 0);
	w->has_members |= UINT64_C(1) << w->depth;
	strbuf_append(w->out, written, size_bytes);
	w->value_pending = true;
}

void
jsonw_string(struct jsonw *w, const char *text)
{
	jsonw_bytes(w, text, strlen(text));
}

void
jsonw_bytes(struct jsonw *w, const char *text, size_t size_bytes)
{
	separate(w);
	jsonw_quote(w->out, text, size_bytes);
}

void
jsonw_int(struct jsonw *w, int64_t value)
{
	char text[DECIMAL_BYTES];
	separate(w);
	size_t size = decimal_int(text, value);
	strbuf_append(w->out, text, size);
}

void
jsonw_uint(struct jsonw *w, uint64_t value)
{
	char text[DECIMAL_BYTES];
	separate(w);
	size_t size = decimal_uint(text, value);
	strbuf_append(w->out, text, size);
}

/* Small numbers that a few decimals hold, such as durations: 0.000072 rather than 7.2e-05. */
static bool
plain_decimal(char *text, size_t size, double value)
{
	if (fabs(value) >= 1e-4 || fabs(value) < 1e-9)
		return false;
	snprintf(text, size, "%.12f", value);
	if (strtod(text, NULL) != value)
		return false;
	size_t length = strlen(text);
	while (text[length - 1] == '0')
		text[--length] = '\0';
	return true;
}

/*
 * Seconds in whole microseconds, which is what most are: the same digits, without asking printf and strtod for them,
 * which cost some 1.5 microseconds for each record of a request.
 */
static bool
put_micros(struct jsonw *w, double value)
{
	if (signbit(value) || value >= MICROS_MAX)
		return false;
	uint64_t micros = (uint64_t)(value * MICROS + 0.5);
	if ((double)micros / MICROS != value)
		return false;
	char text[DECIMAL_BYTES + 1 + MICROS_DIGITS];
	size_t size = decimal_uint(text, micros / (uint64_t)MICROS);
	if (micros % (uint64_t)MICROS != 0) {
		text[size++] = '.';
		decimal_padded(text + size, micros % (uint64_t)MICROS, MICROS_DIGITS);
		size += MICROS_DIGITS;
		while (text[size - 1] == '0')
			size--;
	}
	separate(w);
	strbuf_append(w->out, text, size);
	return true;
}

void
jsonw_double(struct jsonw *w, double value)
{
	if (!isfinite(value)) {
		jsonw_null(w);
		return;
	}
	if (put_micros(w, value))
		return;
	char text[48];
	if (!plain_decimal(text, sizeof text, value)) {
		snprintf(text, sizeof text, "%.15g", value);
		if (strtod(text, NULL) != value)
			snprintf(text, sizeof text, "%.17g", value);
	}
	jsonw_raw(w, text, strlen(text));
}

void
jsonw_fixed(struct jsonw *w, double value, int digits)
{
	if (!isfinite(value)) {
		jsonw_null(w);
		return;
	}
	separate(w);
	strbuf_printf(w->out, "%.*f", digits, value);
}

void
jsonw_bool(struct jsonw *w, bool value)
{
	separate(w);
	strbuf_puts(w->out, value ? "true" : "false");
}

void
jsonw_null(struct jsonw *w)
{
	separate(w);
	strbuf_puts(w->out, "null");
}

void
jsonw_raw(struct jsonw *w, const char *json, size_t size_bytes)
{
	separate(w);
	strbuf_append(w->out, json, size_bytes);
}
