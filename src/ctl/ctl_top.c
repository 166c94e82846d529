/*
 * ctl_top.c - see ctl_top.h. Reads the scoreboard alone, so that it tells also how a service is that hangs.
 *
 * The frame is written into memory first, and then line by line, cut to what there is room for.
 */
#include "ctl_top.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "ctl_print.h"
#include "ctl_show.h"
#include "err.h"

#define RATE_BYTES 16
#define CLOCK_BYTES 16
#define ERRORS_SHARE 3 /* of the lines, at most one in so many is of errors, with their heading */
#define ERRORS_EXTRA 2 /* an empty line and a heading */

/* ---- A look ------------------------------------------------------------------------------------- */

int
ctl_look_take(struct ctl_look *look, struct scoreboard *board, struct err *err)
{
	look->mono_ns = clock_mono_ns();
	look->real_ns = clock_real_ns();
	error_list_take(&look->errors, scoreboard_errors(board), ERRORS_BY_COUNT, CTL_TOP_ERRORS);
	return snapshot_take(&look->snapshot, board, err);
}

void
ctl_look_fini(struct ctl_look *look)
{
	snapshot_fini(&look->snapshot);
}

/* ---- Rates -------------------------------------------------------------------------------------- */

/* "812.3"; "-" where there is no look before, or another service's. */
static const char *
write_rate(char text[static RATE_BYTES], const struct ctl_look *look, const struct ctl_look *before,
           const uint64_t counts[static 2])
{
	double seconds = before != NULL ? (double)(look->mono_ns - before->mono_ns) / NS_PER_S : 0;
	if (seconds > 0 && counts[0] >= counts[1])
		snprintf(text, RATE_BYTES, "%.1f", (double)(counts[0] - counts[1]) / seconds);
	else
		snprintf(text, RATE_BYTES, "-");
	return text;
}

/* What this worker had served at the look before; more than it has now where it was not there. */
static uint64_t
requests_before(const struct ctl_look *before, const struct snapshot_worker *row)
{
	for (size_t i = 0; before != NULL && i < before->snapshot.row_count; i++)
		if (before->snapshot.rows[i].index == row->index)
			return before->snapshot.rows[i].requests;
	return UINT64_MAX;
}

/* ---- The service -------------------------------------------------------------------------------- */

static void
show_state(const struct ctl_look *look, FILE *out)
{
	const struct snapshot *snapshot = &look->snapshot;
	char now[CLOCK_BYTES];
	time_t seconds = (time_t)(look->real_ns / NS_PER_S);
	struct tm local;
	if (localtime_r(&seconds, &local) == NULL || strftime(now, sizeof now, "%H:%M:%S", &local) == 0)
		now[0] = '\0';
	fprintf(out, "%s  ", now);
	ctl_show_state(snapshot, "", out);
	fprintf(out, "; connections: %u\n", snapshot->pool.connections);
}

static void
show_counts(const struct ctl_look *look, const struct ctl_look *before, FILE *out)
{
	const struct snapshot *now = &look->snapshot, *then = before != NULL ? &before->snapshot : now;
	char rate[RATE_BYTES];
	fprintf(out, "requests: %llu, %s/s", (unsigned long long)now->pool.requests,
	        write_rate(rate, look, before, (uint64_t[2]){now->pool.requests, then->pool.requests}));
	fprintf(out, "; errors: %llu, %s/s", (unsigned long long)now->errors.total,
	        write_rate(rate, look, before, (uint64_t[2]){now->errors.total, then->errors.total}));
	fprintf(out, "; log: %llu dropped, %llu bytes waiting\n", (unsigned long long)now->log.dropped,
	        (unsigned long long)now->log.waiting_bytes);
	ctl_show_deaths(now, out);
}

/* ---- The workers -------------------------------------------------------------------------------- */

