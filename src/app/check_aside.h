/*
 * check_aside.h - a declared check that asks a file for a number of seconds, in a thread of its own.
 *
 * While a call hangs, no new one is started and the check fails at once (side_call.h).
 */
#ifndef APP_CHECK_ASIDE_H
#define APP_CHECK_ASIDE_H

#include "check_spec.h"
#include "io_step.h"
#include "side_call.h"

struct check;
struct check_result;

struct check_aside_kind {
	side_call_fn *ask; /* of the spec's target */
	/* What the answer or the errno means. */
	void (*judge)(const struct check_spec *spec, int error, int64_t seconds, struct check_result *result);
};

/* As the functions of struct check_kind. */
int check_aside_declare(const struct check_aside_kind *kind, const struct check_spec *spec, struct check *check);
void check_aside_start(void *state);
enum io_progress check_aside_step(void *state, struct io_want *want, struct check_result *result);
void check_aside_abandon(void *state);
void check_aside_destroy(void *state);

#endif
