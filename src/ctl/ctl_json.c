/* ctl_json.c - a snapshot as one JSON object. */
#include "ctl_print.h"
#include "ctl_show.h"
#include "jsonw.h"

static void
put_pool(struct jsonw *w, const char *key, const struct pool_summary *pool)
{
	jsonw_key(w, key);
	jsonw_begin_object(w);
	ctl_json_uint(w, "workers", pool->workers);
	ctl_json_uint(w, "starting", pool->starting);
	ctl_json_uint(w, "idle", pool->idle);
	ctl_json_uint(w, "busy", pool->busy);
	ctl_json_uint(w, "stopping", pool->stopping);
	ctl_json_uint(w, "connections", pool->connections);
	ctl_json_uint(w, "requests", pool->requests);
	jsonw_end_object(w);
}

static void
put_request(struct jsonw *w, const struct ctl_worker *row)
{
	jsonw_key(w, "request");
	if (!row->has_request) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	ctl_json_text(w, "correlation_id", row->request.correlation_id);
	ctl_json_text(w, "method", row->request.method);
	ctl_json_text(w, "path", row->request.path);
	ctl_json_text(w, "route", row->request.route);
	ctl_json_text(w, "phase", slot_phase_name(row->phase));
	ctl_json_seconds(w, "elapsed_seconds", row->elapsed_s);
	jsonw_end_object(w);
}

static void
put_worker(struct jsonw *w, const struct ctl_worker *row)
{
	jsonw_begin_object(w);
	ctl_json_uint(w, "worker", row->index);
	ctl_json_uint(w, "pid", (uint64_t)row->pid);
	ctl_json_text(w, "role", slot_role_name(row->role));
	ctl_json_text(w, "state", row->lives ? slot_state_name(row->state) : "dead");
	ctl_json_uint(w, "generation", row->generation);
	ctl_json_seconds(w, "age_seconds", row->age_s);
	ctl_json_uint(w, "connections", row->connections);
	ctl_json_uint(w, "requests", row->requests);
	ctl_json_uint(w, "given", row->given);
	ctl_json_uint(w, "taken", row->taken);
	put_request(w, row);
	jsonw_end_object(w);
}

static void
put_deaths(struct jsonw *w, const struct ctl_snapshot *snapshot)
{
	jsonw_key(w, "deaths");
	jsonw_begin_object(w);
	for (size_t i = 0; i < DEATH_CAUSES; i++)
		ctl_json_uint(w, death_cause_name((enum death_cause)i), snapshot->deaths[i]);
	jsonw_end_object(w);
}

static void
put_supervisor(struct jsonw *w, const struct ctl_snapshot *snapshot)
{
	jsonw_key(w, "supervisor");
	if (snapshot->supervisor == 0) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	ctl_json_uint(w, "pid", (uint64_t)snapshot->supervisor);
	jsonw_key(w, "alive");
	jsonw_bool(w, snapshot->supervisor_lives);
	jsonw_end_object(w);
}

static void
put_errors(struct jsonw *w, const struct error_totals *errors)
{
	jsonw_key(w, "errors");
	jsonw_begin_object(w);
	ctl_json_uint(w, "total", errors->total);
	ctl_json_uint(w, "kinds", errors->kinds);
	jsonw_end_object(w);
}

static void
put_log(struct jsonw *w, const struct ctl_log *log)
{
	jsonw_key(w, "log");
	jsonw_begin_object(w);
	jsonw_key(w, "writer");
	if (log->writer_lives)
		jsonw_int(w, log->writer);
	else
		jsonw_null(w);
	ctl_json_uint(w, "dropped", log->dropped);
	ctl_json_uint(w, "spans_dropped", log->spans_dropped);
	ctl_json_uint(w, "waiting_bytes", log->waiting_bytes);
	jsonw_end_object(w);
}

static void
put_snapshot(struct jsonw *w, const void *what)
{
	const struct ctl_snapshot *snapshot = what;
	ctl_json_text(w, "status", snapshot->status);
	put_supervisor(w, snapshot);
	ctl_json_seconds(w, "uptime_seconds", snapshot->up_s);
	ctl_json_uint(w, "generation", snapshot->generation);
	ctl_json_uint(w, "workers_min", snapshot->workers);
	ctl_json_uint(w, "workers_max", snapshot->workers_max);
	ctl_json_uint(w, "workers_wanted", snapshot->workers_wanted);
	ctl_json_uint(w, "held_back", snapshot->held_back);
	put_pool(w, "pool", &snapshot->pool);
	put_pool(w, "admin", &snapshot->admin);
	put_deaths(w, snapshot);
	ctl_json_uint(w, "recycled", snapshot->recycled);
	ctl_json_uint(w, "reloads", snapshot->reloads);
	ctl_json_uint(w, "reloads_refused", snapshot->reloads_refused);
	ctl_json_text(w, "last_refusal", snapshot->refusal);
	put_errors(w, &snapshot->errors);
	ctl_json_uint(w, "log_levels", snapshot->log_levels);
	put_log(w, &snapshot->log);
	jsonw_key(w, "workers");
	jsonw_begin_array(w);
	for (size_t i = 0; i < snapshot->row_count; i++)
		put_worker(w, &snapshot->rows[i]);
	jsonw_end_array(w);
}

int
ctl_show_json(const struct ctl_snapshot *snapshot, FILE *out, struct err *err)
{
	return ctl_show_object(put_snapshot, snapshot, out, err);
}
