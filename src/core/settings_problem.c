/*
 * settings_problem.c - the sentences for the operator: all of them, in the order in which they were found.
 *
 * Values come from anywhere, and the sentences end on terminals and in logs: control characters and secrets
 * are taken out here, once for all.
 */
#include <stdarg.h>
#include <string.h>

#include "arena.h"
#include "jsonw.h"
#include "redact.h"
#include "settings_reader.h"
#include "strbuf.h"
#include "utf8.h"

#define WRITTEN_PRINTABLE 4 /* bytes; what JSON escapes by its number is a control character of some kind */

static void
make_printable(char *text, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t written, n = jsonw_character(text + i, size - i, &written);
		if (utf8_sequence(text + i, size - i) == 0 || written > WRITTEN_PRINTABLE)
			memset(text + i, '?', n);
		i += n;
	}
}

void
settings_add_problem(struct settings_reader *reader, const char *sentence)
{
	struct strbuf clean;
	strbuf_init_arena(&clean, reader->arena, strlen(sentence) + 64);
	redact_text(reader->redact, &clean, sentence, strlen(sentence));
	struct problem *problem = arena_zalloc(reader->arena, sizeof *problem);
	if (problem == NULL)
		return;
	make_printable(clean.data, clean.length);
	problem->sentence = clean.data;
	*reader->problems_end = problem;
	reader->problems_end = &problem->next;
}

void
settings_problem_at(struct settings_reader *reader, const struct setting_origin *origin, const char *format, ...)
{
	char storage[2048];
	struct strbuf sentence;
	va_list args;
	strbuf_init_fixed(&sentence, storage, sizeof storage);
	if (origin->kind == FROM_FILE)
		strbuf_printf(&sentence, "%.512s line %u: ", reader->file, origin->line);
	else
		strbuf_puts(&sentence, origin->kind == FROM_ENVIRONMENT ? "environment: " : "default: ");
	va_start(args, format);
	vsnprintf(sentence.data + sentence.length, sentence.capacity - sentence.length, format, args);
	va_end(args);
	settings_add_problem(reader, storage);
}

void
settings_refuse(struct settings_reader *reader, const char *name, const char *sentence)
{
	settings_problem_at(reader, settings_origin(reader, name), "%s", sentence);
}

const char *
settings_problem(const struct settings_reader *reader, size_t n)
{
	const struct problem *problem = reader->problems;
	while (problem != NULL && n-- > 0)
		problem = problem->next;
	return problem == NULL ? NULL : problem->sentence;
}
