/*
 * health.c - the verdicts of the health routes.
 *
 * Called by routes_health.c. What a load balancer or a supervisor of containers does with an answer
 * decides what may stand in it: not ready takes the service out of traffic, not alive restarts it, so
 * that the latter never depends on a database.
 */
#include "health.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *passes, *fails;
} words[] = {
	[HEALTH_BASIC] = {"healthy", "unhealthy"},   [HEALTH_LIVE] = {"alive", "not alive"},
	[HEALTH_READY] = {"ready", "not ready"},     [HEALTH_STARTUP] = {"started", "starting"},
	[HEALTH_DETAILED] = {"healthy", "degraded"},
};

const char *
health_word(enum health_route route, bool passes)
{
	return passes ? words[route].passes : words[route].fails;
}

int
health_status_code(const struct health_verdict *verdict)
{
	return verdict->passes ? 200 : 503;
}

bool
health_numbers_known(const struct check_report *check)
{
	return check->result.status == CHECK_HEALTHY || check->result.total_bytes > 0;
}

static const char *
live_problem(const struct health_facts *facts)
{
	if (facts->stuck && !facts->pool_excluded)
		return "every worker has been busy with one request for more than twice REQUEST_TIMEOUT";
	return NULL;
}

static const char *
ready_problem(const struct health_facts *facts)
{
	if (facts->pool_excluded)
		return NULL;
	if (facts->draining)
		return "draining";
	if (facts->held_back > 0 && 2 * facts->held_back >= facts->workers_wanted)
		return "workers keep dying";
	if (!facts->started || facts->pool.workers == 0)
		return "starting";
	return facts->saturated ? "saturated" : NULL;
}

/* What is wrong with the service itself, whatever the checks say; NULL: nothing. */
static const char *
service_problem(enum health_route route, const struct health_facts *facts)
{
	switch (route) {
	case HEALTH_LIVE:
		return live_problem(facts);
	case HEALTH_READY:
		return ready_problem(facts);
	case HEALTH_STARTUP:
		return facts->started ? NULL : "starting";
	case HEALTH_BASIC:
	case HEALTH_DETAILED:
		break;
	}
	return NULL;
}

void
health_judge(enum health_route route, const struct health_facts *facts, const struct health_report *report,
             struct health_verdict *verdict)
{
	const char *problem = service_problem(route, facts);
	const struct check_report *failure = report != NULL ? health_first_failure(report) : NULL;
	*verdict = (struct health_verdict){.passes = problem == NULL && failure == NULL};
	if (problem != NULL)
		snprintf(verdict->reason, sizeof verdict->reason, "%s", problem);
	else if (failure != NULL)
		snprintf(verdict->reason, sizeof verdict->reason, "%s unavailable", failure->name);
}

void
health_exclude(struct health_facts *facts, struct health_report *report, const char *name)
{
	bool known = strcmp(name, "pool") == 0;
	if (known)
		facts->pool_excluded = true;
	for (size_t i = 0; report != NULL && i < report->count; i++)
		if (strcmp(report->checks[i].name, name) == 0) {
			report->checks[i].importance = CHECK_EXCLUDED;
			known = true;
		}
	if (!known)
		facts->unknown_excluded = true;
}

void
health_write(const struct health_answer *answer, struct strbuf *out)
{
	static void (*const writers[])(const struct health_answer *, struct strbuf *) = {
		[HEALTH_FORM_JSON] = health_write_plain,
		[HEALTH_FORM_DRAFT] = health_write_draft,
		[HEALTH_FORM_MICROPROFILE] = health_write_microprofile,
		[HEALTH_FORM_TEXT] = health_write_text,
	};
	writers[answer->form](answer, out);
}
