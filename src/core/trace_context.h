/*
 * trace_context.h - W3C Trace Context level 2 (Candidate Recommendation Draft of 28 March 2024): reads traceparent and
 * tracestate, decides about sampling, writes traceparent. Pure, apart from the random bytes of new IDs.
 *
 * What came from a client is taken over only digit by digit, so that all of struct trace_context may stand in logs.
 */
#ifndef CORE_TRACE_CONTEXT_H
#define CORE_TRACE_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ratio.h" /* what ratios are in */
#include "strbuf.h"

/* Hexadecimal digits and a NUL. */
#define TRACE_ID_BYTES 33
#define SPAN_ID_BYTES 17
#define TRACE_FLAGS_BYTES 3
#define TRACEPARENT_BYTES 56
#define TRACESTATE_MAX_MEMBERS 32

/* Flags of traceparent, section 3.2.2.5; all others are 0 in what is sent. */
#define TRACE_SAMPLED 1u
#define TRACE_RANDOM 2u /* the right-most 7 bytes of the trace ID are random */

struct trace_context {
	char trace_id[TRACE_ID_BYTES];
	char parent_id[SPAN_ID_BYTES]; /* who called; "" where the trace starts here */
	char span_id[SPAN_ID_BYTES];   /* this request */
	char flags_text[TRACE_FLAGS_BYTES];
	unsigned flags;
};

/*
 * Continues the trace of a traceparent (NULL: not sent), with a span ID of its own. False where there is none or it is
 * invalid; blanks and tabs around it are no part of it. Version ff is invalid, version 00 is as long as it is, and of a
 * higher version as much is read as version 00 defines (section 3.2.4). A repeated field is invalid: the caller sees
 * that, where the web server has not joined it with commas.
 */
bool trace_continue(struct trace_context *trace, const char *traceparent);
/*
 * Starts a trace; ratio of them are sampled, by the random bytes of the trace ID, so that every service that samples
 * by these decides alike.
 */
void trace_start(struct trace_context *trace, int64_t ratio);
bool trace_sampled(const struct trace_context *trace);
/* "00-trace-span-flags" of this trace for a call whose span is span_id. */
void traceparent_write(const struct trace_context *trace, const char *span_id, char out[TRACEPARENT_BYTES]);

/* The fields of a request's tracestate, combined in their order, section 3.3. */
struct tracestate {
	struct strbuf *text; /* the caller's, empty at first; not failed means complete */
	size_t members;
	bool invalid;
};

void tracestate_init(struct tracestate *state, struct strbuf *text);
/*
 * Adds one field. Members are kept as they are, blanks and empty ones left out. One member that is malformed, or the
 * 33rd, makes all of it invalid. A key that comes twice stays (section 3.5: that is its sender's to avoid).
 */
void tracestate_add(struct tracestate *state, const char *field);
/* What is to be sent on; NULL where there is nothing, or it is invalid. */
const char *tracestate_value(const struct tracestate *state);

#endif
