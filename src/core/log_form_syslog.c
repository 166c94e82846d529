/*
 * log_form_syslog.c - RFC 5424, RFC 3164 and the prefix of sd-daemon(3). Runs in the log writer for every record:
 * no malloc, and the JSON is not parsed, but for a record that is too long.
 *
 * A record that is too long loses its last fields, and says so as log_record.h's do: what is cut anywhere else is no
 * JSON any more.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log_destination.h"
#include "log_form.h"
#include "strbuf.h"
#include "vitals.h"

#define APP_MAX 48 /* RFC 5424 section 6: APP-NAME */
#define TIME_BYTES (RFC3339_BYTES - 1)
#define TIME_JSON "{\"timestamp\":\""
#define TIME_ECS "{\"@timestamp\":\""
#define TAIL_JSON ",\"truncated\":true}"
#define TAIL_ECS ",\"labels.truncated\":true}"

/* ---- Who speaks --------------------------------------------------------------------------------- */

/* PRINTUSASCII, section 6. */
static void
make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < '!' || *text > '~')
			*text = '_';
}

void
log_speaker_init(struct log_speaker *speaker, const struct log_destination *destination, const char *app_name)
{
	*speaker = (struct log_speaker){
		.pid = getpid(), .facility = destination->facility, .max_bytes = destination->max_bytes};
	if (gethostname(speaker->host, sizeof speaker->host - 1) != 0 || speaker->host[0] == '\0')
		strcpy(speaker->host, "-");
	snprintf(speaker->app, APP_MAX + 1, "%s", app_name != NULL ? app_name : "vitals");
	make_printable(speaker->host);
	make_printable(speaker->app);
}

int
log_form_severity(uint8_t level)
{
	static const int severities[] = {
		[VT_DEBUG] = 7, [VT_INFO] = 6, [VT_WARNING] = 4, [VT_ERROR_LEVEL] = 3, [VT_CRITICAL] = 2};
	return level <= VT_CRITICAL ? severities[level] : severities[VT_CRITICAL];
}

static void
put_priority(const struct log_speaker *speaker, const struct log_line *line, struct strbuf *out)
{
	strbuf_printf(out, "<%d>", speaker->facility * 8 + log_form_severity(line->level));
}

/* ---- What of the line is looked at -------------------------------------------------------------- */

static bool
starts_with(const struct log_line *line, const char *start)
{
	size_t size = strlen(start);
	return line->size_bytes > size && memcmp(line->text, start, size) == 0;
}

static bool
is_ecs(const struct log_line *line)
{
	return starts_with(line, TIME_ECS);
}

/* The record's time stamp, which is its first field; NULL where there is none. */
static const char *
time_of(const struct log_line *line)
{
	size_t at = is_ecs(line) ? sizeof TIME_ECS - 1 : sizeof TIME_JSON - 1;
	if (!is_ecs(line) && !starts_with(line, TIME_JSON))
		return NULL;
	return line->size_bytes > at + TIME_BYTES && line->text[at + TIME_BYTES] == '"' ? line->text + at : NULL;
}

static size_t
without_newline(const struct log_line *line)
{
	return line->size_bytes > 0 && line->text[line->size_bytes - 1] == '\n' ? line->size_bytes - 1
	                                                                        : line->size_bytes;
}

/* Where the last field ends that has another one behind it and ends before limit; 0: none does. */
static size_t
last_field_end(const struct log_line *line, size_t limit)
{
	size_t end = 0, depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < limit && i < line->size_bytes; i++) {
		char c = line->text[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
		else if (!quoted && c == ',' && depth == 1)
			end = i;
	}
	return end;
}

/* The JSON behind the header that stands in out already. */
static bool
put_json(const struct log_speaker *speaker, const struct log_line *line, struct strbuf *out)
{
	const char *tail = is_ecs(line) ? TAIL_ECS : TAIL_JSON;
	size_t size = without_newline(line), tail_size = strlen(tail);
	size_t room = speaker->max_bytes > out->length ? speaker->max_bytes - out->length : 0;
	if (size <= room) {
		strbuf_append(out, line->text, size);
		return !out->failed;
	}
	size = room > tail_size ? last_field_end(line, room - tail_size + 1) : 0;
	if (size == 0)
		return false;
	strbuf_append(out, line->text, size);
	strbuf_puts(out, tail);
	return !out->failed;
}

/* ---- The forms ---------------------------------------------------------------------------------- */

bool
log_form_rfc5424(const struct log_speaker *speaker, const struct log_line *line, struct strbuf *out)
{
	const char *time = time_of(line);
	put_priority(speaker, line, out);
	strbuf_puts(out, "1 ");
	strbuf_append(out, time != NULL ? time : "-", time != NULL ? TIME_BYTES : 1);
	strbuf_printf(out, " %s %s %d - - ", speaker->host, speaker->app, speaker->pid);
	return put_json(speaker, line, out);
}

/* RFC 3164 section 4.1.2: local time, and the names of the months are English wherever one is. */
static void
put_old_time(const struct log_line *line, struct strbuf *out)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const char *text = time_of(line);
	struct tm tm = {0};
	time_t seconds = clock_real_ns() / NS_PER_S;
	if (text != NULL && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) != NULL)
		seconds = timegm(&tm);
	localtime_r(&seconds, &tm);
	strbuf_printf(out, "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

bool
log_form_rfc3164(const struct log_speaker *speaker, const struct log_line *line, struct strbuf *out)
{
	put_priority(speaker, line, out);
	put_old_time(line, out);
	strbuf_printf(out, " %s[%d]: ", speaker->app, speaker->pid);
	return put_json(speaker, line, out);
}

bool
log_form_prefixed(const struct log_speaker *speaker, const struct log_line *line, struct strbuf *out)
{
	(void)speaker;
	strbuf_printf(out, "<%d>", log_form_severity(line->level));
	strbuf_append(out, line->text, line->size_bytes);
	return !out->failed;
}
