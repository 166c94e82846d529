/*
 * dotenv.c - reads and writes the .env grammar. Knows no setting; settings.c gives the entries a meaning.
 */
#include "dotenv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "strbuf.h"

/* ---- The file ---------------------------------------------------------------------------------- */

static int
read_descriptor(int fd, struct strbuf *out)
{
	for (;;) {
		char piece[4096];
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		strbuf_append(out, piece, (size_t)n);
		if (out->failed || out->length > DOTENV_MAX_BYTES) {
			errno = EFBIG;
			return -1;
		}
	}
}

int
dotenv_read(struct arena *arena, const char *path, struct strbuf *out, struct err *err)
{
	strbuf_init_arena(out, arena, 4096);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, "The file cannot be opened: %s.", strerror(errno));
	int status = read_descriptor(fd, out);
	int error = errno;
	close(fd);
	if (status == 0)
		return 0;
	if (error == EFBIG)
		return err_set(err, "The file is larger than 1 MiB, which no file of settings is.");
	return err_set(err, "The file cannot be read: %s.", strerror(error));
}

/* ---- One line ---------------------------------------------------------------------------------- */

/* The rest of a line; a line holds no NUL. */
struct cursor {
	const char *at, *end;
};

static void
skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
}

static bool
letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool
take_word(struct cursor *c, const char *word)
{
	size_t size = strlen(word);
	if ((size_t)(c->end - c->at) <= size || memcmp(c->at, word, size) != 0)
		return false;
	if (c->at[size] != ' ' && c->at[size] != '\t')
		return false;
	c->at += size;
	skip_blanks(c);
	return true;
}

/* NULL where no name stands here. */
static const char *
take_name(struct cursor *c, struct arena *arena)
{
	const char *start = c->at;
	if (start == c->end || !letter(*start))
		return NULL;
	while (c->at < c->end && (letter(*c->at) || (*c->at >= '0' && *c->at <= '9')))
		c->at++;
	return arena_strndup(arena, start, (size_t)(c->at - start));
}

/* To the end, or to a comment: '#' behind a blank or at the very start. */
static const char *
take_plain(struct cursor *c, struct arena *arena)
{
	const char *start = c->at, *end = c->at;
	while (end < c->end && !(*end == '#' && (end[-1] == ' ' || end[-1] == '\t')))
		end++;
	c->at = end;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return arena_strndup(arena, start, (size_t)(end - start));
}

static const char *
take_single_quoted(struct cursor *c, struct arena *arena, const char **fault)
{
	const char *start = c->at + 1;
	const char *end = memchr(start, '\'', (size_t)(c->end - start));
	if (end == NULL) {
		*fault = "A single quote is not closed on this line.";
		return NULL;
	}
	c->at = end + 1;
	return arena_strndup(arena, start, (size_t)(end - start));
}

/* What stands behind a backslash, or NUL where nothing may. */
static char
unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '"':
	case '\\':
	case '$':
		return c;
	default:
		return '\0';
	}
}

static const char *
take_double_quoted(struct cursor *c, struct arena *arena, const char **fault)
{
	struct strbuf value;
	strbuf_init_arena(&value, arena, (size_t)(c->end - c->at));
	for (c->at++; c->at < c->end && *c->at != '"'; c->at++) {
		char plain = *c->at;
		if (plain == '\\') {
			c->at++;
			plain = c->at < c->end ? unescape(*c->at) : '\0';
			if (plain == '\0') {
				*fault = "Only \\n, \\t, \\\", \\\\ and \\$ may follow a backslash in double quotes; "
					 "in single quotes a backslash is an ordinary character.";
				return NULL;
			}
		}
		strbuf_putc(&value, plain);
	}
	if (c->at == c->end) {
		*fault = "A double quote is not closed on this line.";
		return NULL;
	}
	c->at++;
	return value.data;
}

/* The value behind '='; the cursor's line has at least that one byte before it. */
static const char *
take_value(struct cursor *c, struct arena *arena, const char **fault)
{
	const char *value;
	skip_blanks(c);
	if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
		return take_plain(c, arena);
	if (*c->at == '\'')
		value = take_single_quoted(c, arena, fault);
	else
		value = take_double_quoted(c, arena, fault);
	if (value == NULL)
		return NULL;
	const char *behind = c->at;
	skip_blanks(c);
	if (c->at < c->end && (*c->at != '#' || c->at == behind)) {
		*fault = "Only a comment, after a blank, may follow the closing quote.";
		return NULL;
	}
	return value;
}

/* NULL where the line is right; entry->name is NULL where it holds nothing. */
static const char *
parse_line(struct arena *arena, struct cursor c, struct dotenv_entry *entry)
{
	const char *fault = NULL;
	entry->name = entry->value = NULL;
	if (c.at < c.end && memchr(c.at, '\0', (size_t)(c.end - c.at)) != NULL)
		return "The line holds a NUL byte.";
	skip_blanks(&c);
	if (c.at == c.end || *c.at == '#')
		return NULL;
	take_word(&c, "export");
	const char *name = take_name(&c, arena);
	skip_blanks(&c);
	if (name == NULL || c.at == c.end || *c.at != '=')
		return "The line is neither NAME=value nor a comment that starts with '#'.";
	c.at++;
	entry->value = take_value(&c, arena, &fault);
	if (entry->value != NULL)
		entry->name = name;
	return fault;
}

/* ---- The text ---------------------------------------------------------------------------------- */

void
dotenv_parse(struct arena *arena, const struct strbuf *text, const struct dotenv_handler *handler)
{
	struct dotenv_entry entry = {.line = 1};
	const char *p = text->data, *end = text->data + text->length;
	if (text->length >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0)
		p += 3;
	for (; p < end; entry.line++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		struct cursor line = {.at = p, .end = newline == NULL ? end : newline};
		p = newline == NULL ? end : newline + 1;
		if (line.end > line.at && line.end[-1] == '\r')
			line.end--;
		const char *fault = parse_line(arena, line, &entry);
		if (fault != NULL)
			handler->fault(handler->context, entry.line, fault);
		else if (entry.name != NULL)
			handler->entry(handler->context, &entry);
	}
}

/* ---- Writing ----------------------------------------------------------------------------------- */

static void
put_double_quoted(struct strbuf *out, const char *value)
{
	strbuf_putc(out, '"');
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			strbuf_puts(out, "\\n");
			continue;
		}
		if (strchr("\"\\$", *value) != NULL)
			strbuf_putc(out, '\\');
		strbuf_putc(out, *value);
	}
	strbuf_putc(out, '"');
}

void
dotenv_write_value(struct strbuf *out, const char *value)
{
	if (strpbrk(value, " \t\r\n#'\"\\$`") == NULL)
		strbuf_puts(out, value);
	else if (strpbrk(value, "'\n") == NULL)
		strbuf_printf(out, "'%s'", value);
	else
		put_double_quoted(out, value);
}
