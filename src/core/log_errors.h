/*
 * log_errors.h - what makes two errors the same, and counting them (shm/error_table.h).
 *
 * The fingerprint is over what the program chose and over nothing that a client sent: the route's template, the
 * message, the code (a status, an SQLSTATE, a signal …) and the place as module and function. No line numbers, so
 * that it stays the same when the file is edited; no exception text, which holds values.
 */
#ifndef CORE_LOG_ERRORS_H
#define CORE_LOG_ERRORS_H

#include <stdatomic.h>
#include <stdint.h>

#include "error_table.h"

struct log_record;

#define LOG_FINGERPRINT_BYTES 17

/* FNV-1a over the kind; never 0. The level is no part of it. */
uint64_t log_errors_fingerprint(const struct error_kind *kind);
/* What kind of error a record tells of. */
void log_errors_kind(struct error_kind *kind, const struct log_record *record);
/* "0123456789abcdef" of a fingerprint. */
void log_errors_write(char out[static LOG_FINGERPRINT_BYTES], uint64_t fingerprint);

/*
 * Counts the record in table, which may be NULL, and writes its fingerprint. *self keeps this process's owner word
 * from one to the next; errno stays as it was.
 */
void log_errors_note(struct error_table *table, _Atomic uint64_t *self, const struct log_record *record,
                     char fingerprint[static LOG_FINGERPRINT_BYTES]);

#endif
