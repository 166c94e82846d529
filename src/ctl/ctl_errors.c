/* ctl_errors.c - vitalsctl errors: the table of the scoreboard, sorted. Read only, and without the service's help. */
#include "ctl_errors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ctl.h"
#include "ctl_print.h"
#include "err.h"
#include "jsonw.h"
#include "jsonw_member.h"
#include "scoreboard.h"
#include "setting_value.h"

#define WIDTH 100
#define INDENT 11
#define ID_COLUMN 61

/* ---- For people --------------------------------------------------------------------------------- */

static void
show_age(int64_t then_ns, int64_t now_ns, FILE *out)
{
	char age[CTL_AGE_BYTES], text[CTL_AGE_BYTES + 8];
	ctl_write_age(age, now_ns > then_ns ? (double)(now_ns - then_ns) / NS_PER_S : 0);
	snprintf(text, sizeof text, "%s ago", age);
	fprintf(out, "  %14s", text);
}

/* "Request completed 503 at /users/{id} (wrap_log:leave)". */
static void
show_kind(const struct error_kind *kind, FILE *out)
{
	char line[sizeof *kind + 16];
	snprintf(line, sizeof line, "%s%s%s%s%s%s%s%s", kind->message, kind->code[0] != '\0' ? " " : "", kind->code,
	         kind->route[0] != '\0' ? " at " : "", kind->route, kind->place[0] != '\0' ? " (" : "", kind->place,
	         kind->place[0] != '\0' ? ")" : "");
	fprintf(out, "%*s", INDENT, "");
	ctl_put_cut(line, WIDTH - INDENT, out);
	fputc('\n', out);
}

static void
show_row(const struct error_row *row, int64_t now_ns, FILE *out)
{
	fprintf(out, "%9" PRIu64, row->count);
	show_age(row->first_ns, now_ns, out);
	show_age(row->last_ns, now_ns, out);
	fprintf(out, "  %016" PRIx64 "  ", row->fingerprint);
	ctl_put_cut(row->correlation_id[0] != '\0' ? row->correlation_id : "-", WIDTH - ID_COLUMN, out);
	fputc('\n', out);
	show_kind(&row->kind, out);
}

static void
show_totals(const struct error_totals *totals, FILE *out)
{
	fprintf(out, "%" PRIu64 " errors of %u kinds", totals->total, totals->kinds);
	if (totals->replaced > 0)
		fprintf(out, "; %" PRIu64 " kinds that were not seen for long made room for others", totals->replaced);
	if (totals->unlisted > 0)
		fprintf(out, "; %" PRIu64 " errors are not listed", totals->unlisted);
	fputc('\n', out);
}

void
ctl_show_errors_text(const struct error_list *errors, int64_t now_ns, FILE *out)
{
	if (errors->totals.total == 0) {
		fprintf(out, "No errors.\n");
		return;
	}
	show_totals(&errors->totals, out);
	if (errors->count > 0)
		fprintf(out, "\n%9s  %14s  %14s  %-16s  %s\n", "COUNT", "FIRST", "LAST", "FINGERPRINT",
		        "LAST CORRELATION ID");
	for (unsigned i = 0; i < errors->count; i++)
		show_row(&errors->rows[i], now_ns, out);
}

/* ---- For programs ------------------------------------------------------------------------------- */

static void
put_errors(struct jsonw *w, const void *what)
{
	const struct error_list *errors = what;
	jsonw_member_uint(w, "total", errors->totals.total);
	jsonw_member_uint(w, "kinds", errors->totals.kinds);
	jsonw_member_uint(w, "replaced", errors->totals.replaced);
	jsonw_member_uint(w, "unlisted", errors->totals.unlisted);
	jsonw_key(w, "errors");
	error_list_write(w, errors);
}

int
ctl_show_errors_json(const struct error_list *errors, FILE *out, struct err *err)
{
	return ctl_show_object(put_errors, errors, out, err);
}

/* ---- The command -------------------------------------------------------------------------------- */

static int
read_limit(const char *text, unsigned *limit, struct err *err)
{
	const struct setting_def def = {.type = SETTING_INT, .min = 1, .max = ERRORS_MAX};
	struct setting_value value;
	struct err allowed;
	*limit = ERRORS_MAX;
	if (text == NULL)
		return 0;
	if (setting_value_parse(&def, text, &value, &allowed) != 0)
		return err_set(err, "--limit is \"%.32s\"; %s", text, allowed.text);
	*limit = (unsigned)value.number;
	return 0;
}

int
ctl_prove_errors(const struct ctl *ctl, struct err *err)
{
	unsigned limit;
	return read_limit(ctl->limit, &limit, err);
}

int
ctl_errors(const struct ctl *ctl, struct err *err)
{
	unsigned limit;
	if (read_limit(ctl->limit, &limit, err) != 0)
		return -1;
	struct error_list *errors = calloc(1, sizeof *errors);
	if (errors == NULL)
		return err_set(err, "There is no memory for the errors.");
	error_list_take(errors, scoreboard_errors(ctl->board), ctl->recent ? ERRORS_BY_LAST : ERRORS_BY_COUNT, limit);
	int status = 0;
	if (ctl->json)
		status = ctl_show_errors_json(errors, stdout, err);
	else
		ctl_show_errors_text(errors, clock_real_ns(), stdout);
	free(errors);
	return status;
}
