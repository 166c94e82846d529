/*
 * insist.h - statements of what cannot happen.
 *
 * INSIST() is never compiled out and its condition has no side effect. A failed one is a bug of ours
 * ("panic"): it writes one line to standard error and aborts, and the supervisor starts a new worker.
 */
#ifndef BASE_INSIST_H
#define BASE_INSIST_H

#define INSIST(condition) ((condition) ? (void)0 : insist_failed(#condition, __FILE__, __LINE__, __func__))

/* Writes where and what to standard error and aborts. */
_Noreturn void insist_failed(const char *condition, const char *file, int line, const char *function);

#endif
