/*
 * log_record.c - writes a record with the JSON writer. Runs for every request: no malloc, no clock, and texts
 * are looked at no further than they are written.
 *
 * A field is written and then measured; one that went past the bound is taken back with all after it.
 */
#include "log_record.h"

#include <string.h>
#include <strings.h>

#include "clock.h"
#include "insist.h"
#include "jsonw.h"
#include "log.h"
#include "log_memo.h"
#include "redact.h"
#include "strbuf.h"

#define PREFIX "field_"
#define NAME_BYTES 64    /* of a name that was given the prefix */
#define WRITTEN_BYTES 96 /* of one that may be kept */
#define JSON_TAIL ",\"truncated\":true}\n"
#define ECS_TAIL ",\"labels.truncated\":true}\n"

static const char *const level_names[] = {
	[VT_DEBUG] = "DEBUG",       [VT_INFO] = "INFO",         [VT_WARNING] = "WARNING",
	[VT_ERROR_LEVEL] = "ERROR", [VT_CRITICAL] = "CRITICAL",
};

struct writer {
	struct jsonw json;
	const struct log_style *style;
	const struct log_key *keys; /* by enum log_name */
	size_t limit;               /* of out's length, the tail kept free */
	bool truncated;
	bool full;
};

const char *
log_level_name(enum vt_level level)
{
	return level_names[log_level_bounded(level)];
}

/* Bytes of text, up to a character's boundary, whose JSON form takes at most limit bytes. */
static size_t
fitting(const char *text, size_t size, size_t limit)
{
	if (size <= limit / 6) /* "\u0001" is the longest form of a byte */
		return size;
	size_t i = 0, used = 0, cost;
	while (i < size) {
		size_t bytes = jsonw_character(text + i, size - i, &cost);
		if (used + cost > limit)
			break;
		used += cost;
		i += bytes;
	}
	return i;
}

static void
put_text(struct writer *w, const char *text, size_t size, size_t limit)
{
	size_t fits = fitting(text, size, limit);
	if (fits < size)
		w->truncated = true;
	jsonw_bytes(&w->json, text, fits);
}

static void
put_key(struct writer *w, const struct log_key *key)
{
	if (key->written != NULL)
		jsonw_written_key(&w->json, key->written, key->written_bytes);
	else
		jsonw_key(&w->json, key->name);
}

/* The field went in whole, or not at all; behind the first that does not fit, no other follows. */
static void
end_field(struct writer *w, size_t length_before)
{
	struct strbuf *out = w->json.out;
	if (!out->failed && out->length <= w->limit)
		return;
	strbuf_truncate(out, length_before);
	w->truncated = w->full = true;
}

static void
put_bounded(struct writer *w, const struct log_key *key, const char *text, size_t limit)
{
	size_t length = w->json.out->length;
	if (text == NULL || w->full)
		return;
	put_key(w, key);
	put_text(w, text, strnlen(text, limit + 1), limit);
	end_field(w, length);
}

static void
put_constant(struct writer *w, const char *name, const char *text)
{
	put_bounded(w, &(struct log_key){.name = name}, text, LOG_NAME_MAX_BYTES);
}

/* "router" of "src/http/router.c"; in ECS it is the file, "router.c". */
static void
put_place(struct writer *w, const char *file)
{
	char module[64];
	const char *slash = strrchr(file, '/');
	const char *base = slash == NULL ? file : slash + 1;
	size_t size = strnlen(base, sizeof module - 1);
	if (w->style->format == LOG_FORMAT_JSON && size > 2 && memcmp(base + size - 2, ".c", 2) == 0)
		size -= 2;
	memcpy(module, base, size);
	module[size] = '\0';
	put_bounded(w, &w->keys[NAME_PLACE], module, LOG_NAME_MAX_BYTES);
}

static void
put_number(struct writer *w, const struct log_key *key, const struct vt_field *value)
{
	size_t length = w->json.out->length;
	if (w->full)
		return;
	put_key(w, key);
	if (value->type == VT_FIELD_INT)
		jsonw_int(&w->json, value->value.integer);
	else if (value->type == VT_FIELD_DOUBLE)
		jsonw_double(&w->json, value->value.number);
	else
		jsonw_bool(&w->json, value->value.boolean);
	end_field(w, length);
}

static void
put_site(struct writer *w, const struct vt_log_site *site)
{
	if (site == NULL)
		return;
	put_place(w, site->file);
	put_bounded(w, &w->keys[NAME_FUNCTION], site->function, LOG_NAME_MAX_BYTES);
	put_number(w, &w->keys[NAME_LINE], &VT_INT("line", site->line));
}

