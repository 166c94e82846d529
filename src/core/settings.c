/*
 * settings.c - joins environment, file and defaults into struct settings, by the table.
 *
 * Runs once at start, in the supervisor. Nothing here ends at the first error.
 */
#include "settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "err.h"
#include "insist.h"
#include "nearest.h"
#include "redact.h"
#include "settings_reader.h"
#include "strbuf.h"

#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define ENTRIES_MAX 4096
#define SHOWN_MAX_BYTES 160

/* ---- The file ---------------------------------------------------------------------------------- */

static const struct dotenv_entry *
find_entry(const struct settings_reader *reader, const char *name)
{
	for (size_t i = reader->entry_count; i-- > 0;)
		if (strcmp(reader->entries[i].name, name) == 0)
			return &reader->entries[i];
	return NULL;
}

static int
make_room(struct settings_reader *reader)
{
	if (reader->entry_count < reader->entry_capacity)
		return 0;
	size_t capacity = reader->entry_capacity * 2 + 64;
	struct dotenv_entry *entries = arena_alloc(reader->arena, capacity * sizeof *entries);
	if (entries == NULL)
		return -1;
	if (reader->entry_count > 0)
		memcpy(entries, reader->entries, reader->entry_count * sizeof *entries);
	reader->entries = entries;
	reader->entry_capacity = capacity;
	return 0;
}

static void
take_entry(void *context, const struct dotenv_entry *entry)
{
	struct settings_reader *reader = context;
	const struct setting_origin origin = {.kind = FROM_FILE, .line = entry->line};
	const struct dotenv_entry *earlier = find_entry(reader, entry->name);
	if (reader->entry_count > ENTRIES_MAX)
		return;
	if (reader->entry_count == ENTRIES_MAX)
		settings_problem_at(reader, &origin, "The file has more than %d settings.", ENTRIES_MAX);
	else if (earlier != NULL)
		settings_problem_at(reader, &origin,
		                    "%.64s is set again; line %u sets it already. Remove one of the two.", entry->name,
		                    earlier->line);
	if (make_room(reader) == 0)
		reader->entries[reader->entry_count++] = *entry;
}

static void
take_fault(void *context, unsigned line, const char *sentence)
{
	settings_problem_at(context, &(struct setting_origin){.kind = FROM_FILE, .line = line}, "%s", sentence);
}

static void
read_file(struct settings_reader *reader, const char *file)
{
	struct strbuf text;
	struct err err;
	if (file == NULL && access(".env", F_OK) != 0)
		return;
	reader->file = arena_strdup(reader->arena, file == NULL ? ".env" : file);
	if (reader->file == NULL)
		return;
	if (dotenv_read(reader->arena, reader->file, &text, &err) != 0) {
		const char *sentence = arena_printf(reader->arena, "%s: %s", reader->file, err.text);
		if (sentence != NULL)
			settings_add_problem(reader, sentence);
		return;
	}
	dotenv_parse(reader->arena, &text,
	             &(struct dotenv_handler){.entry = take_entry, .fault = take_fault, .context = reader});
}

/* ---- The environment --------------------------------------------------------------------------- */

