/* level_list.c - see level_list.h. */
#include "level_list.h"

#include "clock.h"
#include "jsonw.h"
#include "jsonw_member.h"
#include "log.h"

double
level_seconds_left(const struct level_override *override, int64_t now_ns)
{
	return (double)(override->until_ns - now_ns) / NS_PER_S;
}

static void
write_override(struct jsonw *w, const struct level_override *override, int64_t now_ns)
{
	jsonw_begin_object(w);
	jsonw_member_string(w, "level", log_level_name((enum vt_level) override->level));
	jsonw_member_string(w, "scope", level_scope_name((enum level_scope) override->scope));
	jsonw_member_string(w, "target", override->text);
	jsonw_member_seconds(w, "seconds_left", level_seconds_left(override, now_ns));
	jsonw_member_time(w, "set_at", override->set_real_ns);
	jsonw_member_uint(w, "by_uid", (uint64_t) override->set_by_uid);
	jsonw_member_uint(w, "by_pid", (uint64_t) override->set_by_pid);
	jsonw_end_object(w);
}

void
level_list_write(struct jsonw *w, const struct level_set *set, int64_t now_ns)
{
	jsonw_begin_array(w);
	for (unsigned i = 0; i < set->count; i++)
		if (level_override_holds(&set->overrides[i], now_ns))
			write_override(w, &set->overrides[i], now_ns);
	jsonw_end_array(w);
}
