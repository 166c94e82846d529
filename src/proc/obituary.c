/*
 * obituary.c - see obituary.h. Called by the supervisor with a slot that nobody writes any more, and without one by
 * whoever finds a slot whose owner is dead.
 */
#include "obituary.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "log.h"
#include "owner.h"

#define MAX_FIELDS 16
#define EXCEPTION_BYTES 80

const char *
signal_name(int signal_number, char buffer[static 16])
{
	const char *abbreviation = sigabbrev_np(signal_number);
	if (abbreviation != NULL)
		snprintf(buffer, 16, "SIG%s", abbreviation);
	else
		snprintf(buffer, 16, "signal %d", signal_number);
	return buffer;
}

bool
death_in_order(const struct slot *slot, int wait_status)
{
	struct slot_request request;
	return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0 && !slot_get_request_of_dead(slot, &request);
}

enum death_cause
death_cause(const struct death *death)
{
	if (death->overdue)
		return DEATH_TIMEOUT;
	if (!WIFSIGNALED(death->wait_status))
		return DEATH_EXIT;
	return death->oom_killed && WTERMSIG(death->wait_status) == SIGKILL ? DEATH_OOM : DEATH_SIGNAL;
}

static size_t
add_end(struct vt_field *fields, size_t n, int status, char name[static 16])
{
	if (!WIFSIGNALED(status)) {
		fields[n++] = VT_INT("exit_code", WEXITSTATUS(status));
		return n;
	}
	fields[n++] = VT_STR("signal", signal_name(WTERMSIG(status), name));
	fields[n++] = VT_BOOL("core_dumped", WCOREDUMP(status));
	return n;
}

static size_t
add_request(struct vt_field *fields, size_t n, const struct slot *slot, const struct slot_request *request)
{
	fields[n++] = VT_STR("method", request->method);
	fields[n++] = VT_STR("path", request->path);
	fields[n++] = VT_STR("route", request->route);
	fields[n++] = VT_STR("phase", slot_phase_name(slot_phase(slot)));
	if (request->started_ns != 0)
		fields[n++] = VT_DOUBLE("elapsed_seconds", (double)(clock_mono_ns() - request->started_ns) / NS_PER_S);
	return n;
}

/* "SIGSEGV at 0x10"; "SIGABRT" for what it did to itself; "SIGSEGV sent by process 4711". */
static const char *
describe_crash(const struct crash_report *crash, pid_t pid, char text[static EXCEPTION_BYTES])
{
	char name[16];
	signal_name(crash->signal, name);
	if (crash->code > 0 && crash->code != SI_KERNEL) /* which has no address to tell */
		snprintf(text, EXCEPTION_BYTES, "%s at %#jx", name, (uintmax_t)crash->address);
	else if (crash->code <= 0 && crash->sender != pid)
		snprintf(text, EXCEPTION_BYTES, "%s sent by process %d", name, (int)crash->sender);
	else
		snprintf(text, EXCEPTION_BYTES, "%s", name);
	return text;
}

void
obituary_write(struct log *log, const struct slot *slot, const struct death *death)
{
	char name[16], exception[EXCEPTION_BYTES];
	struct slot_request request;
	struct crash_report crash;
	struct vt_field fields[MAX_FIELDS];
	struct log_context context = {0};
	size_t n = 0;
	fields[n++] = VT_INT("worker", death->worker);
	fields[n++] = VT_INT("pid", death->pid);
	fields[n++] = VT_INT("generation", death->generation);
	bool in_order = death_in_order(slot, death->wait_status);
	if (!in_order)
		fields[n++] = VT_STR("cause", death_cause_name(death_cause(death)));
	n = add_end(fields, n, death->wait_status, name);
	if (slot_get_request_of_dead(slot, &request)) {
		context.correlation_id = request.correlation_id;
		n = add_request(fields, n, slot, &request);
	}
	bool crashed = WIFSIGNALED(death->wait_status) && slot_get_crash(slot, &crash);
	if (crashed)
		fields[n++] = VT_STR("backtrace", crash.backtrace);
	fields[n++] = VT_DOUBLE("lived_seconds", (double)death->lived_ms / 1000);
	fields[n++] = VT_DOUBLE("restart_delay_seconds", (double)death->restart_delay_ms / 1000);
	log_write(log, &(struct log_record){.level = in_order ? VT_INFO : VT_ERROR_LEVEL,
	                                    .logger = "vitals.supervisor",
	                                    .message = in_order ? "Worker ended" : "Worker died",
	                                    .site = LOG_SITE,
	                                    .context = &context,
	                                    .exception = crashed ? describe_crash(&crash, death->pid, exception) : NULL,
	                                    .fields = fields,
	                                    .count = n});
}

/* True for one of all who find it so. */
static bool
is_ours_to_tell(struct slot *slot)
{
	uint8_t state = atomic_load(&slot->state);
	if (state == SLOT_FREE || state == SLOT_DEAD || owner_lives(atomic_load(&slot->owner)))
		return false;
	return atomic_compare_exchange_strong(&slot->state, &state, SLOT_DEAD);
}

void
obituary_of_stranger(struct log *log, struct scoreboard *board, unsigned index)
{
	struct slot *slot = scoreboard_slot(board, index);
	char name[16], exception[EXCEPTION_BYTES];
	struct slot_request request;
	struct crash_report crash;
	struct vt_field fields[MAX_FIELDS];
	struct log_context context = {0};
	size_t n = 0;
	pid_t pid = slot_pid(slot);
	bool in_request = slot_get_request_of_dead(slot, &request), crashed = slot_get_crash(slot, &crash);
	if (pid == 0 || !is_ours_to_tell(slot))
		return;
	fields[n++] = VT_INT("worker", index);
	fields[n++] = VT_INT("pid", pid);
	if (in_request) {
		context.correlation_id = request.correlation_id;
		n = add_request(fields, n, slot, &request);
	}
	if (crashed) {
		fields[n++] = VT_STR("signal", signal_name(crash.signal, name));
		fields[n++] = VT_STR("backtrace", crash.backtrace);
	}
	atomic_fetch_add(&scoreboard_service(board)->deaths[DEATH_SIGNAL], 1);
	log_write(log, &(struct log_record){.level = VT_ERROR_LEVEL,
	                                    .logger = "vitals.service",
	                                    .message = "Process died",
	                                    .site = LOG_SITE,
	                                    .context = &context,
	                                    .exception = crashed ? describe_crash(&crash, pid, exception) : NULL,
	                                    .fields = fields,
	                                    .count = n});
}
