/*
 * settings_rules.c - what settings have to do with each other and with the machine.
 *
 * First the values that follow from others, then what does not go together, each as a problem at the
 * place of the setting that is to be changed.
 */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "check_spec.h"
#include "err.h"
#include "memory_cache.h"
#include "settings_reader.h"
#include "strbuf.h"

#define WORKERS_LEAST 4
#define WORKERS_PER_PROCESSOR 2
#define PENDING_HEAD_BYTES (INT64_C(512) << 10) /* more than a head of the largest MAX_PARAMS_SIZE */

/* The processors that this process may use. */
static int
processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return CPU_COUNT(&set);
	long online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than cpu_set_t can hold */
	return online > 0 ? (int)online : 1;
}

/* The defaults are for a machine of two processors; where nothing is set, this machine's count decides. */
static void
choose_workers(struct settings_reader *reader)
{
	struct settings *values = &reader->values;
	int64_t wanted = (int64_t)WORKERS_PER_PROCESSOR * processors();
	if (settings_origin(reader, "WORKERS")->kind == FROM_DEFAULT)
		values->workers = wanted < WORKERS_LEAST  ? WORKERS_LEAST
		                  : wanted > WORKERS_MOST ? WORKERS_MOST
		                                          : wanted;
	if (settings_origin(reader, "WORKERS_MAX")->kind == FROM_DEFAULT)
		values->workers_max = values->workers > 0 ? values->workers : WORKERS_ALONE_MAX;
}

static void
apply_debug(struct settings_reader *reader)
{
	struct setting_origin *origin = settings_origin(reader, "LOG_LEVEL");
	if (!reader->values.debug || origin->kind != FROM_DEFAULT)
		return;
	reader->values.log_level = VT_DEBUG;
	origin->kind = FROM_DEBUG;
}

static void
check_accounts(struct settings_reader *reader)
{
	if (reader->values.run_group != NULL && reader->values.run_user == NULL)
		settings_problem_at(reader, settings_origin(reader, "RUN_GROUP"),
		                    "RUN_GROUP is \"%s\", but RUN_USER is not set; set both, or neither.",
		                    reader->values.run_group);
}

static void
check_workers(struct settings_reader *reader)
{
	const struct settings *values = &reader->values;
	if (values->workers_max < values->workers)
		settings_problem_at(reader, settings_origin(reader, "WORKERS_MAX"),
		                    "WORKERS_MAX is %lld; it must be at least WORKERS, %lld.",
		                    (long long)values->workers_max, (long long)values->workers);
	if (values->workers == 0 && values->admin_listen.count > 0)
		settings_problem_at(reader, settings_origin(reader, "ADMIN_LISTEN"),
		                    "ADMIN_LISTEN is set, but with WORKERS=0 there is no admin worker; leave it out.");
}

static void
check_memory(struct settings_reader *reader)
{
	const struct settings *values = &reader->values;
	const struct setting_def *def = settings_table_find("MAX_REQUEST_MEMORY");
	char storage[128];
	struct strbuf sizes;
	if (values->max_request_memory_bytes >= values->max_request_bytes + values->max_params_bytes)
		return;
	strbuf_init_fixed(&sizes, storage, sizeof storage);
	setting_number_write(&sizes, def, values->max_request_memory_bytes);
	strbuf_puts(&sizes, "; it must hold a body of MAX_REQUEST_SIZE, ");
	setting_number_write(&sizes, def, values->max_request_bytes);
	strbuf_puts(&sizes, ", and parameters of MAX_PARAMS_SIZE");
	const struct setting_origin *origin = settings_origin(reader, def->name);
	if (origin->kind == FROM_DEFAULT)
		origin = settings_origin(reader, "MAX_REQUEST_SIZE");
	settings_problem_at(reader, origin, "MAX_REQUEST_MEMORY is %s.", sizes.data);
}

/* A request that is waited for is kept in a buffer that doubles; past MAX_PENDING_SIZE its connection is closed. */
static void
check_pending(struct settings_reader *reader)
{
	const struct settings *values = &reader->values;
	const struct setting_def *def = settings_table_find("MAX_PENDING_SIZE");
	char storage[128];
	struct strbuf sizes;
	if (values->max_pending_bytes / 2 >= values->body_buffer_bytes + PENDING_HEAD_BYTES)
		return;
	strbuf_init_fixed(&sizes, storage, sizeof storage);
	setting_number_write(&sizes, def, values->max_pending_bytes);
	strbuf_puts(&sizes, "; it must be twice BODY_BUFFER_SIZE, ");
	setting_number_write(&sizes, def, values->body_buffer_bytes);
	strbuf_puts(&sizes, ", and 1MiB more");
	const struct setting_origin *origin = settings_origin(reader, def->name);
	if (origin->kind == FROM_DEFAULT)
		origin = settings_origin(reader, "BODY_BUFFER_SIZE");
	settings_problem_at(reader, origin, "MAX_PENDING_SIZE is %s.", sizes.data);
}

