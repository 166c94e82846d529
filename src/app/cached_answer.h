/*
 * cached_answer.h - from a response to an answer that is kept, and back: what may be kept and for how long, validators,
 * and the fields that tell a client of it.
 */
#ifndef APP_CACHED_ANSWER_H
#define APP_CACHED_ANSWER_H

#include <stdbool.h>

#include "cache_rule.h"
#include "kept_answer.h"

/* How an answer came about, as X-Cache says it. */
enum cached_how { CACHED_HIT, CACHED_MISS, CACHED_STALE, CACHED_BYPASS };
/* "HIT" and "hit". */
const char *cached_how_name(enum cached_how how);
const char *cached_how_label(enum cached_how how);

/* True where the response may be kept by the rule; then its times are set, tokens and cost left alone. */
bool cached_answer_take(struct kept_answer *answer, struct vt_response *res, const struct cache_rule *rule,
                        int64_t now_ms);
/* Gives a response with status 200 an ETag where it has none (RFC 9110 section 8.8.3). */
enum vt_result cached_answer_tag(struct vt_response *res);
/* Answers with what was kept. */
enum vt_result cached_answer_show(struct vt_response *res, const struct kept_answer *answer);
/* The rest of the fields: X-Cache, Age (-1: none), Cache-Control, Vary; and 304 where the client has it already. */
enum vt_result cached_answer_finish(const struct vt_request *req, struct vt_response *res,
                                    const struct cache_rule *rule, enum cached_how how, int64_t age_ms);

#endif
