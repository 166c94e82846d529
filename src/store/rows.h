/*
 * rows.h - the rows of one statement: a thin cover over libpq's result.
 *
 * Made by the database, handed to a handler as struct vt_rows, freed with rows_destroy() (database.h).
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <libpq-fe.h>

#include "vitals.h"

/* Takes the result over on success; NULL for want of memory (the result stays the caller's). */
struct vt_rows *rows_create(PGresult *result);
bool rows_has_column(const struct vt_rows *rows, const char *column);

struct jsonw;
/* One field as JSON, by its type's number in PostgreSQL (pg_type); its text is followed by a NUL. */
void rows_field_json(struct jsonw *w, Oid type, const char *text, size_t size_bytes);

#endif
