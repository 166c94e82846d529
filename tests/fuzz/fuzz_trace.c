/*
 * fuzz_trace.c - libFuzzer harness: any bytes as traceparent, as two fields of tracestate, and as a statement.
 *
 * What is taken over from a client must be of the forms that logs and headers rely on, and what is sent on must be
 * taken over by the next service unchanged. A statement's literals must be gone from what spans show.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "insist.h"
#include "sql_text.h"
#include "strbuf.h"
#include "trace_context.h"

#define STATE_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_traceparent(const char *text)
{
	struct trace_context trace, next;
	char sent[TRACEPARENT_BYTES];
	if (!trace_continue(&trace, text))
		return;
	INSIST(strspn(trace.trace_id, "0123456789abcdef") == TRACE_ID_BYTES - 1);
	INSIST(strspn(trace.parent_id, "0123456789abcdef") == SPAN_ID_BYTES - 1);
	traceparent_write(&trace, trace.span_id, sent);
	INSIST(trace_continue(&next, sent));
	INSIST(strcmp(next.trace_id, trace.trace_id) == 0 && strcmp(next.parent_id, trace.span_id) == 0);
	INSIST(next.flags == trace.flags);
}

static const char *
combine(char *storage, struct strbuf *text, const char *first, const char *second)
{
	struct tracestate state;
	strbuf_init_fixed(text, storage, STATE_BYTES);
	tracestate_init(&state, text);
	tracestate_add(&state, first);
	if (second != NULL)
		tracestate_add(&state, second);
	return tracestate_value(&state);
}

static void
try_tracestate(const char *first, const char *second)
{
	static char sent[STATE_BYTES], again[STATE_BYTES];
	struct strbuf one, two;
	const char *value = combine(sent, &one, first, second);
	if (value == NULL)
		return;
	for (const char *p = value; *p != '\0'; p++)
		INSIST(*p >= 0x20 && *p <= 0x7e);
	const char *next = combine(again, &two, value, NULL);
	INSIST(next != NULL && strcmp(next, value) == 0);
}

/* No string is left open, and no quote is left but those of names. */
static void
try_statement(const char *sql)
{
	static char storage[STATE_BYTES];
	char operation[SQL_OPERATION_BYTES];
	struct strbuf text;
	bool quoted = false;
	strbuf_init_fixed(&text, storage, sizeof storage);
	sql_text_write(&text, sql);
	sql_operation(sql, operation);
	for (const char *p = text.data; *p != '\0'; p++) {
		quoted = quoted != (*p == '"');
		INSIST(quoted || *p != '\'');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	INSIST(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	const char *second = memchr(text, '\0', size);
	try_traceparent(text);
	try_tracestate(text, second != NULL ? second + 1 : NULL);
	try_statement(text);
	free(text);
	return 0;
}
