/*
 * routes_metrics.c - GET /metrics: Prometheus text 0.0.4, or OpenMetrics 1.0 for who prefers it by Accept.
 *
 * Takes no lock, runs no check, asks no database: what it tells is read from shared memory and /proc. For who may not
 * see details there is nothing at this path.
 */
#include "routes_metrics.h"

#include "accept.h"
#include "access.h"
#include "metric_facts.h"
#include "metrics_text.h"
#include "request.h"
#include "response.h"
#include "services.h"

/* The first is what is sent where nothing else is wanted; a scraper that wants neither gets it all the same. */
static const char *const offers[] = {
	"text/plain; version=0.0.4",
	"application/openmetrics-text; version=1.0.0",
	"application/openmetrics-text; version=0.0.1",
};

static enum metrics_form
choose_form(const struct vt_request *req)
{
	return accept_choose(vt_header(req, "Accept", 0), offers, sizeof offers / sizeof *offers) > 0
	               ? METRICS_OPENMETRICS
	               : METRICS_PROMETHEUS;
}

static enum vt_result
show_metrics(struct vt_request *req, struct vt_response *res)
{
	struct services *services = services_of(req);
	struct metric_facts facts;
	if (!access_may_see_details(req, services->settings))
		return response_nothing_here(res);
	enum metrics_form form = choose_form(req);
	metric_facts_gather(&facts, services, req->with.arena);
	vt_set_header(res, "Cache-Control", "no-store");
	vt_set_header(res, "Vary", "Accept");
	const struct metrics_page page = {.board = services->board,
	                                  .registry = services->registry,
	                                  .form = form,
	                                  .samples = facts.samples,
	                                  .sample_count = facts.count,
	                                  .arena = req->with.arena};
	if (metrics_write(&page, response_body(res)) != 0)
		return VT_NO_MEMORY;
	return response_answered(res, metrics_content_type(form));
}

const struct route metrics_route = {.method = "GET", .path = "/metrics", .handler = show_metrics};
