/* ctl_log_level.h - the levels that hold for a while, for people and for programs. */
#ifndef CTL_CTL_LOG_LEVEL_H
#define CTL_CTL_LOG_LEVEL_H

#include <stdint.h>
#include <stdio.h>

#include "log_levels.h"

struct ctl;
struct err;

/*
 * What is asked for becomes an override, until is counted from now_ns. -1 with err: a level that there is not, a time
 * that is none or too long, a name or an ID that no record could have, or more than one of them.
 */
int ctl_read_override(struct level_override *override, const struct ctl *ctl, int64_t now_ns, struct err *err);

/* Those that hold at now_ns (monotonic). */
void ctl_show_levels_text(const struct level_set *set, int64_t now_ns, FILE *out);
int ctl_show_levels_json(const struct level_set *set, int64_t now_ns, FILE *out, struct err *err);

#endif
