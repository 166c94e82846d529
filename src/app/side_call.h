/*
 * side_call.h - a call that may never return, in a thread of its own: on a dead network file system statvfs(), stat()
 * and open() hang.
 *
 * The call is shared by the asker and the thread and freed by whoever lets go of it last: a thread that is stuck in the
 * kernel harms nobody but itself. What is asked is a parameter: each check has its own.
 */
#ifndef APP_SIDE_CALL_H
#define APP_SIDE_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/statvfs.h>

struct side_call;

/* Which member is set is for the function that answers and for who asked it to know. */
union side_answer {
	struct statvfs disk;
	int64_t seconds; /* on the clock that people read */
};

/* 0, or -1 with errno. Touches nothing but its arguments; its thread has a stack of 256 KiB. */
typedef int side_call_fn(const char *path, union side_answer *out);

/* Starts asking; NULL with errno where there is no thread, descriptor or memory. The path is copied. */
struct side_call *side_call_start(const char *path, side_call_fn *ask);
/* Becomes readable when the answer is there. */
int side_call_fd(const struct side_call *call);
/* True once the answer is there: *error is 0 or an errno, *out valid for 0. */
bool side_call_answer(struct side_call *call, union side_answer *out, int *error);
/* The asker lets go, answered or not. NULL is allowed. */
void side_call_release(struct side_call *call);

#endif
