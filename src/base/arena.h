/*
 * arena.h - memory that is given back all at once: one arena a worker, reset after each request.
 *
 * Allocation is a pointer bump in a chunk; the first chunk is kept across resets, so a request of
 * ordinary size costs no malloc. Past the bound an allocation fails, and stays failed until the reset
 * ("sticky"), so that a chain of calls needs one check at its end.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* chunk_bytes is the size of the chunk that is kept; max_bytes bounds all chunks together. NULL: no memory. */
struct arena *arena_create(size_t chunk_bytes, size_t max_bytes);
/* Runs the clean-ups and frees everything. NULL is allowed. */
void arena_destroy(struct arena *arena);

/* Aligned for any type, not cleared; valid until arena_reset(). NULL past the bound. Size 0 gives a pointer. */
void *arena_alloc(struct arena *arena, size_t size_bytes);
/* The same, cleared. */
void *arena_zalloc(struct arena *arena, size_t size_bytes);
/* Copies size_bytes and adds a NUL. */
char *arena_strndup(struct arena *arena, const char *text, size_t size_bytes);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Registers fn(arg) to run at the reset, last registered first. On failure runs it at once and returns -1. */
int arena_on_reset(struct arena *arena, void (*fn)(void *), void *arg);

/* True after any allocation has failed since the last reset. */
bool arena_failed(const struct arena *arena);
/* Marks the arena failed: for a caller that could not get memory elsewhere. */
void arena_fail(struct arena *arena);
/* Bytes handed out since the last reset, rounding included. */
size_t arena_used(const struct arena *arena);

/* Runs the clean-ups, forgets all allocations, keeps the first chunk. */
void arena_reset(struct arena *arena);

#endif
