/* check_pressure.c - pressure:cpu, pressure:memory, pressure:io: the kernel's share of the last ten seconds (pressure.h). */
#include <stdlib.h>

#include "check_bounds.h"
#include "check_table.h"
#include "pressure.h"

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	(void)config;
	struct check_spec *state = malloc(sizeof *state);
	if (state == NULL)
		return -1;
	*state = *spec;
	check->state = state;
	return 0;
}

static void
start(void *state)
{
	(void)state;
}

static enum io_progress
step(void *state, struct io_want *want, struct check_result *result)
{
	const struct check_spec *spec = state;
	struct pressure pressure;
	(void)want;
	pressure_read("/proc/pressure", &pressure);
	const struct pressure_share *share = &pressure.shares[spec->subject];
	if (!share->known || (spec->full && !share->full_known))
		check_fail(result, "the kernel does not tell the pressure");
	else
		check_judge(spec, "tasks waited %s of the time", (int64_t)(spec->full ? share->full : share->some),
		            result);
	return IO_DONE;
}

static void
abandon(void *state)
{
	(void)state;
}

const struct check_kind check_pressure = {
	.name = "pressure",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = start,
	.step = step,
	.abandon = abandon,
	.destroy = free,
};
