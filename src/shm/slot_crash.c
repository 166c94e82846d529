/*
 * slot_crash.c - what a worker that crashed left in its slot (proc/crash.c): reading it, and forgetting it.
 *
 * Written by the worker in its last moments and read when it is dead, so nothing in here can change meanwhile.
 */
#include <string.h>

#include "scoreboard.h"

void
slot_forget_crash(struct slot *slot)
{
	struct slot_crash *crash = &slot->crash;
	atomic_store_explicit(&crash->signal, 0, memory_order_relaxed);
	atomic_store_explicit(&crash->length, 0, memory_order_relaxed);
	crash->code = 0;
	crash->sender = 0;
	crash->address = 0;
}

bool
slot_get_crash(const struct slot *slot, struct crash_report *report)
{
	const struct slot_crash *crash = &slot->crash;
	uint32_t length = atomic_load_explicit(&crash->length, memory_order_acquire);
	report->signal = atomic_load_explicit(&crash->signal, memory_order_acquire);
	if (report->signal == 0)
		return false;
	report->code = crash->code;
	report->sender = crash->sender;
	report->address = crash->address;
	if (length >= sizeof report->backtrace)
		length = sizeof report->backtrace - 1;
	memcpy(report->backtrace, crash->backtrace, length);
	report->backtrace[length] = '\0';
	return true;
}
