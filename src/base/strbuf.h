/*
 * strbuf.h - a text under construction, in storage of the caller's or growing in an arena.
 *
 * Always followed by a NUL. What does not fit is not added, not even in part, and the buffer is then
 * marked failed until the reset: a chain of calls needs one check at its end.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "insist.h"

struct arena;

struct strbuf {
	char *data;
	size_t length;   /* without the NUL */
	size_t capacity; /* with the NUL */
	struct arena *arena;
	bool failed;
};

/* Fixed storage of size_bytes (at least 1), the caller's. */
void strbuf_init_fixed(struct strbuf *sb, char *storage, size_t size_bytes);
/* Grows in the arena; the text lives until the arena's reset. A failed start leaves it failed and empty. */
void strbuf_init_arena(struct strbuf *sb, struct arena *arena, size_t initial_bytes);
/* Empty again, failure forgotten; the storage stays. */
void strbuf_reset(struct strbuf *sb);

/* What strbuf_append() does where there is no room yet, or never will be. */
void strbuf_append_grown(struct strbuf *sb, const void *data, size_t size_bytes);

static inline void
strbuf_append(struct strbuf *sb, const void *data, size_t size_bytes)
{
	if (sb->failed || size_bytes >= sb->capacity - sb->length) {
		strbuf_append_grown(sb, data, size_bytes);
		return;
	}
	memcpy(sb->data + sb->length, data, size_bytes);
	sb->length += size_bytes;
	sb->data[sb->length] = '\0';
}

static inline void
strbuf_puts(struct strbuf *sb, const char *text)
{
	strbuf_append(sb, text, strlen(text));
}

static inline void
strbuf_putc(struct strbuf *sb, char c)
{
	strbuf_append(sb, &c, 1);
}

/* In decimal digits. */
void strbuf_put_uint(struct strbuf *sb, uint64_t value);
void strbuf_printf(struct strbuf *sb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What strbuf_reserve() does where there is no room yet, or never will be. */
char *strbuf_reserve_grown(struct strbuf *sb, size_t size_bytes);

/* Makes room for size_bytes more and returns where they start, or NULL; then set with strbuf_commit(). */
static inline char *
strbuf_reserve(struct strbuf *sb, size_t size_bytes)
{
	if (sb->failed || size_bytes >= sb->capacity - sb->length)
		return strbuf_reserve_grown(sb, size_bytes);
	return sb->data + sb->length;
}

/* Counts size_bytes, written where strbuf_reserve() said, as part of the text. */
static inline void
strbuf_commit(struct strbuf *sb, size_t size_bytes)
{
	INSIST(size_bytes < sb->capacity - sb->length);
	sb->length += size_bytes;
	sb->data[sb->length] = '\0';
}

/* Back to an earlier length, and not failed. */
void strbuf_truncate(struct strbuf *sb, size_t length);

#endif
