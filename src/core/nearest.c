/* nearest.c - distance of names: Damerau and Levenshtein's, in the form where a swapped pair is not edited again. */
#include "nearest.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 64
#define EDITS_MAX 2
#define PREFIX_MIN_BYTES 3
#define FAR 1000

void
nearest_init(struct nearest *nearest, const char *wanted)
{
	*nearest = (struct nearest){.wanted = wanted, .distance = FAR};
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Three rows of the table of distances between all beginnings of a and of b suffice. */
static unsigned
edits(const char *a, const char *b)
{
	size_t a_size = strlen(a), b_size = strlen(b);
	unsigned storage[3][NAME_MAX_BYTES + 1];
	unsigned *before = storage[0], *above = storage[1], *row = storage[2];
	if (a_size > NAME_MAX_BYTES || b_size > NAME_MAX_BYTES)
		return FAR;
	for (size_t j = 0; j <= b_size; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a_size; i++) {
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_size; j++) {
			bool same = upper(a[i - 1]) == upper(b[j - 1]);
			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (same ? 0 : 1));
			if (i > 1 && j > 1 && upper(a[i - 1]) == upper(b[j - 2]) && upper(a[i - 2]) == upper(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		unsigned *free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[b_size];
}

static bool
one_starts_with_the_other(const char *a, const char *b, size_t shorter)
{
	return shorter >= PREFIX_MIN_BYTES && strncasecmp(a, b, shorter) == 0;
}

void
nearest_consider(struct nearest *nearest, const char *candidate)
{
	size_t size = strlen(nearest->wanted), candidate_size = strlen(candidate);
	size_t shorter = size < candidate_size ? size : candidate_size;
	unsigned distance = edits(nearest->wanted, candidate);
	/* Two edits turn any two letters into any others: at least half must stay. */
	if (distance > EDITS_MAX || distance * 2 > shorter) {
		if (!one_starts_with_the_other(nearest->wanted, candidate, shorter))
			return;
		distance = EDITS_MAX + (unsigned)(size + candidate_size - 2 * shorter);
	}
	if (distance >= nearest->distance)
		return;
	nearest->distance = distance;
	nearest->best = candidate;
}
