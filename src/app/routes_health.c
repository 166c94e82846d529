/*
 * routes_health.c - the handlers of /health and the routes below it.
 *
 * Each gathers the facts, collects the checks where its answer depends on them, and has health.c judge and
 * write. The form is chosen by Accept: application/json (the default, also where nothing fits),
 * application/health+json, or application/vnd.microprofile.health+json, a name of ours since MicroProfile has
 * none. ?format=json, health or microprofile overrules it, for probes that cannot set headers; MicroProfile's
 * form is then application/json, as its specification has it.
 *
 * /health/live and /health/ready take ?verbose (text/plain) and ?exclude=NAME, repeatable.
 */
#include "routes_health.h"

#include "accept.h"
#include "access.h"
#include "checks.h"
#include "health.h"
#include "health_facts.h"
#include "response.h"
#include "services.h"
#include "settings.h"

static const struct accept_form forms[] = {
	[HEALTH_FORM_JSON] = {"json", "application/json"},
	[HEALTH_FORM_DRAFT] = {"health", "application/health+json"},
	[HEALTH_FORM_MICROPROFILE] = {"microprofile", "application/vnd.microprofile.health+json"},
};

struct health_choice {
	enum health_form form;
	const char *content_type;
};

/* False: ?format names a form that there is not. */
static bool
choose_form(struct vt_request *req, struct health_choice *choice)
{
	int chosen = accept_choose_form(req, forms, sizeof forms / sizeof *forms);
	if (chosen < 0)
		return false;
	bool named = vt_query_param(req, "format", 0) != NULL;
	choice->form = (enum health_form)chosen;
	choice->content_type = named && choice->form == HEALTH_FORM_MICROPROFILE ? forms[HEALTH_FORM_JSON].media_type
	                                                                         : forms[chosen].media_type;
	return true;
}

static enum vt_result
send_answer(struct vt_response *res, const struct health_answer *answer, const char *content_type)
{
	vt_status(res, health_status_code(&answer->verdict));
	vt_set_header(res, "Cache-Control", "no-store");
	health_write(answer, response_body(res));
	return response_answered(res, content_type);
}

static bool
takes_options(enum health_route route)
{
	return route == HEALTH_LIVE || route == HEALTH_READY;
}

static void
exclude_all(struct vt_request *req, struct health_facts *facts, struct health_report *report)
{
	const char *name;
	for (size_t n = 0; (name = vt_query_param(req, "exclude", n)) != NULL; n++)
		health_exclude(facts, report, name);
}

/* Text only for who may see it; for others the plain answer without details. */
static void
choose_view(struct vt_request *req, struct health_answer *answer, struct health_choice *choice)
{
	bool verbose = takes_options(answer->route) && vt_query_param(req, "verbose", 0) != NULL;
	if (!verbose && answer->route != HEALTH_DETAILED)
		return;
	if (!access_may_see_details(req, services_of(req)->settings)) {
		answer->view = HEALTH_WITHHELD;
	} else if (verbose) {
		answer->form = HEALTH_FORM_TEXT;
		choice->content_type = "text/plain; charset=utf-8";
	}
}

static bool
needs_checks(enum health_route route, const struct health_facts *facts)
{
	return route == HEALTH_READY || route == HEALTH_DETAILED ||
	       (route == HEALTH_STARTUP && facts->started && !facts->checks_passed);
}

static enum vt_result
answer_probe(struct vt_request *req, struct vt_response *res, enum health_route route)
{
	const struct services *services = services_of(req);
	struct health_report report = {0};
	struct health_facts facts;
	struct health_choice choice;
	if (!choose_form(req, &choice))
		return vt_problem(res, 400, "format is one of json, health and microprofile.");
	health_facts_gather(services, &facts);
	bool checked = needs_checks(route, &facts);
	if (checked)
		checks_collect(services->checks, &report);
	if (takes_options(route))
		exclude_all(req, &facts, checked ? &report : NULL);
	if (route == HEALTH_DETAILED) {
		pressure_read("/proc/pressure", &facts.pressure);
		database_pool_read_all(&facts.database, services);
	}
	struct health_answer answer = {
		.route = route, .form = choice.form, .facts = &facts, .report = checked ? &report : NULL};
	health_judge(route, &facts, answer.report, &answer.verdict);
	choose_view(req, &answer, &choice);
	return send_answer(res, &answer, choice.content_type);
}

static enum vt_result
show_health(struct vt_request *req, struct vt_response *res)
{
	struct health_facts facts;
	struct health_choice choice;
	if (!choose_form(req, &choice))
		return vt_problem(res, 400, "format is one of json, health and microprofile.");
	health_facts_now(services_of(req)->settings, &facts);
	struct health_answer answer = {
		.route = HEALTH_BASIC, .form = choice.form, .facts = &facts, .verdict.passes = true};
	return send_answer(res, &answer, choice.content_type);
}

static enum vt_result
show_live(struct vt_request *req, struct vt_response *res)
{
	return answer_probe(req, res, HEALTH_LIVE);
}

static enum vt_result
show_ready(struct vt_request *req, struct vt_response *res)
{
	return answer_probe(req, res, HEALTH_READY);
}

static enum vt_result
show_startup(struct vt_request *req, struct vt_response *res)
{
	return answer_probe(req, res, HEALTH_STARTUP);
}

static enum vt_result
show_detailed(struct vt_request *req, struct vt_response *res)
{
	return answer_probe(req, res, HEALTH_DETAILED);
}

const struct route health_routes[] = {
	{.method = "GET", .path = "/health", .handler = show_health},
	{.method = "GET", .path = "/health/live", .handler = show_live},
	{.method = "GET", .path = "/health/ready", .handler = show_ready},
	{.method = "GET", .path = "/health/startup", .handler = show_startup},
	{.method = "GET", .path = "/health/detailed", .handler = show_detailed},
};

const size_t health_routes_count = sizeof health_routes / sizeof health_routes[0];
