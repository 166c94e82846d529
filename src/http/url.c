/* url.c - the request's URL as the log may show it. */
#include "arena.h"
#include "redact.h"
#include "request.h"
#include "strbuf.h"

const char *
request_url(struct vt_request *req)
{
	if (req->query_string[0] == '\0' || req->with.redact == NULL)
		return req->raw_path;
	const char *url = arena_printf(req->with.arena, "%s?%s", req->raw_path, req->query_string);
	if (url == NULL)
		return req->raw_path;
	struct strbuf out;
	strbuf_init_arena(&out, req->with.arena, 256);
	redact_url(req->with.redact, &out, url);
	return out.failed ? req->raw_path : out.data;
}
