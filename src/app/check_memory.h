/*
 * check_memory.h - how much memory there is and how much can still be had.
 *
 * The limit that counts in a container is its cgroup's, version 2 or 1; without one, the machine's.
 */
#ifndef APP_CHECK_MEMORY_H
#define APP_CHECK_MEMORY_H

#include <stdint.h>

#include "memory_cgroup.h"

struct memory_usage {
	uint64_t total_bytes, available_bytes;
};

/*
 * The tightest place that says so first, from this process's cgroup upwards: total is the limit, available
 * what is left of it when the page cache that can be dropped (inactive_file) is not counted as used. A
 * limit beyond the machine's memory is none. Else MemTotal and MemAvailable of /proc/meminfo (proc_meminfo(5)).
 * -1: not even that can be read.
 */
int memory_read(const struct memory_roots *roots, struct memory_usage *usage);

#endif
