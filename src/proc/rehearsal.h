/*
 * rehearsal.h - a child that tries the next settings before the supervisor takes them.
 *
 * It becomes the program itself with --check: what that prints is why the next settings cannot be taken. The
 * supervisor goes on meanwhile, reads what comes and gives up at a deadline.
 */
#ifndef PROC_REHEARSAL_H
#define PROC_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define REHEARSAL_TEXT_BYTES 1024

struct err;

struct rehearsal {
	pid_t pid;  /* 0: none is on */
	int output; /* to poll for; -1: none, or all has been read */
	int64_t deadline_ns;
	char text[REHEARSAL_TEXT_BYTES]; /* what it has said so far, cut to fit */
	size_t length;
};

/* Executes the program, in the child; returns -1 with err where it cannot. */
typedef int rehearsal_fn(void *context, struct err *err);
/* Starts a child that calls perform; its standard output and error are read. -1 with err. */
int rehearsal_start(struct rehearsal *rehearsal, rehearsal_fn *perform, void *context, int64_t timeout_ms,
                    struct err *err);
/* Reads what has come. */
void rehearsal_read(struct rehearsal *rehearsal);
/* Kills it where its deadline has passed; it is reaped like any child. */
void rehearsal_enforce(struct rehearsal *rehearsal, int64_t now_ns);
/* It has been reaped: true where it passed. Otherwise text says why, in whatever case. Afterwards none is on. */
bool rehearsal_end(struct rehearsal *rehearsal, int wait_status);

#endif
