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

/* What was taken for a value was a name: "password=token: abc". Then the line is hidden. */
static const char *
unless_name(const char *value, const char *value_end, const char *end)
{
	const char *next = redact_skip(value_end, end, " \t");
	bool name = (next < end && (*next == ':' || *next == '=')) ||
	            (value_end > value && (value_end[-1] == ':' || value_end[-1] == '='));
	return name ? redact_find(value_end, end, "\r\n") : value_end;
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
		return unless_name(value, quoted_end(value, quote, end), end);
	if (value < end && (*value == '{' || *value == '[' || *value == '('))
		return end;
	if (header || begins_with_scheme(value, end))
		return redact_find(value, end, "\r\n");
	const char *p = value;
	while (p < end && (*p == '\0' || strchr(" \t\r\n", *p) == NULL))
		p += *p == '\\' && p + 1 < end && p[1] != '\r' && p[1] != '\n' ? 2 : 1;
	return unless_name(value, p, end);
}

/* ---- Lines of .pgpass -------------------------------------------------------------------------- */

/* Behind the field's colon; "\:" does not end it. NULL: a blank or the end comes first. */
static const char *
field_end(const char *p, const char *end, bool *named)
{
	for (; p < end && strchr(": \t\r\n", *p) == NULL; p++) {
		if (*p == '\\' && p + 1 < end && (p[1] == ':' || p[1] == '\\'))
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
pgpass_password(const struct redactor *r, const char *word, const char *end)
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
	/* "h:1:password:abc:def" is another thing. */
	bool secret = password != NULL && (redact_is_secret(r->redact, database, (size_t)(user - 1 - database)) ||
	                                   redact_is_secret(r->redact, user, (size_t)(password - 1 - user)));
	return named && !secret ? password : NULL;
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

#define URL_ENDS " \t\r\n\"'<>`"

/*
 * The colon of userinfo that holds blanks or quotes, so that the URL seems to end in it: no port follows the colon, and
 * *at is the line's last '@'. NULL: it is a URL like others.
 */
static const char *
torn_userinfo(const char *authority, const char *end, const char **at)
{
	const char *p = redact_find(authority, end, URL_ENDS);
	const char *colon = redact_find(authority, p, ":/?#@[\\");
	if (colon == p || *colon != ':' || memchr(colon, '@', (size_t)(p - colon)) != NULL)
		return NULL;
	const char *port_end = redact_skip(colon + 1, p, "0123456789");
	if (port_end == p || strchr("/?#,\\", *port_end) != NULL)
		return NULL;
	*at = memrchr(p, '@', (size_t)(redact_find(p, end, "\r\n") - p));
	return *at == NULL ? NULL : colon;
}

/* Replaces what follows the word, from value to value_end. */
static void
hide(const struct redactor *r, struct rest *rest, const char *value, const char *value_end)
{
	redact_put(r->out, rest->at, value);
	strbuf_puts(r->out, REDACTED);
	rest->at = value_end;
}

/* True where the text up to the next blank hides something, decoded; looked at once for each, or many words would make it slow. */
static bool
hides_encoded(const struct redactor *r, struct rest *rest)
{
	if (rest->decoded_to != NULL && rest->at < rest->decoded_to)
		return false;
	rest->decoded_to = redact_find(rest->at, rest->end, URL_ENDS);
	return redact_encoded_hides(r, rest->at, (size_t)(rest->decoded_to - rest->at));
}

/* Behind the token of "Bearer abc" (RFC 6750); NULL where the word is another, or none follows that could be one. */
static const char *
bearer_token(const char *word, const char *p, const char *end)
{
	if (!word_is(word, p, "bearer") || p == end || *p != ' ')
		return NULL;
	const char *token_end = redact_find(p + 1, end, " \t\r\n\"'");
	bool common = memcmp(p - 5, "earer", 5) == 0 || memcmp(p - 5, "EARER", 5) == 0; /* as redact_may_change() */
	return common && token_end - word >= BEARER_BYTES_MIN ? token_end : NULL;
}

/* The URL whose scheme ends at colon; a word may begin before it, and is then no scheme alone. */
static void
put_url(const struct redactor *r, struct rest *rest, const char *colon)
{
	const char *scheme = colon, *at, *secret = torn_userinfo(colon + 3, rest->end, &at);
	if (secret != NULL) {
		hide(r, rest, secret + 1, at);
		return;
	}
	while (scheme > rest->at && redact_scheme_char(scheme[-1]))
		scheme--;
	if (scheme == colon)
		scheme++; /* "//host" */
	redact_put(r->out, rest->at, scheme);
	rest->at = redact_find(colon + 3, rest->end, URL_ENDS);
	redact_url_layer(r, scheme, rest->at);
}

/* Deals with the word at the start of rest and what belongs to it. */
static void
put_word(const struct redactor *r, const char *text, struct rest *rest)
{
	const char *word = rest->at, *end = rest->end, *p = word, *value;
	while (p < end && word_char(*p))
		p++;
	if (end - p > 3 && memcmp(p, "://", 3) == 0) {
		put_url(r, rest, p);
	} else if ((value = find_value(p, end)) != NULL && secret_name(r, text, word, p)) {
		hide(r, rest, value, value_end(value, end, memchr(p, ':', (size_t)(value - p)) != NULL));
	} else if (p < end && *p == ':' && (value = pgpass_password(r, word, end)) != NULL) {
		hide(r, rest, value, redact_find(value, end, " \t\r\n"));
	} else if ((value = bearer_token(word, p, end)) != NULL) {
		hide(r, rest, p + 1, value);
	} else if (memchr(word, '%', (size_t)(p - word)) != NULL && hides_encoded(r, rest)) {
		hide(r, rest, word, rest->decoded_to);
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
