/*
 * database_metrics.c - what the worker's database connection has gone through since it was last told, into the metrics.
 *
 * Once at the worker's start and after each request, so that a call of the database itself counts nothing but its time.
 */
#include <string.h>

#include "database.h"
#include "metrics.h"
#include "request_metrics.h"
#include "services.h"

#define VALUES(...) ((const char *const[METRIC_LABELS]){__VA_ARGS__})

static void
tell_connection(struct metrics *metrics, bool connected)
{
	metrics_set(metrics, METRIC_DATABASE_CONNECTIONS, VALUES("connected"), connected);
	metrics_set(metrics, METRIC_DATABASE_CONNECTIONS, VALUES("disconnected"), !connected);
}

static void
add(struct metrics *metrics, enum metric_id metric, const char *const *values, uint64_t difference)
{
	if (difference > 0)
		metrics_count(metrics, metric, values, difference);
}

static void
tell_counts(struct metrics *metrics, const struct database_counts *before, const struct database_counts *now)
{
	/* The worker's first is no reconnect. */
	uint64_t first = before->connects == 0 && now->connects > 0 ? 1 : 0;
	add(metrics, METRIC_DATABASE_RECONNECTS, NULL, now->connects - before->connects - first);
	add(metrics, METRIC_DATABASE_CONNECT_FAILURES, NULL, now->connect_failures - before->connect_failures);
	add(metrics, METRIC_DATABASE_MOVES, NULL, now->moves - before->moves);
	add(metrics, METRIC_DATABASE_CANCELS, NULL, now->cancels - before->cancels);
	add(metrics, METRIC_DATABASE_PREPARED, VALUES("first"), now->prepared - before->prepared);
	add(metrics, METRIC_DATABASE_PREPARED, VALUES("again"), now->prepared_again - before->prepared_again);
	add(metrics, METRIC_DATABASE_TRANSACTIONS, VALUES("committed"), now->committed - before->committed);
	add(metrics, METRIC_DATABASE_TRANSACTIONS, VALUES("rolled_back"), now->rolled_back - before->rolled_back);
	add(metrics, METRIC_DATABASE_TRANSACTIONS, VALUES("unknown"), now->commits_unknown - before->commits_unknown);
	for (int why = 0; why < DATABASE_ENDS; why++)
		add(metrics, METRIC_DATABASE_CLOSED, VALUES(database_end_name((enum database_end)why)),
		    now->ends[why] - before->ends[why]);
}

void
request_metrics_connection(struct services *services)
{
	struct database_counted *counted = &services->database_counted;
	if (services->metrics == NULL || services->database == NULL)
		return;
	bool connected = database_connected(services->database);
	const struct database_counts *counts = database_counts(services->database);
	if (!counted->known || counted->connected != connected)
		tell_connection(services->metrics, connected);
	if (memcmp(&counted->counts, counts, sizeof *counts) != 0)
		tell_counts(services->metrics, &counted->counts, counts);
	*counted = (struct database_counted){.known = true, .connected = connected, .counts = *counts};
}
