/*
 * random_id.h - random bytes for identifiers: correlation IDs, trace IDs, span IDs.
 *
 * The kernel is asked for a block at a time, since a system call an ID is what making one costs. Not for keys:
 * bytes that were handed out are still in memory.
 */
#ifndef CORE_RANDOM_ID_H
#define CORE_RANDOM_ID_H

#include <stddef.h>

/* What the kernel is asked for at once; up to 256 bytes it gives whole and without being interrupted (getrandom(2)). */
#define RANDOM_BLOCK_BYTES 256

/*
 * Fills out with size_bytes (at most RANDOM_BLOCK_BYTES) of getrandom(2). Never the same bytes twice, also not in a
 * process and its children, however they were forked. Thread-safe.
 */
void random_bytes(void *out, size_t size_bytes);
/* The same as lower-case hexadecimal, two digits a byte, and a NUL; never all zero (W3C Trace Context forbids that). */
void random_hex(char *out, size_t size_bytes);

#endif
