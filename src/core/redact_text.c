/*
 * redact_text.c - texts with the secrets taken out: URLs, connection strings, error texts.
 *
 * Where a text can be read in two ways, the reading that hides more is taken. Output goes out in small
 * pieces, so that a full buffer holds as much as fits.
 */
#include "redact.h"

#include <string.h>
#include <strings.h>

#include "strbuf.h"

#define PIECE_BYTES 128

/* Text that is still to be read. */
struct rest {
	const char *at, *end;
};

static void
put(struct strbuf *out, const char *from, const char *to)
{
	while (from < to && !out->failed) {
		size_t size = (size_t)(to - from) < PIECE_BYTES ? (size_t)(to - from) : PIECE_BYTES;
		strbuf_append(out, from, size);
		from += size;
	}
}

/* The first byte of from that is in set, or the end. */
static const char *
find(const char *from, const char *end, const char *set)
{
	while (from < end && (*from == '\0' || strchr(set, *from) == NULL))
		from++;
	return from;
}

/* The first byte of from that is not in set, or the end. */
static const char *
skip(const char *from, const char *end, const char *set)
{
	while (from < end && *from != '\0' && strchr(set, *from) != NULL)
		from++;
	return from;
}

/* ---- URLs -------------------------------------------------------------------------------------- */

static bool
scheme_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
	       c == '.';
}

/* Behind "scheme://" or "//"; the start where there is neither. */
static const char *
after_scheme(const char *url, const char *end)
{
	const char *p = url;
	while (p < end && scheme_char(*p))
		p++;
	if (p > url && p < end && *p == ':')
		p++;
	else if (p > url)
		return url;
	return end - p >= 2 && p[0] == '/' && p[1] == '/' ? p + 2 : url;
}

static bool
has_scheme(const char *url, const char *name)
{
	return strncasecmp(url, name, strlen(name)) == 0;
}

/*
 * Userinfo, RFC 3986 section 3.2.1. In a web address it ends at the last '@' before the path. In a
 * connection URL a password is often left unencoded, '/' and '?' included: there the last '@' counts.
 */
static void
put_authority(struct strbuf *out, const char *url, struct rest *rest)
{
	const char *start = after_scheme(url, rest->end);
	if (start == url)
		return;
	bool web = url[0] == '/' || has_scheme(url, "http") || has_scheme(url, "ws");
	const char *authority_end = find(start, rest->end, "/?#\\");
	const char *at = memrchr(start, '@', (size_t)((web ? authority_end : rest->end) - start));
	const char *colon = at == NULL ? NULL : memchr(start, ':', (size_t)(at - start));
	put(out, url, start);
	rest->at = start;
	if (colon != NULL) {
		put(out, start, colon + 1);
		strbuf_puts(out, REDACTED);
		rest->at = at;
	} else if (at != NULL && at < authority_end && !has_scheme(url, "postgres")) {
		strbuf_puts(out, REDACTED); /* a name alone is a token as often as not */
		rest->at = at;
	}
}

/*
 * Parameters of query and fragment. Some servers split at ';' too, so a name may start there, but a secret
 * value runs to the next '&'.
 */
static void
put_parameters(const struct redact *redact, struct strbuf *out, struct rest rest)
{
	while (rest.at < rest.end && !out->failed) {
		const char *p = find(rest.at, rest.end, "=&;?#");
		if (p < rest.end && *p == '=' && redact_is_secret_parameter(redact, rest.at, (size_t)(p - rest.at))) {
			put(out, rest.at, p + 1);
			strbuf_puts(out, REDACTED);
			rest.at = find(p, rest.end, "&");
		} else {
			p = find(p, rest.end, "&;?#");
			put(out, rest.at, p);
			rest.at = p;
		}
		if (rest.at < rest.end)
			strbuf_putc(out, *rest.at++);
	}
}

static void
put_url(const struct redact *redact, struct strbuf *out, const char *url, const char *end)
{
	struct rest rest = {.at = url, .end = end};
	put_authority(out, url, &rest);
	const char *query = find(rest.at, end, "?#");
	put(out, rest.at, query);
	rest.at = query;
	if (rest.at < end)
		strbuf_putc(out, *rest.at++);
	put_parameters(redact, out, rest);
}

void
redact_url(const struct redact *redact, struct strbuf *out, const char *url)
{
	put_url(redact, out, url, url + strlen(url));
}

