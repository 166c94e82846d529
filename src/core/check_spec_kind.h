/*
 * check_spec_kind.h - what check_spec.c and check_spec_option.c share, and nobody else includes.
 */
#ifndef CORE_CHECK_SPEC_KIND_H
#define CORE_CHECK_SPEC_KIND_H

#include "check_spec.h"

/* In milliseconds. */
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

/* Options beside warn and fail, as bits of a kind's line. */
enum {
	OPTION_BOUNDS = 1,
	OPTION_STATUS = 2,
	OPTION_CONTAINS = 4,
	OPTION_HOST = 8,
	OPTION_PATH = 16,
	OPTION_SCRIPT = 32,
	OPTION_SHARE = 64,
	OPTION_ROLE = 128,
	OPTION_URL = 256,
	OPTION_REPLICAS = 512,
	OPTION_TIMES = 1024
};

struct kind_line {
	const char *prefix;
	enum check_spec_kind kind;
	const char *subject; /* the whole of what follows the prefix; NULL: anything */
	int subject_number;
	enum check_unit unit;
	bool less_is_worse, needs_bound;
	int64_t warn, fail;
	unsigned options;
};

/* Takes "name=value", which is changed; -1 with a sentence. */
int check_spec_take_option(struct check_spec *spec, const struct kind_line *line, char *text, struct err *err);
int check_spec_set_path(struct check_spec *spec, const char *text, struct err *err);

#endif
