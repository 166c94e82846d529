/* wrap_timing.c - X-Process-Time: seconds from the request's start to the response, six digits. */
#include "clock.h"
#include "decimal.h"
#include "request.h"
#include "response.h"
#include "wrappers.h"

#define MICROS 1000000 /* in a second */
#define MICROS_DIGITS 6

static void
leave(struct vt_request *req, struct vt_response *res)
{
	char text[DECIMAL_BYTES + sizeof ".000000"];
	uint64_t micros = (uint64_t)(clock_mono_ns() - req->started_ns) / (NS_PER_S / MICROS);
	char *end = text + decimal_uint(text, micros / MICROS);
	*end++ = '.';
	*decimal_padded(end, micros % MICROS, MICROS_DIGITS) = '\0';
	response_replace_header(res, "X-Process-Time", text);
}

const struct wrapper wrap_timing = {.name = "timing", .leave = leave};
