/*
 * trace_log.h - where lines of spans go: TRACE_FILE, by way of this process's ring for spans (shm/log_ring.h), which the
 * log writer empties; a process without a ring writes the line itself.
 *
 * Opened before the fork. A line that finds no room is dropped and counted; nobody waits for spans.
 */
#ifndef CORE_TRACE_LOG_H
#define CORE_TRACE_LOG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct log_sink;
struct ring;
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
/* As log_use_ring(), log_leave_sink() and log_sink_of() of log.h; NULL is allowed, and has no sink. */
void trace_log_use_ring(struct trace_log *log, const struct ring *ring, _Atomic uint32_t *wake);
void trace_log_leave_sink(struct trace_log *log);
struct log_sink *trace_log_sink(struct trace_log *log);
/* Writes a line, its newline included, of at most TRACE_LINE_MAX_BYTES. */
void trace_log_write(struct trace_log *log, const char *line, size_t size_bytes);
/* Lines that this process could not write, or found no room for, since the start. */
uint64_t trace_log_dropped(const struct trace_log *log);

#endif
