/*
 * cached.c - see cached.h.
 *
 * What can go wrong in the cache is no reason to fail a request: then the route's own handler answers. Nor is a slow one
 * a reason to wait twice: who has waited for another's flight and still finds nothing makes the answer himself, where
 * that can be no matter of bad luck.
 */
#include "cached.h"

#include <string.h>

#include "arena.h"
#include "cache_rule.h"
#include "cached_answer.h"
#include "cached_make.h"
#include "chain.h"
#include "clock.h"
#include "fnv.h"
#include "log.h"
#include "passage.h"
#include "phase.h"
#include "request.h"
#include "request_metrics.h"
#include "response.h"
#include "router.h"
#include "scoreboard.h"
#include "services.h"
#include "settings.h"

/* How often a request follows a flight before it goes by itself. */
#define FOLLOWS_MOST 3
/* How many times its making's time before its end an answer is due. */
#define MARGIN_COSTS 2

/*
 * Early enough that making it takes no longer than it is still fresh, twice over; but never before half of its time. Who
 * finds it due leads the only flight, so that it need not be left to chance, as it has to be where the makers do not know
 * of each other (XFetch: Vattani, Chierichetti, Lowenstein, VLDB 2015); doc/decisions/0016 has the figures.
 */
static bool
due_early(const struct kept_answer *answer)
{
	int64_t margin_ms = MARGIN_COSTS * answer->cost_ms, half_ms = (answer->fresh_until_ms - answer->made_ms) / 2;
	return passage_now_ms() >= answer->fresh_until_ms - (margin_ms < half_ms ? margin_ms : half_ms);
}

static enum vt_result
conclude(struct passage *passage, struct vt_response *res, enum cached_how how, enum vt_result result)
{
	struct vt_request *req = passage->req;
	int64_t age_ms = how == CACHED_HIT || how == CACHED_STALE ? passage_now_ms() - passage->answer.made_ms : -1;
	req->cache = cached_how_label(how);
	request_metrics_answer(req, req->cache);
	result = cached_make_answer(res, result);
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
	return conclude(passage, res, CACHED_BYPASS, chain_call(passage->req->route->handler, passage->req, res));
}

/* Makes the answer; where that fails, an older one may still do. */
static enum vt_result
make_and_answer(struct passage *passage, struct vt_response *res)
{
	enum vt_result result;
	bool made = cached_make(passage, res, &result);
	flight_land(&passage->seat);
	if (made || !passage_usable_until(passage, passage->answer.error_until_ms) || passage->answer.status == 0 ||
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
	if (!passage_begin(&passage, req))
		return go_past(&passage, res);
	for (;; passage.follows++) {
		passage_look(&passage);
		if (passage.found && passage.answer.status == 0)
			return go_past(&passage, res);
		if (passage_usable_until(&passage, passage.answer.fresh_until_ms))
			return show_and_renew(&passage, res, CACHED_HIT);
		if (passage_usable_until(&passage, passage.answer.stale_until_ms))
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
	if (passage_begin(&passage, req)) {
		passage_look(&passage);
		made = cached_make(&passage, res, &result);
		if (cached_make_left_open(req))
			vt_rollback(req);
	}
	cached_refresh_give_up(refresh);
	const struct vt_field fields[] = {
		VT_STR("route", req->route->path),
		VT_DOUBLE("duration_seconds", (double)(clock_mono_ns() - began_ns) / (double)NS_PER_S),
	};
	request_metrics_answer(req, made ? "refresh" : "refresh_failed");
	request_log(req, (struct log_record){.level = made ? VT_DEBUG : VT_WARNING,
	                                     .message = made ? "Cached answer renewed" : "Cached answer not renewed",
	                                     .site = LOG_SITE,
	                                     .fields = fields,
	                                     .count = 2});
}
