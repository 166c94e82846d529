/*
 * query_comment.c - see query_comment.h. Called for each statement of a request by api_query.c.
 *
 * Only unreserved characters (RFC 3986) come into it as they are, so no value can end the comment or its quotes.
 */
#include "query_comment.h"

#include "arena.h"
#include "percent.h"
#include "request.h"
#include "router.h"
#include "sample.h"
#include "services.h"
#include "settings.h"
#include "strbuf.h"

#define COMMENT_BYTES 256 /* to begin with */

static void
put_pair(struct strbuf *out, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	strbuf_puts(out, out->length == 2 ? "" : ",");
	strbuf_puts(out, key);
	strbuf_puts(out, "='");
	percent_encode(out, value);
	strbuf_putc(out, '\'');
}

/* W3C Trace Context: who looks at the statement finds the trace. */
static void
put_trace(struct strbuf *out, const struct log_context *context)
{
	if (context->trace_id == NULL || context->span_id == NULL)
		return;
	strbuf_puts(out, ",traceparent='00-");
	percent_encode(out, context->trace_id);
	strbuf_putc(out, '-');
	percent_encode(out, context->span_id);
	strbuf_putc(out, '-');
	percent_encode(out, context->trace_flags != NULL ? context->trace_flags : "00");
	strbuf_putc(out, '\'');
}

static const char *
make(struct vt_request *req)
{
	struct strbuf out;
	if (!sample_takes(req->correlation_id, services_of(req)->settings->db_comment_sample_millionths))
		return "";
	strbuf_init_arena(&out, req->with.arena, COMMENT_BYTES);
	strbuf_puts(&out, "/*");
	put_pair(&out, "correlation_id", req->correlation_id);
	put_pair(&out, "route", req->route != NULL ? req->route->path : NULL);
	put_trace(&out, &req->log_context);
	strbuf_puts(&out, "*/");
	return out.failed ? "" : out.data;
}

const char *
query_comment(struct vt_request *req)
{
	if (req->sql_comment == NULL)
		req->sql_comment = make(req);
	return req->sql_comment[0] != '\0' ? req->sql_comment : NULL;
}
