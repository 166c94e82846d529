/*
 * redact_text.c - free text with the secrets taken out: error texts, messages, whatever somebody logs.
 *
 * Called for every text of a log record that may hold one, by redact_may_change(). It knows URLs, what follows a
 * secret name and a separator, lines of .pgpass, and what follows "Bearer". Where a text can be read in two ways, the
 * reading that hides more is taken.
 */
#include <stdint.h>
#include <strings.h>

#include "redact_parts.h"

#define PIECE_BYTES 128
#define BEARER_BYTES_MIN 15 /* "Bearer " and the shortest token that is worth hiding */

void
redact_put(struct strbuf *out, const char *from, const char *to)
{
	while (from < to && !out->failed) {
		size_t size = (size_t)(to - from) < PIECE_BYTES ? (size_t)(to - from) : PIECE_BYTES;
		strbuf_append(out, from, size);
		from += size;
	}
}

/* ---- Words ------------------------------------------------------------------------------------- */

#define WORD true

/* Of what names are made, percent-encoded ones and brackets included. */
static const bool word_chars[256] = {
	['a'] = WORD, ['b'] = WORD, ['c'] = WORD, ['d'] = WORD, ['e'] = WORD, ['f'] = WORD, ['g'] = WORD, ['h'] = WORD,
	['i'] = WORD, ['j'] = WORD, ['k'] = WORD, ['l'] = WORD, ['m'] = WORD, ['n'] = WORD, ['o'] = WORD, ['p'] = WORD,
	['q'] = WORD, ['r'] = WORD, ['s'] = WORD, ['t'] = WORD, ['u'] = WORD, ['v'] = WORD, ['w'] = WORD, ['x'] = WORD,
	['y'] = WORD, ['z'] = WORD, ['A'] = WORD, ['B'] = WORD, ['C'] = WORD, ['D'] = WORD, ['E'] = WORD, ['F'] = WORD,
	['G'] = WORD, ['H'] = WORD, ['I'] = WORD, ['J'] = WORD, ['K'] = WORD, ['L'] = WORD, ['M'] = WORD, ['N'] = WORD,
	['O'] = WORD, ['P'] = WORD, ['Q'] = WORD, ['R'] = WORD, ['S'] = WORD, ['T'] = WORD, ['U'] = WORD, ['V'] = WORD,
	['W'] = WORD, ['X'] = WORD, ['Y'] = WORD, ['Z'] = WORD, ['0'] = WORD, ['1'] = WORD, ['2'] = WORD, ['3'] = WORD,
	['4'] = WORD, ['5'] = WORD, ['6'] = WORD, ['7'] = WORD, ['8'] = WORD, ['9'] = WORD, ['.'] = WORD, ['_'] = WORD,
	['-'] = WORD, ['+'] = WORD, ['['] = WORD, [']'] = WORD, ['%'] = WORD, ['*'] = WORD,
};

static bool
word_char(char c)
{
	return word_chars[(unsigned char)c];
}

static bool
word_is(const char *word, const char *end, const char *text)
{
	return (size_t)(end - word) == strlen(text) && strncasecmp(word, text, strlen(text)) == 0;
}

/* Sixteen bytes that the compiler compares at once where the processor can. */
typedef unsigned char sixteen __attribute__((vector_size(16)));

static bool
clue_in_sixteen(const char *text)
{
	sixteen t;
	uint64_t found[2];
	memcpy(&t, text, sizeof t);
	t = (sixteen)((t == ':') | (t == '=') | (t == '"') | (t == '\'') | (t == '@') | (t == '%'));
	memcpy(found, &t, sizeof found);
	return (found[0] | found[1]) != 0;
}

