/*
 * check_http.c - http://address:port/path: GET, and the status and body that come.
 *
 * Asks with HTTP/1.0, so that the body is never chunked and ends with the connection (RFC 9112 section 9.3). Reads no
 * more than decides the matter, and follows no redirect.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check_answer.h"
#include "check_table.h"
#include "check_talk.h"

#define REQUEST_BYTES 2048

struct asking {
	struct check_spec spec;
	struct check_talk talk;
	char request[REQUEST_BYTES];
	char answer[CHECK_TALK_BYTES];
};

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	(void)config;
	struct asking *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -1;
	state->spec = *spec;
	int size = snprintf(state->request, sizeof state->request,
	                    "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: vitals\r\nAccept: */*\r\n\r\n", spec->path,
	                    spec->host);
	state->talk =
		(struct check_talk){.fd = -1, .out = state->request, .out_bytes = (size_t)size, .in = state->answer};
	check->state = state;
	return 0;
}

static void
start(void *check)
{
	struct asking *state = check;
	check_talk_start(&state->talk, &state->spec.address);
}

/* True where the check is decided. */
static bool
look(struct asking *state, enum talk_progress progress, struct check_result *result)
{
	struct check_answer answer = {.took_ms = check_talk_ms(&state->talk)};
	check_answer_parse_http(state->answer, state->talk.in_bytes, &answer);
	if (progress == TALK_CAME && check_answer_wants_more(&state->spec, &answer))
		return false;
	check_answer_judge(&state->spec, &answer, result);
	return true;
}

static enum io_progress
step(void *check, struct io_want *want, struct check_result *result)
{
	struct asking *state = check;
	for (;;) {
		enum talk_progress progress = check_talk_step(&state->talk, want);
		if (progress == TALK_WAIT)
			return IO_WAIT;
		if (progress == TALK_FAILED)
			check_fail(result, "%s", check_talk_words(&state->talk));
		else if (progress == TALK_CONNECTED || !look(state, progress, result))
			continue;
		check_talk_end(&state->talk);
		return IO_DONE;
	}
}

static void
abandon(void *check)
{
	struct asking *state = check;
	check_talk_end(&state->talk);
}

static void
destroy(void *check)
{
	abandon(check);
	free(check);
}

const struct check_kind check_http = {
	.name = "http",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = start,
	.step = step,
	.abandon = abandon,
	.destroy = destroy,
};
