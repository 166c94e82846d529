/*
 * check_kind.h - what a single check is; private to the checks' own files.
 *
 * A check never waits by itself. It is a small state machine that check_run.c drives beside all others:
 * start, then step until IO_DONE with a poll() of what it wants in between, or abandon at the deadline.
 * A worker has one set of checks and runs it at most once at a time.
 */
#ifndef APP_CHECK_KIND_H
#define APP_CHECK_KIND_H

#include <stdbool.h>
#include <stddef.h>

#include "checks.h"
#include "io_step.h"

#define CHECK_NAME_BYTES 128

struct check;
struct check_spec;

/* One line of the table: a kind of check and how it runs. Constant. */
struct check_kind {
	const char *name;
	enum check_shape shape;
	/*
	 * Makes the state of the n-th check of this kind (from 0) and sets its name where it is not the
	 * kind's. 1: made, 0: there are not so many, -1: no memory.
	 */
	int (*create)(const struct checks_config *config, size_t n, struct check *check);
	/*
	 * The same for a kind that is declared in CHECKS: the spec, which is gone afterwards, has been proved; name,
	 * index and identity are set. 0, or -1: no memory. NULL for the others.
	 */
	int (*declare)(const struct checks_config *config, const struct check_spec *spec, struct check *check);
	void (*start)(void *state);
	/*
	 * Goes on as far as it can without waiting. IO_WAIT with *want; IO_DONE with status, text and
	 * numbers of *result, which is cleared before. Called again only when *want is ready.
	 */
	enum io_progress (*step)(void *state, struct io_want *want, struct check_result *result);
	/* The deadline has passed: lets go of the run. */
	void (*abandon)(void *state);
	void (*destroy)(void *state); /* may be NULL */
};

struct check {
	const struct check_kind *kind;
	char name[CHECK_NAME_BYTES];
	unsigned index;    /* among all checks, and of its result in shared memory */
	uint64_t identity; /* of its name and declaration */
	void *state;       /* the kind's */
};

/* The checks of these settings, in the order in which they are shown and published. -1: no memory; there are none. */
int check_table_build(const struct checks_config *config, struct check checks[SCOREBOARD_MAX_CHECKS], size_t *count);
void check_table_destroy(struct check *checks, size_t count);

/* A runner of these checks, which it takes over, also where it fails (NULL: no memory). */
struct checks *checks_create_of(const struct checks_config *config, const struct check *checks, size_t count);

/*
 * Runs all of them side by side until the last is done or timeout_ms have passed; whatever is not
 * done then is abandoned and failed. Fills one result a check.
 */
void check_run(struct check *checks, size_t count, int64_t timeout_ms, struct check_result *results);

/* Fails the result with "unhealthy: " and the cause, which is one line and names no host, user or password. */
void check_fail(struct check_result *result, const char *cause_format, ...) __attribute__((format(printf, 2, 3)));
/* The same with "unknown: ": it counts as failed, and is not logged, since it will soon be known. */
void check_wait(struct check_result *result, const char *cause_format, ...) __attribute__((format(printf, 2, 3)));
/* The same with "warning: ". */
void check_warn(struct check_result *result, const char *cause_format, ...) __attribute__((format(printf, 2, 3)));
/* 100 * part / whole with one decimal; 0 of nothing is 0. */
double check_percent(uint64_t part, uint64_t whole);

#endif