/* One of these stands in every text that changes; "Bearer" is a clue by its first letters alone. */
bool
redact_may_change(const char *text, size_t size_bytes)
{
	size_t i = 0;
	for (; size_bytes - i >= sizeof(sixteen); i += sizeof(sixteen))
		if (clue_in_sixteen(text + i))
			return true;
	for (; i < size_bytes; i++)
		if (text[i] == ':' || text[i] == '=' || text[i] == '"' || text[i] == '\'' || text[i] == '@' ||
		    text[i] == '%')
			return true;
	return size_bytes >= BEARER_BYTES_MIN &&
	       (memmem(text, size_bytes, "earer ", 6) != NULL || memmem(text, size_bytes, "EARER ", 6) != NULL);
}

/* ---- Values ------------------------------------------------------------------------------------ */

static const char *
skip_backslashes(const char *p, const char *end)
{
	while (p < end && *p == '\\')
		p++;
	return p;
}

/*
 * The value behind "name=", "name: ", "name => ", "\"name\": " (the quotes escaped as often as they like) or before
 * the quote of "name 'value'"; NULL where the word is followed by none of them.
 */
static const char *
find_value(const char *p, const char *end)
{
	const char *quote = skip_backslashes(p, end);
	bool quoted = quote < end && (*quote == '"' || *quote == '\'');
	const char *next = redact_skip(quoted ? quote + 1 : p, end, " \t");
	if (next < end && *next == ')') /* PostgreSQL: "Key (token)=(abc)" */
		next = redact_skip(next + 1, end, " \t");
	if (next == end)
		return NULL;
	if (*next == '=' || *next == ':')
		return redact_skip(next + 1, end, "=:> \t");
	return !quoted && next > p && (*next == '"' || *next == '\'') ? next : NULL;
}

/* Behind the quote that closes the one at quote, which as many backslashes escape as that; the end where none does. */
static const char *
quoted_end(const char *start, const char *quote, const char *end)
{
	for (const char *p = quote + 1; p < end; p++) {
		const char *backslashes = p;
		p = skip_backslashes(p, end);
		if (p < end && *p == *quote && p - backslashes <= quote - start)
			return p + 1;
	}
	return end;
}

/* "Bearer abc" and the like: the value goes on behind the blank. */
static bool
begins_with_scheme(const char *value, const char *end)
{
	static const char *const schemes[] = {"basic", "bearer", "digest", "negotiate", "token", "apikey"};
	const char *p = redact_find(value, end, " \t\r\n");
	for (size_t i = 0; p < end && i < sizeof schemes / sizeof schemes[0]; i++)
		if (word_is(value, p, schemes[i]))
			return true;
	return false;
}

/*
 * A value ends at its closing quote; behind '=' at a blank; behind ':' with the line, as a header's does. An object
 * or array goes to the end: this is no text to look for a bracket in.
 */
static const char *
value_end(const char *value, const char *end, bool header)
{
	const char *quote = skip_backslashes(value, end);
	if (quote < end && (*quote == '"' || *quote == '\''))
		return quoted_end(value, quote, end);
	if (value < end && (*value == '{' || *value == '[' || *value == '('))
		return end;
	if (header || begins_with_scheme(value, end))
		return redact_find(value, end, "\r\n");
	const char *p = value;
	while (p < end && (*p == '\0' || strchr(" \t\r\n", *p) == NULL))
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p;
}

/* ---- Lines of .pgpass -------------------------------------------------------------------------- */

/* Behind the field's colon; "\:" does not end it. NULL: a blank or the end comes first. */
static const char *
field_end(const char *p, const char *end, bool *named)
{
	for (; p < end && strchr(": \t\r\n", *p) == NULL; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		*named = *named || strchr("0123456789abcdefABCDEF", *p) == NULL;
	}
	return p < end && *p == ':' ? p + 1 : NULL;
}

/*
 * The password of "host:port:database:user:password", libpq's manual, "The Password File"; NULL where this is none.
 * The second field tells it from other things with colons, and something that is no hexadecimal digit from addresses.
 */
