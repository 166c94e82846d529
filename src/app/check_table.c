/*
 * check_table.c - which checks there are: the only list of them.
 *
 * A new check is a file check_*.c with a struct check_kind, and one line in here. All workers have the same
 * settings and so build the same list, whose positions are those of the results in shared memory.
 */
#include "check_table.h"

#include <stdio.h>

#include "check_spec.h"
#include "fnv.h"
#include "settings.h"

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

/* By kind, those that are declared. */
static const struct check_kind *const declared[SPEC_KINDS] = {
	[SPEC_CONNECT] = &check_connect,         [SPEC_HTTP] = &check_http,
	[SPEC_FASTCGI] = &check_fastcgi,         [SPEC_FILE] = &check_file,
	[SPEC_CERTIFICATE] = &check_certificate, [SPEC_PRESSURE] = &check_pressure,
	[SPEC_POSTGRES] = &check_postgres,       [SPEC_REDIS] = &check_redis,
	[SPEC_COMMAND] = &check_command,
};

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
		check->index = (unsigned)*count;
		check->identity = fnv_text(FNV_OFFSET, check->name);
		++*count;
	}
	return 0;
}

/* Those of CHECKS, in their order. What cannot be parsed was refused before the start. */
static int
add_declared(const struct checks_config *config, struct check *checks, size_t *count)
{
	const struct text_list *list = &config->settings->checks;
	for (size_t i = 0; i < list->count && *count < SCOREBOARD_MAX_CHECKS; i++) {
		struct check_spec spec;
		if (check_spec_parse(&spec, list->items[i], NULL) != 0)
			continue;
		struct check *check = &checks[*count];
		*check = (struct check){
			.kind = declared[spec.kind], .index = (unsigned)*count, .identity = spec.identity};
		snprintf(check->name, sizeof check->name, "%s", spec.name);
		if (check->kind->declare(config, &spec, check) != 0)
			return -1;
		++*count;
	}
	return 0;
}

int
check_table_build(const struct checks_config *config, struct check checks[SCOREBOARD_MAX_CHECKS], size_t *count)
{
	*count = 0;
	int status = 0;
	for (size_t i = 0; i < KIND_COUNT && status == 0; i++)
		status = add_kind(config, kinds[i], checks, count);
	if (status == 0)
		status = add_declared(config, checks, count);
	if (status != 0) {
		check_table_destroy(checks, *count);
		*count = 0;
	}
	return status;
}

void
check_table_destroy(struct check *checks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (checks[i].kind->destroy != NULL)
			checks[i].kind->destroy(checks[i].state);
}
