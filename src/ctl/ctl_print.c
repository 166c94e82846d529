/* ctl_print.c - see ctl_print.h. Shared by everything in vitalsctl that prints. */
#include "ctl_print.h"

#include <stdbool.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "jsonw.h"
#include "strbuf.h"
#include "utf8.h"

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define ARENA_CHUNK_BYTES 65536
#define ARENA_MAX_BYTES ((size_t)64 << 20)

void
ctl_write_age(char text[static CTL_AGE_BYTES], double seconds)
{
	static const struct {
		long length, next;
		char unit, next_unit;
	} scales[] = {{DAY, HOUR, 'd', 'h'}, {HOUR, MINUTE, 'h', 'm'}, {MINUTE, 1, 'm', 's'}};
	long whole = (long)seconds;
	for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
		if (whole >= scales[i].length) {
			snprintf(text, CTL_AGE_BYTES, "%ld%c %ld%c", whole / scales[i].length, scales[i].unit,
			         whole % scales[i].length / scales[i].next, scales[i].next_unit);
			return;
		}
	snprintf(text, CTL_AGE_BYTES, "%lds", whole);
}

/* Bytes of the first character; 0: it is no character. */
static size_t
put_character(const char *text, size_t left, FILE *out)
{
	size_t n = utf8_sequence(text, left);
	/* C0 and DEL, and C1, which begins with C2 80 to C2 9F. */
	bool control = n == 1 ? (unsigned char)*text < ' ' || *text == 0x7f
	                      : n == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0;
	if (n == 0 || control)
		fputc('?', out);
	else
		fwrite(text, 1, n, out);
	return n > 0 ? n : 1;
}

static int
count_characters(const char *text)
{
	int count = 0;
	for (size_t left = strlen(text), n; left > 0; text += n, left -= n, count++) {
		n = utf8_sequence(text, left);
		n = n > 0 ? n : 1;
	}
	return count;
}

int
ctl_put_cut(const char *text, int width, FILE *out)
{
	size_t left = strlen(text);
	int count = count_characters(text), shown = count > width ? width - 1 : count;
	for (int i = 0; i < shown; i++) {
		size_t n = put_character(text, left, out);
		text += n;
		left -= n;
	}
	if (count <= width)
		return count;
	fputs("…", out);
	return width;
}

void
ctl_put_safe(const char *text, FILE *out)
{
	ctl_put_cut(text, CTL_ANY_WIDTH, out);
}

/* ---- JSON --------------------------------------------------------------------------------------- */

int
ctl_show_object(void (*put)(struct jsonw *w, const void *what), const void *what, FILE *out, struct err *err)
{
	struct strbuf text;
	struct jsonw w;
	struct arena *arena = arena_create(ARENA_CHUNK_BYTES, ARENA_MAX_BYTES);
	if (arena == NULL)
		return err_set(err, "There is no memory for the answer.");
	strbuf_init_arena(&text, arena, ARENA_CHUNK_BYTES);
	jsonw_init(&w, &text);
	jsonw_begin_object(&w);
	put(&w, what);
	jsonw_end_object(&w);
	int status = text.failed ? err_set(err, "There is no memory for the answer.") : 0;
	if (status == 0)
		fprintf(out, "%s\n", text.data);
	arena_destroy(arena);
	return status;
}
