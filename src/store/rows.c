/*
 * rows.c - reads fields out of a libpq result and writes rows as JSON.
 *
 * Called by handlers through vitals.h and by the response writer. All values are texts, as the server
 * sent them (result format 0, encoding UTF-8). Column names are compared exactly: libpq's PQfnumber()
 * would fold their case.
 */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "database.h"
#include "jsonw.h"
#include "strbuf.h"

struct vt_rows {
	PGresult *result;
};

struct vt_rows *
rows_create(PGresult *result)
{
	struct vt_rows *rows = malloc(sizeof *rows);
	if (rows != NULL)
		rows->result = result;
	return rows;
}

void
rows_destroy(struct vt_rows *rows)
{
	if (rows == NULL)
		return;
	PQclear(rows->result);
	free(rows);
}

size_t
vt_rows_count(const struct vt_rows *rows)
{
	return rows == NULL ? 0 : (size_t)PQntuples(rows->result);
}

size_t
vt_columns_count(const struct vt_rows *rows)
{
	return rows == NULL ? 0 : (size_t)PQnfields(rows->result);
}

static int
find_column(const PGresult *result, const char *name)
{
	int count = PQnfields(result);
	for (int i = 0; i < count; i++)
		if (strcmp(PQfname(result, i), name) == 0)
			return i;
	return -1;
}

bool
rows_has_column(const struct vt_rows *rows, const char *column)
{
	return find_column(rows->result, column) >= 0;
}

const char *
vt_column_name(const struct vt_rows *rows, size_t n)
{
	return n < vt_columns_count(rows) ? PQfname(rows->result, (int)n) : NULL;
}

const char *
vt_value(const struct vt_rows *rows, size_t row, const char *column)
{
	if (row >= vt_rows_count(rows) || column == NULL)
		return NULL;
	int field = find_column(rows->result, column);
	if (field < 0 || PQgetisnull(rows->result, (int)row, field))
		return NULL;
	return PQgetvalue(rows->result, (int)row, field);
}

int64_t
vt_rows_affected(const struct vt_rows *rows)
{
	static const char *const changing[] = {"INSERT ", "UPDATE ", "DELETE ", "MERGE "};
	if (rows == NULL)
		return 0;
	const char *tag = PQcmdStatus(rows->result);
	for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
		if (strncmp(tag, changing[i], strlen(changing[i])) == 0)
			return strtoll(PQcmdTuples(rows->result), NULL, 10);
	return 0;
}

bool
rows_write_json(const struct vt_rows *rows, size_t row, struct strbuf *out)
{
	if (row >= vt_rows_count(rows))
		return false;
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	int count = PQnfields(rows->result);
	for (int i = 0; i < count; i++) {
		jsonw_key(&w, PQfname(rows->result, i));
		if (PQgetisnull(rows->result, (int)row, i))
			jsonw_null(&w);
		else
			rows_field_json(&w, PQftype(rows->result, i), PQgetvalue(rows->result, (int)row, i),
			                (size_t)PQgetlength(rows->result, (int)row, i));
	}
	jsonw_end_object(&w);
	return true;
}
