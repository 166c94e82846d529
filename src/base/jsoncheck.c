/*
 * jsoncheck.c - a recogniser for RFC 8259: a loop with one expectation and one bit a level.
 *
 * Called for every JSON body before json-c sees it, and for trees that a handler answers with. It never
 * allocates, never recurses, and reads each byte once. What the grammar allows passes even where it is of
 * little use: unpaired surrogates in \u escapes (section 8.2), repeated names (section 4), numbers of any
 * size (section 6).
 */
#include "jsoncheck.h"

#include <stdbool.h>
#include <string.h>

#include "insist.h"
#include "utf8.h"

enum expect { EXPECT_VALUE, EXPECT_VALUE_OR_END, EXPECT_NAME, EXPECT_NAME_OR_END, EXPECT_SEPARATOR };

struct scan {
	const char *text;
	size_t size, at;
	enum expect expect;
	unsigned depth, depth_max;
	const char *reason;
	unsigned char in_object[JSONCHECK_MAX_DEPTH / 8]; /* one bit a level: object or array */
};

static bool
fail(struct scan *s, const char *reason)
{
	s->reason = reason;
	return false;
}

static bool
next_is(const struct scan *s, char c)
{
	return s->at < s->size && s->text[s->at] == c;
}

static bool
next_is_digit(const struct scan *s)
{
	return s->at < s->size && s->text[s->at] >= '0' && s->text[s->at] <= '9';
}

/* Section 2: blank, tab, line feed and carriage return, nothing else. */
static void
skip_blanks(struct scan *s)
{
	while (next_is(s, ' ') || next_is(s, '\t') || next_is(s, '\n') || next_is(s, '\r'))
		s->at++;
}

/* ---- Strings, section 7 ---- */

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* At the backslash. */
static bool
skip_escape(struct scan *s)
{
	s->at++;
	if (s->at == s->size)
		return fail(s, "a string is not closed");
	char c = s->text[s->at];
	if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
		return fail(s, "there is no such escape");
	s->at++;
	if (c != 'u')
		return true;
	for (int i = 0; i < 4; i++, s->at++)
		if (s->at == s->size || !is_hex(s->text[s->at]))
			return fail(s, "four hexadecimal digits must follow \\u");
	return true;
}

/* At a byte inside a string that neither closes nor escapes. */
static bool
skip_character(struct scan *s)
{
	unsigned char c = (unsigned char)s->text[s->at];
	if (c < 0x20)
		return fail(s, "a control character stands in a string");
	size_t n = c < 0x80 ? 1 : utf8_sequence(s->text + s->at, s->size - s->at);
	if (n == 0)
		return fail(s, "a string is not UTF-8");
	s->at += n;
	return true;
}

/* At the opening quote. */
static bool
skip_string(struct scan *s)
{
	s->at++;
	while (s->at < s->size) {
		if (next_is(s, '"')) {
			s->at++;
			return true;
		}
		if (!(next_is(s, '\\') ? skip_escape(s) : skip_character(s)))
			return false;
	}
	return fail(s, "a string is not closed");
}

/* ---- Numbers, section 6, and the three names, section 3 ---- */

static bool
skip_digits(struct scan *s)
{
	if (!next_is_digit(s))
		return fail(s, "a digit is missing in a number");
	while (next_is_digit(s))
		s->at++;
	return true;
}

static bool
skip_number(struct scan *s)
{
	if (next_is(s, '-'))
		s->at++;
	if (next_is(s, '0')) {
		s->at++;
		if (next_is_digit(s))
			return fail(s, "a number starts with a zero too many");
	} else if (!skip_digits(s)) {
		return false;
	}
	if (next_is(s, '.')) {
		s->at++;
		if (!skip_digits(s))
			return false;
	}
	if (next_is(s, 'e') || next_is(s, 'E')) {
		s->at++;
		if (next_is(s, '+') || next_is(s, '-'))
			s->at++;
		return skip_digits(s);
	}
	return true;
}

