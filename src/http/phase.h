/*
 * phase.h - what a request is doing, for all to see in the slot, and how much of its time went there.
 *
 * Around every wait of a request: two readings of the clock. Phases do not nest in each other, only in the
 * handler's: what a handler took itself is what is left of the whole.
 */
#ifndef HTTP_PHASE_H
#define HTTP_PHASE_H

#include <stdint.h>

#include "scoreboard.h"

struct vt_request;

#define PHASES (PHASE_WRITING + 1)
#define SLOWEST_STATEMENT_BYTES 256

struct request_times {
	int64_t spent_ns[PHASES];
	unsigned calls[PHASES];
	int64_t answered_ns; /* monotonic, when the answer was ready to be written; 0: not yet */
	int64_t slowest_ns;
	char slowest_statement[SLOWEST_STATEMENT_BYTES]; /* its text, cut to fit, without its parameters */
};

struct phase {
	enum slot_phase phase, before;
	int64_t began_ns;
};

struct phase phase_enter(const struct vt_request *req, enum slot_phase phase);
/* How long it took. */
int64_t phase_leave(struct vt_request *req, const struct phase *phase);
/* Remembers a statement that took longer than any other of the request. */
void phase_note_statement(struct vt_request *req, const char *sql, int64_t took_ns);

#endif
