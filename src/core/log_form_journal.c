/*
 * log_form_journal.c - the native protocol of systemd's journal: "NAME=value\n", and for a value that holds a newline
 * "NAME\n", its length in 64 bits, little endian, the value and "\n" (systemd's JOURNAL_NATIVE_PROTOCOL).
 *
 * Fields that one searches by have a name of their own; each value of such a field is an entry in the journal's index,
 * so what is different in every record, a duration, is in VITALS_RECORD alone. The names in the record are those of
 * LOG_FORMAT's two forms.
 */
#include <endian.h>
#include <json-c/json.h>
#include <string.h>

#include "log_form.h"
#include "strbuf.h"

/* The nesting of records is that of a module's own fields: none. */
#define DEPTH 8

static const struct {
	const char *name, *ecs_name, *field;
} members[] = {
	{"logger", "log.logger", "VITALS_LOGGER"},
	{"function", "log.origin.function", "CODE_FUNC"},
	{"line", "log.origin.file.line", "CODE_LINE"},
	{"correlation_id", "labels.correlation_id", "VITALS_CORRELATION_ID"},
	{"request_id", "http.request.id", "VITALS_REQUEST_ID"},
	{"trace_id", "trace.id", "VITALS_TRACE_ID"},
	{"user_id", "user.id", "VITALS_USER_ID"},
	{"method", "http.request.method", "VITALS_METHOD"},
	{"route", "labels.route", "VITALS_ROUTE"},
	{"status_code", "http.response.status_code", "VITALS_STATUS_CODE"},
};

static void
put_field(struct strbuf *out, const char *field, const char *value, size_t size)
{
	uint64_t length = htole64(size);
	strbuf_puts(out, field);
	if (memchr(value, '\n', size) != NULL) {
		strbuf_putc(out, '\n');
		strbuf_append(out, &length, sizeof length);
	} else {
		strbuf_putc(out, '=');
	}
	strbuf_append(out, value, size);
	strbuf_putc(out, '\n');
}

static void
put_member(struct strbuf *out, const char *field, json_object *value)
{
	const char *text = json_object_get_string(value);
	bool quoted = json_object_is_type(value, json_type_string);
	if (text != NULL)
		put_field(out, field, text, quoted ? (size_t)json_object_get_string_len(value) : strlen(text));
}

static json_object *
member(json_object *record, const char *name, const char *ecs_name)
{
	json_object *value = NULL;
	if (!json_object_object_get_ex(record, name, &value))
		json_object_object_get_ex(record, ecs_name, &value);
	return value;
}

/* The record has the module in one form and the file in the other. */
static void
put_file(struct strbuf *out, json_object *record)
{
	const char *module = json_object_get_string(member(record, "module", "log.origin.file.name"));
	char file[256];
	struct strbuf name;
	if (module == NULL)
		return;
	strbuf_init_fixed(&name, file, sizeof file);
	strbuf_puts(&name, module);
	if (strchr(module, '.') == NULL)
		strbuf_puts(&name, ".c");
	put_field(out, "CODE_FILE", name.data, name.length);
}

static json_object *
parse(const char *text, size_t size)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	if (tokener == NULL)
		return NULL;
	json_object *record = json_tokener_parse_ex(tokener, text, (int)size);
	json_tokener_free(tokener);
	if (json_object_is_type(record, json_type_object))
		return record;
	json_object_put(record);
	return NULL;
}

/* For want of memory the record is its own message. */
static void
put_members(struct strbuf *out, json_object *record, const char *text, size_t size)
{
	json_object *message = NULL;
	if (record == NULL || !json_object_object_get_ex(record, "message", &message)) {
		put_field(out, "MESSAGE", text, size);
		return;
	}
	put_member(out, "MESSAGE", message);
	put_file(out, record);
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		put_member(out, members[i].field, member(record, members[i].name, members[i].ecs_name));
}

bool
log_form_journal(const struct log_speaker *speaker, const struct log_line *line, struct strbuf *out)
{
	size_t size = line->size_bytes > 0 ? line->size_bytes - 1 : 0;
	json_object *record = parse(line->text, size);
	put_members(out, record, line->text, size);
	json_object_put(record);
	strbuf_printf(out, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%d\n",
	              log_form_severity(line->level), speaker->facility, speaker->app, speaker->pid);
	put_field(out, "VITALS_RECORD", line->text, size);
	return !out->failed;
}