static void
check_cache(struct settings_reader *reader)
{
	const struct settings *values = &reader->values;
	if (values->cache_memory_bytes != 0 && values->cache_memory_bytes < (int64_t)MEMORY_CACHE_LEAST_BYTES)
		settings_problem_at(
			reader, settings_origin(reader, "CACHE_MEMORY_BYTES"),
			"CACHE_MEMORY_BYTES is %lld; it must be 0, for no embedded cache, or at least 1MiB.",
			(long long)values->cache_memory_bytes);
}

/* A critical check of a disk that is not watched would never fail. */
static void
check_disks(struct settings_reader *reader)
{
	const struct settings *values = &reader->values;
	for (size_t i = 0; i < values->critical_checks.count; i++) {
		const char *name = values->critical_checks.items[i];
		if (strncmp(name, "disk:", 5) == 0 && !text_list_has(&values->disk_paths, name + 5))
			settings_problem_at(reader, settings_origin(reader, "CRITICAL_CHECKS"),
			                    "CRITICAL_CHECKS names %s, but DISK_PATHS does not name %s.", name,
			                    name + 5);
	}
}

static bool
is_built_in(const char *name)
{
	static const char *const names[] = {"database", "cache", "memory", "disk"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* How many of the first count checks of CHECKS have that name. */
static size_t
count_named(const struct text_list *checks, const char *name, size_t count)
{
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		char other[CHECK_SPEC_NAME_BYTES];
		found += check_spec_name(checks->items[i], other) && strcmp(other, name) == 0;
	}
	return found;
}

static void
check_declared(struct settings_reader *reader, const char *text, size_t before)
{
	const struct settings *values = &reader->values;
	const struct setting_origin *origin = settings_origin(reader, "CHECKS");
	struct check_spec spec;
	struct err err;
	if (check_spec_parse(&spec, text, &err) != 0) {
		settings_problem_at(reader, origin, "CHECKS: %s", err.text);
		return;
	}
	/* The last two are members of the answer beside the checks. */
	if (is_built_in(spec.name) || strcmp(spec.name, "pool") == 0 || strcmp(spec.name, "pressure") == 0)
		settings_problem_at(reader, origin, "CHECKS: %s is the name of a check that is always there.",
		                    spec.name);
	if (count_named(&values->checks, spec.name, before) > 0)
		settings_problem_at(reader, origin, "CHECKS has two checks of the name %s.", spec.name);
	if (spec.kind == SPEC_POSTGRES && spec.url[0] == '\0' && values->database_url == NULL)
		settings_problem_at(reader, origin, "CHECKS: %s: DATABASE_URL is not set; set it, or give url=….",
		                    spec.name);
	if (spec.kind == SPEC_REDIS && spec.url[0] == '\0' && values->redis_url == NULL)
		settings_problem_at(reader, origin, "CHECKS: %s: REDIS_URL is not set; set it, or give url=….",
		                    spec.name);
	if (spec.kind == SPEC_COMMAND && values->workers == 0)
		settings_problem_at(reader, origin, "CHECKS: %s: with WORKERS=0 nobody runs commands; leave it out.",
		                    spec.name);
}

static void
check_checks(struct settings_reader *reader)
{
	const struct settings *values = &reader->values;
	if (values->alert_command != NULL && values->workers == 0)
		settings_problem_at(reader, settings_origin(reader, "ALERT_COMMAND"),
		                    "ALERT_COMMAND is set, but with WORKERS=0 nobody runs it; leave it out.");
	for (size_t i = 0; i < values->checks.count; i++)
		check_declared(reader, values->checks.items[i], i);
	for (size_t i = 0; i < values->critical_checks.count; i++) {
		const char *name = values->critical_checks.items[i];
		if (strchr(name, ':') != NULL || is_built_in(name) ||
		    count_named(&values->checks, name, values->checks.count) > 0)
			continue;
		settings_problem_at(
			reader, settings_origin(reader, "CRITICAL_CHECKS"),
			"CRITICAL_CHECKS names %s, but CHECKS does not; allowed are database, cache, memory, "
			"disk, disk:/path and the names of CHECKS.",
			name);
	}
}

static void
check_repeated(struct settings_reader *reader, const char *name, const struct text_list *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list->items[i], list->items[n]) == 0)
			settings_problem_at(reader, settings_origin(reader, name), "%s names %s twice.", name,
			                    list->items[n]);
}

static void
check_addresses(struct settings_reader *reader)
{
	const struct text_list *listen = &reader->values.listen, *admin = &reader->values.admin_listen;
	for (size_t i = 0; i < listen->count; i++)
		check_repeated(reader, "LISTEN", listen, i);
	for (size_t i = 0; i < admin->count; i++) {
		check_repeated(reader, "ADMIN_LISTEN", admin, i);
		if (text_list_has(listen, admin->items[i]))
			settings_problem_at(
				reader, settings_origin(reader, "ADMIN_LISTEN"),
				"ADMIN_LISTEN names %s, which LISTEN names too; it needs an address of its own.",
				admin->items[i]);
	}
}

void
settings_apply_rules(struct settings_reader *reader)
{
	choose_workers(reader);
	check_workers(reader);
	apply_debug(reader);
	check_accounts(reader);
	check_memory(reader);
	check_pending(reader);
	check_cache(reader);
	check_disks(reader);
	check_checks(reader);
	check_addresses(reader);
}
