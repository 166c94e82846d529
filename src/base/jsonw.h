/*
 * jsonw.h - writes JSON (RFC 8259) into a strbuf, piece by piece, always valid.
 *
 * json-c builds trees; a log record, a health answer and a row need none. Whatever bytes a string
 * holds, what is written is one line of valid UTF-8: control characters (C1 too) and the separators of lines and
 * paragraphs (U+2028, U+2029) are escaped, and what is not well-formed becomes U+FFFD. Numbers that JSON has no form for become null. Overflow is the strbuf's
 * sticky failure.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

#define JSONW_MAX_DEPTH 32

struct jsonw {
	struct strbuf *out;
	unsigned depth;
	bool value_pending;   /* a key was written */
	uint64_t has_members; /* one bit a level: a comma is due */
};

void jsonw_init(struct jsonw *w, struct strbuf *out);
void jsonw_begin_object(struct jsonw *w);
void jsonw_end_object(struct jsonw *w);
void jsonw_begin_array(struct jsonw *w);
void jsonw_end_array(struct jsonw *w);
/* The name of the next value, inside an object. */
void jsonw_key(struct jsonw *w, const char *key);
/* The same, written by the caller: the comma where one is due, the name in quotes, the colon. */
void jsonw_written_key(struct jsonw *w, const char *written, size_t size_bytes);
void jsonw_string(struct jsonw *w, const char *text);
void jsonw_bytes(struct jsonw *w, const char *text, size_t size_bytes);
void jsonw_int(struct jsonw *w, int64_t value);
void jsonw_uint(struct jsonw *w, uint64_t value);
/* The shortest of %.15g and %.17g that reads back as the same number; small ones without an exponent where a few decimals do. */
void jsonw_double(struct jsonw *w, double value);
/* With so many digits after the point. */
void jsonw_fixed(struct jsonw *w, double value, int digits);
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
/* Bytes of the character at text, which is not empty, and the most that its written form takes inside a string. */
size_t jsonw_character(const char *text, size_t size_bytes, size_t *written_bytes);
/* A string as jsonw_bytes() writes it, outside of any document. */
void jsonw_quote(struct strbuf *out, const char *text, size_t size_bytes);
/* A text that is JSON already. */
void jsonw_raw(struct jsonw *w, const char *json, size_t size_bytes);

#endif