static bool
skip_word(struct scan *s, const char *word)
{
	for (; *word != '\0'; word++, s->at++)
		if (!next_is(s, *word))
			return fail(s, "there is no such value");
	return true;
}

/* ---- Nesting ---- */

static bool
inside_object(const struct scan *s)
{
	return (s->in_object[(s->depth - 1) / 8] >> ((s->depth - 1) % 8) & 1) != 0;
}

static bool
open_level(struct scan *s, bool object)
{
	if (s->depth == s->depth_max)
		return fail(s, "the nesting is too deep");
	unsigned char bit = (unsigned char)(1U << (s->depth % 8));
	unsigned char *byte = &s->in_object[s->depth / 8];
	*byte = (unsigned char)(object ? *byte | bit : *byte & ~bit);
	s->depth++;
	s->at++;
	s->expect = object ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
	return true;
}

static bool
close_level(struct scan *s)
{
	s->depth--;
	s->at++;
	s->expect = EXPECT_SEPARATOR;
	return true;
}

/* ---- The grammar ---- */

static bool
step_value(struct scan *s)
{
	char c = s->text[s->at];
	if (c == '{' || c == '[')
		return open_level(s, c == '{');
	s->expect = EXPECT_SEPARATOR;
	switch (c) {
	case '"':
		return skip_string(s);
	case 't':
		return skip_word(s, "true");
	case 'f':
		return skip_word(s, "false");
	case 'n':
		return skip_word(s, "null");
	default:
		if (c == '-' || next_is_digit(s))
			return skip_number(s);
		return fail(s, "a value must stand here");
	}
}

static bool
step_name(struct scan *s)
{
	if (!next_is(s, '"'))
		return fail(s, "a member's name must stand here");
	if (!skip_string(s))
		return false;
	skip_blanks(s);
	if (!next_is(s, ':'))
		return fail(s, "a colon must follow a member's name");
	s->at++;
	s->expect = EXPECT_VALUE;
	return true;
}

static bool
step_separator(struct scan *s)
{
	if (s->depth == 0)
		return fail(s, "something follows the document");
	bool object = inside_object(s);
	if (next_is(s, object ? '}' : ']'))
		return close_level(s);
	if (!next_is(s, ','))
		return fail(s, object ? "a comma or '}' must stand here" : "a comma or ']' must stand here");
	s->at++;
	s->expect = object ? EXPECT_NAME : EXPECT_VALUE;
	return true;
}

static bool
step(struct scan *s)
{
	switch (s->expect) {
	case EXPECT_VALUE_OR_END:
		return next_is(s, ']') ? close_level(s) : step_value(s);
	case EXPECT_NAME_OR_END:
		return next_is(s, '}') ? close_level(s) : step_name(s);
	case EXPECT_NAME:
		return step_name(s);
	case EXPECT_SEPARATOR:
		return step_separator(s);
	case EXPECT_VALUE:
	default:
		return step_value(s);
	}
}

static bool
scan_document(struct scan *s)
{
	if (s->size >= 3 && memcmp(s->text, "\xEF\xBB\xBF", 3) == 0)
		return fail(s, "a byte order mark stands at the start");
	for (;;) {
		skip_blanks(s);
		if (s->at == s->size)
			break;
		if (!step(s))
			return false;
	}
	if (s->depth > 0 || s->expect != EXPECT_SEPARATOR)
		return fail(s, "the document ends too early");
	return true;
}

int
json_check(const char *text, size_t size_bytes, unsigned depth_max, struct json_fault *fault)
{
	INSIST(depth_max >= 1 && depth_max <= JSONCHECK_MAX_DEPTH);
	struct scan s = {.text = text, .size = size_bytes, .expect = EXPECT_VALUE, .depth_max = depth_max};
	if (scan_document(&s))
		return 0;
	if (fault != NULL)
		*fault = (struct json_fault){.offset = s.at, .reason = s.reason};
	return -1;
}
