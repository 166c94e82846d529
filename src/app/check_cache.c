/*
 * check_cache.c - the cache answers PING on the worker's own connection.
 *
 * The work is the store's, cache_ping_*(); its error texts name no host, user or password. Without a
 * configured cache the check says so and never fails.
 */
#include "cache.h"

#include "check_table.h"

static int
create(const struct checks_config *config, size_t n, struct check *check)
{
	if (n > 0)
		return 0;
	check->state = config->cache;
	return 1;
}

static void
start(void *state)
{
	if (state != NULL)
		cache_ping_begin(state);
}

static enum io_progress
step(void *state, struct io_want *want, struct check_result *result)
{
	enum vt_result outcome = VT_NOT_CONFIGURED;
	if (state != NULL && cache_ping_step(state, want, &outcome) == IO_WAIT)
		return IO_WAIT;
	if (outcome == VT_OK)
		result->status = CHECK_HEALTHY;
	else if (outcome == VT_NOT_CONFIGURED)
		result->status = CHECK_NOT_CONFIGURED;
	else
		check_fail(result, "%s", cache_error(state));
	return IO_DONE;
}

static void
abandon(void *state)
{
	cache_ping_abandon(state);
}

const struct check_kind check_cache = {
	.name = "cache",
	.shape = CHECK_SHAPE_TEXT,
	.create = create,
	.start = start,
	.step = step,
	.abandon = abandon,
};
