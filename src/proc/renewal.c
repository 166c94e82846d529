/*
 * renewal.c - reload and upgrade: first a rehearsal, then the program is replaced.
 *
 * One at a time, and only once the present generation is complete: signals that come meanwhile are one more
 * renewal, however many they are.
 */
#include "clock.h"
#include "err.h"
#include "log.h"
#include "service_manager.h"
#include "supervisor_state.h"

#define PATIENCE_MS 1000

static const char *
name_of(enum renewal renewal)
{
	return renewal == RENEWAL_UPGRADE ? "upgrade" : "reload";
}

void
renewal_ask(struct supervisor *supervisor, enum renewal renewal)
{
	if (renewal > supervisor->asked)
		supervisor->asked = renewal;
}

/* The old generation goes on as if nothing had been asked. */
static void
refuse(struct supervisor *supervisor, enum renewal renewal, const char *why)
{
	log_event(supervisor->config->log, VT_ERROR_LEVEL, SUPERVISOR_LOGGER, "Renewal refused",
	          VT_STR("what", name_of(renewal)), VT_STR("reason", why));
	scoreboard_refuse_reload(supervisor->config->board, why);
	service_manager_ready(supervisor->config->manager, "The last reload was refused; the log says why");
}

/* In the rehearsal's process. */
static int
perform(void *context, struct err *err)
{
	struct supervisor *supervisor = context;
	const struct supervisor_config *config = supervisor->config;
	return config->renew(config->context, supervisor->rehearsed, &supervisor->roster, PERFORMANCE_REHEARSAL, err);
}

/* A generation that does not get complete is no reason to refuse the settings that would mend it. */
static bool
may_begin(const struct supervisor *supervisor)
{
	return supervisor->rehearsal.pid == 0 &&
	       (supervisor->complete || clock_mono_ns() - supervisor->begun_ns > PATIENCE_MS * NS_PER_MS);
}

void
renewal_start_due(struct supervisor *supervisor)
{
	struct err err;
	if (supervisor->asked == RENEWAL_NONE || !may_begin(supervisor))
		return;
	supervisor->rehearsed = supervisor->asked;
	supervisor->asked = RENEWAL_NONE;
	service_manager_reloading(supervisor->config->manager);
	if (rehearsal_start(&supervisor->rehearsal, perform, supervisor, supervisor->config->rehearsal_ms, &err) != 0)
		refuse(supervisor, supervisor->rehearsed, err.text);
}

void
renewal_rehearsed(struct supervisor *supervisor, int wait_status)
{
	struct err err;
	enum renewal renewal = supervisor->rehearsed;
	if (!rehearsal_end(&supervisor->rehearsal, wait_status)) {
		refuse(supervisor, renewal, supervisor->rehearsal.text);
		return;
	}
	if (supervisor->stage != STAGE_SERVING)
		return;
	log_event(supervisor->config->log, VT_INFO, SUPERVISOR_LOGGER, "Renewal begins",
	          VT_STR("what", name_of(renewal)), VT_INT("generation", supervisor->generation));
	const struct supervisor_config *config = supervisor->config;
	if (config->renew(config->context, renewal, &supervisor->roster, PERFORMANCE_REAL, &err) != 0)
		refuse(supervisor, renewal, err.text);
}
