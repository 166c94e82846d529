/* ctl_text.c - a snapshot as a table for a terminal. */
#include "ctl_print.h"
#include "ctl_show.h"

static void
show_log(const struct snapshot_log *log, FILE *out)
{
	fprintf(out, "log: %llu records dropped, %llu bytes waiting", (unsigned long long)log->dropped,
	        (unsigned long long)log->waiting_bytes);
	if (log->spans_dropped > 0)
		fprintf(out, "; %llu lines of spans dropped", (unsigned long long)log->spans_dropped);
	if (log->writer != 0)
		fprintf(out, "; writer %ld%s", (long)log->writer, log->writer_lives ? "" : " (dead)");
	fputc('\n', out);
}

void
ctl_show_deaths(const struct snapshot *snapshot, FILE *out)
{
	fprintf(out, "deaths:");
	for (size_t i = 0; i < DEATH_CAUSES; i++)
		fprintf(out, "%s %s %llu", i > 0 ? "," : "", death_cause_name((enum death_cause)i),
		        (unsigned long long)snapshot->deaths[i]);
	fprintf(out, "; recycled: %llu; reloads: %llu, refused: %llu\n", (unsigned long long)snapshot->recycled,
	        (unsigned long long)snapshot->reloads, (unsigned long long)snapshot->reloads_refused);
}

void
ctl_show_state(const struct snapshot *snapshot, const char *reason, FILE *out)
{
	char age[CTL_AGE_BYTES];
	ctl_write_age(age, snapshot->up_s);
	fprintf(out, "%s, up %s", snapshot->status, age);
	if (snapshot->supervisor != 0)
		fprintf(out, ", supervisor %ld%s, generation %u", (long)snapshot->supervisor,
		        snapshot->supervisor_lives ? "" : " (dead)", snapshot->generation);
	fprintf(out, "\nworkers: %u of %u", snapshot->pool.workers, snapshot->workers_wanted);
	if (snapshot->workers_max != snapshot->workers)
		fprintf(out, " (%u to %u)", snapshot->workers, snapshot->workers_max);
	fprintf(out, ", %u idle, %u busy", snapshot->pool.idle, snapshot->pool.busy);
	if (snapshot->held_back > 0)
		fprintf(out, ", %u held back%s", snapshot->held_back, reason);
}

void
ctl_show_request(const struct snapshot_worker *row, FILE *out)
{
	if (!row->has_request)
		return;
	ctl_put_safe(row->request.method, out);
	fputc(' ', out);
	ctl_put_safe(row->request.path, out);
	fprintf(out, " (");
	ctl_put_safe(row->request.correlation_id, out);
	fputc(')', out);
}

static void
show_service(const struct snapshot *snapshot, FILE *out)
{
	ctl_show_state(snapshot, ", since they keep dying", out);
	fprintf(out, "; connections: %u; requests: %llu\n", snapshot->pool.connections,
	        (unsigned long long)snapshot->pool.requests);
	ctl_show_deaths(snapshot, out);
	fprintf(out, "errors: %llu", (unsigned long long)snapshot->errors.total);
	if (snapshot->errors.total > 0)
		fprintf(out, " of %u kinds", snapshot->errors.kinds);
	if (snapshot->log_levels > 0)
		fprintf(out, "; log levels that are set for a while: %u", snapshot->log_levels);
	fputc('\n', out);
	show_log(&snapshot->log, out);
	if (snapshot->refusal[0] != '\0') {
		fprintf(out, "last refusal: ");
		ctl_put_safe(snapshot->refusal, out);
		fputc('\n', out);
	}
}

static void
show_worker(const struct snapshot_worker *row, FILE *out)
{
	char age[CTL_AGE_BYTES];
	ctl_write_age(age, row->age_s);
	fprintf(out, "%6u %8ld %-6s %4u %8s %-8s %-8s %6u %10llu %8llu %8llu", row->index, (long)row->pid,
	        slot_role_name(row->role), row->generation, age, row->lives ? slot_state_name(row->state) : "dead",
	        row->has_request ? slot_phase_name(row->phase) : "-", row->connections,
	        (unsigned long long)row->requests, (unsigned long long)row->given, (unsigned long long)row->taken);
	if (row->has_request) {
		fprintf(out, "  %.3fs ", row->elapsed_s);
		ctl_show_request(row, out);
	}
	fputc('\n', out);
}

void
ctl_show_text(const struct snapshot *snapshot, FILE *out)
{
	show_service(snapshot, out);
	if (snapshot->row_count == 0)
		return;
	fprintf(out, "\n%6s %8s %-6s %4s %8s %-8s %-8s %6s %10s %8s %8s  %s\n", "WORKER", "PID", "ROLE", "GEN", "AGE",
	        "STATE", "PHASE", "CONNS", "REQUESTS", "GIVEN", "TAKEN", "REQUEST");
	for (size_t i = 0; i < snapshot->row_count; i++)
		show_worker(&snapshot->rows[i], out);
}
