/*
 * cached.c - see cached.h.
 *
 * What can go wrong in the cache is no reason to fail a request: then the route's own handler answers. Nor is a slow one
 * a reason to wait twice: who has waited for another's flight and still finds nothing makes the answer himself, where
 * that can be no matter of bad luck.
 */
#include "cached.h"

#include <math.h>
#include <string.h>

#include "arena.h"
#include "cache.h"
#include "cache_control.h"
#include "cache_rule.h"
#include "cached_answer.h"
#include "chance.h"
#include "clock.h"
#include "database.h"
#include "fnv.h"
#include "log.h"
#include "oversight.h"
#include "phase.h"
#include "request.h"
#include "request_metrics.h"
#include "response.h"
#include "router.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"
#include "spans.h"

/* How long it is remembered that an answer may not be kept, so that nobody waits for another's. */
#define UNKEPT_MS 10000
/* How often a request follows a flight before it goes by itself. */
#define FOLLOWS_MOST 3

/* One request's way to its answer. */
struct passage {
	struct vt_request *req;
	const struct cache_rule *rule;
	const char *key, *token_keys[KEPT_TOKENS];   /* the second NULL where there are no variants */
	struct cache_control control;                /* the client's */
	int64_t started_ms;                          /* real time */
	char tokens[KEPT_TOKENS][CACHE_TOKEN_BYTES]; /* in force when it was looked; "" where there is none */
	bool found;
	struct kept_answer answer; /* where found */
	enum vt_result result;     /* of the look */
	struct flight_seat seat;
	unsigned follows; /* flights that it has waited for */
};

static int64_t
now_ms(void)
{
	return clock_real_ns() / NS_PER_MS;
}

/* ---- Whether the cache has to do with it -------------------------------------------------------- */

/* RFC 9111 section 3.5: what was made for somebody is not for others, unless the rule says so. */
static bool
is_somebodys(const struct vt_request *req, enum vt_cached_users users)
{
	if (users == VT_CACHED_SHARED)
		return false;
	if (vt_user(req) != NULL)
		return users != VT_CACHED_PER_USER;
	return vt_header(req, "Authorization", 0) != NULL;
}

static void
read_control(struct passage *passage)
{
	const char *field, *pragma = vt_header(passage->req, "Pragma", 0);
	size_t n = 0;
	cache_control_init(&passage->control);
	for (; (field = vt_header(passage->req, "Cache-Control", n)) != NULL; n++)
		cache_control_add(&passage->control, field);
	if (n == 0 && pragma != NULL && strstr(pragma, "no-cache") != NULL) /* RFC 9111 section 5.4 */
		passage->control.no_cache = true;
}

/* False: the request goes past the cache. */
static bool
begin(struct passage *passage, struct vt_request *req)
{
	const struct cache_rule *rule = req->route->cache;
	*passage = (struct passage){.req = req, .rule = rule, .started_ms = now_ms()};
	read_control(passage);
	if (services_of(req)->cache == NULL || passage->control.no_store || is_somebodys(req, rule->says.users) ||
	    vt_content_length(req) > 0)
		return false;
	passage->key = cache_key_of_answer(req, rule);
	passage->token_keys[0] = cache_key_of_prefix(req->with.arena, rule->says.prefix);
	passage->token_keys[1] = cache_key_of_request(req, rule);
	return passage->key != NULL && passage->token_keys[0] != NULL && passage->token_keys[1] != NULL;
}

/* ---- Looking ------------------------------------------------------------------------------------ */

/* What was kept counts while the tokens are in force under which it was made. */
static void
judge(struct passage *passage, const struct cache_look *looks)
{
	const struct cache_look *value = &looks[0];
	passage->found = value->value != NULL && kept_answer_read(value->value, value->size_bytes, &passage->answer);
	for (size_t i = 0; i < KEPT_TOKENS; i++) {
		const struct cache_look *look = &looks[1 + i];
		bool sound = look->value != NULL && look->size_bytes == CACHE_TOKEN_BYTES - 1;
		memcpy(passage->tokens[i], sound ? look->value : "", sound ? CACHE_TOKEN_BYTES : 1);
		if (!sound || strcmp(passage->tokens[i], passage->answer.tokens[i]) != 0)
			passage->found = false;
	}
}

static void
look(struct passage *passage)
{
	struct vt_request *req = passage->req;
	struct cache_look looks[1 + KEPT_TOKENS] = {{.key = passage->key}};
	for (size_t i = 0; i < KEPT_TOKENS; i++)
		looks[1 + i].key = passage->token_keys[i];
	int64_t started_ns = span_started_ns(req);
	struct phase phase = phase_enter(req, PHASE_CACHE);
	passage->result =
		cache_look(services_of(req)->cache, req->with.arena, looks, 1 + KEPT_TOKENS, req->deadline_ns);
	judge(passage, looks);
	enum vt_result told = passage->result == VT_OK && !passage->found ? VT_MISS : passage->result;
	request_metrics_cache(req, "get", passage->found ? VT_OK : told, phase_leave(req, &phase));
	span_cache(req, started_ns, "GET", told);
}

