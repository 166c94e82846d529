/*
 * seqlock.h - one writer, any readers, no lock that a dead process could hold.
 *
 * The writer makes the counter odd, writes, makes it even; a reader that saw an odd or a changed
 * counter tries again. A writer that dies in between leaves the counter odd: readers give up after
 * their tries and treat the data as not there, and the next writer repairs it.
 */
#ifndef SHM_SEQLOCK_H
#define SHM_SEQLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct seqlock {
	_Atomic unsigned sequence;
};

#define SEQLOCK_TRIES 1000

/* Only the one writer. Works also where the last writer died in between. */
void seqlock_write_begin(struct seqlock *lock);
void seqlock_write_end(struct seqlock *lock);
/* Copies size_bytes from shared to copy; false where no stable copy was had in SEQLOCK_TRIES. */
bool seqlock_read(const struct seqlock *lock, void *copy, const void *shared, size_t size_bytes);

#endif
