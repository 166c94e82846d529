/* ctl_json.c - a snapshot as one JSON object. */
#include "arena.h"
#include "ctl_show.h"
#include "err.h"
#include "jsonw.h"
#include "strbuf.h"

#define ARENA_CHUNK_BYTES 65536
#define ARENA_MAX_BYTES ((size_t)64 << 20)
#define SECONDS_DIGITS 6

static void
put_uint(struct jsonw *w, const char *key, uint64_t value)
{
	jsonw_key(w, key);
	jsonw_uint(w, value);
}

static void
put_text(struct jsonw *w, const char *key, const char *text)
{
	jsonw_key(w, key);
	jsonw_string(w, text);
}

static void
put_seconds(struct jsonw *w, const char *key, double seconds)
{
	jsonw_key(w, key);
	jsonw_fixed(w, seconds, SECONDS_DIGITS);
}

static void
put_pool(struct jsonw *w, const char *key, const struct pool_summary *pool)
{
	jsonw_key(w, key);
	jsonw_begin_object(w);
	put_uint(w, "workers", pool->workers);
	put_uint(w, "starting", pool->starting);
	put_uint(w, "idle", pool->idle);
	put_uint(w, "busy", pool->busy);
	put_uint(w, "stopping", pool->stopping);
	put_uint(w, "connections", pool->connections);
	put_uint(w, "requests", pool->requests);
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
	put_text(w, "correlation_id", row->request.correlation_id);
	put_text(w, "method", row->request.method);
	put_text(w, "path", row->request.path);
	put_text(w, "route", row->request.route);
	put_text(w, "phase", slot_phase_name(row->phase));
	put_seconds(w, "elapsed_seconds", row->elapsed_s);
	jsonw_end_object(w);
}

static void
put_worker(struct jsonw *w, const struct ctl_worker *row)
{
	jsonw_begin_object(w);
	put_uint(w, "worker", row->index);
	put_uint(w, "pid", (uint64_t)row->pid);
	put_text(w, "role", slot_role_name(row->role));
	put_text(w, "state", row->lives ? slot_state_name(row->state) : "dead");
	put_uint(w, "generation", row->generation);
	put_seconds(w, "age_seconds", row->age_s);
	put_uint(w, "connections", row->connections);
	put_uint(w, "requests", row->requests);
	put_uint(w, "given", row->given);
	put_uint(w, "taken", row->taken);
	put_request(w, row);
	jsonw_end_object(w);
}

static void
put_deaths(struct jsonw *w, const struct ctl_snapshot *snapshot)
{
	jsonw_key(w, "deaths");
	jsonw_begin_object(w);
	for (size_t i = 0; i < DEATH_CAUSES; i++)
		put_uint(w, death_cause_name((enum death_cause)i), snapshot->deaths[i]);
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
	put_uint(w, "pid", (uint64_t)snapshot->supervisor);
	jsonw_key(w, "alive");
	jsonw_bool(w, snapshot->supervisor_lives);
	jsonw_end_object(w);
}

static void
put_snapshot(struct jsonw *w, const struct ctl_snapshot *snapshot)
{
	jsonw_begin_object(w);
	put_text(w, "status", snapshot->status);
	put_supervisor(w, snapshot);
	put_seconds(w, "uptime_seconds", snapshot->up_s);
	put_uint(w, "generation", snapshot->generation);
	put_uint(w, "workers_min", snapshot->workers);
	put_uint(w, "workers_max", snapshot->workers_max);
	put_uint(w, "workers_wanted", snapshot->workers_wanted);
	put_uint(w, "held_back", snapshot->held_back);
	put_pool(w, "pool", &snapshot->pool);
	put_pool(w, "admin", &snapshot->admin);
	put_deaths(w, snapshot);
	put_uint(w, "recycled", snapshot->recycled);
	put_uint(w, "reloads", snapshot->reloads);
	put_uint(w, "reloads_refused", snapshot->reloads_refused);
	put_text(w, "last_refusal", snapshot->refusal);
	jsonw_key(w, "workers");
	jsonw_begin_array(w);
	for (size_t i = 0; i < snapshot->row_count; i++)
		put_worker(w, &snapshot->rows[i]);
	jsonw_end_array(w);
	jsonw_end_object(w);
}

int
ctl_show_json(const struct ctl_snapshot *snapshot, FILE *out, struct err *err)
{
	struct strbuf text;
	struct jsonw w;
	struct arena *arena = arena_create(ARENA_CHUNK_BYTES, ARENA_MAX_BYTES);
	if (arena == NULL)
		return err_set(err, "There is no memory for the answer.");
	strbuf_init_arena(&text, arena, ARENA_CHUNK_BYTES);
	jsonw_init(&w, &text);
	put_snapshot(&w, snapshot);
	int status = text.failed ? err_set(err, "There is no memory for the answer.") : 0;
	if (status == 0)
		fprintf(out, "%s\n", text.data);
	arena_destroy(arena);
	return status;
}
