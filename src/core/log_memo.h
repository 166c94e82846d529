/*
 * log_memo.h - what records have in common, kept as it was written: their heads, by the place in the source that writes
 * them, and the names of their fields.
 *
 * Found by the address of a constant and believed only where the text is still the same: a caller may build texts in
 * memory that held others before. Belongs to one log, and is used by one thread at a time.
 */
#ifndef CORE_LOG_MEMO_H
#define CORE_LOG_MEMO_H

#include <stdbool.h>
#include <stddef.h>

struct log_memo;
struct log_record;

struct log_memo *log_memo_create(void); /* NULL: there is no memory */
void log_memo_destroy(struct log_memo *memo);

/* How a field's name is written, comma first and colon last, and whether it is a secret's. */
struct log_written_name {
	const char *written;
	size_t size_bytes;
	bool secret;
};

/* False where it is not kept; also where memo is NULL. What name refers to stays until the next one is kept. */
bool log_memo_name(const struct log_memo *memo, const char *text, struct log_written_name *name);
/* Does nothing where it is too long to be kept, or memo is NULL. */
void log_memo_keep_name(struct log_memo *memo, const char *text, const struct log_written_name *name);

/*
 * The fields from level to line, which the record's level, logger, message and site decide. NULL where they are not
 * kept, there is no site, or memo is NULL; else size_bytes is set.
 */
const char *log_memo_head(const struct log_memo *memo, const struct log_record *record, size_t *size_bytes);
/* As log_memo_keep_name(). */
void log_memo_keep_head(struct log_memo *memo, const struct log_record *record, const char *written, size_t size_bytes);

#endif
