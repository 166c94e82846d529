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

#endif
