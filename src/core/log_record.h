/*
 * log_record.h - one record as one line of JSON.
 *
 * The order of the fields is fixed: timestamp, level, logger, message, module, function, line,
 * correlation_id, request_id, user_id, trace_id, span_id, trace_flags (those
 * present), exception, fingerprint (errors), then the record's own.
 * The form "ecs" begins as the ECS logging specification wants it: @timestamp, log.level, message, ecs.version,
 * then the service's name and version, and goes on in the same order under ECS's names (log_schema.h).
 */
#ifndef CORE_LOG_RECORD_H
#define CORE_LOG_RECORD_H

#include <stdint.h>

#include "log_schema.h"

struct log_memo;
struct log_record;
struct redact;
struct strbuf;

/* What a text may take in the record, escapes included; ids, names and places less. */
#define LOG_TEXT_MAX_BYTES 4096
#define LOG_NAME_MAX_BYTES 256
#define LOG_BODY_MAX_BYTES 12288 /* a text that is clean already */
/* Of a text or body, however much of it is replaced by something shorter. */
#define LOG_LOOKED_AT_MAX_BYTES ((size_t)64 << 10)

/* How records are written; all of it outlives its user. */
struct log_style {
	const struct redact *redact;
	enum log_format format;
	const char *service_name, *service_version; /* for ECS; NULL leaves them out */
	struct log_memo *memo;                      /* of this style alone; NULL: nothing is kept */
};

/*
 * Appends the record and a newline, together at most LOG_RECORD_MAX_BYTES; out has room for them and a
 * NUL. Whatever the fields hold, the line is valid JSON and valid UTF-8, with no name twice. Texts that
 * are too long are cut, fields that do not fit are left out from the end, and "truncated":true says so.
 */
void log_record_write(struct strbuf *out, const struct log_record *record, const struct log_style *style,
                      int64_t real_ns);

#endif
