/* log_audit.c - see log_audit.h. Called by log.c alone, for the few records after a change. */
#include "log_audit.h"

#include <errno.h>

#include "clock.h"
#include "log.h"
#include "log_levels.h"

#define LOGGER "vitals.log"
#define TARGET_FIELDS 3

static void
tell(struct log *log, const char *message, const struct vt_log_site *site, const struct vt_field *fields, size_t count)
{
	log_put(log, &(const struct log_record){.level = VT_INFO,
	                                        .logger = LOGGER,
	                                        .message = message,
	                                        .site = site,
	                                        .fields = fields,
	                                        .count = count});
}

static void
put_target(struct vt_field fields[static TARGET_FIELDS], const struct level_override *override)
{
	fields[0] = VT_STR("scope", level_scope_name((enum level_scope) override->scope));
	fields[1] = VT_STR("target", override->scope == LEVEL_EVERYTHING ? NULL : override->text);
	fields[2] = VT_STR("set_level", log_level_name((enum vt_level) override->level));
}

static void
tell_set(struct log *log, const struct level_override *override)
{
	char at[RFC3339_BYTES], until[RFC3339_BYTES];
	struct vt_field fields[TARGET_FIELDS + 4];
	put_target(fields, override);
	clock_rfc3339(override->set_real_ns, at);
	clock_rfc3339(clock_real_ns() + override->until_ns - clock_mono_ns(), until);
	fields[TARGET_FIELDS] = VT_STR("set_at", at);
	fields[TARGET_FIELDS + 1] = VT_STR("until", until);
	fields[TARGET_FIELDS + 2] = VT_INT("by_uid", override->set_by_uid);
	fields[TARGET_FIELDS + 3] = VT_INT("by_pid", override->set_by_pid);
	tell(log, "Log level set", LOG_SITE, fields, sizeof fields / sizeof *fields);
}

static void
tell_reset(struct log *log, const struct level_set *set)
{
	const struct vt_field fields[] = {VT_INT("by_uid", set->reset_by_uid), VT_INT("by_pid", set->reset_by_pid)};
	tell(log, "Log levels reset", LOG_SITE, fields, sizeof fields / sizeof *fields);
}

static void
tell_ended(struct log *log, const struct level_override *override)
{
	struct vt_field fields[TARGET_FIELDS];
	put_target(fields, override);
	tell(log, "Log level ended", LOG_SITE, fields, sizeof fields / sizeof *fields);
}

/* A set that ended before it was told is told as ended only. */
static void
tell_changes(struct log *log, struct level_control *levels)
{
	struct level_set set;
	uint64_t since;
	if (!log_levels_untold(levels, &set, &since))
		return;
	if (set.reset_id > since)
		tell_reset(log, &set);
	for (unsigned i = 0; i < set.count; i++)
		if (set.overrides[i].id > since)
			tell_set(log, &set.overrides[i]);
}

void
log_audit(struct log *log, struct level_control *levels)
{
	int kept_errno = errno;
	struct level_override ended[LOG_LEVELS_MAX];
	tell_changes(log, levels);
	unsigned count = log_levels_expire(levels, clock_mono_ns(), ended);
	for (unsigned i = 0; i < count; i++)
		tell_ended(log, &ended[i]);
	errno = kept_errno;
}
