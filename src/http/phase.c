/* phase.c - see phase.h. Called by what a handler uses: body, database, cache; in the request's thread. */
#include "phase.h"

#include <string.h>

#include "clock.h"
#include "request.h"

struct phase
phase_enter(const struct vt_request *req, enum slot_phase phase)
{
	struct slot *slot = req->with.slot;
	struct phase entered = {.phase = phase, .before = PHASE_NONE, .began_ns = clock_mono_ns()};
	if (slot != NULL) {
		entered.before = slot_phase(slot);
		slot_set_phase(slot, phase);
	}
	return entered;
}

int64_t
phase_leave(struct vt_request *req, const struct phase *phase)
{
	int64_t took_ns = clock_mono_ns() - phase->began_ns;
	if (req->with.slot != NULL)
		slot_set_phase(req->with.slot, phase->before);
	req->times.spent_ns[phase->phase] += took_ns;
	req->times.calls[phase->phase]++;
	return took_ns;
}

void
phase_note_statement(struct vt_request *req, const char *sql, int64_t took_ns)
{
	struct request_times *times = &req->times;
	if (took_ns <= times->slowest_ns)
		return;
	size_t size = strnlen(sql, sizeof times->slowest_statement);
	if (size == sizeof times->slowest_statement)
		for (size--; size > 0 && ((unsigned char)sql[size] & 0xc0) == 0x80;) /* not inside a character */
			size--;
	memcpy(times->slowest_statement, sql, size);
	times->slowest_statement[size] = '\0';
	times->slowest_ns = took_ns;
}
