/*
 * span_line.c - spans by the JSON writer, behind a head that is rendered once.
 *
 * Children come first and leave room for the request's own span, whose texts are bounded so that it fits. The order
 * of spans in a line means nothing to who reads it.
 */
#include "span_line.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "insist.h"
#include "jsonw.h"
#include "strbuf.h"
#include "trace_context.h"
#include "trace_log.h"

#define HEAD_MAX_BYTES 4096
/* Kept for the request's span: some ten texts, most of them far below the bound, of which a byte takes six at most. */
#define OWN_SPAN_BYTES ((size_t)24 << 10)
#define TAIL "]}]}]}\n"
#define SCHEMA_URL "https://opentelemetry.io/schemas/1.33.0"
#define HAS_IS_REMOTE 0x100u /* OTLP's SpanFlags: it is known whether the parent is another service's … */
#define IS_REMOTE 0x200u     /* … and it is */
#define STATUS_ERROR 2

struct span_line {
	struct strbuf out;
	size_t head_bytes;
	const struct trace_context *trace;
	const char *tracestate;
	int64_t real_minus_mono_ns; /* one for all spans of a request, so that a clock that is set reorders none */
	size_t spans, left_out;
	char storage[TRACE_LINE_MAX_BYTES + 1];
};

/* ---- Attributes --------------------------------------------------------------------------------- */

