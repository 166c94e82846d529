/* check_connect.c - tcp:address:port and unix:/path: can a connection be had, and how soon. Nothing is sent. */
#include <stdlib.h>

#include "check_ask.h"
#include "check_bounds.h"
#include "check_table.h"

/* The first progress is that it is connected. */
static bool
look(struct check_ask *ask, enum talk_progress progress, struct check_result *result)
{
	(void)progress;
	check_judge(&ask->spec, "connected after %s", check_talk_ms(&ask->talk), result);
	return true;
}

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	(void)config;
	struct check_ask *ask = calloc(1, sizeof *ask);
	if (ask == NULL)
		return -1;
	*ask = (struct check_ask){.spec = *spec, .talk = {.fd = -1}, .look = look};
	check->state = ask;
	return 0;
}

const struct check_kind check_connect = {
	.name = "connect",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = check_ask_start,
	.step = check_ask_step,
	.abandon = check_ask_abandon,
	.destroy = check_ask_destroy,
};
