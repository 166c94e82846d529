/*
 * log_schema.h - what the parts of a record are called, in each form of the log.
 *
 * The form "ecs" is the Elastic Common Schema as structured loggers write it: names with dots, flat, "@timestamp"
 * first. What has a name in the schema gets it, if its value is of the schema's type, since an index refuses a
 * record for a single text where it expects a number or an address. Everything else is a "labels." field, whose
 * values an index keeps as keywords, or, for numbers, a "vitals." field.
 */
#ifndef CORE_LOG_SCHEMA_H
#define CORE_LOG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "vitals.h"

/* The order is that of LOG_FORMAT's words. */
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_ECS };

/* What the log itself adds to a record. */
enum log_name {
	NAME_TIMESTAMP,
	NAME_LEVEL,
	NAME_LOGGER,
	NAME_MESSAGE,
	NAME_PLACE, /* the module, and in ECS the source file */
	NAME_FUNCTION,
	NAME_LINE,
	NAME_CORRELATION_ID,
	NAME_REQUEST_ID,
	NAME_USER_ID,
	NAME_TRACE_ID,
	NAME_SPAN_ID,
	NAME_TRACE_FLAGS,
	NAME_EXCEPTION,
	NAME_FINGERPRINT,
	NAME_TRUNCATED,
	LOG_NAMES
};

#define LOG_SCHEMA_ECS_VERSION "8.11.0"
#define LOG_KEY_MAX_BYTES 256

struct log_key {
	const char *name;
	const char *written; /* as jsonw_written_key() takes it, comma first */
	size_t written_bytes;
};
/* LOG_NAMES of them, by enum log_name. */
const struct log_key *log_schema_keys(enum log_format format);
/* A record's own field of this name could be taken for one of the log's own. */
bool log_schema_reserved(const char *name);
/* Two own fields of these names would have one name in ECS. */
bool log_schema_same(const char *one, const char *other);
/*
 * What becomes of an own field in ECS: its name there and its value, which as is for all but event.duration.
 * name is the field's, or the one that it has been given because its own is reserved. A secret's value is a text
 * instead, whatever its type. False: the name is too long.
 */
struct log_ecs_field {
	const char *key; /* static, or in storage */
	struct vt_field value;
	char storage[LOG_KEY_MAX_BYTES];
};
bool log_schema_ecs(struct log_ecs_field *ecs, const struct vt_field *field, const char *name, bool secret);

#endif
