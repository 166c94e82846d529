/*
 * check_memory.c - memory by cgroup v2, cgroup v1 or /proc/meminfo, against MEMORY_MAX_PERCENT.
 *
 * Which cgroup this process is in stands in /proc/self/cgroup (cgroups(7)): "0::/path" for version 2,
 * "4:memory:/path" for version 1. The path is followed upwards until a limit is found. In a container the
 * named path may not be visible below the mount; then the mount's root is the container's own cgroup,
 * which the way up reaches too.
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
	const char *mount; /* below the cgroup root */
	const char *limit, *usage;
	const char *droppable; /* the key in memory.stat */
};

static const struct cgroup_names cgroup_v1 = {
	.mount = "/memory",
	.limit = "memory.limit_in_bytes",
	.usage = "memory.usage_in_bytes",
	.droppable = "total_inactive_file",
};

static const struct cgroup_names cgroup_v2 = {
	.mount = "",
	.limit = "memory.max",
	.usage = "memory.current",
	.droppable = "inactive_file",
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

/* Does a line's list of controllers, up to size bytes, name the memory controller? */
static bool
names_memory(const char *list, size_t size)
{
	static const char memory[] = "memory";
	while (size > 0) {
		const char *comma = memchr(list, ',', size);
		size_t part = comma != NULL ? (size_t)(comma - list) : size;
		if (part == sizeof memory - 1 && memcmp(list, memory, part) == 0)
			return true;
		size -= comma != NULL ? part + 1 : part;
		list += part + 1;
	}
	return false;
}

/*
 * The cgroup that rules this process's memory: its version's names and its path. Where both versions are
 * mounted, memory belongs to version 1 if that has the controller. NULL: none.
 */
static const struct cgroup_names *
own_cgroup(const struct memory_roots *roots, char *cgroup, size_t size)
{
	char path[PATH_MAX], text[8192], *save = NULL;
	const struct cgroup_names *names = NULL;
	snprintf(path, sizeof path, "%s/self/cgroup", roots->proc);
	if (kernel_file_read(path, text, sizeof text) < 0)
		return NULL;
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *controllers = strchr(line, ':');
		char *where = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		if (where == NULL)
			continue;
		bool v1 = names_memory(controllers + 1, (size_t)(where - controllers - 1));
		if (!v1 && (strncmp(line, "0::", 3) != 0 || names != NULL))
			continue;
		names = v1 ? &cgroup_v1 : &cgroup_v2;
		/* A path that leaves the namespace ("/../x") cannot be seen from here: the root is what we have. */
		snprintf(cgroup, size, "%s", strstr(where, "/..") == NULL ? where + 1 : "");
	}
	return names;
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
	char cgroup[PATH_MAX / 2], folder[PATH_MAX];
	const struct cgroup_names *names = own_cgroup(roots, cgroup, sizeof cgroup);
	if (names == NULL)
		return -1;
	for (;;) {
		snprintf(folder, sizeof folder, "%s%s%s", roots->cgroup, names->mount, cgroup);
		if (read_cgroup(folder, names, ceiling, usage) == 0)
			return 0;
		char *last = strrchr(cgroup, '/');
		if (last == NULL)
			return -1;
		*last = '\0';
	}
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
	static const struct memory_roots roots = {.proc = "/proc", .cgroup = "/sys/fs/cgroup"};
	const struct settings *settings = state;
	struct memory_usage usage;
	(void)want;
	if (memory_read(&roots, &usage) != 0) {
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
