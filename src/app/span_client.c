/*
 * span_client.c - spans of kind CLIENT: what a request waited for.
 *
 * Names and attributes follow the semantic conventions for database and HTTP client spans, version 1.33. An error is
 * named by a word or a code, never by a text of the other side.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "random_id.h"
#include "redact.h"
#include "request.h"
#include "services.h"
#include "span_line.h"
#include "spans.h"
#include "sql_text.h"
#include "strbuf.h"

#define URL_MAX_BYTES 2048

int64_t
span_started_ns(const struct vt_request *req)
{
	return req->recorded ? clock_mono_ns() : 0;
}

/* error.type; NULL where it is none. */
static const char *
error_type(enum vt_result result)
{
	switch (result) {
	case VT_OK:
	case VT_MISS:
		return NULL;
	case VT_TIMEOUT:
		return "timeout";
	case VT_UNAVAILABLE:
		return "unavailable";
	case VT_NO_MEMORY:
		return "no_memory";
	default:
		return "_OTHER";
	}
}

/* Ends it now, under an ID of its own where it has none. */
static void
add(struct vt_request *req, const struct span *given)
{
	char span_id[SPAN_ID_BYTES];
	struct span span = *given;
	span.kind = SPAN_CLIENT;
	span.end_ns = clock_mono_ns();
	if (span.span_id == NULL) {
		random_hex(span_id, (SPAN_ID_BYTES - 1) / 2);
		span.span_id = span_id;
	}
	span_line_add(services_of(req)->span_line, &span);
}

void
span_statement(struct vt_request *req, const struct statement_span *statement)
{
	char operation[SQL_OPERATION_BYTES], storage[SPAN_TEXT_MAX_BYTES];
	struct strbuf text;
	if (!req->recorded)
		return;
	strbuf_init_fixed(&text, storage, sizeof storage);
	sql_text_write(&text, statement->sql);
	sql_operation(statement->sql, operation);
	const char *sqlstate = statement->sqlstate[0] != '\0' ? statement->sqlstate : NULL;
	const char *error = sqlstate != NULL ? sqlstate : error_type(statement->result);
	const struct vt_field attributes[] = {
		VT_STR("db.system.name", "postgresql"),
		VT_STR("db.operation.name", operation[0] != '\0' ? operation : NULL),
		VT_STRN("db.query.text", text.data, text.length),
		VT_STR("db.response.status_code", sqlstate),
		VT_STR("error.type", error),
	};
	add(req, &(struct span){.name = operation[0] != '\0' ? operation : "postgresql",
	                        .start_ns = statement->started_ns,
	                        .failed = error != NULL,
	                        .attributes = attributes,
	                        .attribute_count = sizeof attributes / sizeof *attributes});
}

void
span_cache(struct vt_request *req, int64_t started_ns, const char *name, enum vt_result result)
{
	if (!req->recorded)
		return;
	const char *error = error_type(result);
	const struct vt_field attributes[] = {
		VT_STR("db.system.name", "redis"),
		VT_STR("db.operation.name", name),
		VT_STR("error.type", error),
	};
	add(req, &(struct span){.name = name,
	                        .start_ns = started_ns,
	                        .failed = error != NULL,
	                        .attributes = attributes,
	                        .attribute_count = sizeof attributes / sizeof *attributes});
}

void
span_outbound(struct vt_request *req, const struct vt_outbound *call)
{
	char storage[URL_MAX_BYTES], code[16];
	struct strbuf url;
	if (!req->recorded || call->span_id == NULL)
		return;
	strbuf_init_fixed(&url, storage, sizeof storage);
	if (call->url != NULL && req->with.redact != NULL)
		redact_url(req->with.redact, &url, call->url);
	snprintf(code, sizeof code, "%d", call->status);
	const char *method = span_method(call->method != NULL ? call->method : "");
	const char *error = call->status == 0 ? "_OTHER" : call->status >= 400 ? code : NULL;
	const struct vt_field attributes[] = {
		VT_STR("http.request.method", method),
		VT_STRN("url.full", url.length > 0 ? url.data : NULL, url.length), VT_STR("error.type", error),
		VT_INT("http.response.status_code", call->status), /* the last: left out where there was no answer */
	};
	add(req,
	    &(struct span){.name = strcmp(method, "_OTHER") == 0 ? "HTTP" : method,
	                   .span_id = call->span_id,
	                   .start_ns = call->started_ns,
	                   .failed = error != NULL,
	                   .attributes = attributes,
	                   .attribute_count = sizeof attributes / sizeof *attributes - (call->status == 0 ? 1 : 0)});
}
