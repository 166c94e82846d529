/* level_list.h - the levels of the log that hold for a while, in JSON: for vitalsctl and /status. */
#ifndef CORE_LEVEL_LIST_H
#define CORE_LEVEL_LIST_H

#include <stdint.h>

#include "log_levels.h"

struct jsonw;

/* How long it still holds. */
double level_seconds_left(const struct level_override *override, int64_t now_ns);
/* Those that hold at now_ns (monotonic), as an array. */
void level_list_write(struct jsonw *w, const struct level_set *set, int64_t now_ns);

#endif