/* The longest in a request first. */
static int
compare_elapsed(const void *a, const void *b)
{
	const struct snapshot_worker *x = *(const struct snapshot_worker *const *)a;
	const struct snapshot_worker *y = *(const struct snapshot_worker *const *)b;
	if (x->elapsed_s != y->elapsed_s)
		return x->elapsed_s < y->elapsed_s ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

static void
show_worker(const struct snapshot_worker *row, const struct ctl_look *look, const struct ctl_look *before, FILE *out)
{
	char rate[RATE_BYTES], elapsed[RATE_BYTES] = "-";
	if (row->has_request)
		snprintf(elapsed, sizeof elapsed, "%.3fs", row->elapsed_s);
	write_rate(rate, look, before, (uint64_t[2]){row->requests, requests_before(before, row)});
	fprintf(out, "%6u %8ld %-6s %-8s %-8s %9s %6u %10llu %8s  ", row->index, (long)row->pid,
	        slot_role_name(row->role), row->lives ? slot_state_name(row->state) : "dead",
	        row->has_request ? slot_phase_name(row->phase) : "-", elapsed, row->connections,
	        (unsigned long long)row->requests, rate);
	ctl_show_request(row, out);
	fputc('\n', out);
}

/* As many as there is room for; one line says how many more there are. */
static void
show_workers(const struct ctl_look *look, const struct ctl_look *before, size_t room, FILE *out)
{
	const struct snapshot *snapshot = &look->snapshot;
	size_t count = snapshot->row_count, shown = count > room ? room - 1 : count;
	const struct snapshot_worker **order = count > 0 ? calloc(count, sizeof(*order)) : NULL;
	if (order == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		order[i] = &snapshot->rows[i];
	qsort(order, count, sizeof(*order), compare_elapsed);
	fprintf(out, "\n%6s %8s %-6s %-8s %-8s %9s %6s %10s %8s  %s\n", "WORKER", "PID", "ROLE", "STATE", "PHASE",
	        "ELAPSED", "CONNS", "REQUESTS", "REQ/S", "REQUEST");
	for (size_t i = 0; i < shown; i++)
		show_worker(order[i], look, before, out);
	/* The ellipsis is one column and three bytes. */
	if (shown < count)
		fprintf(out, "%8s %zu more\n", "…", count - shown);
	free(order);
}

/* ---- The errors --------------------------------------------------------------------------------- */

static void
show_error(const struct error_row *row, int64_t now_ns, FILE *out)
{
	char age[CTL_AGE_BYTES];
	ctl_write_age(age, now_ns > row->last_ns ? (double)(now_ns - row->last_ns) / NS_PER_S : 0);
	fprintf(out, "%9llu %10s ago  %s", (unsigned long long)row->count, age, row->kind.message);
	if (row->kind.code[0] != '\0')
		fprintf(out, " %s", row->kind.code);
	if (row->kind.route[0] != '\0')
		fprintf(out, " at %s", row->kind.route);
	fprintf(out, " (%s)\n", row->correlation_id[0] != '\0' ? row->correlation_id : "-");
}

static void
show_errors(const struct ctl_look *look, size_t room, FILE *out)
{
	if (room == 0)
		return;
	fprintf(out, "\n%9s %14s  %s\n", "ERRORS", "LAST", "WHAT (LAST CORRELATION ID)");
	for (size_t i = 0; i < look->errors.count && i < room; i++)
		show_error(&look->errors.rows[i], look->real_ns, out);
}

/* ---- The frame ---------------------------------------------------------------------------------- */

#define SERVICE_LINES 4
#define WORKERS_EXTRA 2
#define LINES_MIN 8

static size_t
room_for_errors(const struct ctl_look *look, size_t lines)
{
	size_t share = lines / ERRORS_SHARE, count = look->errors.count;
	if (count == 0 || share <= ERRORS_EXTRA)
		return 0;
	return count < share - ERRORS_EXTRA ? count : share - ERRORS_EXTRA;
}

static void
compose(const struct ctl_look *look, const struct ctl_look *before, size_t lines, FILE *out)
{
	size_t errors = room_for_errors(look, lines);
	size_t used = SERVICE_LINES + WORKERS_EXTRA + (errors > 0 ? errors + ERRORS_EXTRA : 0);
	show_state(look, out);
	show_counts(look, before, out);
	show_workers(look, before, lines > used ? lines - used : 1, out);
	show_errors(look, errors, out);
}

/* So many of the lines, each so wide. Controls have no place in them any more, wherever they came from. */
static void
put_lines(char *text, struct ctl_frame frame, FILE *out)
{
	for (int i = 0; *text != '\0' && (frame.lines == 0 || i < frame.lines); i++) {
		char *end = strchr(text, '\n');
		*end = '\0';
		ctl_put_cut(text, frame.columns, out);
		fputc('\n', out);
		text = end + 1;
	}
}

void
ctl_show_top(const struct ctl_look *look, const struct ctl_look *before, struct ctl_frame frame, FILE *out)
{
	char *text = NULL;
	size_t size_bytes = 0;
	FILE *composed = open_memstream(&text, &size_bytes);
	if (composed == NULL)
		return;
	size_t lines = frame.lines == 0 ? SIZE_MAX : frame.lines < LINES_MIN ? LINES_MIN : (size_t)frame.lines;
	compose(look, before, lines, composed);
	if (fclose(composed) == 0)
		put_lines(text, frame, out);
	free(text);
}
