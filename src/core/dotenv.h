/*
 * dotenv.h - the grammar of a .env file.
 *
 * A line is blank, a comment ("# …"), or NAME=value, optionally after "export ". NAME is a letter or '_'
 * followed by letters, digits and '_'; blanks may stand around '='. The value is one of
 *   'text'   as it stands
 *   "text"   with the escapes \n \t \" \\ \$
 *   text     to the end of the line or to a blank followed by '#', without the blanks around it
 * Nothing is expanded: '$' is a character. A value ends on its line. Lines end with LF or CR LF; a byte
 * order mark at the start is passed over. NUL is refused.
 */
#ifndef CORE_DOTENV_H
#define CORE_DOTENV_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;
struct strbuf;

#define DOTENV_MAX_BYTES ((size_t)1 << 20)

struct dotenv_entry {
	const char *name, *value; /* in the arena */
	unsigned line;            /* from 1 */
};

/* What a reader of the file is told; the order is that of the lines. */
struct dotenv_handler {
	void (*entry)(void *context, const struct dotenv_entry *entry);
	/* A line that is wrong; sentence holds none of its text, since that may be a secret. */
	void (*fault)(void *context, unsigned line, const char *sentence);
	void *context;
};

/* Reads a whole file into the arena. 0, or -1: it cannot be read, or has more than DOTENV_MAX_BYTES. */
int dotenv_read(struct arena *arena, const char *path, struct strbuf *out, struct err *err);
/* Goes through the text line by line; names and values are copied into the arena. */
void dotenv_parse(struct arena *arena, const struct strbuf *text, const struct dotenv_handler *handler);
/* Appends value so that dotenv_parse() reads it back, quoted where that is needed. */
void dotenv_write_value(struct strbuf *out, const char *value);

#endif
