/* check_connect.c - tcp:address:port and unix:/path: can a connection be had, and how soon. Nothing is sent. */
#include <stdlib.h>

#include "check_bounds.h"
#include "check_table.h"
#include "check_talk.h"

struct connecting {
	struct check_spec spec;
	struct check_talk talk;
};

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	(void)config;
	struct connecting *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -1;
	state->spec = *spec;
	state->talk.fd = -1;
	check->state = state;
	return 0;
}

static void
start(void *check)
{
	struct connecting *state = check;
	check_talk_start(&state->talk, &state->spec.address);
}

static enum io_progress
step(void *check, struct io_want *want, struct check_result *result)
{
	struct connecting *state = check;
	enum talk_progress progress = check_talk_step(&state->talk, want);
	if (progress == TALK_WAIT)
		return IO_WAIT;
	if (progress == TALK_FAILED)
		check_fail(result, "%s", check_talk_words(&state->talk));
	else
		check_judge(&state->spec, "connected after %s", check_talk_ms(&state->talk), result);
	check_talk_end(&state->talk);
	return IO_DONE;
}

static void
abandon(void *check)
{
	struct connecting *state = check;
	check_talk_end(&state->talk);
}

static void
destroy(void *check)
{
	abandon(check);
	free(check);
}

const struct check_kind check_connect = {
	.name = "connect",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = start,
	.step = step,
	.abandon = abandon,
	.destroy = destroy,
};
