/*
 * check_command.c - command:/path arguments: a plugin's last result, as the helper found it.
 *
 * No worker runs commands. The helper does (helper.c) and leaves what it found in shared memory, under the check's
 * index and identity; this check makes a result of it, and fails where it is too old: then the helper is not there.
 */
#include <stdlib.h>

#include "check_kind.h"
#include "check_spec.h"
#include "check_table.h"
#include "clock.h"

struct waiting {
	struct check_spec spec;
	struct scoreboard *board;
	unsigned index;
};

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	struct waiting *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -1;
	state->spec = *spec;
	state->board = config->board;
	state->index = check->index;
	check->state = state;
	return 0;
}

static void
start(void *state)
{
	(void)state;
}

static enum io_progress
step(void *check, struct io_want *want, struct check_result *result)
{
	const struct waiting *state = check;
	struct check_result report;
	int64_t hard_age_ms = 2 * state->spec.every_ms + state->spec.timeout_ms;
	(void)want;
	if (!check_read_report(state->board, state->index, &report) || report.identity != state->spec.identity)
		check_wait(result, "the command has not yet been run");
	else if (clock_mono_ns() - report.checked_ns > hard_age_ms * NS_PER_MS)
		check_fail(result, "the command has not been run for too long");
	else
		*result = report;
	return IO_DONE;
}

static void
abandon(void *state)
{
	(void)state;
}

const struct check_kind check_command = {
	.name = "command",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = start,
	.step = step,
	.abandon = abandon,
	.destroy = free,
};
