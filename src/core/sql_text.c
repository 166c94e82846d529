/*
 * sql_text.c - passes over a statement piece by piece. Where a literal does not end, the rest is one: nothing of it
 * is shown.
 */
#include "sql_text.h"

#include <stdbool.h>
#include <string.h>

#include "strbuf.h"

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of a name or a keyword; bytes from 0x80 on are letters to PostgreSQL. */
static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static const char *
behind_quoted(const char *p, bool escapes)
{
	for (p++; *p != '\0'; p++) {
		if (escapes && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '\'' && p[1] == '\'')
			p++;
		else if (*p == '\'')
			return p + 1;
	}
	return p;
}

static const char *
behind_name(const char *p)
{
	while (letter(*p) || digit(*p) || *p == '$')
		p++;
	return p;
}

/* "$tag$…$tag$"; NULL where none starts at p. */
static const char *
behind_dollar_quoted(const char *p)
{
	const char *tag = p + 1;
	if (digit(*tag))
		return NULL;
	while (letter(*tag) || digit(*tag))
		tag++;
	if (*tag != '$')
		return NULL;
	size_t size = (size_t)(tag + 1 - p);
	for (const char *end = strchr(tag + 1, '$'); end != NULL; end = strchr(end + 1, '$'))
		if (strncmp(end, p, size) == 0)
			return end + size;
	return tag + strlen(tag);
}

/* Comments nest. */
static const char *
behind_comment(const char *p)
{
	size_t depth = 0;
	if (p[0] == '-')
		return p + strcspn(p, "\n");
	do {
		if (p[0] == '/' && p[1] == '*')
			depth++, p += 2;
		else if (p[0] == '*' && p[1] == '/')
			depth--, p += 2;
		else
			p++;
	} while (depth > 0 && *p != '\0');
	return p;
}

static bool
starts_comment(const char *p)
{
	return (p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*');
}

static const char *
behind_blanks(const char *p)
{
	while (blank(*p) || starts_comment(p))
		p = blank(*p) ? p + 1 : behind_comment(p);
	return p;
}

/* "1", "1.5e3", "0x1f", ".5" */
static const char *
behind_number(const char *p)
{
	while (letter(*p) || digit(*p) || *p == '.' || ((*p == '+' || *p == '-') && (p[-1] == 'e' || p[-1] == 'E')))
		p++;
	return p;
}

/* A name and whether a string follows at once: E'…' knows escapes, B'…', X'…' and U&'…' are strings too. */
static const char *
put_name(struct strbuf *out, const char *p)
{
	const char *end = behind_name(p);
	if (*end != '\'') {
		strbuf_append(out, p, (size_t)(end - p));
		return end;
	}
	strbuf_putc(out, '?');
	return behind_quoted(end, end - p == 1 && (*p == 'e' || *p == 'E'));
}

static const char *
put_quoted_name(struct strbuf *out, const char *p)
{
	const char *end = strchr(p + 1, '"');
	size_t size = end != NULL ? (size_t)(end + 1 - p) : strlen(p);
	strbuf_append(out, p, size);
	return p + size;
}

/* One piece of the statement that is no blank; returns what is behind it. */
static const char *
put_piece(struct strbuf *out, const char *p)
{
	const char *end = *p == '$' ? behind_dollar_quoted(p) : NULL;
	if (letter(*p))
		return put_name(out, p);
	if (*p == '"')
		return put_quoted_name(out, p);
	if (*p == '\'')
		end = behind_quoted(p, false);
	else if (digit(*p) || (*p == '.' && digit(p[1])))
		end = behind_number(p);
	if (end != NULL) {
		strbuf_putc(out, '?');
		return end;
	}
	end = *p == '$' ? behind_name(p + 1) : p + 1;
	strbuf_append(out, p, (size_t)(end - p));
	return end;
}

void
sql_text_write(struct strbuf *out, const char *sql)
{
	const char *p = behind_blanks(sql);
	while (*p != '\0' && !out->failed) {
		const char *next = behind_blanks(p);
		if (next > p && *next != '\0')
			strbuf_putc(out, ' ');
		p = *next != '\0' ? put_piece(out, next) : next;
	}
}

void
sql_operation(const char *sql, char out[SQL_OPERATION_BYTES])
{
	size_t size = 0;
	const char *p = behind_blanks(sql);
	while (*p == '(')
		p = behind_blanks(p + 1);
	for (; (unsigned char)*p < 0x80 && letter(*p) && size < SQL_OPERATION_BYTES - 1; p++)
		out[size++] = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
	out[letter(*p) || digit(*p) ? 0 : size] = '\0';
}
