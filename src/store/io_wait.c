/*
 * io_wait.c - the one poll() of the store floor.
 *
 * The deadline is looked at before the descriptor: a server that keeps sending must not carry its
 * caller past the deadline by always being readable.
 */
#include "io_wait.h"

#include <errno.h>
#include <poll.h>

#include "clock.h"
#include "insist.h"

bool
io_ready(const struct io_want *want)
{
	struct pollfd entry = {.fd = want->fd, .events = want->events};
	INSIST(want->fd >= 0);
	return poll(&entry, 1, 0) > 0;
}

bool
io_wait(const struct io_want *want, int64_t deadline_ns)
{
	struct pollfd entry = {.fd = want->fd, .events = want->events};
	int64_t until_ns = want->until_ns > 0 ? deadline_min(want->until_ns, deadline_ns) : deadline_ns;
	INSIST(want->fd >= 0);
	for (;;) {
		int left_ms = deadline_poll_ms(until_ns);
		if (left_ms == 0)
			return until_ns < deadline_ns;
		int n = poll(&entry, 1, left_ms);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}
