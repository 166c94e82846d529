/*
 * check_store.c - the database answers SELECT 1 and the cache PING, on the worker's own connections.
 *
 * The work is the store's, database_ping_*() and redis_ping_*(); its error texts name no host, user or
 * password. Where one is not configured its check says so and never fails.
 */
#include "database.h"
#include "redis.h"

#include "check_table.h"

/* A ping's outcome as the check's; why it failed is asked only then. */
static void
conclude(struct check_result *result, enum vt_result outcome, const char *error)
{
	if (outcome == VT_OK)
		result->status = CHECK_HEALTHY;
	else if (outcome == VT_NOT_CONFIGURED)
		result->status = CHECK_NOT_CONFIGURED;
	else
		check_fail(result, "%s", error);
}

static int
database_create_check(const struct checks_config *config, size_t n, struct check *check)
{
	check->state = config->database;
	return n == 0;
}

static void
database_start(void *db)
{
	if (db != NULL)
		database_ping_begin(db);
}

static enum io_progress
database_step(void *db, struct io_want *want, struct check_result *result)
{
	enum vt_result outcome = VT_NOT_CONFIGURED;
	if (db != NULL && database_ping_step(db, want, &outcome) == IO_WAIT)
		return IO_WAIT;
	conclude(result, outcome, db != NULL ? database_error(db) : NULL);
	return IO_DONE;
}

static void
database_abandon(void *db)
{
	database_ping_abandon(db);
}

static int
cache_create_check(const struct checks_config *config, size_t n, struct check *check)
{
	check->state = config->redis;
	return n == 0;
}

static void
cache_start(void *cache)
{
	if (cache != NULL)
		redis_ping_begin(cache);
}

static enum io_progress
cache_step(void *cache, struct io_want *want, struct check_result *result)
{
	enum vt_result outcome = VT_NOT_CONFIGURED;
	if (cache != NULL && redis_ping_step(cache, want, &outcome) == IO_WAIT)
		return IO_WAIT;
	conclude(result, outcome, cache != NULL ? redis_error(cache) : NULL);
	return IO_DONE;
}

static void
cache_abandon(void *cache)
{
	redis_ping_abandon(cache);
}

const struct check_kind check_database = {
	.name = "database",
	.shape = CHECK_SHAPE_TEXT,
	.create = database_create_check,
	.start = database_start,
	.step = database_step,
	.abandon = database_abandon,
};

const struct check_kind check_cache = {
	.name = "cache",
	.shape = CHECK_SHAPE_TEXT,
	.create = cache_create_check,
	.start = cache_start,
	.step = cache_step,
	.abandon = cache_abandon,
};
