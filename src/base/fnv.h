/*
 * fnv.h - FNV-1a, 64 bits (RFC 9923): a small hash for checksums and keys that nobody chooses to make us collide.
 */
#ifndef BASE_FNV_H
#define BASE_FNV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* With its NUL: of several in a row, "ab" and "c" are not "a" and "bc". */
static inline uint64_t
fnv_closed_text(uint64_t hash, const char *text)
{
	return fnv_bytes(hash, text, strlen(text) + 1);
}

/*
 * The last step of MurmurHash3, with which every bit of the input moves every bit of the result: FNV alone hardly moves
 * its upper bits by the last bytes, where keys that are counted up differ.
 */
static inline uint64_t
fnv_scatter(uint64_t hash)
{
	hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
	hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

#endif
