/* url.c - the request's URL as the log may show it. */
#include <string.h>

#include "arena.h"
#include "redact.h"
#include "request.h"
#include "strbuf.h"

/* Where there is no memory for more: the path, if it is clean as it is. */
static const char *
path_alone(const struct vt_request *req)
{
	bool clean = req->with.redact == NULL || !redact_may_change(req->raw_path, strlen(req->raw_path));
	return clean ? req->raw_path : "";
}

const char *
request_url(struct vt_request *req)
{
	const char *url = req->raw_path;
	struct strbuf out;
	if (req->with.redact == NULL)
		return path_alone(req);
	if (req->query_string[0] != '\0')
		url = arena_printf(req->with.arena, "%s?%s", req->raw_path, req->query_string);
	if (url == NULL || !redact_may_change(url, strlen(url)))
		return url == NULL ? path_alone(req) : url;
	strbuf_init_arena(&out, req->with.arena, 256);
	redact_url(req->with.redact, &out, url);
	return out.failed ? path_alone(req) : out.data;
}
