/*
 * log.h - structured log records: one JSON object a line, whatever comes in.
 *
 * A record is made of typed fields; a client's bytes are only ever values. log_record.c writes a record
 * into a buffer; from there it goes into this process's ring in shared memory (shm/log_ring.h), which the log writer
 * (log_writer.c) empties, or, in a process without one, straight to the sink (log_sink.c). Each process has its own
 * struct log.
 *
 * A record never fails its caller: what cannot be written is dropped and counted.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "log_schema.h"
#include "vitals.h"

struct err;
struct error_table;
struct level_control;
struct log;
struct log_sink;
struct redact;
struct ring;
struct strbuf;

/* A record is at most this long; fields that do not fit are left out and the record says "truncated":true. */
#define LOG_RECORD_MAX_BYTES 16384

struct log_config {
	enum vt_level level;
	const char *file;            /* as LOG_FILE says it (log_destination.h); NULL: standard error */
	const char *service_name;    /* for syslog, the journal and ECS; outlives the log; NULL: "vitals" */
	const char *service_version; /* for ECS */
	const struct redact *redact; /* outlives the log */
	enum log_format format;
};

/* NULL where the file cannot be opened. */
struct log *log_create(const struct log_config *config, struct err *err);
void log_destroy(struct log *log); /* NULL is allowed */
/* What of a log is shared by all processes; either may be NULL, and both outlive the log's use. */
struct log_shared {
	struct level_control *levels; /* that are set for a while: shm/log_levels.h */
	struct error_table *errors;   /* that are counted: shm/error_table.h */
};
/* From here on the log heeds those levels and counts its errors there. */
void log_share(struct log *log, const struct log_shared *shared);
/* Records of this process are counted there from now on, by level; NULL: not at all. Threads and processes may share. */
#define LOG_LEVELS (VT_CRITICAL + 1)
void log_count_in(struct log *log, _Atomic uint64_t *const cells[static LOG_LEVELS]);

struct log_context;
/*
 * Whether a record of that level, logger and request would be written: by LOG_LEVEL, or by the level that is set for
 * it at this moment. logger and context may be NULL: unknown. False also where log is NULL.
 */
bool log_enabled_for(const struct log *log, enum vt_level level, const char *logger, const struct log_context *context);
/* As above, for a record of which nothing else is known. */
bool log_enabled(const struct log *log, enum vt_level level);
/* Whether such a record would be written because somebody has set a level for it just now, whatever LOG_LEVEL says. */
bool log_asked_for(const struct log *log, enum vt_level level, const char *logger, const struct log_context *context);
/* Gives the log file to a user and group, before privileges are dropped; does nothing for standard error. 0 or -1. */
int log_chown(const struct log *log, uid_t uid, gid_t gid, struct err *err);
/* Opens the file by its name again (after logrotate); keeps the old one where that fails (-1). */
int log_reopen(struct log *log, struct err *err);
/*
 * From now on records go into that ring of this process, for the log writer to bring to the sink; wake is the word it
 * sleeps on. ring NULL: straight to the sink again.
 */
void log_use_ring(struct log *log, const struct ring *ring, _Atomic uint32_t *wake);
/* Closes a file that only the log writer writes to any more, so that a rotated one does not stay open. */
void log_leave_sink(struct log *log);
/* The log writer's, and whoever finishes after it. */
struct log_sink *log_sink_of(struct log *log);
/* Records of this process that could not be written since the start, or that found no room in its ring. */
uint64_t log_dropped(const struct log *log);
/* The response of the request whose LOG_END was written last has been sent: the record is true (log_ring.h). */
void log_settle(const struct log *log);

/* The IDs of the request at hand; NULL ones are left out. */
struct log_context {
	const char *correlation_id, *request_id, *user_id, *trace_id, *span_id, *trace_flags;
	const char *route; /* its template; not written, but what levels and errors go by */
};

/* The two records of a request that say that it began and ended. */
enum log_moment { LOG_BETWEEN, LOG_BEGIN, LOG_END };

/*
 * The type of a field whose text (value.text, size_bytes) has been through redact.h as what it is, a body or a header;
 * as free text the record would redact it once more, and worse.
 */
#define LOG_FIELD_CLEAN ((enum vt_field_type)(VT_FIELD_BOOL + 1))
#define LOG_CLEAN(n, v, size)                                                                                          \
	((struct vt_field){.name = (n), .type = LOG_FIELD_CLEAN, .value.text = (v), .size_bytes = (size)})
static inline bool
log_field_is_text(const struct vt_field *field)
{
	return field->type == VT_FIELD_TEXT || field->type == VT_FIELD_BYTES || field->type == LOG_FIELD_CLEAN;
}

struct log_record {
	enum vt_level level;
	enum log_moment moment;
	uint64_t key;        /* of the request, with LOG_BEGIN and LOG_END: the same wherever it is tried again */
	const char *logger;  /* "vitals.request", dotted */
	const char *message; /* a constant of the program */
	const struct vt_log_site *site;
	const struct log_context *context; /* may be NULL */
	const char *exception;             /* may be NULL: what went wrong, for errors */
	const char *fingerprint;           /* set by log_write() for ERROR and CRITICAL */
	const struct vt_field *fields;
	size_t count;
};

/*
 * Does nothing below the level, or where log is NULL. Errors are counted, also those below the level. Thread-safe;
 * errno stays as it was.
 */
void log_write(struct log *log, const struct log_record *record);
/* Writes it whatever the levels are, and counts nothing. */
void log_put(struct log *log, const struct log_record *record);

/* The record as a line, whatever its level, into a buffer of LOG_RECORD_MAX_BYTES and a NUL. */
void log_format(const struct log *log, const struct log_record *record, struct strbuf *line);

/* A module may hand over any number: below the lowest is DEBUG, above the highest CRITICAL. */
static inline enum vt_level
log_level_bounded(enum vt_level level)
{
	return (int)level < VT_DEBUG ? VT_DEBUG : (int)level > VT_CRITICAL ? VT_CRITICAL : level;
}
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
