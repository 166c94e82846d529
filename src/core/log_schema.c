/*
 * log_schema.c - the two tables of names: of what the log adds, and of the fields that ECS has a name for.
 *
 * Called by log_record.c for each field of a record; knows names and types, writes nothing.
 */
#include "log_schema.h"

#include <arpa/inet.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PREFIX "field_"

/* The name, and as it stands before its value in a record that has others before it. */
#define KEY(name_)                                                                                                     \
	{                                                                                                              \
		name_, ",\"" name_ "\":", sizeof(",\"" name_ "\":") - 1                                                \
	}

static const struct log_key names[][LOG_NAMES] = {
	[LOG_FORMAT_JSON] =
		{
			[NAME_TIMESTAMP] = KEY("timestamp"),
			[NAME_LEVEL] = KEY("level"),
			[NAME_LOGGER] = KEY("logger"),
			[NAME_MESSAGE] = KEY("message"),
			[NAME_PLACE] = KEY("module"),
			[NAME_FUNCTION] = KEY("function"),
			[NAME_LINE] = KEY("line"),
			[NAME_CORRELATION_ID] = KEY("correlation_id"),
			[NAME_REQUEST_ID] = KEY("request_id"),
			[NAME_USER_ID] = KEY("user_id"),
			[NAME_TRACE_ID] = KEY("trace_id"),
			[NAME_SPAN_ID] = KEY("span_id"),
			[NAME_TRACE_FLAGS] = KEY("trace_flags"),
			[NAME_EXCEPTION] = KEY("exception"),
			[NAME_FINGERPRINT] = KEY("fingerprint"),
			[NAME_TRUNCATED] = KEY("truncated"),
		},
	[LOG_FORMAT_ECS] =
		{
			[NAME_TIMESTAMP] = KEY("@timestamp"),
			[NAME_LEVEL] = KEY("log.level"),
			[NAME_LOGGER] = KEY("log.logger"),
			[NAME_MESSAGE] = KEY("message"),
			[NAME_PLACE] = KEY("log.origin.file.name"),
			[NAME_FUNCTION] = KEY("log.origin.function"),
			[NAME_LINE] = KEY("log.origin.file.line"),
			[NAME_CORRELATION_ID] = KEY("labels.correlation_id"),
			[NAME_REQUEST_ID] = KEY("http.request.id"),
			[NAME_USER_ID] = KEY("user.id"),
			[NAME_TRACE_ID] = KEY("trace.id"),
			[NAME_SPAN_ID] = KEY("span.id"),
			[NAME_TRACE_FLAGS] = KEY("labels.trace_flags"),
			[NAME_EXCEPTION] = KEY("error.message"),
			[NAME_FINGERPRINT] = KEY("error.id"),
			[NAME_TRUNCATED] = KEY("labels.truncated"),
		},
};

enum ecs_type { ECS_KEYWORD, ECS_LONG, ECS_ADDRESS, ECS_NANOSECONDS };

static const struct {
	const char *name, *ecs;
	enum ecs_type type;
} ecs_fields[] = {
	{"backtrace", "error.stack_trace", ECS_KEYWORD},
	{"bytes", "http.response.body.bytes", ECS_LONG},
	{"client_ip", "client.ip", ECS_ADDRESS},
	{"duration_seconds", "event.duration", ECS_NANOSECONDS},
	{"exit_code", "process.exit_code", ECS_LONG},
	{"method", "http.request.method", ECS_KEYWORD},
	{"path", "url.path", ECS_KEYWORD},
	{"pid", "process.pid", ECS_LONG},
	{"reason", "event.reason", ECS_KEYWORD},
	{"signal", "error.type", ECS_KEYWORD},
	{"sqlstate", "error.code", ECS_KEYWORD},
	{"status_code", "http.response.status_code", ECS_LONG},
	{"url", "url.original", ECS_KEYWORD},
};

const struct log_key *
log_schema_keys(enum log_format format)
{
	return names[format];
}

/* "field_level" too: it could not be told from a "level" that was renamed. */
bool
log_schema_reserved(const char *name)
{
	while (strncmp(name, PREFIX, sizeof PREFIX - 1) == 0)
		name += sizeof PREFIX - 1;
	for (size_t i = 0; i < LOG_NAMES; i++)
		if (names[LOG_FORMAT_JSON][i].name[0] == name[0] && strcmp(names[LOG_FORMAT_JSON][i].name, name) == 0)
			return true;
	return false;
}

/* A dot would make an object of a label, so it is written as what stands between words elsewhere. */
static char
without_dot(char c)
{
	return c == '.' ? '_' : c;
}

bool
log_schema_same(const char *one, const char *other)
{
	while (*one != '\0' && without_dot(*one) == without_dot(*other)) {
		one++;
		other++;
	}
	return *one == *other;
}

static bool
is_address(const struct vt_field *field)
{
	unsigned char address[sizeof(struct in6_addr)];
	return field->type == VT_FIELD_TEXT && (inet_pton(AF_INET, field->value.text, address) == 1 ||
	                                        inet_pton(AF_INET6, field->value.text, address) == 1);
}

static bool
fits(const struct vt_field *field, enum ecs_type type)
{
	switch (type) {
	case ECS_KEYWORD:
		return log_field_is_text(field);
	case ECS_LONG:
		return field->type == VT_FIELD_INT;
	case ECS_ADDRESS:
		return is_address(field);
	case ECS_NANOSECONDS: /* what is no number or too large does not fit either */
		return field->type == VT_FIELD_DOUBLE && field->value.number >= 0 && field->value.number < 9e9;
	}
	return false;
}

static bool
put_known(struct log_ecs_field *ecs, const struct vt_field *field)
{
	for (size_t i = 0; i < COUNT_OF(ecs_fields); i++) {
		if (strcmp(ecs_fields[i].name, field->name) != 0)
			continue;
		if (!fits(field, ecs_fields[i].type))
			return false;
		ecs->key = ecs_fields[i].ecs;
		if (ecs_fields[i].type == ECS_NANOSECONDS)
			ecs->value = VT_INT(ecs->key, field->value.number * (double)NS_PER_S + 0.5);
		return true;
	}
	return false;
}

bool
log_schema_ecs(struct log_ecs_field *ecs, const struct vt_field *field, const char *name, bool secret)
{
	bool number = field->type == VT_FIELD_INT || field->type == VT_FIELD_DOUBLE;
	ecs->value = *field;
	if (!secret && put_known(ecs, field))
		return true;
	size_t size = strlen(name), space = sizeof "labels." - 1;
	if (space + size >= sizeof ecs->storage)
		return false;
	memcpy(ecs->storage, number && !secret ? "vitals." : "labels.", space);
	for (size_t i = 0; i <= size; i++)
		ecs->storage[space + i] = without_dot(name[i]);
	ecs->key = ecs->storage;
	return true;
}