void
redact_url_bytes(const struct redact *redact, struct strbuf *out, const char *url, size_t size_bytes)
{
	put_url(redact, out, url, url + size_bytes);
}

/* ---- Connection strings ------------------------------------------------------------------------ */

/* Behind a value as libpq reads it: quoted by ' with \ as escape, or up to a blank. NULL: not closed. */
static const char *
conninfo_value_end(const char *p, const char *end)
{
	bool quoted = p < end && *p == '\'';
	if (quoted)
		p++;
	while (p < end && (quoted ? *p != '\'' : strchr(" \t\r\n\f\v", *p) == NULL))
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	if (!quoted)
		return p;
	return p < end ? p + 1 : NULL;
}

void
redact_conninfo(const struct redact *redact, struct strbuf *out, const char *conninfo)
{
	static const char blanks[] = " \t\r\n\f\v";
	const char *end = conninfo + strlen(conninfo);
	size_t start = out->length;
	for (const char *p = skip(conninfo, end, blanks); p < end; p = skip(p, end, blanks)) {
		const char *name_end = find(p, end, "= \t\r\n\f\v'\"");
		const char *equals = skip(name_end, end, blanks);
		const char *value = equals < end ? skip(equals + 1, end, blanks) : end;
		const char *value_end = conninfo_value_end(value, end);
		if (name_end == p || equals == end || *equals != '=' || value_end == NULL) {
			strbuf_truncate(out, start);
			strbuf_puts(out, REDACTED);
			return;
		}
		if (out->length > start)
			strbuf_putc(out, ' ');
		put(out, p, name_end);
		strbuf_putc(out, '=');
		if (redact_is_secret(redact, p, (size_t)(name_end - p)))
			strbuf_puts(out, REDACTED);
		else
			put(out, value, value_end);
		p = value_end;
	}
}

/* ---- Free text --------------------------------------------------------------------------------- */

static bool
word_char(char c)
{
	return scheme_char(c) || c == '_';
}

/* Behind the separator of "name=", "name: " or "\"name\": ", or NULL where the word is followed by none. */
static const char *
after_separator(const char *p, const char *end)
{
	if (p < end && (*p == '"' || *p == '\''))
		p++;
	p = skip(p, end, " \t");
	if (p == end || (*p != '=' && *p != ':'))
		return NULL;
	return skip(p + 1, end, " \t");
}

/* A value ends at its closing quote; behind '=' at a blank; behind ':' with the line, as a header's does. */
static const char *
secret_end(const char *value, const char *end, bool header)
{
	if (value < end && (*value == '"' || *value == '\'')) {
		const char *p = value + 1;
		while (p < end && *p != *value)
			p += *p == '\\' && p + 1 < end ? 2 : 1;
		return p < end ? p + 1 : end;
	}
	return find(value, end, header ? "\r\n" : " \t\r\n");
}

/* True where the word is a secret name; "vitals.password" is one by its last part. */
static bool
secret_name(const struct redact *redact, const char *word, const char *end)
{
	const char *dot = memrchr(word, '.', (size_t)(end - word));
	if (dot != NULL)
		word = dot + 1;
	return redact_is_secret(redact, word, (size_t)(end - word));
}

/* Deals with the word at the start of rest and what belongs to it. */
static void
put_word(const struct redact *redact, struct strbuf *out, struct rest *rest)
{
	const char *word = rest->at, *end = rest->end, *p = word;
	while (p < end && word_char(*p))
		p++;
	if (end - p > 3 && memcmp(p, "://", 3) == 0) {
		rest->at = find(p, end, " \t\r\n\"'<>`");
		put_url(redact, out, word, rest->at);
		return;
	}
	const char *value = secret_name(redact, word, p) ? after_separator(p, end) : NULL;
	put(out, word, value == NULL ? p : value);
	rest->at = p;
	if (value == NULL)
		return;
	strbuf_puts(out, REDACTED);
	rest->at = secret_end(value, end, memchr(p, ':', (size_t)(value - p)) != NULL);
}

void
redact_text(const struct redact *redact, struct strbuf *out, const char *text, size_t size_bytes)
{
	struct rest rest = {.at = text, .end = text + size_bytes};
	while (rest.at < rest.end && !out->failed) {
		const char *p = rest.at;
		while (p < rest.end && !word_char(*p))
			p++;
		put(out, rest.at, p);
		rest.at = p;
		if (p < rest.end)
			put_word(redact, out, &rest);
	}
}
