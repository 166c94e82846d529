/*
 * passage.h - a request's way to a cached answer: whether the cache has to do with it, what it looks for, and whether what
 * it finds will do. Shared by cached.c and cached_make.c.
 */
#ifndef APP_PASSAGE_H
#define APP_PASSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "cache_control.h"
#include "flight.h"
#include "kept_answer.h"
#include "vitals.h"

struct cache_rule;

/* One request's way to its answer. */
struct passage {
	struct vt_request *req;
	const struct cache_rule *rule;
	const char *key, *token_keys[KEPT_TOKENS];
	struct cache_control control;                /* the client's */
	int64_t started_ms;                          /* real time */
	char tokens[KEPT_TOKENS][CACHE_TOKEN_BYTES]; /* in force when it was looked; "" where there is none */
	bool found;
	struct kept_answer answer; /* where found */
	enum vt_result result;     /* of the look */
	struct flight_seat seat;
	unsigned follows; /* flights that it has waited for */
};

/* False: the request, whose route has a rule, goes past the cache. */
bool passage_begin(struct passage *passage, struct vt_request *req);
/* Looks for the answer and its tokens, and fills what depends on them. */
void passage_look(struct passage *passage);
/* Whether what was found will do, were it usable until then. */
bool passage_usable_until(const struct passage *passage, int64_t until_ms);
/* Real time, in ms: the clock of everything that is kept. */
int64_t passage_now_ms(void);

#endif
