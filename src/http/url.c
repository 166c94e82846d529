/* url.c - the request's URL as the log may show it. */
#include <string.h>

#include "arena.h"
#include "redact.h"
#include "request.h"
#include "strbuf.h"

/* Without memory nothing can be made of a URL that has to be changed. */
static const char *
redacted(struct vt_request *req, const char *url)
{
	struct strbuf out;
	if (!redact_may_change(url, strlen(url)))
		return url;
	strbuf_init_arena(&out, req->with.arena, 256);
	redact_url(req->with.redact, &out, url);
	return out.failed ? "" : out.data;
}

const char *
request_url(struct vt_request *req)
{
	if (req->with.redact == NULL)
		return req->raw_path;
	const char *url = NULL;
	if (req->query_string[0] != '\0')
		url = arena_printf(req->with.arena, "%s?%s", req->raw_path, req->query_string);
	return redacted(req, url != NULL ? url : req->raw_path);
}
