/*
 * check_database.c - the database answers SELECT 1 on the worker's own connection.
 *
 * The work is the store's, database_ping_*(); its error texts name no host, user or password. Without a
 * configured database the check says so and never fails.
 */
#include "database.h"

#include "check_table.h"

static int
create(const struct checks_config *config, size_t n, struct check *check)
{
	if (n > 0)
		return 0;
	check->state = config->database;
	return 1;
}

static void
start(void *state)
{
	if (state != NULL)
		database_ping_begin(state);
}

static enum io_progress
step(void *state, struct io_want *want, struct check_result *result)
{
	enum vt_result outcome = VT_NOT_CONFIGURED;
	if (state != NULL && database_ping_step(state, want, &outcome) == IO_WAIT)
		return IO_WAIT;
	if (outcome == VT_OK)
		result->status = CHECK_HEALTHY;
	else if (outcome == VT_NOT_CONFIGURED)
		result->status = CHECK_NOT_CONFIGURED;
	else
		check_fail(result, "%s", database_error(state));
	return IO_DONE;
}

static void
abandon(void *state)
{
	database_ping_abandon(state);
}

const struct check_kind check_database = {
	.name = "database",
	.shape = CHECK_SHAPE_TEXT,
	.create = create,
	.start = start,
	.step = step,
	.abandon = abandon,
};
