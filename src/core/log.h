/*
 * log.h - structured log records: one JSON object a line, whatever comes in.
 *
 * A record is made of typed fields; a client's bytes are only ever values. log_record.c writes a record
 * into a buffer, log_sink.c brings lines to a file or standard error with one write each. Each process
 * has its own struct log; a worker inherits the supervisor's descriptor.
 *
 * A record never fails its caller: what cannot be written is dropped and counted.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "vitals.h"

struct err;
struct log;
struct redact;

/* A record is at most this long; fields that do not fit are left out and the record says "truncated":true. */
#define LOG_RECORD_MAX_BYTES 16384

struct log_config {
	enum vt_level level;
	const char *file;            /* NULL or "stderr": standard error */
	const struct redact *redact; /* outlives the log */
};

/* NULL where the file cannot be opened. */
struct log *log_create(const struct log_config *config, struct err *err);
void log_destroy(struct log *log); /* NULL is allowed */
/* False also where log is NULL. */
bool log_enabled(const struct log *log, enum vt_level level);
/* Gives the log file to a user and group, before privileges are dropped; does nothing for standard error. 0 or -1. */
int log_chown(const struct log *log, uid_t uid, gid_t gid, struct err *err);
/* Opens the file by its name again (after logrotate); keeps the old one where that fails (-1). */
int log_reopen(struct log *log, struct err *err);
/* Records that could not be written since the start. */
uint64_t log_dropped(const struct log *log);

/* The IDs of the request at hand; NULL ones are left out. */
struct log_context {
	const char *correlation_id, *request_id, *user_id, *trace_id, *span_id;
};

/*
 * The type of a field whose text (value.text, size_bytes) has been through redact.h as what it is, a body or a header;
 * as free text the record would redact it once more, and worse.
 */
#define LOG_FIELD_CLEAN ((enum vt_field_type)(VT_FIELD_BOOL + 1))
#define LOG_CLEAN(n, v, size)                                                                                          \
	((struct vt_field){.name = (n), .type = LOG_FIELD_CLEAN, .value.text = (v), .size_bytes = (size)})

struct log_record {
	enum vt_level level;
	const char *logger;  /* "vitals.request", dotted */
	const char *message; /* a constant of the program */
	const struct vt_log_site *site;
	const struct log_context *context; /* may be NULL */
	const char *exception;             /* may be NULL: what went wrong, for errors */
	const struct vt_field *fields;
	size_t count;
};

/* Does nothing below the level, or where log is NULL. Thread-safe; errno stays as it was. */
void log_write(struct log *log, const struct log_record *record);

const char *log_level_name(enum vt_level level);

#define LOG_SITE (&(const struct vt_log_site){__FILE__, __func__, __LINE__})
/* log_event(log, VT_INFO, "vitals.supervisor", "Worker started", VT_INT("pid", pid)); at least one field. */
#define log_event(log_, level_, logger_, message_, ...)                                                                \
	log_write((log_), &(const struct log_record){.level = (level_),                                                \
	                                             .logger = (logger_),                                              \
	                                             .message = (message_),                                            \
	                                             .site = LOG_SITE,                                                 \
	                                             .fields = (const struct vt_field[]){__VA_ARGS__},                 \
	                                             .count = sizeof((const struct vt_field[]){__VA_ARGS__}) /         \
	                                                      sizeof(struct vt_field)})

#endif
