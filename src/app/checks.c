/*
 * checks.c - decides when the checks run, and collects what is known of each.
 *
 * Called by the health routes, in any worker. A probe never makes an outage worse: over all workers one
 * run is on at a time, and its results serve everybody for HEALTH_CACHE_SECONDS. Who finds them stale
 * while another is at it takes what there is up to the hard age, and only past that waits, with a bound.
 */
#include "checks.h"

#include <stdlib.h>
#include <string.h>

#include "check_kind.h"
#include "clock.h"
#include "insist.h"
#include "log.h"
#include "settings.h"

/* A runner publishes right after its deadline; until then nobody takes its claim. */
#define CLAIM_MARGIN_MS 100
/* So much longer than the runner a waiter waits, to find what the runner published at its deadline. */
#define WAIT_MARGIN_MS 100

struct checks {
	struct checks_config config;
	size_t count;
	struct check checks[SCOREBOARD_MAX_CHECKS];
};

struct checks *
checks_create_of(const struct checks_config *config, const struct check *checks, size_t count)
{
	INSIST(count <= SCOREBOARD_MAX_CHECKS);
	struct checks *runner = calloc(1, sizeof *runner);
	if (runner == NULL) {
		for (size_t i = 0; i < count; i++)
			if (checks[i].kind->destroy != NULL)
				checks[i].kind->destroy(checks[i].state);
		return NULL;
	}
	runner->config = *config;
	runner->count = count;
	memcpy(runner->checks, checks, count * sizeof *checks);
	return runner;
}

struct checks *
checks_create(const struct checks_config *config)
{
	struct check checks[SCOREBOARD_MAX_CHECKS];
	size_t count;
	if (check_table_build(config, checks, &count) != 0)
		return NULL;
	return checks_create_of(config, checks, count);
}

void
checks_destroy(struct checks *checks)
{
	if (checks == NULL)
		return;
	check_table_destroy(checks->checks, checks->count);
	free(checks);
}

/* What is published; a check that never was has CHECK_UNKNOWN and checked_ns 0. */
static void
read_all(const struct checks *checks, struct check_result *results)
{
	for (size_t i = 0; i < checks->count; i++)
		if (!check_read(checks->config.board, (unsigned)i, &results[i]) ||
		    results[i].identity != checks->checks[i].identity)
			results[i] = (struct check_result){.status = CHECK_UNKNOWN};
}

static bool
younger_than(const struct check_result *result, int64_t now_ns, int64_t age_ms)
{
	return result->checked_ns != 0 && now_ns - result->checked_ns <= age_ms * NS_PER_MS;
}

static bool
all_younger_than(const struct checks *checks, const struct check_result *results, int64_t age_ms)
{
	int64_t now = clock_mono_ns();
	for (size_t i = 0; i < checks->count; i++)
		if (!younger_than(&results[i], now, age_ms))
			return false;
	return true;
}

static int64_t
hard_age_ms(const struct settings *settings)
{
	return 2 * settings->health_cache_ms + settings->health_check_timeout_ms;
}

/* The runner alone sees each change, so that each is logged once. */
static void
log_change(const struct checks *checks, const char *name, const struct check_result *before,
           const struct check_result *after)
{
	if (after->status == CHECK_FAILED && before->status != CHECK_FAILED)
		log_event(checks->config.log, VT_WARNING, "vitals.health", "Check failed", VT_STR("check", name),
		          VT_STR("result", after->text));
	else if (after->status == CHECK_WARNED && before->status != CHECK_WARNED)
		log_event(checks->config.log, VT_WARNING, "vitals.health", "Check warns", VT_STR("check", name),
		          VT_STR("result", after->text));
	else if (after->status == CHECK_HEALTHY && (before->status == CHECK_FAILED || before->status == CHECK_WARNED))
		log_event(checks->config.log, VT_INFO, "vitals.health", "Check recovered", VT_STR("check", name),
		          VT_STR("result", "healthy"));
}

