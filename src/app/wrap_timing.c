/* wrap_timing.c - X-Process-Time: seconds from the request's start to the response, six digits. */
#include <stdio.h>

#include "clock.h"
#include "request.h"
#include "response.h"
#include "wrappers.h"

static void
leave(struct vt_request *req, struct vt_response *res)
{
	char text[32];
	snprintf(text, sizeof text, "%.6f", (double)(clock_mono_ns() - req->started_ns) / NS_PER_S);
	response_replace_header(res, "X-Process-Time", text);
}

const struct wrapper wrap_timing = {.name = "timing", .leave = leave};
