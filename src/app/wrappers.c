/* wrappers.c - the table. Correlation is outermost, so that everything inside has its IDs. */
#include "wrappers.h"

const struct wrapper *const wrappers[] = {
	&wrap_correlation, &wrap_trace, &wrap_scoreboard, &wrap_timing, &wrap_log,
	&wrap_headers,     &wrap_body,  &wrap_queue,      &wrap_limits, &wrap_transaction,
};
const size_t wrappers_count = sizeof wrappers / sizeof *wrappers;
