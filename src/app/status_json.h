/* status_json.h - what /status says as JSON: the members of `vitalsctl --json status`, and what only a worker knows. */
#ifndef APP_STATUS_JSON_H
#define APP_STATUS_JSON_H

#include <stdint.h>

#include "metric_total.h"

struct error_list;
struct health_facts;
struct health_report;
struct level_set;
struct snapshot;
struct strbuf;

/* What metrics say of the requests, and of what they wait for: since the scoreboard was made. */
struct status_totals {
	struct histogram_total latency;
	bool has_database, has_cache;
	struct histogram_total statements, operations;
	uint64_t connected, reconnects, failed; /* of the database; failed: statements that came to anything but ok */
	uint64_t hits, misses, errors;          /* of the cache's gets; errors of every operation */
};

struct status_facts {
	const struct health_facts *facts;
	const struct health_report *report;
	const struct snapshot *snapshot;
	const struct error_list *errors;
	const struct status_totals *totals; /* NULL: no metrics */
	const struct level_set *levels;
	const char *log_level; /* LOG_LEVEL */
};

/* Appends one object; members are only ever added. */
void status_write(const struct status_facts *status, struct strbuf *out);

#endif