static const char *
pgpass_password(const char *word, const char *end)
{
	bool named = false, ignored = false;
	const char *port = field_end(word, end, &named);
	if (port == NULL || port == end)
		return NULL;
	const char *database = field_end(port, end, &ignored);
	const char *port_end = *port == '*' ? port + 1 : redact_skip(port, end, "0123456789");
	if (database == NULL || port_end == port || port_end + 1 != database)
		return NULL;
	const char *user = field_end(database, end, &named);
	const char *password = user == NULL ? NULL : field_end(user, end, &named);
	return named ? password : NULL;
}

/* ---- The text ---------------------------------------------------------------------------------- */

/* A name as in a query where it looks like one: percent-encoded, in brackets, or behind '?' or '&'. */
static bool
secret_name(const struct redactor *r, const char *text, const char *word, const char *end)
{
	size_t size = (size_t)(end - word);
	bool parameter = (word > text && (word[-1] == '?' || word[-1] == '&')) || memchr(word, '%', size) != NULL ||
	                 memchr(word, '[', size) != NULL;
	return parameter ? redact_is_secret_parameter(r->redact, word, size) : redact_is_secret(r->redact, word, size);
}

/* Where userinfo holds blanks or quotes, the URL goes on behind them: up to the line's last '@'. */
static const char *
url_end(const char *authority, const char *end)
{
	const char *p = redact_find(authority, end, " \t\r\n\"'<>`");
	const char *line_end = redact_find(p, end, "\r\n");
	const char *colon = redact_find(authority, p, ":/?#@[");
	if (colon == p || *colon != ':' || redact_skip(colon + 1, p, "0123456789") == p ||
	    memchr(colon, '@', (size_t)(p - colon)) != NULL)
		return p;
	const char *port_end = redact_skip(colon + 1, p, "0123456789");
	if (port_end > colon + 1 && strchr("/?#,", *port_end) != NULL)
		return p;
	const char *at = memrchr(p, '@', (size_t)(line_end - p));
	return at == NULL ? p : redact_find(at, end, " \t\r\n\"'<>`");
}

/* Replaces what follows the word, from value to value_end. */
static void
hide(const struct redactor *r, struct rest *rest, const char *value, const char *value_end)
{
	redact_put(r->out, rest->at, value);
	strbuf_puts(r->out, REDACTED);
	rest->at = value_end;
}

/* Deals with the word at the start of rest and what belongs to it. */
static void
put_word(const struct redactor *r, const char *text, struct rest *rest)
{
	const char *word = rest->at, *end = rest->end, *p = word, *value;
	while (p < end && word_char(*p))
		p++;
	if (end - p > 3 && memcmp(p, "://", 3) == 0) {
		rest->at = url_end(p + 3, end);
		redact_url_layer(r, word, rest->at);
	} else if ((value = find_value(p, end)) != NULL && secret_name(r, text, word, p)) {
		hide(r, rest, value, value_end(value, end, memchr(p, ':', (size_t)(value - p)) != NULL));
	} else if (p < end && *p == ':' && (value = pgpass_password(word, end)) != NULL) {
		hide(r, rest, value, redact_find(value, end, " \t\r\n"));
	} else if (word_is(word, p, "bearer") && p < end && *p == ' ') {
		hide(r, rest, p + 1, redact_find(redact_skip(p, end, " "), end, " \t\r\n\"'"));
	} else if (memchr(word, '%', (size_t)(p - word)) != NULL && redact_encoded_hides(r, word, (size_t)(p - word))) {
		hide(r, rest, word, p);
	} else {
		redact_put(r->out, word, p);
		rest->at = p;
	}
}

void
redact_text_layer(const struct redactor *r, const char *text, size_t size_bytes)
{
	struct rest rest = {.at = text, .end = text + size_bytes};
	while (rest.at < rest.end && !r->out->failed) {
		const char *p = rest.at;
		while (p < rest.end && !word_char(*p))
			p++;
		redact_put(r->out, rest.at, p);
		rest.at = p;
		if (p < rest.end)
			put_word(r, text, &rest);
	}
}

void
redact_text(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes)
{
	redact_text_layer(&(struct redactor){.redact = redact, .out = out}, text, size_bytes);
}
