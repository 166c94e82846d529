/*
 * log_memo.c - two small tables, with two places for each that may be kept.
 *
 * A head is most of what a record of a request costs to write, and all requests have the same few. The tables are as
 * large as a service with a few dozen places that log needs; another one finds less and writes the more.
 */
#include "log_memo.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fnv.h"
#include "log.h"

#define NAMES 128
#define NAME_BYTES 32 /* with the NUL */
#define HEADS 32
#define MESSAGE_BYTES 64 /* of logger and message, with the NULs */
#define HEAD_BYTES 384

struct kept_name {
	const char *at; /* NULL: nothing is kept here */
	char text[NAME_BYTES];
	char written[NAME_BYTES + 12]; /* "field_" and four more may come to it */
	uint8_t size;
	bool secret;
};

struct kept_head {
	struct vt_log_site site; /* file NULL: nothing is kept here */
	enum vt_level level;
	char logger[MESSAGE_BYTES], message[MESSAGE_BYTES];
	uint16_t size;
	char written[HEAD_BYTES];
};

struct log_memo {
	struct kept_name names[NAMES];
	struct kept_head heads[HEADS];
};

struct log_memo *
log_memo_create(void)
{
	return calloc(1, sizeof(struct log_memo));
}

void
log_memo_destroy(struct log_memo *memo)
{
	free(memo);
}

/* The first of the two neighbours that are looked at. */
static size_t
place_of(const void *address, uint64_t more, size_t places)
{
	return (size_t)(fnv_scatter((uint64_t)(uintptr_t)address + more) % (places / 2)) * 2;
}

/* ---- Names -------------------------------------------------------------------------------------- */

bool
log_memo_name(const struct log_memo *memo, const char *text, struct log_written_name *name)
{
	if (memo == NULL)
		return false;
	const struct kept_name *kept = &memo->names[place_of(text, 0, NAMES)];
	kept += kept->at != text;
	if (kept->at != text || strcmp(kept->text, text) != 0)
		return false;
	*name = (struct log_written_name){.written = kept->written, .size_bytes = kept->size, .secret = kept->secret};
	return true;
}

void
log_memo_keep_name(struct log_memo *memo, const char *text, const struct log_written_name *name)
{
	size_t size = strlen(text);
	struct kept_name *kept;
	if (memo == NULL || size >= sizeof kept->text || name->size_bytes > sizeof kept->written)
		return;
	kept = &memo->names[place_of(text, 0, NAMES)];
	kept += kept->at != NULL && kept->at != text;
	memcpy(kept->text, text, size + 1);
	memcpy(kept->written, name->written, name->size_bytes);
	kept->size = (uint8_t)name->size_bytes;
	kept->secret = name->secret;
	kept->at = text;
}

/* ---- Heads -------------------------------------------------------------------------------------- */

/* Files and functions are constants of what is loaded, and nothing is unloaded. */
static bool
same_place(const struct vt_log_site *one, const struct vt_log_site *other)
{
	return one->line == other->line && one->file == other->file && one->function == other->function;
}

const char *
log_memo_head(const struct log_memo *memo, const struct log_record *record, size_t *size_bytes)
{
	const struct vt_log_site *site = record->site;
	if (memo == NULL || site == NULL || record->logger == NULL || record->message == NULL)
		return NULL;
	const struct kept_head *kept = &memo->heads[place_of(site->file, (uint64_t)site->line, HEADS)];
	kept += !same_place(&kept->site, site);
	if (!same_place(&kept->site, site) || kept->level != record->level ||
	    strcmp(kept->logger, record->logger) != 0 || strcmp(kept->message, record->message) != 0)
		return NULL;
	*size_bytes = kept->size;
	return kept->written;
}

void
log_memo_keep_head(struct log_memo *memo, const struct log_record *record, const char *written, size_t size_bytes)
{
	const struct vt_log_site *site = record->site;
	struct kept_head *kept;
	if (memo == NULL || site == NULL || record->logger == NULL || record->message == NULL)
		return;
	size_t logger_bytes = strlen(record->logger) + 1, message_bytes = strlen(record->message) + 1;
	if (logger_bytes > sizeof kept->logger || message_bytes > sizeof kept->message ||
	    size_bytes > sizeof kept->written)
		return;
	kept = &memo->heads[place_of(site->file, (uint64_t)site->line, HEADS)];
	kept += kept->site.file != NULL && !same_place(&kept->site, site);
	memcpy(kept->logger, record->logger, logger_bytes);
	memcpy(kept->message, record->message, message_bytes);
	memcpy(kept->written, written, size_bytes);
	kept->size = (uint16_t)size_bytes;
	kept->level = record->level;
	kept->site = *site;
}
