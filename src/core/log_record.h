/*
 * log_record.h - one record as one line of JSON.
 *
 * The order of the fields is fixed: timestamp, level, logger, message, module, function, line,
 * correlation_id, request_id, user_id, trace_id, span_id (those present), exception, then the record's own.
 */
#ifndef CORE_LOG_RECORD_H
#define CORE_LOG_RECORD_H

#include <stdint.h>

struct log_record;
struct redact;
struct strbuf;

/* What a text may take in the record, escapes included; ids, names and places less. */
#define LOG_TEXT_MAX_BYTES 4096
#define LOG_NAME_MAX_BYTES 256
#define LOG_BODY_MAX_BYTES 12288 /* a text that is clean already */

/*
 * Appends the record and a newline, together at most LOG_RECORD_MAX_BYTES; out has room for them and a
 * NUL. Whatever the fields hold, the line is valid JSON and valid UTF-8, with no name twice. Texts that
 * are too long are cut, fields that do not fit are left out from the end, and "truncated":true says so.
 */
void log_record_write(struct strbuf *out, const struct log_record *record, const struct redact *redact,
                      int64_t real_ns);

#endif
