/*
 * io_wait.h - waits for one descriptor, never past a deadline.
 */
#ifndef STORE_IO_WAIT_H
#define STORE_IO_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "io_step.h"

/* True where what is wanted, or an error, is there now; does not wait. */
bool io_ready(const struct io_want *want);
/* Waits for it, or until want->until_ns. False where the deadline has passed, even if something could be read by then. */
bool io_wait(const struct io_want *want, int64_t deadline_ns);

#endif
