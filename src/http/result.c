/* result.c - one table of the results: the words of vt_strerror() and the status of vt_fail(). */
#include "result.h"

#include <stddef.h>

struct description {
	const char *text;
	int status;
};

static const struct description descriptions[] = {
	[VT_OK] = {"success", 200},
	[VT_BAD_INPUT] = {"bad input", 400},
	[VT_NOT_FOUND] = {"not found", 404},
	[VT_CONFLICT] = {"conflict", 409},
	[VT_TOO_LARGE] = {"too large", 413},
	[VT_UNSUPPORTED] = {"unsupported media type", 415},
	[VT_MISS] = {"not in the cache", 404},
	[VT_NOT_CONFIGURED] = {"not configured", 503},
	[VT_UNAVAILABLE] = {"unavailable", 503},
	[VT_TIMEOUT] = {"timed out", 504},
	[VT_PEER_GONE] = {"peer gone", 499},
	[VT_STOPPING] = {"stopping", 503},
	[VT_NO_MEMORY] = {"out of memory", 500},
	[VT_ERROR] = {"error", 500},
};

static const struct description *
describe(enum vt_result result)
{
	static const struct description unknown = {"unknown result", 500};
	size_t index = (size_t)result;
	return index < sizeof descriptions / sizeof descriptions[0] ? &descriptions[index] : &unknown;
}

const char *
vt_strerror(enum vt_result result)
{
	return describe(result)->text;
}

int
result_status(enum vt_result result)
{
	return describe(result)->status;
}
