/*
 * routes_status.c - the handler of GET /status.
 *
 * Accept decides: application/json (the default) or text/html, the page, which fetches the JSON again and again from
 * where it came from. ?format=json and ?format=html overrule it. The checks are those of /health/detailed, with the
 * same results, so that many who look cost no more than one.
 *
 * Whoever ADMIN_ALLOW and ADMIN_TOKEN do not admit finds nothing here, 404 as at any other path. A browser gives a
 * token only where it is asked: /status?login asks (401, Basic), where there is a token.
 */
#include "routes_status.h"

#include "accept.h"
#include "access.h"
#include "arena.h"
#include "checks.h"
#include "err.h"
#include "error_list.h"
#include "health_facts.h"
#include "log.h"
#include "log_levels.h"
#include "metric_def.h"
#include "response.h"
#include "services.h"
#include "settings.h"
#include "snapshot.h"
#include "status_json.h"
#include "status_page.h"

#define TOP_ERRORS 10

enum status_form { STATUS_JSON, STATUS_PAGE, STATUS_FORMS };

static const struct accept_form forms[STATUS_FORMS] = {
	[STATUS_JSON] = {"json", "application/json"}, [STATUS_PAGE] = {"html", "text/html"}};

/* RFC 7617. Only where it is asked for: whoever looks around finds a 404. */
static enum vt_result
refuse(struct vt_request *req, struct vt_response *res)
{
	const char *token = services_of(req)->settings->admin_token;
	if (vt_query_param(req, "login", 0) == NULL || token == NULL || token[0] == '\0')
		return response_nothing_here(res);
	vt_set_header(res, "WWW-Authenticate", "Basic realm=\"status\", charset=\"UTF-8\"");
	return vt_problem(res, 401, "Any user, and ADMIN_TOKEN for the password.");
}

static void
forget_snapshot(void *snapshot)
{
	snapshot_fini(snapshot);
}

/* NULL: no memory. It ends with the request. */
static struct snapshot *
take_snapshot(struct vt_request *req)
{
	struct err err;
	struct snapshot *snapshot = arena_alloc(req->with.arena, sizeof *snapshot);
	if (snapshot == NULL || snapshot_take(snapshot, services_of(req)->board, &err) != 0)
		return NULL;
	return arena_on_reset(req->with.arena, forget_snapshot, snapshot) == 0 ? snapshot : NULL;
}

static void
take_totals(struct status_totals *totals, const struct services *services)
{
	struct scoreboard *board = services->board;
	const struct metric_registry *registry = services->registry;
	histogram_total_take(&totals->latency, board, registry, METRIC_REQUEST_DURATION);
	histogram_total_take(&totals->statements, board, registry, METRIC_DATABASE_DURATION);
	histogram_total_take(&totals->operations, board, registry, METRIC_CACHE_DURATION);
	totals->has_database = services->database != NULL;
	totals->connected = metric_total_of(board, registry, METRIC_DATABASE_CONNECTIONS, "state=\"connected\"");
	totals->reconnects = metric_total(board, registry, METRIC_DATABASE_RECONNECTS);
	totals->failed = metric_total(board, registry, METRIC_DATABASE_DURATION) -
	                 metric_total_of(board, registry, METRIC_DATABASE_DURATION, "outcome=\"ok\"");
	totals->has_cache = services->cache != NULL;
	totals->hits = metric_total_of(board, registry, METRIC_CACHE_OPERATIONS, "result=\"hit\"");
	totals->misses = metric_total_of(board, registry, METRIC_CACHE_OPERATIONS, "result=\"miss\"");
	totals->errors = metric_total_of(board, registry, METRIC_CACHE_OPERATIONS, "result=\"error\"");
}

static enum vt_result
send_json(struct vt_request *req, struct vt_response *res)
{
	const struct services *services = services_of(req);
	struct health_report *report = arena_zalloc(req->with.arena, sizeof *report);
	struct error_list *errors = arena_alloc(req->with.arena, sizeof *errors);
	struct status_totals *totals = arena_alloc(req->with.arena, sizeof *totals);
	struct level_set *levels = arena_zalloc(req->with.arena, sizeof *levels);
	struct health_facts facts;
	if (report == NULL || errors == NULL || levels == NULL || totals == NULL)
		return VT_NO_MEMORY;
	checks_collect(services->checks, report);
	struct snapshot *snapshot = take_snapshot(req);
	if (snapshot == NULL)
		return VT_NO_MEMORY;
	health_facts_gather(services, &facts);
	error_list_take(errors, scoreboard_errors(services->board), ERRORS_BY_COUNT, TOP_ERRORS);
	if (!log_levels_copy(scoreboard_levels(services->board), levels))
		levels->count = 0;
	bool counts = services->metrics != NULL;
	if (counts)
		take_totals(totals, services);
	const struct status_facts status = {.facts = &facts,
	                                    .report = report,
	                                    .snapshot = snapshot,
	                                    .errors = errors,
	                                    .totals = counts ? totals : NULL,
	                                    .levels = levels,
	                                    .log_level = log_level_name((enum vt_level)services->settings->log_level)};
	status_write(&status, response_body(res));
	return response_answered(res, forms[STATUS_JSON].media_type);
}

static enum vt_result
send_page(struct vt_response *res)
{
	vt_set_header(res, "Content-Security-Policy", status_page_policy);
	vt_set_header(res, "Referrer-Policy", "no-referrer");
	strbuf_append(response_body(res), status_page, status_page_bytes);
	return response_answered(res, "text/html; charset=utf-8");
}

static enum vt_result
show_status(struct vt_request *req, struct vt_response *res)
{
	if (!access_may_see_details(req, services_of(req)->settings))
		return refuse(req, res);
	vt_set_header(res, "Cache-Control", "no-store");
	int form = accept_choose_form(req, forms, STATUS_FORMS);
	if (form < 0)
		return vt_problem(res, 400, "format is one of json and html.");
	vt_set_header(res, "Vary", "Accept");
	vt_set_header(res, "X-Content-Type-Options", "nosniff");
	return form == STATUS_PAGE ? send_page(res) : send_json(req, res);
}

const struct route status_routes[] = {
	{.method = "GET", .path = "/status", .handler = show_status},
};

const size_t status_routes_count = sizeof status_routes / sizeof status_routes[0];
