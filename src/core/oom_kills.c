/*
 * oom_kills.c - reads the counts that cgroups and vmstat keep.
 *
 * The process's own cgroup first, since its count is least mixed with others'; on the way up from it, the first
 * that tells. Version 2 has no count at the root of the machine.
 */
#include "oom_kills.h"

#include <limits.h>
#include <stdio.h>

#include "kernel_file.h"
#include "memory_cgroup.h"

#define KEY "oom_kill"

static const char *const names[] = {[CGROUP_V1] = "memory.oom_control", [CGROUP_V2] = "memory.events"};

static int64_t
read_count(const char *folder, const char *name)
{
	char path[PATH_MAX + 32], text[16384];
	uint64_t count;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (kernel_file_read(path, text, sizeof text) < 0 || kernel_text_number(text, KEY, &count) != 0 ||
	    count > INT64_MAX)
		return -1;
	return (int64_t)count;
}

int64_t
oom_kills_read(const struct memory_roots *roots)
{
	struct memory_cgroup cgroup;
	if (memory_cgroup_find(roots, &cgroup) == 0)
		do {
			int64_t count = read_count(cgroup.folder, names[cgroup.version]);
			if (count >= 0)
				return count;
		} while (memory_cgroup_up(&cgroup));
	return read_count(roots->proc, "vmstat");
}