static void
copy_environment(struct settings_reader *reader, char *const *environment)
{
	size_t count = 0;
	while (environment != NULL && environment[count] != NULL)
		count++;
	const char **copy = arena_zalloc(reader->arena, (count + 1) * sizeof *copy);
	if (copy == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strdup(reader->arena, environment[i]);
	reader->environment = copy;
}

static const char *
find_in_environment(const struct settings_reader *reader, const char *name)
{
	size_t size = strlen(name);
	for (const char **p = reader->environment; p != NULL && *p != NULL; p++)
		if (strncmp(*p, name, size) == 0 && (*p)[size] == '=')
			return *p + size + 1;
	return NULL;
}

/* ---- One setting ------------------------------------------------------------------------------- */

struct setting_source
settings_lookup(const struct settings_reader *reader, const struct setting_def *def)
{
	const char *text = find_in_environment(reader, def->name);
	if (text != NULL)
		return (struct setting_source){.text = text, .origin = {.kind = FROM_ENVIRONMENT}};
	const struct dotenv_entry *entry = find_entry(reader, def->name);
	if (entry != NULL)
		return (struct setting_source){.text = entry->value,
		                               .origin = {.kind = FROM_FILE, .line = entry->line}};
	return (struct setting_source){.text = def->default_text};
}

/* The value as a problem may show it: redacted while it is whole, for half a URL hides no password. */
static const char *
shown_value(const struct settings_reader *reader, const struct setting_def *def, const char *text)
{
	struct strbuf clean;
	if (def->secret)
		return REDACTED;
	strbuf_init_arena(&clean, reader->arena, 256);
	redact_text(reader->redact, &clean, text, strlen(text));
	if (clean.length > SHOWN_MAX_BYTES) {
		strbuf_truncate(&clean, SHOWN_MAX_BYTES);
		strbuf_puts(&clean, "...");
	}
	return clean.data;
}

static void
complain(struct settings_reader *reader, const struct setting_def *def, const struct setting_source *source,
         const struct err *err)
{
	settings_problem_at(reader, &source->origin, "%s is \"%s\"; %s", def->name,
	                    shown_value(reader, def, source->text), err->text);
}

int
settings_resolve(struct settings_reader *reader, const struct setting_def *def, struct setting_origin *origin,
                 struct setting_value *value)
{
	struct err err;
	struct setting_source source = settings_lookup(reader, def);
	*origin = source.origin;
	if (setting_value_parse(def, source.text, value, &err) == 0)
		return 0;
	complain(reader, def, &source, &err);
	if (setting_value_parse(def, def->default_text, value, NULL) != 0)
		*value = (struct setting_value){0};
	return -1;
}

static void
store(struct settings_reader *reader, const struct setting_def *def, const struct setting_value *value)
{
	void *field = (char *)&reader->values + def->offset;
	switch (def->type) {
	case SETTING_TEXT:
		*(char **)field = value->text == NULL ? NULL : arena_strdup(reader->arena, value->text);
		break;
	case SETTING_LIST:
		*(struct text_list *)field = value->list;
		break;
	case SETTING_BOOL:
		*(bool *)field = value->number != 0;
		break;
	default:
		*(int64_t *)field = value->number;
	}
}

struct setting_origin *
settings_origin(const struct settings_reader *reader, const char *name)
{
	size_t count;
	const struct setting_def *def = settings_table_find(name);
	INSIST(def != NULL);
	return &reader->origins[def - settings_table(&count)];
}

/* ---- All of them ------------------------------------------------------------------------------- */

static struct settings_reader *
create(void)
{
	size_t count;
	settings_table(&count);
	struct settings_reader *reader = calloc(1, sizeof *reader);
	if (reader == NULL)
		return NULL;
	reader->problems_end = &reader->problems;
	reader->declared_end = &reader->declared;
	reader->redact = redact_create(NULL);
	reader->arena = arena_create(16384, ARENA_MAX_BYTES);
	if (reader->arena != NULL)
		reader->origins = arena_zalloc(reader->arena, count * sizeof *reader->origins);
	if (reader->redact == NULL || reader->origins == NULL) {
		settings_destroy(reader);
		return NULL;
	}
	return reader;
}

static void
resolve_table(struct settings_reader *reader)
{
	size_t count;
	const struct setting_def *table = settings_table(&count);
	for (size_t i = 0; i < count; i++) {
		struct setting_value value;
		settings_resolve(reader, &table[i], &reader->origins[i], &value);
		store(reader, &table[i], &value);
	}
	settings_apply_rules(reader);
}

struct settings_reader *
settings_read(const char *file, char *const *environment)
{
	struct settings_reader *reader = create();
	if (reader == NULL)
		return NULL;
	copy_environment(reader, environment);
	read_file(reader, file);
	if (!arena_failed(reader->arena))
		resolve_table(reader);
	if (!arena_failed(reader->arena))
		return reader;
	settings_destroy(reader);
	return NULL;
}

void
settings_destroy(struct settings_reader *reader)
{
	size_t count;
	const struct setting_def *table = settings_table(&count);
	if (reader == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		if (table[i].type == SETTING_LIST)
			text_list_fini((struct text_list *)((char *)&reader->values + table[i].offset));
	arena_destroy(reader->arena);
	redact_destroy(reader->redact);
	free(reader);
}

const struct settings *
settings_values(const struct settings_reader *reader)
{
	return &reader->values;
}

/* ---- Names that nobody knows ------------------------------------------------------------------- */

static bool
known(const struct settings_reader *reader, const char *name)
{
	if (settings_table_find(name) != NULL)
		return true;
	for (const struct declared *d = reader->declared; d != NULL; d = d->next)
		if (strcmp(d->def.name, name) == 0)
			return true;
	return false;
}

static const char *
nearest_known(const struct settings_reader *reader, const char *name)
{
	struct nearest nearest;
	size_t count;
	const struct setting_def *table = settings_table(&count);
	nearest_init(&nearest, name);
	for (size_t i = 0; i < count; i++)
		nearest_consider(&nearest, table[i].name);
	for (const struct declared *d = reader->declared; d != NULL; d = d->next)
		nearest_consider(&nearest, d->def.name);
	return nearest.best;
}

void
settings_finish(struct settings_reader *reader)
{
	for (size_t i = 0; i < reader->entry_count && !reader->finished; i++) {
		const struct dotenv_entry *entry = &reader->entries[i];
		const struct setting_origin origin = {.kind = FROM_FILE, .line = entry->line};
		if (known(reader, entry->name))
			continue;
		const char *nearest = nearest_known(reader, entry->name);
		if (nearest != NULL)
			settings_problem_at(reader, &origin, "%.64s is not a setting; did you mean %s?", entry->name,
			                    nearest);
		else
			settings_problem_at(reader, &origin, "%.64s is not a setting; --help lists all of them.",
			                    entry->name);
	}
	reader->finished = true;
}