/* What the client will not have, however fresh: section 5.2.1. What was made while it waited is new enough for all. */
static bool
refused_by_client(const struct passage *passage, int64_t now)
{
	const struct cache_control *control = &passage->control;
	if (passage->follows > 0 && passage->answer.made_ms >= passage->started_ms)
		return false;
	return control->no_cache ||
	       (control->max_age_s >= 0 && now - passage->answer.made_ms >= control->max_age_s * 1000);
}

static bool
usable_until(const struct passage *passage, int64_t until_ms)
{
	int64_t now = now_ms();
	return passage->found && now < until_ms && !refused_by_client(passage, now);
}

/*
 * Optimal probabilistic cache stampede prevention (Vattani, Chierichetti, Lowenstein, VLDB 2015), beta 1: the sooner
 * the end and the longer the making, the likelier.
 */
static bool
due_early(const struct kept_answer *answer)
{
	double chosen = ((double)chance() + 1) / ((double)UINT32_MAX + 1);
	return (double)now_ms() - (double)answer->cost_ms * log(chosen) >= (double)answer->fresh_until_ms;
}

/* ---- Making ------------------------------------------------------------------------------------- */

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
keep_mark(struct passage *passage, uint64_t ticket)
{
	int64_t now = now_ms();
	struct kept_answer mark = {.made_ms = now, .content_type = "", .body = ""};
	mark.fresh_until_ms = mark.stale_until_ms = mark.error_until_ms = now + UNKEPT_MS;
	memcpy(mark.tokens, passage->tokens, sizeof mark.tokens);
	keep(passage, &mark, ticket);
}

/* wrap_transaction.c undoes it, and makes the answer an error. */
static bool
leaves_transaction(const struct vt_request *req)
{
	const struct database *db = services_of(req)->database;
	return db != NULL && database_in_transaction(db);
}

