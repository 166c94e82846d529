/*
 * rows_json.c - one field of a row as JSON, by its SQL type. Pure; called by rows.c.
 *
 * Types are told apart by their numbers, src/include/catalog/pg_type.dat, which never change for those that are built
 * in. What is not in the table, a module's own type or a range, is a string as the server wrote it. The texts come from
 * the server, yet none of them is trusted to be what its type says: what does not fit its form becomes a string.
 */
#include <stdlib.h>
#include <string.h>

#include "jsonw.h"
#include "rows.h"

enum form { FORM_TEXT, FORM_BOOL, FORM_NUMBER, FORM_JSON, FORM_TIME };

static const struct known_type {
	Oid type, array;
	enum form form;
} known_types[] = {
	{16, 1000, FORM_BOOL},     /* bool */
	{20, 1016, FORM_NUMBER},   /* int8 */
	{21, 1005, FORM_NUMBER},   /* int2 */
	{23, 1007, FORM_NUMBER},   /* int4 */
	{26, 1028, FORM_NUMBER},   /* oid */
	{700, 1021, FORM_NUMBER},  /* float4 */
	{701, 1022, FORM_NUMBER},  /* float8 */
	{1700, 1231, FORM_NUMBER}, /* numeric */
	{114, 199, FORM_JSON},     /* json */
	{3802, 3807, FORM_JSON},   /* jsonb */
	{1114, 1115, FORM_TIME},   /* timestamp */
	{1184, 1185, FORM_TIME},   /* timestamptz */
	{25, 1009, FORM_TEXT},     /* text */
	{1043, 1015, FORM_TEXT},   /* varchar */
	{1042, 1014, FORM_TEXT},   /* char(n) */
	{19, 1003, FORM_TEXT},     /* name */
	{2950, 2951, FORM_TEXT},   /* uuid */
	{1082, 1182, FORM_TEXT},   /* date */
	{1083, 1183, FORM_TEXT},   /* time */
	{1186, 1187, FORM_TEXT},   /* interval */
	{869, 1041, FORM_TEXT},    /* inet */
};

/* ---- One value ---------------------------------------------------------------------------------- */

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

/* "2026-01-02 03:04:05.678+00" with a 'T', and the zone's minutes, as RFC 3339 wants; other styles as they are. */
static void
write_time(struct jsonw *w, const char *text, size_t size_bytes)
{
	char changed[64];
	bool iso = size_bytes >= 19 && size_bytes + 4 < sizeof changed && text[4] == '-' && text[7] == '-' &&
	           text[10] == ' ' && text[13] == ':' && text[size_bytes - 1] != 'C'; /* "… BC" */
	if (!iso) {
		jsonw_bytes(w, text, size_bytes);
		return;
	}
	memcpy(changed, text, size_bytes + 1);
	changed[10] = 'T';
	char sign = changed[size_bytes - 3];
	if (sign == '+' || sign == '-') {
		memcpy(changed + size_bytes, ":00", sizeof ":00");
		size_bytes += 3;
	}
	jsonw_bytes(w, changed, size_bytes);
}

static void
write_value(struct jsonw *w, enum form form, const char *text, size_t size_bytes)
{
	switch (form) {
	case FORM_BOOL:
		jsonw_bool(w, text[0] == 't');
		return;
	case FORM_NUMBER:
		if (is_json_number(text))
			jsonw_raw(w, text, size_bytes); /* as the server wrote it: no digit is lost */
		else
			jsonw_bytes(w, text, size_bytes);
		return;
	case FORM_JSON:
		jsonw_raw(w, text, size_bytes);
		return;
	case FORM_TIME:
		write_time(w, text, size_bytes);
		return;
	case FORM_TEXT:
		break;
	}
	jsonw_bytes(w, text, size_bytes);
}

/* ---- Arrays ------------------------------------------------------------------------------------- */

/*
 * PostgreSQL's manual, section 8.15.6: {1,2}, {{a,"b c"},{NULL,"NULL"}}, in quotes a backslash before '"' and '\\'.
 * Bounds that do not begin at 1 stand in front, [0:1]={…}, and are left out. The copy is cut up in place.
 */
struct array {
	struct jsonw *w;
	enum form form;
	char *at;
};

/* One element that stands in quotes; at is behind the first. False: it does not end. */
static bool
take_quoted(struct array *array)
{
	char *from = array->at, *to = array->at;
	while (*from != '"') {
		if (*from == '\\')
			from++;
		if (*from == '\0')
			return false;
		*to++ = *from++;
	}
	char *start = array->at;
	array->at = from + 1;
	*to = '\0'; /* at the closing quote, or before it */
	write_value(array->w, array->form, start, (size_t)(to - start));
	return true;
}

static void
take_bare(struct array *array)
{
	size_t size = strcspn(array->at, ",}");
	char *start = array->at, end = start[size];
	start[size] = '\0';
	if (strcmp(start, "NULL") == 0)
		jsonw_null(array->w);
	else
		write_value(array->w, array->form, start, size);
	start[size] = end;
	array->at += size;
}

/* The grammar alone, without writing: what begins must be sure to end. */
static bool
array_is_sound(const char *p)
{
	size_t depth = 0;
	for (bool first = true; first || depth > 0; first = false) {
		if (*p == '{') {
			depth++;
		} else if (*p == '}') {
			depth--;
		} else if (*p == '"') {
			for (p++; *p != '"'; p++)
				if (*p == '\0' || (*p == '\\' && *++p == '\0'))
					return false;
		} else if (*p == '\0' || depth == 0) {
			return false;
		}
		p++;
	}
	return *p == '\0';
}

static void
write_array(struct array *array)
{
	size_t depth = 0;
	do {
		char c = *array->at;
		if (c == '{') {
			jsonw_begin_array(array->w);
			depth++;
		} else if (c == '}') {
			jsonw_end_array(array->w);
			depth--;
		}
		if (c == '{' || c == '}' || c == ',') {
			array->at++;
			continue;
		}
		if (c != '"') {
			take_bare(array);
			continue;
		}
		array->at++;
		if (!take_quoted(array))
			return;
	} while (depth > 0);
}

/* False: its text is not what it should be, or there is no memory; nothing is written. */
static bool
put_array(struct jsonw *w, enum form form, const char *text)
{
	const char *body = text[0] == '[' ? strchr(text, '{') : text;
	if (body == NULL || *body != '{' || !array_is_sound(body))
		return false;
	char *copy = strdup(body);
	if (copy == NULL)
		return false;
	write_array(&(struct array){.w = w, .form = form, .at = copy});
	free(copy);
	return true;
}

void
rows_field_json(struct jsonw *w, Oid type, const char *text, size_t size_bytes)
{
	for (size_t i = 0; i < sizeof known_types / sizeof known_types[0]; i++) {
		const struct known_type *known = &known_types[i];
		if (known->type == type) {
			write_value(w, known->form, text, size_bytes);
			return;
		}
		if (known->array == type && put_array(w, known->form, text))
			return;
	}
	jsonw_bytes(w, text, size_bytes);
}
