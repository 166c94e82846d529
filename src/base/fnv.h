/*
 * fnv.h - FNV-1a, 64 bits (RFC 9923): a small hash for checksums and keys that nobody chooses to make us collide.
 */
#ifndef BASE_FNV_H
#define BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)

/* hash is FNV_OFFSET to begin with. */
static inline uint64_t
fnv_bytes(uint64_t hash, const void *data, size_t size_bytes)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < size_bytes; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Without its NUL. */
static inline uint64_t
fnv_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
