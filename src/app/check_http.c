/*
 * check_http.c - http://address:port/path: GET, and the status and body that come.
 *
 * Asks with HTTP/1.0, so that the body is never chunked and ends with the connection (RFC 9112 section 9.3). Reads no
 * more than decides the matter, and follows no redirect.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check_answer.h"
#include "check_ask.h"
#include "check_table.h"

#define REQUEST_BYTES 2048

struct asking {
	struct check_ask ask; /* first, as check_ask.h wants it */
	char request[REQUEST_BYTES];
	char answer[CHECK_TALK_BYTES];
};

static bool
look(struct check_ask *ask, enum talk_progress progress, struct check_result *result)
{
	struct check_answer answer = {.took_ms = check_talk_ms(&ask->talk)};
	if (progress == TALK_CONNECTED)
		return false;
	check_answer_parse_http(ask->talk.in, ask->talk.in_bytes, &answer);
	if (progress == TALK_CAME && check_answer_wants_more(&ask->spec, &answer))
		return false;
	check_answer_judge(&ask->spec, &answer, result);
	return true;
}

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	(void)config;
	struct asking *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -1;
	int size = snprintf(state->request, sizeof state->request,
	                    "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: vitals\r\nAccept: */*\r\n\r\n", spec->path,
	                    spec->host);
	state->ask = (struct check_ask){
		.spec = *spec,
		.talk = {.fd = -1, .out = state->request, .out_bytes = (size_t)size, .in = state->answer},
		.look = look};
	check->state = state;
	return 0;
}

const struct check_kind check_http = {
	.name = "http",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = check_ask_start,
	.step = check_ask_step,
	.abandon = check_ask_abandon,
	.destroy = check_ask_destroy,
};
