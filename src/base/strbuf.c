/* strbuf.c - texts under construction. Used by log records, response bodies and every JSON writer. */
#include "strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "decimal.h"
#include "insist.h"

static char empty_storage[1] = "";

void
strbuf_init_fixed(struct strbuf *sb, char *storage, size_t size_bytes)
{
	INSIST(size_bytes > 0);
	*sb = (struct strbuf){.data = storage, .capacity = size_bytes};
	sb->data[0] = '\0';
}

void
strbuf_init_arena(struct strbuf *sb, struct arena *arena, size_t initial_bytes)
{
	*sb = (struct strbuf){.arena = arena, .capacity = initial_bytes > 0 ? initial_bytes : 1};
	sb->data = arena_alloc(arena, sb->capacity);
	if (sb->data == NULL) {
		sb->data = empty_storage;
		sb->capacity = 1;
		sb->failed = true;
		return;
	}
	sb->data[0] = '\0';
}

void
strbuf_reset(struct strbuf *sb)
{
	sb->length = 0;
	sb->failed = sb->data == empty_storage;
	sb->data[0] = '\0';
}

/* At least doubles, so that n appends copy O(n) bytes. */
static bool
grow(struct strbuf *sb, size_t need)
{
	if (sb->arena == NULL)
		return false;
	size_t capacity = sb->capacity > SIZE_MAX / 2 ? need : sb->capacity * 2;
	if (capacity < need)
		capacity = need;
	char *data = arena_alloc(sb->arena, capacity);
	if (data == NULL)
		return false;
	memcpy(data, sb->data, sb->length + 1);
	sb->data = data;
	sb->capacity = capacity;
	return true;
}

char *
strbuf_reserve_grown(struct strbuf *sb, size_t size_bytes)
{
	if (sb->failed)
		return NULL;
	if (size_bytes >= SIZE_MAX - sb->length) {
		sb->failed = true;
		return NULL;
	}
	size_t need = sb->length + size_bytes + 1;
	if (need > sb->capacity && !grow(sb, need)) {
		sb->failed = true;
		return NULL;
	}
	return sb->data + sb->length;
}

void
strbuf_append_grown(struct strbuf *sb, const void *data, size_t size_bytes)
{
	char *to = strbuf_reserve(sb, size_bytes);
	if (to == NULL)
		return;
	memcpy(to, data, size_bytes);
	strbuf_commit(sb, size_bytes);
}

void
strbuf_put_uint(struct strbuf *sb, uint64_t value)
{
	char digits[DECIMAL_BYTES];
	size_t size = decimal_uint(digits, value);
	strbuf_append(sb, digits, size);
}

void
strbuf_printf(struct strbuf *sb, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	size_t room = sb->failed ? 0 : sb->capacity - sb->length;
	int n = vsnprintf(sb->failed ? NULL : sb->data + sb->length, room, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n >= room) {
		if (!sb->failed)
			sb->data[sb->length] = '\0';
		char *to = strbuf_reserve(sb, (size_t)n);
		if (to != NULL)
			vsnprintf(to, (size_t)n + 1, format, again);
	}
	va_end(again);
	if (n < 0)
		sb->failed = true;
	if (!sb->failed)
		strbuf_commit(sb, (size_t)n);
}

void
strbuf_truncate(struct strbuf *sb, size_t length)
{
	INSIST(length <= sb->length);
	sb->length = length;
	sb->failed = sb->data == empty_storage;
	sb->data[length] = '\0';
}
