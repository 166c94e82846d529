/* snapshot_json.c - a snapshot as the members of a JSON object. */
#include "snapshot_json.h"

#include "jsonw.h"
#include "jsonw_member.h"
#include "snapshot.h"

static void
write_pool(struct jsonw *w, const char *key, const struct pool_summary *pool)
{
	jsonw_key(w, key);
	jsonw_begin_object(w);
	jsonw_member_uint(w, "workers", pool->workers);
	jsonw_member_uint(w, "starting", pool->starting);
	jsonw_member_uint(w, "idle", pool->idle);
	jsonw_member_uint(w, "busy", pool->busy);
	jsonw_member_uint(w, "stopping", pool->stopping);
	jsonw_member_uint(w, "connections", pool->connections);
	jsonw_member_uint(w, "requests", pool->requests);
	jsonw_end_object(w);
}

static void
write_request(struct jsonw *w, const struct snapshot_worker *row)
{
	jsonw_key(w, "request");
	if (!row->has_request) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	jsonw_member_string(w, "correlation_id", row->request.correlation_id);
	jsonw_member_string(w, "method", row->request.method);
	jsonw_member_string(w, "path", row->request.path);
	jsonw_member_string(w, "route", row->request.route);
	jsonw_member_string(w, "phase", slot_phase_name(row->phase));
	jsonw_member_seconds(w, "elapsed_seconds", row->elapsed_s);
	jsonw_end_object(w);
}

static void
write_worker(struct jsonw *w, const struct snapshot_worker *row)
{
	jsonw_begin_object(w);
	jsonw_member_uint(w, "worker", row->index);
	jsonw_member_uint(w, "pid", (uint64_t)row->pid);
	jsonw_member_string(w, "role", slot_role_name(row->role));
	jsonw_member_string(w, "state", row->lives ? slot_state_name(row->state) : "dead");
	jsonw_member_uint(w, "generation", row->generation);
	jsonw_member_seconds(w, "age_seconds", row->age_s);
	jsonw_member_uint(w, "connections", row->connections);
	jsonw_member_uint(w, "requests", row->requests);
	jsonw_member_uint(w, "given", row->given);
	jsonw_member_uint(w, "taken", row->taken);
	write_request(w, row);
	jsonw_end_object(w);
}

static void
write_deaths(struct jsonw *w, const struct snapshot *snapshot)
{
	jsonw_key(w, "deaths");
	jsonw_begin_object(w);
	for (size_t i = 0; i < DEATH_CAUSES; i++)
		jsonw_member_uint(w, death_cause_name((enum death_cause)i), snapshot->deaths[i]);
	jsonw_end_object(w);
}

static void
write_supervisor(struct jsonw *w, const struct snapshot *snapshot)
{
	jsonw_key(w, "supervisor");
	if (snapshot->supervisor == 0) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	jsonw_member_uint(w, "pid", (uint64_t)snapshot->supervisor);
	jsonw_key(w, "alive");
	jsonw_bool(w, snapshot->supervisor_lives);
	jsonw_end_object(w);
}

static void
write_errors(struct jsonw *w, const struct error_totals *errors)
{
	jsonw_key(w, "errors");
	jsonw_begin_object(w);
	jsonw_member_uint(w, "total", errors->total);
	jsonw_member_uint(w, "kinds", errors->kinds);
	jsonw_end_object(w);
}

static void
write_log(struct jsonw *w, const struct snapshot_log *log)
{
	jsonw_key(w, "log");
	jsonw_begin_object(w);
	jsonw_key(w, "writer");
	if (log->writer_lives)
		jsonw_int(w, log->writer);
	else
		jsonw_null(w);
	jsonw_member_uint(w, "dropped", log->dropped);
	jsonw_member_uint(w, "spans_dropped", log->spans_dropped);
	jsonw_member_uint(w, "waiting_bytes", log->waiting_bytes);
	jsonw_end_object(w);
}

void
snapshot_write(struct jsonw *w, const struct snapshot *snapshot)
{
	jsonw_member_string(w, "status", snapshot->status);
	write_supervisor(w, snapshot);
	jsonw_member_seconds(w, "uptime_seconds", snapshot->up_s);
	jsonw_member_uint(w, "generation", snapshot->generation);
	jsonw_member_uint(w, "workers_min", snapshot->workers);
	jsonw_member_uint(w, "workers_max", snapshot->workers_max);
	jsonw_member_uint(w, "workers_wanted", snapshot->workers_wanted);
	jsonw_member_uint(w, "held_back", snapshot->held_back);
	write_pool(w, "pool", &snapshot->pool);
	write_pool(w, "admin", &snapshot->admin);
	write_deaths(w, snapshot);
	jsonw_member_uint(w, "recycled", snapshot->recycled);
	jsonw_member_uint(w, "reloads", snapshot->reloads);
	jsonw_member_uint(w, "reloads_refused", snapshot->reloads_refused);
	jsonw_member_string(w, "last_refusal", snapshot->refusal);
	write_errors(w, &snapshot->errors);
	jsonw_member_uint(w, "log_levels", snapshot->log_levels);
	write_log(w, &snapshot->log);
	jsonw_key(w, "workers");
	jsonw_begin_array(w);
	for (size_t i = 0; i < snapshot->row_count; i++)
		write_worker(w, &snapshot->rows[i]);
	jsonw_end_array(w);
}
