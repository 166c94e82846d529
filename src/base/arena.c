/*
 * arena.c - chunked bump allocation with clean-ups and a sticky failure.
 *
 * Called by everything that runs inside a request. Never shared between threads.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insist.h"

#define ALIGNMENT _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t size, used;
	_Alignas(max_align_t) unsigned char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct chunk *first, *current;
	struct cleanup *cleanups;
	size_t chunk_bytes, max_bytes;
	size_t reserved; /* bytes of all chunks' data */
	size_t used;
	bool failed;
};

static struct chunk *
chunk_create(size_t size)
{
	if (size > SIZE_MAX - sizeof(struct chunk))
		return NULL;
	struct chunk *chunk = malloc(sizeof *chunk + size);
	if (chunk == NULL)
		return NULL;
	chunk->next = NULL;
	chunk->size = size;
	chunk->used = 0;
	return chunk;
}

struct arena *
arena_create(size_t chunk_bytes, size_t max_bytes)
{
	INSIST(chunk_bytes > 0 && chunk_bytes <= max_bytes);
	struct arena *arena = calloc(1, sizeof *arena);
	if (arena == NULL)
		return NULL;
	arena->chunk_bytes = chunk_bytes;
	arena->max_bytes = max_bytes;
	arena->first = arena->current = chunk_create(chunk_bytes);
	if (arena->first == NULL) {
		free(arena);
		return NULL;
	}
	arena->reserved = chunk_bytes;
	return arena;
}

static void
run_cleanups(struct arena *arena)
{
	while (arena->cleanups != NULL) {
		struct cleanup *cleanup = arena->cleanups;
		arena->cleanups = cleanup->next;
		cleanup->fn(cleanup->arg);
	}
}

static void
free_chunks(struct chunk *chunk)
{
	while (chunk != NULL) {
		struct chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}

void
arena_destroy(struct arena *arena)
{
	if (arena == NULL)
		return;
	run_cleanups(arena);
	free_chunks(arena->first);
	free(arena);
}

/* A further chunk that holds at least size bytes, or NULL at the bound. */
static struct chunk *
grow(struct arena *arena, size_t size)
{
	size_t left = arena->max_bytes - arena->reserved;
	size_t want = size > arena->chunk_bytes ? size : arena->chunk_bytes;
	if (want > left)
		want = left;
	if (want < size)
		return NULL;
	struct chunk *chunk = chunk_create(want);
	if (chunk == NULL)
		return NULL;
	arena->reserved += want;
	arena->current->next = chunk;
	arena->current = chunk;
	return chunk;
}

void *
arena_alloc(struct arena *arena, size_t size_bytes)
{
	if (arena->failed || size_bytes > arena->max_bytes) {
		arena->failed = true;
		return NULL;
	}
	size_t size = (size_bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	struct chunk *chunk = arena->current;
	if (chunk->size - chunk->used < size)
		chunk = grow(arena, size);
	if (chunk == NULL) {
		arena->failed = true;
		return NULL;
	}
	void *memory = chunk->data + chunk->used;
	chunk->used += size;
	arena->used += size;
	return memory;
}

void *
arena_zalloc(struct arena *arena, size_t size_bytes)
{
	void *memory = arena_alloc(arena, size_bytes);
	if (memory != NULL)
		memset(memory, 0, size_bytes);
	return memory;
}

char *
arena_strndup(struct arena *arena, const char *text, size_t size_bytes)
{
	if (size_bytes == SIZE_MAX) {
		arena->failed = true;
		return NULL;
	}
	char *copy = arena_alloc(arena, size_bytes + 1);
	if (copy == NULL)
		return NULL;
	memcpy(copy, text, size_bytes);
	copy[size_bytes] = '\0';
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

int
arena_on_reset(struct arena *arena, void (*fn)(void *), void *arg)
{
	struct cleanup *cleanup = arena_alloc(arena, sizeof *cleanup);
	if (cleanup == NULL) {
		fn(arg);
		return -1;
	}
	*cleanup = (struct cleanup){.next = arena->cleanups, .fn = fn, .arg = arg};
	arena->cleanups = cleanup;
	return 0;
}

bool
arena_failed(const struct arena *arena)
{
	return arena->failed;
}

void
arena_fail(struct arena *arena)
{
	arena->failed = true;
}

size_t
arena_used(const struct arena *arena)
{
	return arena->used;
}

void
arena_reset(struct arena *arena)
{
	run_cleanups(arena);
	free_chunks(arena->first->next);
	arena->first->next = NULL;
	arena->first->used = 0;
	arena->current = arena->first;
	arena->reserved = arena->first->size;
	arena->used = 0;
	arena->failed = false;
}
