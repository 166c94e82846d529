/*
 * check_postgres.c - postgres:lag and postgres:connections, each on a connection of its own for the time of the run.
 *
 * Lag on a standby: how old the last transaction is that it has replayed, 0 where it is connected and has replayed all
 * that it received. Without its connection the age grows also while the primary is idle, as it should. On a primary:
 * the longest replay_lag of its standbys (PostgreSQL's pg_stat_replication), of which there must be so many.
 *
 * Connections left are max_connections without the reserved ones, less the sessions of all databases, which
 * pg_stat_database shows to every role.
 */
#include <stdlib.h>
#include <string.h>

#include "check_bounds.h"
#include "check_table.h"
#include "clock.h"
#include "database.h"
#include "settings.h"

static const char lag_sql[] =
	"SELECT pg_is_in_recovery(),"
	" CASE WHEN NOT pg_is_in_recovery() THEN (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication)"
	" WHEN EXISTS (SELECT 1 FROM pg_stat_wal_receiver)"
	" AND pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn() THEN 0"
	" ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END,"
	" (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'),"
	" (SELECT count(*) FROM pg_stat_replication WHERE state IS NULL)";
static const char connections_sql[] =
	"SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
	" - (SELECT sum(numbackends) FROM pg_stat_database)";

enum { LAG_STANDBY, LAG_SECONDS, LAG_STREAMING, LAG_HIDDEN };

struct asking {
	struct check_spec spec;
	struct database *db;
};

static int
declare(const struct checks_config *config, const struct check_spec *spec, struct check *check)
{
	const struct settings *settings = config->settings;
	struct asking *state = calloc(1, sizeof *state);
	if (state == NULL)
		return -1;
	state->spec = *spec;
	state->db = database_create(
		&(struct database_config){.url = spec->url[0] != '\0' ? spec->url : settings->database_url,
	                                  .application_name = settings->service_name,
	                                  .connect_timeout_ms = settings->db_connect_timeout_ms,
	                                  .ping_timeout_ms = settings->health_check_timeout_ms,
	                                  .query_timeout_ms = settings->health_check_timeout_ms},
		NULL);
	check->state = state;
	if (state->db != NULL)
		return 0;
	free(state);
	return -1;
}

static void
start(void *check)
{
	struct asking *state = check;
	database_ask_begin(state->db);
}

static int64_t
number(const char *text)
{
	return text != NULL ? strtoll(text, NULL, 10) : 0;
}

/* Of a standby that has replayed nothing yet, and of a primary whose standbys are idle, there is none. */
static void
judge_lag(const struct check_spec *spec, const struct database *db, struct check_result *result)
{
	const char *standby = database_ask_value(db, LAG_STANDBY), *seconds = database_ask_value(db, LAG_SECONDS);
	int64_t streaming = number(database_ask_value(db, LAG_STREAMING));
	int64_t lag_ms = seconds != NULL ? (int64_t)(strtod(seconds, NULL) * 1000) : 0;
	bool primary = standby != NULL && standby[0] == 'f';
	if (primary && number(database_ask_value(db, LAG_HIDDEN)) > 0)
		check_fail(result, "the role may not see the standby servers; grant it pg_monitor");
	else if (primary && streaming < spec->replicas)
		check_fail(result, "%lld standby servers stream, not %lld", (long long)streaming,
		           (long long)spec->replicas);
	else
		check_judge(spec, "replication is %s behind", lag_ms > 0 ? lag_ms : 0, result);
}

static enum io_progress
step(void *check, struct io_want *want, struct check_result *result)
{
	struct asking *state = check;
	enum vt_result how;
	bool lag = state->spec.subject == SUBJECT_LAG;
	if (database_ask_step(state->db, lag ? lag_sql : connections_sql, want, &how) == IO_WAIT)
		return IO_WAIT;
	if (how != VT_OK)
		check_fail(result, "%s", database_error(state->db));
	else if (lag)
		judge_lag(&state->spec, state->db, result);
	else
		check_judge(&state->spec, "%s connections are left", number(database_ask_value(state->db, 0)), result);
	return IO_DONE;
}

static void
abandon(void *check)
{
	struct asking *state = check;
	database_ask_end(state->db);
}

static void
destroy(void *check)
{
	struct asking *state = check;
	database_destroy(state->db);
	free(state);
}

const struct check_kind check_postgres = {
	.name = "postgres",
	.shape = CHECK_SHAPE_TEXT,
	.declare = declare,
	.start = start,
	.step = step,
	.abandon = abandon,
	.destroy = destroy,
};
