/*
 * checks.h - the health checks: run side by side under one deadline, shared by all workers.
 *
 * A result younger than HEALTH_CACHE_SECONDS is used as it is. When it is stale, one worker runs all
 * checks and publishes; meanwhile the others use the stale result up to its hard age, and past that wait
 * for the run, never longer than HEALTH_CHECK_TIMEOUT and a little. A result past its hard age counts as
 * failed. checks.c decides, check_*.c look, check_table.c lists them.
 */
#ifndef APP_CHECKS_H
#define APP_CHECKS_H

#include "scoreboard.h"

struct redis;
struct checks;
struct database;
struct log;
struct settings;

struct checks_config {
	const struct settings *settings;
	struct scoreboard *board;
	struct database *database; /* NULL: not configured */
	struct redis *redis;       /* NULL: not configured */
	struct log *log;
};

/* A worker's own runner, made after the fork; NULL: no memory. */
struct checks *checks_create(const struct checks_config *config);
void checks_destroy(struct checks *checks);

/* CHECK_EXCLUDED: whoever asked left it out (?exclude=NAME); checks_collect() never says so. */
enum check_importance { CHECK_WARNS, CHECK_CRITICAL, CHECK_EXCLUDED };
/* What a check measures, and so how its result is shown. */
enum check_shape { CHECK_SHAPE_TEXT, CHECK_SHAPE_MEMORY, CHECK_SHAPE_DISK };

struct check_report {
	const char *name; /* "database", "cache", "memory", "disk", "disk:/var" …; lives as long as the checks */
	enum check_importance importance;
	enum check_shape shape;
	struct check_result result; /* its text where it failed or warned: "unhealthy: …", "warning: …" */
};

struct health_report {
	size_t count;
	struct check_report checks[SCOREBOARD_MAX_CHECKS];
};

/* Takes at most HEALTH_CHECK_TIMEOUT and a little, whatever hangs. */
void checks_collect(struct checks *checks, struct health_report *report);
/* What was published last, of whatever age, without running anything. */
void checks_peek(const struct checks *checks, struct health_report *report);
/* True where a check that counts fails: not one that is healthy, warns, is not configured or excluded. */
bool health_check_fails(const struct check_report *check);
/* … or warns. */
bool health_check_warns(const struct check_report *check);
/* The first critical check that fails, NULL where none does. */
const struct check_report *health_first_failure(const struct health_report *report);

#endif
