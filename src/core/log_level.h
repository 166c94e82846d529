/*
 * log_level.h - which level holds for a record, now that some may be overridden for a while (shm/log_levels.h).
 *
 * The most specific override that matches a record decides: its correlation ID before its route's template before its
 * logger before everything, and of two loggers the longer name. Two of one scope and text cannot be; the later one has
 * replaced the earlier. An override may raise the level as well as lower it. Where none matches, LOG_LEVEL holds.
 */
#ifndef CORE_LOG_LEVEL_H
#define CORE_LOG_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "log_levels.h"
#include "vitals.h"

struct log_context;

/* What overrides are matched against. */
struct log_target {
	const char *logger;                /* NULL: matches no logger */
	const struct log_context *context; /* NULL: matches no route and no ID */
};

/* The override that decides; NULL: none does. Pure. */
const struct level_override *log_level_decide(const struct level_set *set, const struct log_target *target,
                                              int64_t now_ns);

struct log_look {
	const struct level_override *decided; /* in set; NULL: LOG_LEVEL holds */
	bool due;                             /* something is to be told, or has ended: log_audit() */
	struct level_set set;
};

/* What holds at this moment. To be asked only where log_levels_quiet() says no. */
void log_level_look(struct log_look *look, const struct level_control *levels, const struct log_target *target);

#endif