static bool
failed(const struct vt_request *req, const struct vt_response *res, enum vt_result result)
{
	if (arena_failed(req->with.arena) || res->misused || (result == VT_OK && !res->answered) ||
	    leaves_transaction(req))
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
static enum vt_result
answer_result(struct vt_response *res, enum vt_result result)
{
	if (result == VT_OK || res->answered || res->misused || arena_failed(res->arena))
		return result;
	response_reset(res);
	return vt_fail(res, result);
}

/* Runs the route's handler and keeps what may be kept. False: it failed, and the response is the handler's. */
static bool
make(struct passage *passage, struct vt_response *res, enum vt_result *result)
{
	struct vt_request *req = passage->req;
	struct kept_answer answer = {.status = 0};
	int64_t began_ns = clock_mono_ns();
	uint64_t ticket = cache_ticket(services_of(req)->cache, req->with.arena, passage->key);
	ensure_tokens(passage);
	*result = req->route->handler(req, res);
	oversight_end_copy(req->with.oversight); /* before anything is kept */
	if (failed(req, res, *result))
		return false;
	*result = answer_result(res, *result);
	if (*result == VT_OK)
		*result = cached_answer_tag(res);
	if (*result != VT_OK)
		return true;
	answer.cost_ms = (clock_mono_ns() - began_ns) / NS_PER_MS;
	memcpy(answer.tokens, passage->tokens, sizeof answer.tokens);
	struct cache_rule rule = *passage->rule;
	if (rule.says.ttl_s == 0)
		rule.says.ttl_s = services_of(req)->settings->cache_ttl_default_ms / 1000;
	if (cached_answer_take(&answer, res, &rule, now_ms()))
		keep(passage, &answer, ticket);
	else
		keep_mark(passage, ticket);
	return true;
}

/* ---- Answering ---------------------------------------------------------------------------------- */

static enum vt_result
conclude(struct passage *passage, struct vt_response *res, enum cached_how how, enum vt_result result)
{
	struct vt_request *req = passage->req;
	int64_t age_ms = how == CACHED_HIT || how == CACHED_STALE ? now_ms() - passage->answer.made_ms : -1;
	req->cache = cached_how_label(how);
	request_metrics_answer(req, req->cache);
	result = answer_result(res, result);
	if (result != VT_OK || !res->answered)
		return result;
	return cached_answer_finish(req, res, passage->rule, how, age_ms > 0 || age_ms == -1 ? age_ms : 0);
}

static enum vt_result
show(struct passage *passage, struct vt_response *res, enum cached_how how)
{
	return conclude(passage, res, how, cached_answer_show(res, &passage->answer));
}

static enum vt_result
go_past(struct passage *passage, struct vt_response *res)
{
	return conclude(passage, res, CACHED_BYPASS, passage->req->route->handler(passage->req, res));
}

/* Makes the answer; where that fails, an older one may still do. */
static enum vt_result
make_and_answer(struct passage *passage, struct vt_response *res)
{
	enum vt_result result;
	bool made = make(passage, res, &result);
	flight_land(&passage->seat);
	if (made || !usable_until(passage, passage->answer.error_until_ms) || passage->answer.status == 0 ||
	    arena_failed(passage->req->with.arena))
		return conclude(passage, res, CACHED_MISS, result);
	const struct vt_field fields[] = {VT_STR("route", passage->req->route->path)};
	request_log(passage->req, (struct log_record){.level = VT_WARNING,
	                                              .message = "A stale answer stands in for one that failed",
	                                              .site = LOG_SITE,
	                                              .fields = fields,
	                                              .count = 1});
	response_reset(res);
	return show(passage, res, CACHED_STALE);
}

static uint64_t
flight_hash(const struct passage *passage)
{
	return fnv_scatter(fnv_text(FNV_OFFSET, passage->key));
}

static enum flight_turn
board(struct passage *passage)
{
	const struct services *services = services_of(passage->req);
	int64_t most_ms = services->settings->request_timeout_ms;
	return flight_board(scoreboard_flights(services->board), flight_hash(passage),
	                    most_ms > 0 ? most_ms * NS_PER_MS : INT64_MAX, &passage->seat);
}

/* A handler may answer HEAD without a body: what is kept is made for GET. */
static bool
may_make(const struct vt_request *req)
{
	return strcmp(vt_method(req), "GET") == 0;
}

/* What is there will do; whether it is to be made anew behind the response is another question. */
static enum vt_result
show_and_renew(struct passage *passage, struct vt_response *res, enum cached_how how)
{
	struct refresh *refresh = &services_of(passage->req)->refresh;
	if (may_make(passage->req) && (how == CACHED_STALE || due_early(&passage->answer)) &&
	    board(passage) == FLIGHT_LEADS)
		*refresh = (struct refresh){.wanted = true, .seat = passage->seat};
	return show(passage, res, how);
}

static bool
wait_for_landing(struct passage *passage)
{
	struct phase phase = phase_enter(passage->req, PHASE_CACHE);
	bool landed = flight_wait(&passage->seat, passage->req->deadline_ns);
	phase_leave(passage->req, &phase);
	return landed;
}

enum vt_result
cached_serve(struct vt_request *req, struct vt_response *res)
{
	struct passage passage;
	if (!begin(&passage, req))
		return go_past(&passage, res);
	for (;; passage.follows++) {
		look(&passage);
		if (passage.found && passage.answer.status == 0)
			return go_past(&passage, res);
		if (usable_until(&passage, passage.answer.fresh_until_ms))
			return show_and_renew(&passage, res, CACHED_HIT);
		if (usable_until(&passage, passage.answer.stale_until_ms))
			return show_and_renew(&passage, res, CACHED_STALE);
		if (passage.control.only_if_cached)
			return vt_problem(res, 504, "The cache has no answer, and only one from there was wanted.");
		if (!may_make(req))
			return go_past(&passage, res);
		bool alone = passage.follows >= FOLLOWS_MOST || (passage.follows > 0 && passage.result != VT_OK);
		if (alone)
			passage.seat = (struct flight_seat){0};
		if (alone || board(&passage) != FLIGHT_FOLLOWS)
			return make_and_answer(&passage, res);
		if (!wait_for_landing(&passage))
			return VT_TIMEOUT;
	}
}

void
cached_refresh_give_up(struct refresh *refresh)
{
	flight_land(&refresh->seat);
	refresh->wanted = false;
}

void
cached_refresh(struct vt_request *req, struct vt_response *res)
{
	struct passage passage;
	struct refresh *refresh = &services_of(req)->refresh;
	int64_t began_ns = clock_mono_ns();
	enum vt_result result = VT_ERROR;
	bool made = false;
	if (begin(&passage, req)) {
		look(&passage);
		made = make(&passage, res, &result);
		if (leaves_transaction(req))
			vt_rollback(req);
	}
	cached_refresh_give_up(refresh);
	const struct vt_field fields[] = {
		VT_STR("route", req->route->path),
		VT_DOUBLE("duration_seconds", (double)((clock_mono_ns() - began_ns) / NS_PER_US) / 1e6),
	};
	request_metrics_answer(req, made ? "refresh" : "refresh_failed");
	request_log(req, (struct log_record){.level = made ? VT_DEBUG : VT_WARNING,
	                                     .message = made ? "Cached answer renewed" : "Cached answer not renewed",
	                                     .site = LOG_SITE,
	                                     .fields = fields,
	                                     .count = 2});
}
