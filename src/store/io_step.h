/*
 * io_step.h - an operation that another loop drives: what it waits for, and whether it is done.
 *
 * The database's and the cache's pings are made of these, so that checks run side by side in one
 * poll() under one deadline.
 */
#ifndef STORE_IO_STEP_H
#define STORE_IO_STEP_H

#include <stdint.h>

enum io_progress { IO_WAIT, IO_DONE };

struct io_want {
	int fd;
	short events;     /* POLLIN, POLLOUT */
	int64_t until_ns; /* monotonic: the step wants to be called again then, whatever has come; 0: never */
};

#endif
