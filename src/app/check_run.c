/*
 * check_run.c - drives all checks side by side: one poll() loop under one deadline.
 *
 * Called by checks.c in the worker that holds the claim. A check that hangs costs the others nothing:
 * their results are taken as they come, and what is still out at the deadline is abandoned.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "check_kind.h"
#include "clock.h"
#include "insist.h"

struct run {
	struct check *checks;
	struct check_result *results;
	size_t count, waiting;
	int64_t started_ns;
	bool done[SCOREBOARD_MAX_CHECKS];
	struct pollfd polls[SCOREBOARD_MAX_CHECKS]; /* fd -1 where the check is done: poll() skips it */
	int64_t until_ns[SCOREBOARD_MAX_CHECKS];    /* to be stepped by then; 0: only when something comes */
};

static void
say(struct check_result *result, const char *prefix, const char *cause_format, va_list args)
{
	int size = snprintf(result->text, sizeof result->text, "%s", prefix);
	vsnprintf(result->text + size, sizeof result->text - (size_t)size, cause_format, args);
}

void
check_fail(struct check_result *result, const char *cause_format, ...)
{
	va_list args;
	result->status = CHECK_FAILED;
	va_start(args, cause_format);
	say(result, "unhealthy: ", cause_format, args);
	va_end(args);
}

void
check_wait(struct check_result *result, const char *cause_format, ...)
{
	va_list args;
	result->status = CHECK_UNKNOWN;
	va_start(args, cause_format);
	say(result, "unknown: ", cause_format, args);
	va_end(args);
}

void
check_warn(struct check_result *result, const char *cause_format, ...)
{
	va_list args;
	result->status = CHECK_WARNED;
	va_start(args, cause_format);
	say(result, "warning: ", cause_format, args);
	va_end(args);
}

double
check_percent(uint64_t part, uint64_t whole)
{
	if (whole == 0)
		return 0;
	double tenths = (double)part * 1000 / (double)whole;
	return (double)(int64_t)(tenths + 0.5) / 10;
}

static void
finish(struct run *run, size_t i)
{
	run->done[i] = true;
	run->polls[i] = (struct pollfd){.fd = -1};
	run->until_ns[i] = DEADLINE_NEVER;
	run->waiting--;
	run->results[i].identity = run->checks[i].identity;
	run->results[i].checked_ns = clock_mono_ns();
	run->results[i].duration_ns = run->results[i].checked_ns - run->started_ns;
}

static void
step(struct run *run, size_t i)
{
	struct check *check = &run->checks[i];
	struct io_want want = {.fd = -1};
	run->results[i] = (struct check_result){.status = CHECK_UNKNOWN};
	if (check->kind->step(check->state, &want, &run->results[i]) == IO_DONE) {
		INSIST(run->results[i].status != CHECK_UNKNOWN || run->results[i].text[0] != '\0');
		finish(run, i);
	} else {
		run->polls[i] = (struct pollfd){.fd = want.fd, .events = want.events};
		run->until_ns[i] = want.until_ns;
	}
}

static void
step_ready(struct run *run)
{
	int64_t now_ns = clock_mono_ns();
	for (size_t i = 0; i < run->count; i++) {
		bool due = run->until_ns[i] != 0 && run->until_ns[i] <= now_ns;
		if (!run->done[i] && (due || run->polls[i].revents != 0))
			step(run, i);
	}
}

static int64_t
next_wake_ns(const struct run *run, int64_t deadline_ns)
{
	for (size_t i = 0; i < run->count; i++)
		if (!run->done[i] && run->until_ns[i] != 0)
			deadline_ns = deadline_min(deadline_ns, run->until_ns[i]);
	return deadline_ns;
}

static void
abandon_rest(struct run *run, int64_t timeout_ms)
{
	for (size_t i = 0; i < run->count; i++) {
		if (run->done[i])
			continue;
		run->checks[i].kind->abandon(run->checks[i].state);
		run->results[i] = (struct check_result){0};
		check_fail(&run->results[i], "no answer within %lld ms", (long long)timeout_ms);
		finish(run, i);
	}
}

void
check_run(struct check *checks, size_t count, int64_t timeout_ms, struct check_result *results)
{
	struct run run = {.checks = checks, .results = results, .count = count, .waiting = count};
	INSIST(count <= SCOREBOARD_MAX_CHECKS);
	int64_t deadline_ns = deadline_in_ms(timeout_ms);
	run.started_ns = clock_mono_ns();
	/* All are under way before the first is looked after. */
	for (size_t i = 0; i < count; i++)
		checks[i].kind->start(checks[i].state);
	for (size_t i = 0; i < count; i++)
		step(&run, i);
	while (run.waiting > 0 && clock_mono_ns() < deadline_ns)
		if (poll(run.polls, (nfds_t)count, deadline_poll_ms(next_wake_ns(&run, deadline_ns))) >= 0)
			step_ready(&run);
	abandon_rest(&run, timeout_ms);
}
