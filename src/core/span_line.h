/*
 * span_line.h - the spans of one request as one line of OTLP/JSON: an ExportTraceServiceRequest in the JSON mapping
 * of OTLP 1.x (opentelemetry-proto, docs/specification: IDs in hexadecimal, 64-bit integers as strings, enumerations
 * as numbers), which the Collector's otlpjsonfile receiver reads.
 *
 * Each span is written when it ends, into storage that is made once: a request costs no allocation, and nothing that
 * a span points to need outlive the call. The resource and the scope are rendered once.
 */
#ifndef CORE_SPAN_LINE_H
#define CORE_SPAN_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "vitals.h"

struct span_line;
struct trace_context;

/* Longer texts are cut, at a character's boundary. */
#define SPAN_TEXT_MAX_BYTES 512
#define SPAN_ATTRIBUTES_MAX 24

/* Who the spans are of. */
struct span_resource {
	const char *service_name, *service_version, *instance_id, *library_version;
};

enum span_kind { SPAN_SERVER = 2, SPAN_CLIENT = 3 }; /* OTLP's SpanKind */

struct span {
	enum span_kind kind;
	const char *name, *name_more; /* "GET" and "/users/{id}", or NULL; a constant of the program or a route */
	const char *span_id;
	int64_t start_ns, end_ns;          /* monotonic */
	bool failed;                       /* OTLP's STATUS_CODE_ERROR; otherwise unset, as the conventions want */
	const struct vt_field *attributes; /* any bytes; a text that is NULL leaves the attribute out */
	size_t attribute_count;
};

/* NULL: no memory. Lives in one process: the resource has its pid. */
struct span_line *span_line_create(const struct span_resource *resource);
void span_line_destroy(struct span_line *line); /* NULL is allowed */

/* Begins the line of a request; trace and tracestate (may be NULL) are the request's and outlive the line. */
void span_line_begin(struct span_line *line, const struct trace_context *trace, const char *tracestate);
/* Adds what the request waited for, a child of its own span. One that no longer fits is left out and counted. */
void span_line_add(struct span_line *line, const struct span *span);
/* Adds the request's own span, its attributes left out should they not fit, and ends the line, newline included: at most TRACE_LINE_MAX_BYTES. */
const char *span_line_end(struct span_line *line, const struct span *span, size_t *size_bytes);

#endif
