/*
 * trace_log.h - where lines of spans go: TRACE_FILE. One write(2) a line at the file's end, so that lines of several
 * processes never mix and none is torn by another.
 *
 * Opened before the fork; a worker inherits the descriptor. A line that cannot be written is dropped and counted.
 */
#ifndef CORE_TRACE_LOG_H
#define CORE_TRACE_LOG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct trace_log;

/* The longest line, its newline included. */
#define TRACE_LINE_MAX_BYTES 65536

/* NULL with err: no memory, or the file cannot be opened. It is created with mode 0640; root follows no symbolic link. */
struct trace_log *trace_log_create(const char *path, struct err *err);
void trace_log_destroy(struct trace_log *log); /* NULL is allowed */
/* Gives the file to a user and group, before privileges are dropped. NULL is allowed. 0 or -1. */
int trace_log_chown(const struct trace_log *log, uid_t uid, gid_t gid, struct err *err);
/* Opens the file by its name again (after logrotate); keeps the old one where that fails (-1). NULL is allowed. */
int trace_log_reopen(struct trace_log *log, struct err *err);
/* Writes a line, its newline included, of at most TRACE_LINE_MAX_BYTES. */
void trace_log_write(struct trace_log *log, const char *line, size_t size_bytes);
/* Lines that could not be written, or not whole, since the start. */
uint64_t trace_log_dropped(const struct trace_log *log);

#endif
