/* jsonw.c - the JSON writer. Strings are copied in runs; only what must be escaped is looked at twice. */
#include "jsonw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insist.h"
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

/* Bytes from text that stand in a JSON string as they are. */
static size_t
plain_run(const char *text, size_t size)
{
	size_t i = 0;
	while (i < size) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			break;
		size_t n = c < 0x80 ? 1 : utf8_sequence(text + i, size - i);
		if (n == 0)
			break;
		i += n;
	}
	return i;
}

static void
escape(struct strbuf *out, unsigned char c)
{
	static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	for (size_t i = 0; short_forms[i] != '\0'; i += 2)
		if ((unsigned char)short_forms[i] == c) {
			strbuf_append(out, (char[]){'\\', short_forms[i + 1]}, 2);
			return;
		}
	if (c >= 0x80)
		strbuf_puts(out, "\xEF\xBF\xBD");
	else
		strbuf_printf(out, "\\u%04x", c);
}

static void
quoted(struct strbuf *out, const char *text, size_t size)
{
	strbuf_putc(out, '"');
	for (size_t i = 0; i < size;) {
		size_t n = plain_run(text + i, size - i);
		strbuf_append(out, text + i, n);
		i += n;
		if (i < size)
			escape(out, (unsigned char)text[i++]);
	}
	strbuf_putc(out, '"');
}

void
jsonw_key(struct jsonw *w, const char *key)
{
	INSIST(!w->value_pending && w->depth > 0);
	separate(w);
	quoted(w->out, key, strlen(key));
	strbuf_putc(w->out, ':');
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
	quoted(w->out, text, size_bytes);
}

void
jsonw_int(struct jsonw *w, int64_t value)
{
	separate(w);
	strbuf_printf(w->out, "%lld", (long long)value);
}

void
jsonw_uint(struct jsonw *w, uint64_t value)
{
	separate(w);
	strbuf_printf(w->out, "%llu", (unsigned long long)value);
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
	char text[24];
	size_t length = MICROS_DIGITS;
	for (uint64_t fraction = micros % (uint64_t)MICROS; length > 0 && fraction % 10 == 0; fraction /= 10)
		length--;
	separate(w);
	int size = length > 0 ? snprintf(text, sizeof text, "%llu.%06llu", (unsigned long long)micros / 1000000,
	                                 (unsigned long long)micros % 1000000)
	                      : snprintf(text, sizeof text, "%llu", (unsigned long long)micros / 1000000);
	strbuf_append(w->out, text, (size_t)size - (length > 0 ? MICROS_DIGITS - length : 0));
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
