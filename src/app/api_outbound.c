/* api_outbound.c - calls of a handler to other services: the headers that they carry on, and their spans. */
#include "arena.h"
#include "clock.h"
#include "random_id.h"
#include "request.h"
#include "spans.h"

/* All of a call in one piece of the arena. */
struct outbound {
	char span_id[SPAN_ID_BYTES], traceparent[TRACEPARENT_BYTES];
	struct vt_header_field headers[3];
};

enum vt_result
vt_outbound_headers(struct vt_request *req, struct vt_outbound *call)
{
	size_t count = 0;
	*call = (struct vt_outbound){.count = 0};
	struct outbound *own = arena_alloc(req->with.arena, sizeof *own);
	if (own == NULL)
		return VT_NO_MEMORY;
	random_hex(own->span_id, (SPAN_ID_BYTES - 1) / 2);
	traceparent_write(&req->trace, own->span_id, own->traceparent);
	own->headers[count++] = (struct vt_header_field){.name = "traceparent", .value = own->traceparent};
	if (req->tracestate != NULL)
		own->headers[count++] = (struct vt_header_field){.name = "tracestate", .value = req->tracestate};
	own->headers[count++] = (struct vt_header_field){.name = "X-Correlation-ID", .value = req->correlation_id};
	*call = (struct vt_outbound){
		.headers = own->headers, .count = count, .span_id = own->span_id, .started_ns = clock_mono_ns()};
	return VT_OK;
}

void
vt_outbound_done(struct vt_request *req, const struct vt_outbound *call)
{
	span_outbound(req, call);
}
