/*
 * insist.c - the end of a process that found itself in a state that cannot be.
 *
 * Uses only what is safe in any state: a buffer on the stack and one write.
 */
#include "insist.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
insist_failed(const char *condition, const char *file, int line, const char *function)
{
	char text[512];
	int n = snprintf(text, sizeof text, "vitals: panic: \"%s\" does not hold in %s() at %s:%d\n", condition,
	                 function, file, line);
	if (n > (int)sizeof text - 1)
		n = (int)sizeof text - 1;
	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) {
		/* Nobody is left to tell. */
	}
	abort();
}
