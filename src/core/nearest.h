/*
 * nearest.h - which of the known names a mistyped one was meant to be.
 */
#ifndef CORE_NEAREST_H
#define CORE_NEAREST_H

struct nearest {
	const char *wanted;
	const char *best; /* NULL: none is near */
	unsigned distance;
};

void nearest_init(struct nearest *nearest, const char *wanted);
/*
 * Keeps candidate where it is nearer than what was there: at most two edits (insert, delete, replace, swap
 * neighbours; case does not count), or else one of the two starts with the other. candidate is kept by reference.
 */
void nearest_consider(struct nearest *nearest, const char *candidate);

#endif
