/*
 * setting_value.h - one value: from its notation to its meaning, and back.
 *
 *   boolean   true/false, yes/no, on/off, 1/0, in any case
 *   integer   decimal digits, '-' before them where the range allows it
 *   duration  a whole number with ms, s, m, h or d; a bare number is seconds
 *   size      a whole number with B, K, KiB, M, MiB, G, GiB in any case; a bare number is bytes
 *   ratio     0 to 1 with at most six decimals, or a percentage with at most four
 *   mode      octal digits
 *   ratio     a decimal fraction with at most six digits behind the point
 *   word      one of the table's, in any case
 *   list      with commas in between
 */
#ifndef CORE_SETTING_VALUE_H
#define CORE_SETTING_VALUE_H

#include "settings_table.h"
#include "text_list.h"

struct strbuf;

/* Which member is in use goes by the type: booleans are 0 and 1 in number. */
struct setting_value {
	int64_t number;
	const char *text;      /* the text given, or NULL where it is empty */
	struct text_list list; /* the caller's, to be freed by text_list_fini() */
};

/*
 * Reads text by the entry's type, range and check. -1: the sentence says what is allowed ("allowed is …") and
 * value holds nothing to be freed.
 */
int setting_value_parse(const struct setting_def *def, const char *text, struct setting_value *value, struct err *err);

/* Appends a number in the notation that reads back as the same: "30s", "16MiB", "0660", "on", "INFO". */
void setting_number_write(struct strbuf *out, const struct setting_def *def, int64_t number);
/* Appends what is allowed: "a duration such as 30s, 800ms or 5m, from 10ms to 999ms". */
void setting_allowed_write(struct strbuf *out, const struct setting_def *def);

#endif
