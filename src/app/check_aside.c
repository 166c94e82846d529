/* check_aside.c - starts the thread, waits for its answer in the checks' poll(). Used by check_file.c and
 * check_certificate.c. */
#include "check_aside.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "check_kind.h"

struct aside {
	const struct check_aside_kind *kind;
	struct check_spec spec;
	struct side_call *call; /* NULL: none is under way */
	int start_error;
	bool hangs; /* the call is left from an earlier run */
};

int
check_aside_declare(const struct check_aside_kind *kind, const struct check_spec *spec, struct check *check)
{
	struct aside *aside = calloc(1, sizeof *aside);
	if (aside == NULL)
		return -1;
	aside->kind = kind;
	aside->spec = *spec;
	check->state = aside;
	return 0;
}

static void
let_go(struct aside *aside)
{
	side_call_release(aside->call);
	aside->call = NULL;
}

void
check_aside_start(void *state)
{
	struct aside *aside = state;
	union side_answer late;
	int error;
	/* The answer of an abandoned call has come meanwhile: it is too old to use. */
	if (aside->call != NULL && side_call_answer(aside->call, &late, &error))
		let_go(aside);
	aside->hangs = aside->call != NULL;
	if (aside->hangs)
		return;
	aside->call = side_call_start(aside->spec.target, aside->kind->ask);
	aside->start_error = aside->call == NULL ? errno : 0;
}

enum io_progress
check_aside_step(void *state, struct io_want *want, struct check_result *result)
{
	struct aside *aside = state;
	union side_answer answer = {.seconds = 0};
	int error = aside->start_error;
	if (aside->hangs) {
		check_fail(result, "the file system has not answered since an earlier check");
		return IO_DONE;
	}
	if (aside->call != NULL && !side_call_answer(aside->call, &answer, &error)) {
		*want = (struct io_want){.fd = side_call_fd(aside->call), .events = POLLIN};
		return IO_WAIT;
	}
	aside->kind->judge(&aside->spec, error, answer.seconds, result);
	let_go(aside);
	return IO_DONE;
}

void
check_aside_abandon(void *state)
{
	(void)state; /* the call stays, so that no second one joins it */
}

void
check_aside_destroy(void *state)
{
	let_go(state);
	free(state);
}