static void
put_context(struct writer *w, const struct log_context *context)
{
	if (context == NULL)
		return;
	put_bounded(w, &w->keys[NAME_CORRELATION_ID], context->correlation_id, LOG_NAME_MAX_BYTES);
	put_bounded(w, &w->keys[NAME_REQUEST_ID], context->request_id, LOG_NAME_MAX_BYTES);
	put_bounded(w, &w->keys[NAME_USER_ID], context->user_id, LOG_NAME_MAX_BYTES);
	put_bounded(w, &w->keys[NAME_TRACE_ID], context->trace_id, LOG_NAME_MAX_BYTES);
	put_bounded(w, &w->keys[NAME_SPAN_ID], context->span_id, LOG_NAME_MAX_BYTES);
	put_bounded(w, &w->keys[NAME_TRACE_FLAGS], context->trace_flags, LOG_NAME_MAX_BYTES);
}

/* ---- Texts that may hold a secret --------------------------------------------------------------- */

static bool
holds_url(const char *name)
{
	return strcasecmp(name, "url") == 0 || strcasecmp(name, "referer") == 0;
}

enum text_kind { KIND_URL, KIND_ANY };

/* Writes the value through one of redact.h's; what did not fit is gone, secrets in any case. */
static void
put_redacted(struct writer *w, const char *text, size_t size, enum text_kind kind)
{
	char storage[LOG_TEXT_MAX_BYTES + 1];
	struct strbuf clean;
	strbuf_init_fixed(&clean, storage, sizeof storage);
	if (kind == KIND_URL)
		redact_url_bytes(w->style->redact, &clean, text, size);
	else
		redact_value(w->style->redact, &clean, text, size);
	if (clean.failed)
		w->truncated = true;
	put_text(w, clean.data, clean.length, LOG_TEXT_MAX_BYTES);
}

/* Most texts hold nothing that could be a secret's name or place, which one pass over them tells. */
static void
put_foreign(struct writer *w, const char *text, size_t size, enum text_kind kind)
{
	if (size > LOG_LOOKED_AT_MAX_BYTES) {
		size = LOG_LOOKED_AT_MAX_BYTES;
		w->truncated = true;
	}
	if (redact_may_change(text, size))
		put_redacted(w, text, size, kind);
	else
		put_text(w, text, size, LOG_TEXT_MAX_BYTES);
}

static void
put_free_text(struct writer *w, const struct log_key *key, const char *text)
{
	size_t length = w->json.out->length;
	if (text == NULL || w->full)
		return;
	put_key(w, key);
	put_foreign(w, text, strlen(text), KIND_ANY);
	end_field(w, length);
}

static void
put_own_text(struct writer *w, const struct log_key *key, const struct vt_field *field)
{
	const char *text = field->value.text;
	size_t size = field->type == VT_FIELD_TEXT ? strlen(text) : field->size_bytes;
	size_t length = w->json.out->length;
	if (w->full)
		return;
	put_key(w, key);
	if (field->type == LOG_FIELD_CLEAN)
		put_text(w, text, size, LOG_BODY_MAX_BYTES);
	else
		put_foreign(w, text, size, holds_url(field->name) ? KIND_URL : KIND_ANY);
	end_field(w, length);
}

/* ---- The record's own fields -------------------------------------------------------------------- */

/* A field without a name or a text is left out. */
static bool
present(const struct vt_field *field)
{
	return field->name != NULL && (!log_field_is_text(field) || field->value.text != NULL);
}

static bool
same_name(const struct writer *w, const char *one, const char *other)
{
	if (w->style->format == LOG_FORMAT_JSON)
		return one[0] == other[0] && strcmp(one, other) == 0;
	return log_schema_same(one, other);
}

/* The first of several fields of one name counts. */
static bool
repeated(const struct writer *w, const struct log_record *record, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (present(&record->fields[i]) && same_name(w, record->fields[i].name, record->fields[n].name))
			return true;
	return false;
}

static void
put_value(struct writer *w, const struct log_key *key, const struct vt_field *field, bool secret)
{
	if (secret)
		put_bounded(w, key, REDACTED, LOG_NAME_MAX_BYTES);
	else if (log_field_is_text(field))
		put_own_text(w, key, field);
	else
		put_number(w, key, field);
}

/* What the field may be called: its own name, unless the log has one like it. */
static const char *
free_name(const char *name, char *storage, size_t size)
{
	struct strbuf prefixed;
	if (!log_schema_reserved(name))
		return name;
	strbuf_init_fixed(&prefixed, storage, size);
	strbuf_puts(&prefixed, PREFIX);
	strbuf_puts(&prefixed, name);
	return prefixed.data;
}

/* Neither a yes nor a no is worth hiding. */
static bool
is_secret(const struct vt_field *field, bool name_is_secret)
{
	return name_is_secret && field->type != VT_FIELD_BOOL;
}

