/*
 * checksum.h - tells bytes that were written whole from those that were not: torn, or overwritten while they were read.
 *
 * Two sums, of the words and of the sums so far (Fletcher): two additions for eight bytes. No defence against somebody
 * who means to deceive.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct checksum {
	uint64_t sum, sums; /* to begin with whatever is to be covered besides the bytes */
};

static inline void
checksum_add(struct checksum *checksum, const void *data, size_t size_bytes)
{
	const char *from = data;
	uint64_t word, sum = checksum->sum, sums = checksum->sums;
	for (; size_bytes >= sizeof word; size_bytes -= sizeof word, from += sizeof word) {
		memcpy(&word, from, sizeof word);
		sum += word;
		sums += sum;
	}
	word = 0;
	memcpy(&word, from, size_bytes);
	checksum->sum = sum + word;
	checksum->sums = sums + checksum->sum;
}

static inline uint64_t
checksum_mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 29;
}

/* The upper half is the better one. */
static inline uint64_t
checksum_value(const struct checksum *checksum)
{
	return checksum_mix(checksum_mix(0, checksum->sum), checksum->sums);
}

#endif
