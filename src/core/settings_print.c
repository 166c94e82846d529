/*
 * settings_print.c - shows settings to the operator: what is in force, and what there is.
 *
 * What settings_print() writes is a file of settings again, secrets apart.
 */
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "redact.h"
#include "settings_reader.h"
#include "strbuf.h"

/* Large enough for every value: texts have bounds, lists are cut by the bound on a line. */
#define LINE_MAX_BYTES ((size_t)64 << 10)
#define ARENA_MAX_BYTES ((size_t)8 << 20)

struct printer {
	const struct settings_reader *reader;
	struct arena *arena;
	FILE *out;
};

/* A module may not have said that its setting holds a secret. */
static void
write_text(struct strbuf *text, const struct redact *redact, const char *value)
{
	redact_text(redact, text, value, strlen(value));
}

static void
write_list(struct strbuf *text, const struct redact *redact, const struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			strbuf_putc(text, ',');
		write_text(text, redact, list->items[i]);
	}
}

/* A URL or connection string shows where it points, without its password; other secrets show nothing. */
static void
write_secret(struct strbuf *text, const struct redact *redact, const struct setting_def *def, const char *value)
{
	if (strstr(value, "://") != NULL)
		redact_url(redact, text, value);
	else if (def->check == setting_check_database_url)
		redact_conninfo(redact, text, value);
	else
		strbuf_puts(text, REDACTED);
}

static void
write_value(struct strbuf *text, const struct redact *redact, const struct setting_def *def,
            const struct setting_value *value)
{
	if (def->type == SETTING_LIST)
		write_list(text, redact, &value->list);
	else if (def->type != SETTING_TEXT && def->secret)
		strbuf_puts(text, REDACTED);
	else if (def->type != SETTING_TEXT)
		setting_number_write(text, def, value->number);
	else if (value->text != NULL && def->secret)
		write_secret(text, redact, def, value->text);
	else if (value->text != NULL)
		write_text(text, redact, value->text);
}

static void
print_origin(const struct printer *p, const struct setting_origin *origin)
{
	switch (origin->kind) {
	case FROM_FILE:
		fprintf(p->out, "  # from %s line %u\n", p->reader->file, origin->line);
		break;
	case FROM_ENVIRONMENT:
		fputs("  # from the environment\n", p->out);
		break;
	case FROM_DEBUG:
		fputs("  # because DEBUG is on\n", p->out);
		break;
	default:
		fputs("  # default\n", p->out);
	}
}

static void
print_one(const struct printer *p, const struct setting_def *def, const struct setting_value *value,
          const struct setting_origin *origin)
{
	struct strbuf text, line;
	arena_reset(p->arena);
	strbuf_init_arena(&text, p->arena, 256);
	strbuf_init_arena(&line, p->arena, 256);
	write_value(&text, p->reader->redact, def, value);
	dotenv_write_value(&line, text.data);
	fprintf(p->out, "%s=%s", def->name, line.failed ? "" : line.data);
	print_origin(p, origin);
}

/* The value in struct settings, as it was stored from a struct setting_value. */
static struct setting_value
value_in_force(const struct settings *values, const struct setting_def *def)
{
	const void *field = (const char *)values + def->offset;
	switch (def->type) {
	case SETTING_TEXT:
		return (struct setting_value){.text = *(char *const *)field};
	case SETTING_LIST:
		return (struct setting_value){.list = *(const struct text_list *)field};
	case SETTING_BOOL:
		return (struct setting_value){.number = *(const bool *)field};
	default:
		return (struct setting_value){.number = *(const int64_t *)field};
	}
}

void
settings_print(const struct settings_reader *reader, FILE *out)
{
	size_t count;
	const struct setting_def *table = settings_table(&count);
	struct printer p = {.reader = reader, .out = out, .arena = arena_create(LINE_MAX_BYTES, ARENA_MAX_BYTES)};
	if (p.arena == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		struct setting_value value = value_in_force(&reader->values, &table[i]);
		print_one(&p, &table[i], &value, &reader->origins[i]);
	}
	for (const struct declared *d = reader->declared; d != NULL; d = d->next)
		print_one(&p, &d->def, &d->value, &d->origin);
	arena_destroy(p.arena);
}

void
settings_print_help(FILE *out)
{
	size_t count;
	const struct setting_def *table = settings_table(&count);
	for (size_t i = 0; i < count; i++) {
		char storage[256];
		struct strbuf allowed;
		strbuf_init_fixed(&allowed, storage, sizeof storage);
		setting_allowed_write(&allowed, &table[i]);
		fprintf(out, "  %s (default: %s)\n", table[i].name,
		        table[i].default_text[0] == '\0' ? "none" : table[i].default_text);
		fprintf(out, "      %s\n", table[i].help);
		fprintf(out, "      Allowed: %s.\n", allowed.data);
	}
}