static void
put_own_json(struct writer *w, const struct vt_field *field)
{
	char storage[NAME_BYTES], written[WRITTEN_BYTES];
	struct log_written_name name;
	if (!log_memo_name(w->style->memo, field->name, &name)) {
		struct strbuf key;
		const char *text = free_name(field->name, storage, sizeof storage);
		strbuf_init_fixed(&key, written, sizeof written);
		strbuf_putc(&key, ',');
		jsonw_quote(&key, text, strlen(text));
		strbuf_putc(&key, ':');
		name = (struct log_written_name){
			.written = key.data,
			.size_bytes = key.length,
			.secret = redact_is_secret(w->style->redact, field->name, strlen(field->name))};
		if (key.failed) {
			put_value(w, &(struct log_key){.name = text}, field, is_secret(field, name.secret));
			return;
		}
		log_memo_keep_name(w->style->memo, field->name, &name);
	}
	const struct log_key key = {.written = name.written, .written_bytes = name.size_bytes};
	put_value(w, &key, field, is_secret(field, name.secret));
}

static void
put_own_ecs(struct writer *w, const struct vt_field *field)
{
	char storage[NAME_BYTES];
	struct log_ecs_field ecs;
	bool secret = is_secret(field, redact_is_secret(w->style->redact, field->name, strlen(field->name)));
	if (log_schema_ecs(&ecs, field, free_name(field->name, storage, sizeof storage), secret))
		put_value(w, &(struct log_key){.name = ecs.key}, &ecs.value, secret);
	else
		w->truncated = true;
}

/* ---- The record --------------------------------------------------------------------------------- */

static void
put_head_json(struct writer *w, const struct log_record *record)
{
	put_bounded(w, &w->keys[NAME_LEVEL], log_level_name(record->level), LOG_NAME_MAX_BYTES);
	put_bounded(w, &w->keys[NAME_LOGGER], record->logger, LOG_NAME_MAX_BYTES);
	put_free_text(w, &w->keys[NAME_MESSAGE], record->message);
}

static void
put_head_ecs(struct writer *w, const struct log_record *record)
{
	put_bounded(w, &w->keys[NAME_LEVEL], log_level_name(record->level), LOG_NAME_MAX_BYTES);
	put_free_text(w, &w->keys[NAME_MESSAGE], record->message);
	put_constant(w, "ecs.version", LOG_SCHEMA_ECS_VERSION);
	put_constant(w, "service.name", w->style->service_name);
	put_constant(w, "service.version", w->style->service_version);
	put_bounded(w, &w->keys[NAME_LOGGER], record->logger, LOG_NAME_MAX_BYTES);
}

/* What may hold a secret is not kept anywhere. */
static bool
may_keep(const struct writer *w, const struct log_record *record)
{
	return !w->truncated && record->message != NULL && !redact_may_change(record->message, strlen(record->message));
}

static void
put_head(struct writer *w, const struct log_record *record)
{
	struct strbuf *out = w->json.out;
	size_t size, start = out->length;
	const char *kept = log_memo_head(w->style->memo, record, &size);
	if (kept != NULL) {
		strbuf_append(out, kept, size);
		return;
	}
	if (w->style->format == LOG_FORMAT_JSON)
		put_head_json(w, record);
	else
		put_head_ecs(w, record);
	put_site(w, record->site);
	if (may_keep(w, record))
		log_memo_keep_head(w->style->memo, record, out->data + start, out->length - start);
}

static void
put_timestamp(struct writer *w, int64_t real_ns)
{
	char timestamp[RFC3339_BYTES];
	const struct log_key *key = &w->keys[NAME_TIMESTAMP];
	clock_rfc3339(real_ns, timestamp);
	jsonw_written_key(&w->json, key->written + 1, key->written_bytes - 1);
	jsonw_bytes(&w->json, timestamp, sizeof timestamp - 1);
}

void
log_record_write(struct strbuf *out, const struct log_record *record, const struct log_style *style, int64_t real_ns)
{
	struct writer w = {.style = style,
	                   .keys = log_schema_keys(style->format),
	                   .limit = out->length + LOG_RECORD_MAX_BYTES - (sizeof ECS_TAIL - 1)};
	jsonw_init(&w.json, out);
	jsonw_begin_object(&w.json);
	put_timestamp(&w, real_ns);
	put_head(&w, record);
	put_context(&w, record->context);
	put_free_text(&w, &w.keys[NAME_EXCEPTION], record->exception);
	put_bounded(&w, &w.keys[NAME_FINGERPRINT], record->fingerprint, LOG_NAME_MAX_BYTES);
	for (size_t i = 0; i < record->count; i++) {
		if (!present(&record->fields[i]) || repeated(&w, record, i))
			continue;
		if (style->format == LOG_FORMAT_JSON)
			put_own_json(&w, &record->fields[i]);
		else
			put_own_ecs(&w, &record->fields[i]);
	}
	INSIST(!out->failed);
	strbuf_puts(out, !w.truncated ? "}\n" : style->format == LOG_FORMAT_JSON ? JSON_TAIL : ECS_TAIL);
}
