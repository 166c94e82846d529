/* cached_make.c - see cached_make.h. */
#include "cached_make.h"

#include <string.h>

#include "arena.h"
#include "cache.h"
#include "cache_rule.h"
#include "cached_answer.h"
#include "chain.h"
#include "clock.h"
#include "database.h"
#include "phase.h"
#include "request.h"
#include "request_metrics.h"
#include "response.h"
#include "router.h"
#include "services.h"
#include "settings.h"

/* How long it is remembered that an answer may not be kept, so that nobody waits for another's. */
#define UNKEPT_MS 10000

/* Before the answer is made: whoever renews them later makes it void. */
static void
ensure_tokens(struct passage *passage)
{
	struct vt_request *req = passage->req;
	for (size_t i = 0; i < KEPT_TOKENS; i++)
		if (passage->tokens[i][0] == '\0')
			(void)cache_token_ensure(services_of(req)->cache, req->with.arena, passage->token_keys[i],
			                         req->deadline_ns, passage->tokens[i]);
}

static void
keep(struct passage *passage, const struct kept_answer *answer, uint64_t ticket)
{
	struct vt_request *req = passage->req;
	struct strbuf bytes;
	int64_t until_ms =
		answer->stale_until_ms > answer->error_until_ms ? answer->stale_until_ms : answer->error_until_ms;
	strbuf_init_arena(&bytes, req->with.arena, answer->body_bytes + 1024);
	kept_answer_write(&bytes, answer);
	if (bytes.failed)
		return;
	const struct cache_put put = {.key = passage->key,
	                              .value = bytes.data,
	                              .size_bytes = bytes.length,
	                              .ttl_ms = until_ms - answer->made_ms};
	struct phase phase = phase_enter(req, PHASE_CACHE);
	enum vt_result result = cache_fill(services_of(req)->cache, req->with.arena, &put, ticket, req->deadline_ns);
	request_metrics_cache(req, "set", result == VT_CONFLICT ? VT_OK : result, phase_leave(req, &phase));
}

/* An answer that may not be kept: nobody is to wait for another's for a while. */
static void
keep_mark(struct passage *passage, uint64_t ticket, int64_t cost_ms)
{
	int64_t now = passage_now_ms();
	struct kept_answer mark = {.made_ms = now, .cost_ms = cost_ms, .content_type = "", .body = ""};
	mark.fresh_until_ms = mark.stale_until_ms = mark.error_until_ms = now + UNKEPT_MS;
	memcpy(mark.tokens, passage->tokens, sizeof mark.tokens);
	keep(passage, &mark, ticket);
}

/* wrap_transaction.c undoes it, and makes the answer an error. */
bool
cached_make_left_open(const struct vt_request *req)
{
	const struct database *db = services_of(req)->database;
	return db != NULL && database_in_transaction(db);
}

static bool
failed(const struct vt_request *req, const struct vt_response *res, enum vt_result result)
{
	if (arena_failed(req->with.arena) || res->misused || (result == VT_OK && !res->answered) ||
	    cached_make_left_open(req))
		return true;
	if (result == VT_OK || res->answered)
		return res->status >= 500;
	return result != VT_BAD_INPUT && result != VT_NOT_FOUND && result != VT_CONFLICT && result != VT_MISS &&
	       result != VT_TOO_LARGE && result != VT_UNSUPPORTED;
}

/*
 * A handler may return a result instead of answering: what becomes of it may be kept, and bears the cache's fields. What
 * it has done wrong is chain.c's to settle.
 */
enum vt_result
cached_make_answer(struct vt_response *res, enum vt_result result)
{
	if (result == VT_OK || res->answered || res->misused || arena_failed(res->arena))
		return result;
	response_reset(res);
	return vt_fail(res, result);
}

bool
cached_make(struct passage *passage, struct vt_response *res, enum vt_result *result)
{
	struct vt_request *req = passage->req;
	struct kept_answer answer = {.status = 0};
	int64_t began_ns = clock_mono_ns();
	uint64_t ticket = cache_ticket(services_of(req)->cache, req->with.arena, passage->key);
	ensure_tokens(passage);
	*result = chain_call(req->route->handler, req, res);
	if (failed(req, res, *result))
		return false;
	*result = cached_make_answer(res, *result);
	if (*result == VT_OK)
		*result = cached_answer_tag(res);
	if (*result != VT_OK)
		return true;
	answer.cost_ms = (clock_mono_ns() - began_ns) / NS_PER_MS;
	memcpy(answer.tokens, passage->tokens, sizeof answer.tokens);
	struct cache_rule rule = *passage->rule;
	if (rule.says.ttl_s == 0)
		rule.says.ttl_s = services_of(req)->settings->cache_ttl_default_ms / 1000;
	if (cached_answer_take(&answer, res, &rule, passage_now_ms()))
		keep(passage, &answer, ticket);
	else
		keep_mark(passage, ticket, answer.cost_ms);
	return true;
}
