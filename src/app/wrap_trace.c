/*
 * wrap_trace.c - the trace context of a request (W3C Trace Context level 2), its place in every record, its spans.
 *
 * A valid traceparent is continued, and then its tracestate is kept; otherwise a trace starts here. A client's bytes
 * get into records only as digits that were checked. Spans follow the sampled flag of the caller; of the traces that
 * start here TRACE_SAMPLE are sampled, none without TRACE_FILE, and no probes: those say nothing new every second.
 */
#include "request.h"
#include "response.h"
#include "router.h"
#include "routes.h"
#include "services.h"
#include "settings.h"
#include "span_line.h"
#include "spans.h"
#include "wrappers.h"

#define TRACESTATE_FIRST_BYTES 128

static int64_t
ratio_of(const struct vt_request *req)
{
	bool probe = req->route != NULL && (req->route->flags & ROUTE_PROBE) != 0;
	return services_of(req)->span_line == NULL || probe ? 0 : services_of(req)->settings->trace_sample;
}

/* A field that is repeated is invalid; Apache joins them with commas, which is invalid too. */
static const char *
only_traceparent(const struct vt_request *req)
{
	return vt_header(req, "traceparent", 1) == NULL ? vt_header(req, "traceparent", 0) : NULL;
}

static void
take_tracestate(struct vt_request *req)
{
	struct strbuf text;
	struct tracestate state;
	const char *field = vt_header(req, "tracestate", 0);
	if (field == NULL)
		return;
	strbuf_init_arena(&text, req->with.arena, TRACESTATE_FIRST_BYTES);
	tracestate_init(&state, &text);
	for (size_t n = 1; field != NULL; field = vt_header(req, "tracestate", n++))
		tracestate_add(&state, field);
	req->tracestate = tracestate_value(&state);
}

static enum vt_result
enter(struct vt_request *req, struct vt_response *res)
{
	(void)res;
	if (trace_continue(&req->trace, only_traceparent(req)))
		take_tracestate(req);
	else
		trace_start(&req->trace, ratio_of(req));
	req->log_context.trace_id = req->trace.trace_id;
	req->log_context.span_id = req->trace.span_id;
	req->log_context.trace_flags = req->trace.flags_text;
	req->recorded = services_of(req)->span_line != NULL && trace_sampled(&req->trace);
	if (req->recorded)
		span_line_begin(services_of(req)->span_line, &req->trace, req->tracestate);
	return VT_OK;
}

static void
leave(struct vt_request *req, struct vt_response *res)
{
	span_server(req, response_status(res));
}

const struct wrapper wrap_trace = {.name = "trace", .enter = enter, .leave = leave};
