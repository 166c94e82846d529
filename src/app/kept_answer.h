/*
 * kept_answer.h - an answer as the cache keeps it: its bytes, and until when it is what.
 *
 * Times are on the clock that machines have in common, in milliseconds since 1970.
 */
#ifndef APP_KEPT_ANSWER_H
#define APP_KEPT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "response.h"

struct arena;
struct strbuf;

#define KEPT_TOKENS 2 /* of the prefix, and of the resource where there are variants */

struct kept_answer {
	int status; /* 0: the route's answer is not to be cached, nor waited for */
	int64_t made_ms, fresh_until_ms, stale_until_ms, error_until_ms;
	int64_t cost_ms; /* what making it took */
	char tokens[KEPT_TOKENS][CACHE_TOKEN_BYTES];
	const char *content_type; /* "" where it has no body */
	struct response_header headers[RESPONSE_MAX_HEADERS];
	size_t header_count;
	const char *body;
	size_t body_bytes;
};

void kept_answer_write(struct strbuf *out, const struct kept_answer *answer);
/* False where the bytes are no answer of this build's form. The answer points into data. */
bool kept_answer_read(const char *data, size_t size_bytes, struct kept_answer *answer);

#endif
