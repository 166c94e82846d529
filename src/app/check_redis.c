/*
 * check_redis.c - redis:memory and redis:role, by INFO, on a connection of its own for the time of the run.
 *
 * Memory is used_memory of maxmemory, or of the machine where Redis has no bound. A replica is well only while its link
 * to the primary is up.
 */
#include <stdlib.h>
#include <string.h>

#include "check_bounds.h"
#include "check_table.h"
#include "redis.h"
#include "settings.h"

#define PERCENT 100

struct asking {
	struct check_spec spec;
	struct redis *redis;
	struct redis_info info;
};

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	const struct settings *settings = config->settings;
	struct asking *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -1;
	state->spec = *spec;
	state->info.section = spec->subject == SUBJECT_MEMORY ? "memory" : "replication";
	state->redis =
		redis_create(&(struct redis_config){.url = spec->url[0] != '\0' ? spec->url : settings->redis_url,
	                                            .timeout_ms = settings->redis_timeout_ms,
	                                            .ttl_default_ms = settings->cache_ttl_default_ms},
	                     NULL);
	check->state = state;
	if (state->redis != NULL)
		return 0;
	free(state);
	return -1;
}

static void
start(void *check)
{
	struct asking *state = check;
	state->info.text[0] = '\0';
	redis_ask_begin(state->redis);
}

/* What stands behind "key:" at the start of a line; NULL: no such line. */
static const char *
find(const char *text, const char *key)
{
	size_t size = strlen(key);
	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, key, size) == 0 && text[size] == ':')
			return text + size + 1;
	}
	return NULL;
}

static int64_t
number(const char *text, const char *key)
{
	const char *value = find(text, key);
	return value != NULL ? strtoll(value, NULL, 10) : 0;
}

static bool
is(const char *text, const char *key, const char *wanted)
{
	const char *value = find(text, key);
	size_t size = strlen(wanted);
	return value != NULL && strncmp(value, wanted, size) == 0 && (value[size] == '\r' || value[size] == '\n');
}

static void
judge_memory(const struct check_spec *spec, const char *text, struct check_result *result)
{
	int64_t used = number(text, "used_memory"), bound = number(text, "maxmemory");
	if (bound == 0)
		bound = number(text, "total_system_memory");
	if (used <= 0 || bound <= 0)
		check_fail(result, "Redis does not tell its memory");
	else
		check_judge(spec, "%s of the memory is used", (int64_t)check_percent((uint64_t)used, (uint64_t)bound),
		            result);
}

static void
judge_role(const struct check_spec *spec, const char *text, struct check_result *result)
{
	bool primary = is(text, "role", "master"), replica = is(text, "role", "slave");
	bool wants_replica = spec->role == CHECK_ROLE_REPLICA;
	if (!primary && !replica)
		check_fail(result, "Redis does not tell its role");
	else if (replica != wants_replica)
		check_fail(result, "it is a %s, not a %s", replica ? "replica" : "primary",
		           wants_replica ? "replica" : "primary");
	else if (replica && !is(text, "master_link_status", "up"))
		check_fail(result, "its link to the primary is down");
	else
		result->status = CHECK_HEALTHY;
}

static enum io_progress
step(void *check, struct io_want *want, struct check_result *result)
{
	struct asking *state = check;
	enum vt_result how;
	if (redis_ask_step(state->redis, &state->info, want, &how) == IO_WAIT)
		return IO_WAIT;
	if (how != VT_OK)
		check_fail(result, "%s", redis_error(state->redis));
	else if (state->spec.subject == SUBJECT_MEMORY)
		judge_memory(&state->spec, state->info.text, result);
	else
		judge_role(&state->spec, state->info.text, result);
	return IO_DONE;
}

static void
abandon(void *check)
{
	struct asking *state = check;
	redis_ask_end(state->redis);
}

static void
destroy(void *check)
{
	struct asking *state = check;
	redis_destroy(state->redis);
	free(state);
}

const struct check_kind check_redis = {
	.name = "redis",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = start,
	.step = step,
	.abandon = abandon,
	.destroy = destroy,
};
