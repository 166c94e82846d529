/*
 * check_ask.h - a declared check that is one talk with a server: tcp:, unix:, http: and fastcgi: targets.
 *
 * A kind's state begins with a struct check_ask; the functions below are those of its struct check_kind.
 */
#ifndef APP_CHECK_ASK_H
#define APP_CHECK_ASK_H

#include <stdbool.h>

#include "check_spec.h"
#include "check_talk.h"
#include "io_step.h"

struct check_result;

struct check_ask {
	struct check_spec spec;
	struct check_talk talk;
	/* Asked at each progress but TALK_WAIT and TALK_FAILED; true where result is decided, and the talk is over. */
	bool (*look)(struct check_ask *ask, enum talk_progress progress, struct check_result *result);
};

void check_ask_start(void *state);
enum io_progress check_ask_step(void *state, struct io_want *want, struct check_result *result);
void check_ask_abandon(void *state);
/* Frees the state. */
void check_ask_destroy(void *state);

#endif
