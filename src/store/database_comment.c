/*
 * database_comment.c - puts a comment to a statement, in a buffer that the connection keeps.
 *
 * Called by database_statement_begin(). Whatever goes wrong, the statement goes without its comment.
 */
#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "database_link.h"

/* PostgreSQL shows the first track_activity_query_size bytes of a statement, 1 KiB unless set otherwise. */
#define SHOWN_BYTES 1023
#define KEPT_BYTES 65536

static bool
reserve(struct database *db, size_t size)
{
	if (size <= db->text_bytes)
		return true;
	if (size > KEPT_BYTES)
		return false;
	char *grown = realloc(db->text, size * 2);
	if (grown == NULL)
		return false;
	db->text = grown;
	db->text_bytes = size * 2;
	return true;
}

/*
 * Behind the statement, on a line of its own, since the statement may end in a comment that runs to the end of its
 * line; before it where it would be cut off there, but never before a hint, which must be the first comment.
 */
const char *
database_comment_add(struct database *db, const char *sql, const char *comment)
{
	if (comment == NULL)
		return sql;
	size_t sql_size = strlen(sql), comment_size = strlen(comment);
	if (!reserve(db, sql_size + comment_size + sizeof "\n"))
		return sql;
	bool before = sql_size + comment_size >= SHOWN_BYTES && strstr(sql, "/*+") == NULL;
	char *end = mempcpy(db->text, before ? comment : sql, before ? comment_size : sql_size);
	*end++ = '\n';
	end = mempcpy(end, before ? sql : comment, before ? sql_size : comment_size);
	*end = '\0';
	return db->text;
}
