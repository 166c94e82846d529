/*
 * check_table.c - which checks there are: the only list of them.
 *
 * A new check is a file check_*.c with a struct check_kind, and one line in here. All workers have the same
 * settings and so build the same list, whose positions are those of the results in shared memory.
 */
#include "check_table.h"

#include <stdio.h>

static const struct check_kind *const kinds[] = {
	&check_database,
	&check_cache,
	&check_memory,
	&check_disk,
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

const struct check_kind *
check_table_kind(size_t n)
{
	return n < KIND_COUNT ? kinds[n] : NULL;
}

/* Adds all checks of one kind. */
static int
add_kind(const struct checks_config *config, const struct check_kind *kind, struct check *checks, size_t *count)
{
	for (size_t n = 0; *count < SCOREBOARD_MAX_CHECKS; n++) {
		struct check *check = &checks[*count];
		*check = (struct check){.kind = kind};
		snprintf(check->name, sizeof check->name, "%s", kind->name);
		int made = kind->create(config, n, check);
		if (made <= 0)
			return made;
		++*count;
	}
	return 0;
}

int
check_table_build(const struct checks_config *config, struct check checks[SCOREBOARD_MAX_CHECKS], size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (add_kind(config, kinds[i], checks, count) != 0) {
			check_table_destroy(checks, *count);
			*count = 0;
			return -1;
		}
	return 0;
}

void
check_table_destroy(struct check *checks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (checks[i].kind->destroy != NULL)
			checks[i].kind->destroy(checks[i].state);
}
