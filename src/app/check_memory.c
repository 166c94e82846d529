/*
 * check_memory.c - memory by cgroup v2, cgroup v1 or /proc/meminfo, against MEMORY_MAX_PERCENT.
 *
 * From this process's cgroup the path is followed upwards until a limit is found (memory_cgroup.h).
 */
#include "check_memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_table.h"
#include "kernel_file.h"
#include "settings.h"

/* What a version of cgroups calls its files. */
struct cgroup_names {
	const char *limit, *usage;
	const char *droppable; /* the key in memory.stat */
};

static const struct cgroup_names names_of[] = {
	[CGROUP_V1] = {.limit = "memory.limit_in_bytes",
                       .usage = "memory.usage_in_bytes",
                       .droppable = "total_inactive_file"},
	[CGROUP_V2] = {.limit = "memory.max", .usage = "memory.current", .droppable = "inactive_file"},
};

static int
read_meminfo(const struct memory_roots *roots, struct memory_usage *usage)
{
	char path[PATH_MAX], text[8192];
	uint64_t total_kib, available_kib;
	snprintf(path, sizeof path, "%s/meminfo", roots->proc);
	if (kernel_file_read(path, text, sizeof text) < 0 || kernel_text_number(text, "MemTotal:", &total_kib) != 0 ||
	    kernel_text_number(text, "MemAvailable:", &available_kib) != 0)
		return -1;
	*usage = (struct memory_usage){.total_bytes = total_kib * 1024, .available_bytes = available_kib * 1024};
	return 0;
}

/* One cgroup's own limit. -1: it has none below ceiling, or cannot be read. */
static int
read_cgroup(const char *folder, const struct cgroup_names *names, uint64_t ceiling, struct memory_usage *usage)
{
	char path[PATH_MAX + 32], stat[8192];
	uint64_t limit, used, droppable = 0;
	snprintf(path, sizeof path, "%s/%s", folder, names->limit);
	if (kernel_file_number(path, &limit) != 0 || limit == 0 || limit >= ceiling)
		return -1;
	snprintf(path, sizeof path, "%s/%s", folder, names->usage);
	if (kernel_file_number(path, &used) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/memory.stat", folder);
	if (kernel_file_read(path, stat, sizeof stat) >= 0)
		(void)kernel_text_number(stat, names->droppable, &droppable);
	used -= droppable < used ? droppable : used;
	*usage = (struct memory_usage){.total_bytes = limit, .available_bytes = used < limit ? limit - used : 0};
	return 0;
}

/* From the process's own cgroup to the root, the first that has a limit. */
static int
read_cgroups(const struct memory_roots *roots, uint64_t ceiling, struct memory_usage *usage)
{
	struct memory_cgroup cgroup;
	if (memory_cgroup_find(roots, &cgroup) != 0)
		return -1;
	do {
		if (read_cgroup(cgroup.folder, &names_of[cgroup.version], ceiling, usage) == 0)
			return 0;
	} while (memory_cgroup_up(&cgroup));
	return -1;
}

int
memory_read(const struct memory_roots *roots, struct memory_usage *usage)
{
	struct memory_usage machine;
	int status = read_meminfo(roots, &machine);
	if (read_cgroups(roots, status == 0 ? machine.total_bytes : INT64_MAX, usage) == 0)
		return 0;
	*usage = machine;
	return status;
}

static int
create(const struct checks_config *config, size_t n, struct check *check)
{
	if (n > 0)
		return 0;
	/* The settings outlive the checks and are not changed through this. */
	check->state = (void *)(uintptr_t)config->settings;
	return 1;
}

static void
start(void *state)
{
	(void)state;
}

static enum io_progress
step(void *state, struct io_want *want, struct check_result *result)
{
	const struct settings *settings = state;
	struct memory_usage usage;
	(void)want;
	if (memory_read(&memory_roots_real, &usage) != 0) {
		check_fail(result, "neither a cgroup nor /proc/meminfo can be read");
		return IO_DONE;
	}
	result->total_bytes = usage.total_bytes;
	result->free_bytes = usage.available_bytes;
	uint64_t free_bytes = usage.available_bytes < usage.total_bytes ? usage.available_bytes : usage.total_bytes;
	result->percent = check_percent(usage.total_bytes - free_bytes, usage.total_bytes);
	if (result->percent > (double)settings->memory_max_percent)
		check_fail(result, "%.1f %% used, more than MEMORY_MAX_PERCENT allows (%lld %%)", result->percent,
		           (long long)settings->memory_max_percent);
	else
		result->status = CHECK_HEALTHY;
	return IO_DONE;
}

static void
abandon(void *state)
{
	(void)state;
}

const struct check_kind check_memory = {
	.name = "memory",
	.shape = CHECK_SHAPE_MEMORY,
	.create = create,
	.start = start,
	.step = step,
	.abandon = abandon,
};
