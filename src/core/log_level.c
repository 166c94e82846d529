/* log_level.c - matches overrides with records. Runs for every record while one is in force: no malloc, no lock. */
#include "log_level.h"

#include <string.h>

#include "clock.h"
#include "log.h"

/* "vitals.request" covers itself and "vitals.request.x", not "vitals.requests". */
static bool
covers(const char *prefix, const char *logger)
{
	size_t size = strlen(prefix);
	return logger != NULL && strncmp(prefix, logger, size) == 0 && (logger[size] == '\0' || logger[size] == '.');
}

static bool
equals(const char *text, const char *given)
{
	return given != NULL && strcmp(text, given) == 0;
}

static bool
matches(const struct level_override *override, const struct log_target *target)
{
	const struct log_context *context = target->context;
	switch ((enum level_scope) override->scope) {
	case LEVEL_EVERYTHING:
		return true;
	case LEVEL_LOGGER:
		return covers(override->text, target->logger);
	case LEVEL_ROUTE:
		return context != NULL && equals(override->text, context->route);
	case LEVEL_CORRELATION_ID:
		return context != NULL && equals(override->text, context->correlation_id);
	case LEVEL_SCOPES:
		break;
	}
	return false;
}

static bool
more_specific(const struct level_override *a, const struct level_override *b)
{
	return a->scope != b->scope ? a->scope > b->scope : strlen(a->text) > strlen(b->text);
}

const struct level_override *
log_level_decide(const struct level_set *set, const struct log_target *target, int64_t now_ns)
{
	const struct level_override *best = NULL;
	for (unsigned i = 0; i < set->count; i++) {
		const struct level_override *override = &set->overrides[i];
		if (level_override_holds(override, now_ns) && matches(override, target) &&
		    (best == NULL || more_specific(override, best)))
			best = override;
	}
	return best;
}

static bool
has_ended(const struct level_set *set, int64_t now_ns)
{
	for (unsigned i = 0; i < set->count; i++)
		if (!level_override_holds(&set->overrides[i], now_ns))
			return true;
	return false;
}

void
log_level_look(struct log_look *look, const struct level_control *levels, const struct log_target *target)
{
	int64_t now_ns = clock_mono_ns();
	look->decided = NULL;
	look->due = false;
	if (!log_levels_copy(levels, &look->set))
		return;
	look->decided = log_level_decide(&look->set, target, now_ns);
	look->due = log_levels_due(levels) || has_ended(&look->set, now_ns);
}
