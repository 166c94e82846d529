/*
 * check_fastcgi.c - fastcgi:unix:/path and fastcgi:tcp:address:port: a GET as a web server would pass it on.
 *
 * A client of a few records of its own (FastCGI 1.0 sections 3 and 6): one request, role responder, the connection
 * closed by the application at its end. Lengths are believed no further than the bytes that have come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_answer.h"
#include "check_ask.h"
#include "check_table.h"

#define REQUEST_BYTES 8192
#define HEADER_BYTES 8
#define LONG_LENGTH 128 /* from here on a length has four bytes, section 3.4 */

enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

struct asking {
	struct check_ask ask; /* first, as check_ask.h wants it */
	char request[REQUEST_BYTES];
	char answer[CHECK_TALK_BYTES];
	char output[CHECK_TALK_BYTES]; /* what the STDOUT records hold */
};

/* ---- The request -------------------------------------------------------------------------------- */

static void
put_byte(struct asking *state, size_t value)
{
	if (state->ask.talk.out_bytes < sizeof state->request)
		state->request[state->ask.talk.out_bytes++] = (char)(unsigned char)value;
}

static void
put_header(struct asking *state, int type, size_t size)
{
	const size_t bytes[HEADER_BYTES] = {1, (size_t)type, 0, 1, size >> 8, size & 0xff, 0, 0};
	for (size_t i = 0; i < HEADER_BYTES; i++)
		put_byte(state, bytes[i]);
}

static void
put_length(struct asking *state, size_t size)
{
	if (size < LONG_LENGTH) {
		put_byte(state, size);
		return;
	}
	for (int shift = 24; shift >= 0; shift -= 8)
		put_byte(state, (size >> shift & 0xff) | (shift == 24 ? 0x80 : 0));
}

static void
put_param(struct asking *state, const char *name, const char *value)
{
	put_length(state, strlen(name));
	put_length(state, strlen(value));
	for (; *name != '\0'; name++)
		put_byte(state, (unsigned char)*name);
	for (; *value != '\0'; value++)
		put_byte(state, (unsigned char)*value);
}

static void
put_params(struct asking *state, const char *path)
{
	const char *query = strchr(path, '?');
	char uri[CHECK_SPEC_TEXT_BYTES];
	snprintf(uri, sizeof uri, "%.*s", (int)strcspn(path, "?"), path);
	put_param(state, "GATEWAY_INTERFACE", "CGI/1.1");
	put_param(state, "REQUEST_METHOD", "GET");
	put_param(state, "REQUEST_URI", path);
	put_param(state, "DOCUMENT_URI", uri);
	put_param(state, "SCRIPT_NAME", uri);
	put_param(state, "SCRIPT_FILENAME", state->ask.spec.script[0] != '\0' ? state->ask.spec.script : uri);
	put_param(state, "QUERY_STRING", query != NULL ? query + 1 : "");
	put_param(state, "SERVER_PROTOCOL", "HTTP/1.1");
	put_param(state, "SERVER_NAME", state->ask.spec.host);
	put_param(state, "SERVER_PORT", "80");
	put_param(state, "REMOTE_ADDR", "127.0.0.1");
	put_param(state, "HTTP_HOST", state->ask.spec.host);
	put_param(state, "HTTP_USER_AGENT", "vitals");
}

static void
build_request(struct asking *state)
{
	static const char begin[HEADER_BYTES] = {0, 1}; /* responder, no FCGI_KEEP_CONN */
	put_header(state, BEGIN_REQUEST, sizeof begin);
	for (size_t i = 0; i < sizeof begin; i++)
		put_byte(state, (unsigned char)begin[i]);
	size_t before = state->ask.talk.out_bytes;
	put_header(state, PARAMS, 0);
	put_params(state, state->ask.spec.path);
	size_t size = state->ask.talk.out_bytes - before - HEADER_BYTES;
	state->request[before + 4] = (char)(unsigned char)(size >> 8);
	state->request[before + 5] = (char)(unsigned char)(size & 0xff);
	put_header(state, PARAMS, 0);
	put_header(state, STDIN, 0);
}

/* ---- The answer --------------------------------------------------------------------------------- */

/* Joins what the STDOUT records that have come hold; *ended: the request has. Returns its size. */
static size_t
join_output(struct asking *state, bool *ended)
{
	const unsigned char *in = (const unsigned char *)state->answer;
	size_t at = 0, size = 0, have = state->ask.talk.in_bytes;
	*ended = false;
	while (have - at >= HEADER_BYTES && !*ended) {
		size_t length = (size_t)in[at + 4] << 8 | in[at + 5], padding = in[at + 6];
		size_t body = at + HEADER_BYTES, there = have - body < length ? have - body : length;
		if (in[at] != 1)
			break;
		*ended = in[at + 1] == END_REQUEST;
		if (in[at + 1] == STDOUT) {
			memcpy(state->output + size, in + body, there);
			size += there;
		}
		if (have - body < length + padding)
			break;
		at = body + length + padding;
	}
	return size;
}

static bool
look(struct check_ask *ask, enum talk_progress progress, struct check_result *result)
{
	struct asking *state = (struct asking *)ask;
	struct check_answer answer = {.took_ms = check_talk_ms(&ask->talk)};
	bool ended;
	if (progress == TALK_CONNECTED)
		return false;
	size_t size = join_output(state, &ended);
	check_answer_parse_cgi(state->output, size, &answer);
	if (progress == TALK_CAME && !ended && check_answer_wants_more(&ask->spec, &answer))
		return false;
	check_answer_judge(&ask->spec, &answer, result);
	return true;
}

/* ---- The check ---------------------------------------------------------------------------------- */

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	(void)config;
	struct asking *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -1;
	state->ask = (struct check_ask){
		.spec = *spec, .talk = {.fd = -1, .out = state->request, .in = state->answer}, .look = look};
	build_request(state);
	check->state = state;
	return 0;
}

const struct check_kind check_fastcgi = {
	.name = "fastcgi",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = check_ask_start,
	.step = check_ask_step,
	.abandon = check_ask_abandon,
	.destroy = check_ask_destroy,
};
