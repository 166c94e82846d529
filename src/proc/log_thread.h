/*
 * log_thread.h - the log writer of a process that serves alone: a thread, for the process's own ring.
 *
 * Without a supervisor nobody writes out what a process that was killed has left in its slot, nor tells of its death, so
 * the thread does that too, for slots whose owner is dead.
 */
#ifndef PROC_LOG_THREAD_H
#define PROC_LOG_THREAD_H

struct err;
struct log_thread;
struct log_writer_config;

/* config, for one slot's rings, is the caller's and outlives the thread. NULL with err: no thread, no memory. */
struct log_thread *log_thread_start(const struct log_writer_config *config, struct err *err);
/* Files are opened again, soon. */
void log_thread_reopen(struct log_thread *thread);
/* The process puts no more: all is written, as far as the sink takes it. NULL is allowed. */
void log_thread_stop(struct log_thread *thread);

#endif
