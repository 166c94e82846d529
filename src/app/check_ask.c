/* check_ask.c - called by check_run.c for check_connect.c, check_http.c and check_fastcgi.c. */
#include "check_ask.h"

#include <stdlib.h>

#include "check_kind.h"

void
check_ask_start(void *state)
{
	struct check_ask *ask = state;
	check_talk_start(&ask->talk, &ask->spec.address);
}

enum io_progress
check_ask_step(void *state, struct io_want *want, struct check_result *result)
{
	struct check_ask *ask = state;
	for (;;) {
		enum talk_progress progress = check_talk_step(&ask->talk, want);
		if (progress == TALK_WAIT)
			return IO_WAIT;
		if (progress == TALK_FAILED)
			check_fail(result, "%s", check_talk_words(&ask->talk));
		else if (!ask->look(ask, progress, result))
			continue;
		check_talk_end(&ask->talk);
		return IO_DONE;
	}
}

void
check_ask_abandon(void *state)
{
	struct check_ask *ask = state;
	check_talk_end(&ask->talk);
}

void
check_ask_destroy(void *state)
{
	check_ask_abandon(state);
	free(state);
}
