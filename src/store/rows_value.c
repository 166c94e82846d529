/*
 * rows_value.c - fields as C values, by the text that the server sent.
 *
 * Called by handlers through vitals.h. What a field holds decides, not its SQL type: a count is a bigint, a sum of
 * counts a numeric, and both are whole numbers to their reader.
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

/* VT_OK with the text, VT_MISS for null, VT_NOT_FOUND. */
static enum vt_result
find(const struct vt_rows *rows, size_t row, const char *column, const char **text)
{
	*text = vt_value(rows, row, column);
	if (*text != NULL)
		return VT_OK;
	return row < vt_rows_count(rows) && column != NULL && rows_has_column(rows, column) ? VT_MISS : VT_NOT_FOUND;
}

enum vt_result
vt_value_int(const struct vt_rows *rows, size_t row, const char *column, int64_t *value)
{
	const char *text;
	char *end;
	enum vt_result result = find(rows, row, column, &text);
	*value = 0;
	if (result != VT_OK)
		return result;
	/* strtoll() would take blanks and a sign of its own liking. */
	if (!isdigit((unsigned char)text[0]) && !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return VT_ERROR;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (*end != '\0' || errno != 0)
		return VT_ERROR;
	*value = number;
	return VT_OK;
}

/* As PostgreSQL writes numbers; strtod() also reads hexadecimal, and words that it does not write. */
static bool
is_number(const char *text)
{
	static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return text[0] != '\0' && strspn(text, "0123456789+-.eE") == strlen(text);
}

enum vt_result
vt_value_double(const struct vt_rows *rows, size_t row, const char *column, double *value)
{
	const char *text;
	char *end;
	enum vt_result result = find(rows, row, column, &text);
	*value = 0;
	if (result != VT_OK)
		return result;
	if (!is_number(text))
		return VT_ERROR;
	double number = strtod(text, &end);
	bool overflows = isinf(number) && strchr(text, 'I') == NULL;
	if (*end != '\0' || end == text || overflows)
		return VT_ERROR;
	*value = number;
	return VT_OK;
}

enum vt_result
vt_value_bool(const struct vt_rows *rows, size_t row, const char *column, bool *value)
{
	const char *text;
	enum vt_result result = find(rows, row, column, &text);
	*value = false;
	if (result != VT_OK)
		return result;
	if (strcmp(text, "t") != 0 && strcmp(text, "f") != 0)
		return VT_ERROR;
	*value = text[0] == 't';
	return VT_OK;
}
