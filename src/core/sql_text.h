/*
 * sql_text.h - a statement as spans may show it: without the literals in which a value may stand.
 *
 * The OpenTelemetry conventions for databases (db.query.text, db.operation.name) want values out of a statement, be
 * they parameters, which are not part of its text, or written into it.
 */
#ifndef CORE_SQL_TEXT_H
#define CORE_SQL_TEXT_H

struct strbuf;

#define SQL_OPERATION_BYTES 16

/*
 * Appends the statement with '?' for every string, dollar-quoted string and number, with comments left out and runs of
 * blanks as one; names and $1 stay. PostgreSQL's lexical rules (its manual, section 4.1). Stops where out is full.
 */
void sql_text_write(struct strbuf *out, const char *sql);
/* The first word in upper case, "SELECT"; "" where there is none that is a plain word. */
void sql_operation(const char *sql, char out[SQL_OPERATION_BYTES]);

#endif