/* One run by the holder of the claim; results holds what was known before, and then what was found. */
static void
run_and_publish(struct checks *checks, struct check_result *results)
{
	struct check_result found[SCOREBOARD_MAX_CHECKS];
	check_run(checks->checks, checks->count, checks->config.settings->health_check_timeout_ms, found);
	for (size_t i = 0; i < checks->count; i++) {
		check_publish(checks->config.board, (unsigned)i, &found[i]);
		log_change(checks, checks->checks[i].name, &results[i], &found[i]);
		results[i] = found[i];
	}
}

/* Runs the checks unless another does or has just done so. False: another is at it. */
static bool
run_if_unclaimed(struct checks *checks, struct check_result *results)
{
	const struct settings *settings = checks->config.settings;
	int64_t deadline_ns = deadline_in_ms(settings->health_check_timeout_ms + CLAIM_MARGIN_MS);
	if (!checks_claim(checks->config.board, clock_mono_ns(), deadline_ns))
		return false;
	read_all(checks, results);
	if (!all_younger_than(checks, results, settings->health_cache_ms))
		run_and_publish(checks, results);
	checks_release(checks->config.board);
	return true;
}

static void
get_results(struct checks *checks, struct check_result *results)
{
	const struct settings *settings = checks->config.settings;
	read_all(checks, results);
	if (all_younger_than(checks, results, settings->health_cache_ms))
		return;
	if (run_if_unclaimed(checks, results) || all_younger_than(checks, results, hard_age_ms(settings)))
		return;
	checks_wait(checks->config.board, deadline_in_ms(settings->health_check_timeout_ms + WAIT_MARGIN_MS));
	read_all(checks, results);
	int64_t now = clock_mono_ns();
	for (size_t i = 0; i < checks->count; i++)
		if (!younger_than(&results[i], now, hard_age_ms(settings))) {
			results[i] = (struct check_result){0};
			check_fail(&results[i], "no result");
		}
}

/* The start is over once the critical checks have passed; this is remembered for all workers. */
static void
remember_passed(struct checks *checks, const struct health_report *report)
{
	struct scoreboard_service *service = scoreboard_service(checks->config.board);
	if (health_first_failure(report) == NULL &&
	    atomic_load_explicit(&service->checks_passed, memory_order_relaxed) == 0)
		atomic_store_explicit(&service->checks_passed, 1, memory_order_relaxed);
}

static void
fill_report(const struct checks *checks, const struct check_result *results, struct health_report *report)
{
	report->count = checks->count;
	for (size_t i = 0; i < checks->count; i++) {
		const struct check *check = &checks->checks[i];
		bool critical = text_list_has(&checks->config.settings->critical_checks, check->name);
		report->checks[i] = (struct check_report){
			.name = check->name,
			.importance = critical ? CHECK_CRITICAL : CHECK_WARNS,
			.shape = check->kind->shape,
			.result = results[i],
		};
	}
}

void
checks_collect(struct checks *checks, struct health_report *report)
{
	struct check_result results[SCOREBOARD_MAX_CHECKS];
	get_results(checks, results);
	fill_report(checks, results, report);
	remember_passed(checks, report);
}

bool
health_check_fails(const struct check_report *check)
{
	return check->importance != CHECK_EXCLUDED &&
	       (check->result.status == CHECK_FAILED || check->result.status == CHECK_UNKNOWN);
}

bool
health_check_warns(const struct check_report *check)
{
	return check->importance != CHECK_EXCLUDED && check->result.status == CHECK_WARNED;
}

void
checks_peek(const struct checks *checks, struct health_report *report)
{
	struct check_result results[SCOREBOARD_MAX_CHECKS];
	read_all(checks, results);
	fill_report(checks, results, report);
}

const struct check_report *
health_first_failure(const struct health_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct check_report *check = &report->checks[i];
		if (check->importance == CHECK_CRITICAL && health_check_fails(check))
			return check;
	}
	return NULL;
}
