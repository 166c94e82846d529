/* log_errors.c - see log_errors.h. Called by log.c for each record of level ERROR and CRITICAL. */
#include "log_errors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fnv.h"
#include "log.h"
#include "owner.h"

/* What a module logs may stand under any name, and be a client's. */
#define MODULES_LOGGER "vitals.module"

/* The fields that tell one failure at a place from another; the first that a record has counts. */
static const char *const code_fields[] = {"status_code", "sqlstate", "signal", "exit_code"};

uint64_t
log_errors_fingerprint(const struct error_kind *kind)
{
	uint64_t hash = fnv_closed_text(FNV_OFFSET, kind->route);
	hash = fnv_closed_text(hash, kind->message);
	hash = fnv_closed_text(hash, kind->code);
	hash = fnv_closed_text(hash, kind->place);
	return hash != 0 ? hash : 1;
}

/* Appends text at length, cut to fit and closed; the new length. */
static size_t
append(char *out, size_t size, size_t length, const char *text)
{
	size_t fits = strnlen(text, size - 1 - length);
	memcpy(out + length, text, fits);
	out[length + fits] = '\0';
	return length + fits;
}

static const struct vt_field *
find_field(const struct log_record *record, const char *name)
{
	if (record->logger == NULL || strcmp(record->logger, MODULES_LOGGER) == 0)
		return NULL;
	for (size_t i = 0; i < record->count; i++)
		if (record->fields[i].name != NULL && strcmp(record->fields[i].name, name) == 0)
			return &record->fields[i];
	return NULL;
}

static void
put_code(struct error_kind *kind, const struct log_record *record)
{
	for (size_t i = 0; i < sizeof code_fields / sizeof *code_fields; i++) {
		const struct vt_field *field = find_field(record, code_fields[i]);
		if (field == NULL)
			continue;
		if (field->type == VT_FIELD_INT)
			snprintf(kind->code, sizeof kind->code, "%lld", (long long)field->value.integer);
		else if (field->type == VT_FIELD_TEXT && field->value.text != NULL)
			append(kind->code, sizeof kind->code, 0, field->value.text);
		if (kind->code[0] != '\0')
			return;
	}
}

/* The request's, else that of the request that a record tells of: an obituary's. */
static void
put_route(struct error_kind *kind, const struct log_record *record)
{
	const char *route = record->context != NULL ? record->context->route : NULL;
	const struct vt_field *field = route == NULL ? find_field(record, "route") : NULL;
	if (field != NULL && field->type == VT_FIELD_TEXT)
		route = field->value.text;
	append(kind->route, sizeof kind->route, 0, route != NULL ? route : "");
}

/* "router:find" of "src/http/router.c". */
static void
put_place(struct error_kind *kind, const struct vt_log_site *site)
{
	if (site == NULL)
		return;
	const char *slash = strrchr(site->file, '/');
	const char *base = slash == NULL ? site->file : slash + 1;
	size_t length = append(kind->place, sizeof kind->place, 0, base);
	const char *point = memchr(kind->place, '.', length);
	length = point != NULL ? (size_t)(point - kind->place) : length;
	length = append(kind->place, sizeof kind->place, length, ":");
	append(kind->place, sizeof kind->place, length, site->function);
}

void
log_errors_kind(struct error_kind *kind, const struct log_record *record)
{
	*kind = (struct error_kind){.code = ""};
	append(kind->level, sizeof kind->level, 0, log_level_name(record->level));
	append(kind->message, sizeof kind->message, 0, record->message);
	put_route(kind, record);
	put_code(kind, record);
	put_place(kind, record->site);
}

void
log_errors_write(char out[static LOG_FINGERPRINT_BYTES], uint64_t fingerprint)
{
	snprintf(out, LOG_FINGERPRINT_BYTES, "%016llx", (unsigned long long)fingerprint);
}

/* A child that was forked has its parent's. */
static uint64_t
own_word(_Atomic uint64_t *self)
{
	uint64_t word = atomic_load_explicit(self, memory_order_relaxed);
	if (owner_pid(word) == getpid())
		return word;
	word = owner_self();
	atomic_store_explicit(self, word, memory_order_relaxed);
	return word;
}

void
log_errors_note(struct error_table *table, _Atomic uint64_t *self, const struct log_record *record,
                char fingerprint[static LOG_FINGERPRINT_BYTES])
{
	int kept_errno = errno;
	struct error_kind kind;
	log_errors_kind(&kind, record);
	const struct error_note note = {.fingerprint = log_errors_fingerprint(&kind),
	                                .kind = &kind,
	                                .correlation_id =
	                                        record->context != NULL ? record->context->correlation_id : NULL,
	                                .real_ns = clock_real_ns(),
	                                .self = own_word(self)};
	log_errors_write(fingerprint, note.fingerprint);
	if (table != NULL)
		error_table_note(table, &note);
	errno = kept_errno;
}
