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

/* PostgreSQL's built-in types, src/include/catalog/pg_type.dat; these numbers never change. */
enum {
	OID_BOOL = 16,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_JSON = 114,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_NUMERIC = 1700,
	OID_JSONB = 3802
};

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

static const char *
skip_digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* The grammar of RFC 8259 section 6: NaN, Infinity and an empty text are not numbers there. */
static bool
is_json_number(const char *text)
{
	const char *p = *text == '-' ? text + 1 : text;
	const char *digits = p;
	p = skip_digits(p);
	if (p == digits || (*digits == '0' && p > digits + 1))
		return false;
	if (*p == '.') {
		digits = ++p;
		if ((p = skip_digits(p)) == digits)
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		digits = *p == '+' || *p == '-' ? p + 1 : p;
		if ((p = skip_digits(digits)) == digits)
			return false;
	}
	return *p == '\0';
}

static void
write_field(struct jsonw *w, Oid type, const char *text, size_t size_bytes)
{
	switch (type) {
	case OID_BOOL:
		jsonw_bool(w, text[0] == 't');
		return;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_FLOAT4:
	case OID_FLOAT8:
	case OID_NUMERIC:
		if (is_json_number(text))
			jsonw_raw(w, text, size_bytes); /* as the server wrote it: no digit is lost */
		else
			jsonw_bytes(w, text, size_bytes);
		return;
	case OID_JSON:
	case OID_JSONB:
		jsonw_raw(w, text, size_bytes);
		return;
	default:
		jsonw_bytes(w, text, size_bytes);
	}
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
			write_field(&w, PQftype(rows->result, i), PQgetvalue(rows->result, (int)row, i),
			            (size_t)PQgetlength(rows->result, (int)row, i));
	}
	jsonw_end_object(&w);
	return true;
}
