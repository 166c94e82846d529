/*
 * settings_table.h - THE table of settings: the only place where a setting's facts live.
 *
 * Reading, printing, --help and the manual page go through it; a setting that is not here is not known.
 */
#ifndef CORE_SETTINGS_TABLE_H
#define CORE_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "setting_check.h"

enum setting_type {
	SETTING_TEXT,     /* char *, NULL where empty; min and max count bytes */
	SETTING_LIST,     /* struct text_list; min and max count items */
	SETTING_BOOL,     /* bool */
	SETTING_INT,      /* int64_t, as all that follow */
	SETTING_DURATION, /* milliseconds */
	SETTING_SIZE,     /* bytes */
	SETTING_MODE,     /* octal */
	SETTING_RATIO,    /* from 0 to 1, in millionths */
	SETTING_WORD      /* the index in words */
};

struct setting_def {
	const char *name;
	enum setting_type type;
	const char *default_text; /* in the notation of the file; "" where there is none */
	int64_t min, max;         /* both included; not for booleans and words */
	const char *unit;         /* what an integer counts, NULL for other types */
	const char *const *words; /* SETTING_WORD: NULL behind the last */
	setting_check_fn *check;  /* of a text, or of each item of a list; may be NULL */
	size_t offset;            /* in struct settings */
	bool secret;
	const char *help; /* one sentence */
};

/* The whole table, *count entries long. */
const struct setting_def *settings_table(size_t *count);
/* The entry of that name, NULL where there is none. */
const struct setting_def *settings_table_find(const char *name);

#endif