/* Not more than the bound, and not a part of a character at the end. */
static size_t
bounded(const char *text, size_t size)
{
	if (size <= SPAN_TEXT_MAX_BYTES)
		return size;
	size_t cut = SPAN_TEXT_MAX_BYTES;
	while (cut > SPAN_TEXT_MAX_BYTES - 3 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	return cut;
}

static void
put_number_text(struct jsonw *w, int64_t number)
{
	char text[24];
	struct strbuf digits;
	strbuf_init_fixed(&digits, text, sizeof text);
	strbuf_printf(&digits, "%lld", (long long)number);
	jsonw_bytes(w, digits.data, digits.length);
}

/* An AnyValue. */
static void
put_value(struct jsonw *w, const struct vt_field *field)
{
	jsonw_begin_object(w);
	switch (field->type) {
	case VT_FIELD_TEXT:
	case VT_FIELD_BYTES:
		jsonw_key(w, "stringValue");
		jsonw_bytes(w, field->value.text,
		            field->type == VT_FIELD_BYTES
		                    ? bounded(field->value.text, field->size_bytes)
		                    : bounded(field->value.text, strnlen(field->value.text, SPAN_TEXT_MAX_BYTES + 1)));
		break;
	case VT_FIELD_INT:
		jsonw_key(w, "intValue");
		put_number_text(w, field->value.integer);
		break;
	case VT_FIELD_DOUBLE:
		jsonw_key(w, "doubleValue");
		jsonw_double(w, field->value.number);
		break;
	case VT_FIELD_BOOL:
		jsonw_key(w, "boolValue");
		jsonw_bool(w, field->value.boolean);
		break;
	}
	jsonw_end_object(w);
}

static void
put_attribute(struct jsonw *w, const struct vt_field *field)
{
	bool text = field->type == VT_FIELD_TEXT || field->type == VT_FIELD_BYTES;
	if (text && field->value.text == NULL)
		return;
	jsonw_begin_object(w);
	jsonw_key(w, "key");
	jsonw_string(w, field->name);
	jsonw_key(w, "value");
	put_value(w, field);
	jsonw_end_object(w);
}

static void
put_attributes(struct jsonw *w, const struct vt_field *fields, size_t count)
{
	jsonw_key(w, "attributes");
	jsonw_begin_array(w);
	for (size_t i = 0; i < count; i++)
		put_attribute(w, &fields[i]);
	jsonw_end_array(w);
}

/* ---- The head ----------------------------------------------------------------------------------- */

static void
put_resource(struct jsonw *w, const struct span_resource *resource)
{
	char host[256] = "";
	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = '\0';
	const struct vt_field attributes[] = {
		VT_STR("service.name", resource->service_name),
		VT_STR("service.version", resource->service_version),
		VT_STR("service.instance.id", resource->instance_id),
		VT_STR("host.name", host[0] != '\0' ? host : NULL),
		VT_INT("process.pid", getpid()),
		VT_STR("telemetry.sdk.name", "vitals"),
		VT_STR("telemetry.sdk.language", "c"),
		VT_STR("telemetry.sdk.version", resource->library_version),
	};
	jsonw_key(w, "resource");
	jsonw_begin_object(w);
	put_attributes(w, attributes, sizeof attributes / sizeof *attributes);
	jsonw_end_object(w);
}

/* Everything in front of the first span. */
static void
put_head(struct strbuf *out, const struct span_resource *resource)
{
	struct jsonw w;
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_key(&w, "resourceSpans");
	jsonw_begin_array(&w);
	jsonw_begin_object(&w);
	put_resource(&w, resource);
	jsonw_key(&w, "schemaUrl");
	jsonw_string(&w, SCHEMA_URL);
	jsonw_key(&w, "scopeSpans");
	jsonw_begin_array(&w);
	jsonw_begin_object(&w);
	jsonw_key(&w, "scope");
	jsonw_begin_object(&w);
	jsonw_key(&w, "name");
	jsonw_string(&w, "vitals");
	jsonw_key(&w, "version");
	jsonw_string(&w, resource->library_version);
	jsonw_end_object(&w);
	jsonw_key(&w, "schemaUrl");
	jsonw_string(&w, SCHEMA_URL);
	jsonw_key(&w, "spans");
	jsonw_begin_array(&w);
}

struct span_line *
span_line_create(const struct span_resource *resource)
{
	struct span_line *line = calloc(1, sizeof *line);
	if (line == NULL)
		return NULL;
	strbuf_init_fixed(&line->out, line->storage, sizeof line->storage);
	put_head(&line->out, resource);
	INSIST(!line->out.failed && line->out.length <= HEAD_MAX_BYTES);
	line->head_bytes = line->out.length;
	return line;
}

void
span_line_destroy(struct span_line *line)
{
	free(line);
}

/* ---- Spans -------------------------------------------------------------------------------------- */

static void
put_ids(struct jsonw *w, const struct span_line *line, const struct span *span)
{
	const struct trace_context *trace = line->trace;
	bool own = span->kind == SPAN_SERVER;
	const char *parent = own ? trace->parent_id : trace->span_id;
	bool remote = own && parent[0] != '\0';
	jsonw_key(w, "traceId");
	jsonw_string(w, trace->trace_id);
	jsonw_key(w, "spanId");
	jsonw_string(w, span->span_id);
	if (line->tracestate != NULL) {
		jsonw_key(w, "traceState");
		jsonw_string(w, line->tracestate);
	}
	if (parent[0] != '\0') {
		jsonw_key(w, "parentSpanId");
		jsonw_string(w, parent);
	}
	jsonw_key(w, "flags");
	jsonw_uint(w, trace->flags | HAS_IS_REMOTE | (remote ? IS_REMOTE : 0));
}

static void
put_name(struct jsonw *w, const struct span *span)
{
	char text[SPAN_TEXT_MAX_BYTES];
	struct strbuf name;
	strbuf_init_fixed(&name, text, sizeof text);
	strbuf_puts(&name, span->name);
	if (span->name_more != NULL && strlen(span->name_more) + name.length + 2 <= sizeof text) {
		strbuf_putc(&name, ' ');
		strbuf_puts(&name, span->name_more);
	}
	jsonw_key(w, "name");
	jsonw_bytes(w, name.data, name.length);
}

static void
put_time(struct jsonw *w, const char *key, const struct span_line *line, int64_t mono_ns)
{
	jsonw_key(w, key);
	put_number_text(w, mono_ns + line->real_minus_mono_ns);
}

static void
put_span(struct span_line *line, const struct span *span)
{
	struct jsonw w;
	if (line->spans > 0)
		strbuf_putc(&line->out, ',');
	jsonw_init(&w, &line->out);
	jsonw_begin_object(&w);
	put_ids(&w, line, span);
	put_name(&w, span);
	jsonw_key(&w, "kind");
	jsonw_int(&w, span->kind);
	put_time(&w, "startTimeUnixNano", line, span->start_ns);
	put_time(&w, "endTimeUnixNano", line, span->end_ns);
	put_attributes(&w, span->attributes, span->attribute_count);
	jsonw_key(&w, "status");
	jsonw_begin_object(&w);
	if (span->failed) {
		jsonw_key(&w, "code");
		jsonw_int(&w, STATUS_ERROR);
	}
	jsonw_end_object(&w);
	jsonw_end_object(&w);
	line->spans++;
}

void
span_line_begin(struct span_line *line, const struct trace_context *trace, const char *tracestate)
{
	strbuf_truncate(&line->out, line->head_bytes);
	line->trace = trace;
	/* In the spans it helps nobody when it is as long as the grammar allows; it is sent on in any case. */
	line->tracestate = tracestate != NULL && strlen(tracestate) <= SPAN_TEXT_MAX_BYTES ? tracestate : NULL;
	line->real_minus_mono_ns = clock_real_ns() - clock_mono_ns();
	line->spans = line->left_out = 0;
}

/* False: it would go past the limit, and is not there. */
static bool
put_span_within(struct span_line *line, const struct span *span, size_t limit)
{
	size_t before = line->out.length;
	put_span(line, span);
	if (!line->out.failed && line->out.length <= limit)
		return true;
	strbuf_truncate(&line->out, before);
	line->spans--;
	return false;
}

void
span_line_add(struct span_line *line, const struct span *span)
{
	if (!put_span_within(line, span, TRACE_LINE_MAX_BYTES - OWN_SPAN_BYTES))
		line->left_out++;
}

const char *
span_line_end(struct span_line *line, const struct span *span, size_t *size_bytes)
{
	struct vt_field attributes[SPAN_ATTRIBUTES_MAX + 1];
	struct span own = *span;
	INSIST(span->attribute_count <= SPAN_ATTRIBUTES_MAX);
	if (line->left_out > 0) {
		memcpy(attributes, span->attributes, span->attribute_count * sizeof *attributes);
		attributes[own.attribute_count++] = VT_INT("vitals.spans.left_out", line->left_out);
		own.attributes = attributes;
	}
	if (!put_span_within(line, &own, TRACE_LINE_MAX_BYTES - (sizeof TAIL - 1))) {
		own.attribute_count = 0;
		INSIST(put_span_within(line, &own, TRACE_LINE_MAX_BYTES - (sizeof TAIL - 1)));
	}
	strbuf_puts(&line->out, TAIL);
	*size_bytes = line->out.length;
	return line->out.data;
}
