/* owner.c - reads /proc/PID/stat (proc_pid_stat(5)) and packs what it says. */
#include "owner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STARTED_MASK ((UINT64_C(1) << (64 - OWNER_PID_BITS)) - 1)
#define PID_MASK ((UINT64_C(1) << OWNER_PID_BITS) - 1)
#define FIELD_STATE 3
#define FIELD_STARTED 22

/* The state letter and the start time; false where there is no such process. */
static bool
read_stat(pid_t pid, char *state, uint64_t *started)
{
	char path[32], text[1024];
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* The name in field 2 may hold blanks and brackets; the last bracket closes it. */
	char *p = strrchr(text, ')');
	for (int field = FIELD_STATE - 1; p != NULL && field < FIELD_STARTED; field++) {
		p = strchr(p + 1, ' ');
		if (p != NULL && field == FIELD_STATE - 1)
			*state = p[1];
	}
	*started = p != NULL ? strtoull(p + 1, NULL, 10) & STARTED_MASK : 0;
	return p != NULL;
}

uint64_t
owner_self(void)
{
	char state;
	uint64_t started = 0;
	read_stat(getpid(), &state, &started);
	return started << OWNER_PID_BITS | (uint64_t)getpid();
}

pid_t
owner_pid(uint64_t owner)
{
	return (pid_t)(owner & PID_MASK);
}

uint64_t
owner_started(uint64_t owner)
{
	return owner >> OWNER_PID_BITS;
}

bool
owner_lives(uint64_t owner)
{
	char state = 'X';
	uint64_t started = 0;
	if (owner_pid(owner) == 0 || !read_stat(owner_pid(owner), &state, &started))
		return false;
	return started == owner_started(owner) && state != 'Z' && state != 'X';
}

bool
owner_claim(_Atomic uint64_t *word, uint64_t self)
{
	uint64_t owner = 0;
	if (atomic_compare_exchange_strong_explicit(word, &owner, self, memory_order_acq_rel, memory_order_acquire))
		return true;
	return !owner_lives(owner) &&
	       atomic_compare_exchange_strong_explicit(word, &owner, self, memory_order_acq_rel, memory_order_relaxed);
}

void
owner_release(_Atomic uint64_t *word, uint64_t self)
{
	atomic_compare_exchange_strong_explicit(word, &self, 0, memory_order_acq_rel, memory_order_relaxed);
}
