/* status_json.h - what /status says as JSON: the members of `vitalsctl --json status`, and what only a worker knows. */
#ifndef APP_STATUS_JSON_H
#define APP_STATUS_JSON_H

struct error_list;
struct health_facts;
struct health_report;
struct histogram_total;
struct level_set;
struct snapshot;
struct strbuf;

struct status_facts {
	const struct health_facts *facts;
	const struct health_report *report;
	const struct snapshot *snapshot;
	const struct error_list *errors;
	const struct histogram_total *latency; /* NULL: no metrics */
	const struct level_set *levels;
	const char *log_level; /* LOG_LEVEL */
};

/* Appends one object; members are only ever added. */
void status_write(const struct status_facts *status, struct strbuf *out);

#endif
