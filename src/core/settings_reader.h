/*
 * settings_reader.h - what the files settings*.c share, and nobody else includes: the reader itself.
 *
 * settings.c reads and joins, settings_module.c declares, settings_rules.c relates settings to each other,
 * settings_problem.c collects sentences, settings_print.c shows. All memory but lists is the arena's.
 */
#ifndef CORE_SETTINGS_READER_H
#define CORE_SETTINGS_READER_H

#include "dotenv.h"
#include "setting_value.h"
#include "settings.h"

struct arena;
struct redact;

enum origin_kind { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT, FROM_DEBUG };

/* Where a value in force comes from. */
struct setting_origin {
	enum origin_kind kind;
	unsigned line; /* FROM_FILE */
};

/* A module's setting. */
struct declared {
	struct setting_def def;
	struct setting_origin origin;
	struct setting_value value; /* its text is the arena's */
	struct declared *next;
};

struct problem {
	const char *sentence;
	struct problem *next;
};

struct settings_reader {
	struct arena *arena;
	struct redact *redact;
	struct settings values;
	struct setting_origin *origins; /* by index in the table */
	const char *file;               /* as it was named, NULL where none is read */
	const char **environment;       /* a copy, NULL behind the last */
	struct dotenv_entry *entries;   /* of the file, in order */
	size_t entry_count, entry_capacity;
	struct declared *declared, **declared_end;
	struct problem *problems, **problems_end;
	bool finished;
};

/* The value that counts for the setting, as it was written. */
struct setting_source {
	const char *text;
	struct setting_origin origin;
};

struct setting_source settings_lookup(const struct settings_reader *reader, const struct setting_def *def);
/*
 * Looks the setting up and reads its value; a wrong one becomes a problem, and the default counts. -1 after
 * a problem.
 */
int settings_resolve(struct settings_reader *reader, const struct setting_def *def, struct setting_origin *origin,
                     struct setting_value *value);
/* Where a setting of the table comes from; the name must be in the table. */
struct setting_origin *settings_origin(const struct settings_reader *reader, const char *name);
/* What depends on other settings or on the machine, then what does not go together. */
void settings_apply_rules(struct settings_reader *reader);

/* Adds "place: …"; control characters in it are replaced, and what looks like a secret. */
void settings_problem_at(struct settings_reader *reader, const struct setting_origin *origin, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
