/*
 * log_form.h - a record's line as each receiver wants it: one message a record.
 *
 * Called by the sinks that speak a protocol (log_sink_socket.c). Pure: what comes in is a line of log_record.h's,
 * valid JSON in valid UTF-8, in either LOG_FORMAT; what goes out is the message. Nothing of a client's can end a field
 * or a message early.
 */
#ifndef CORE_LOG_FORM_H
#define CORE_LOG_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_destination;
struct strbuf;

struct log_line {
	const char *text;
	size_t size_bytes; /* the newline included */
	uint8_t level;     /* enum vt_level */
};

/* Who speaks: the same for every message. */
struct log_speaker {
	char host[256], app[64];
	int pid; /* of the service: whoever opened the log */
	int facility;
	size_t max_bytes;
};

/* The most that a message of any form takes, with a NUL. */
#define LOG_FORM_MAX_BYTES 40960

/* app_name NULL: "vitals". */
void log_speaker_init(struct log_speaker *speaker, const struct log_destination *destination, const char *app_name);

/* Appends the message; false where a record cannot be made to fit. */
typedef bool log_form_fn(const struct log_speaker *speaker, const struct log_line *line, struct strbuf *out);

/*
 * RFC 5424: version 1, the record's own time stamp, no structured data, the JSON as MSG-ANY. Without the byte order
 * mark of MSG-UTF8 (section 6.4), which receivers hand on and which JSON must not have (RFC 8259 section 8.1).
 */
log_form_fn log_form_rfc5424;
/* What syslog(3) sends, which is RFC 3164 without a host name. */
log_form_fn log_form_rfc3164;
/* The journal's native protocol: MESSAGE and a few fields to search by, and the whole record in VITALS_RECORD. */
log_form_fn log_form_journal;
/* "<6>" in front of the line: what the journal makes a PRIORITY of (sd-daemon(3)). */
log_form_fn log_form_prefixed;

/* RFC 5424 section 6.2.1, table 2. */
int log_form_severity(uint8_t level);

#endif
