/*
 * memory_cgroup.c - reads which cgroup this process is in.
 *
 * That stands in /proc/self/cgroup (cgroups(7)): "0::/path" for version 2, "4:memory:/path" for version 1. In a
 * container the named path may not be visible below the mount; then the mount's root is the container's own
 * cgroup, which the way up reaches too. So whoever reads a cgroup's files goes upwards until one is there.
 */
#include "memory_cgroup.h"

#include <stdio.h>
#include <string.h>

#include "insist.h"
#include "kernel_file.h"

const struct memory_roots memory_roots_real = {.proc = "/proc", .cgroup = "/sys/fs/cgroup"};

/* Below the cgroup root. */
static const char *const mounts[] = {[CGROUP_V1] = "/memory", [CGROUP_V2] = ""};

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

static void
set_folder(struct memory_cgroup *cgroup, const struct memory_roots *roots, const char *path)
{
	int length = snprintf(cgroup->folder, sizeof cgroup->folder, "%s%s", roots->cgroup, mounts[cgroup->version]);
	INSIST(length > 0 && (size_t)length < sizeof cgroup->folder);
	cgroup->mount_length = (size_t)length;
	/* A path that leaves the namespace ("/../x") cannot be seen from here: the root is what we have. */
	if (strstr(path, "/..") == NULL && strcmp(path, "/") != 0)
		snprintf(cgroup->folder + length, sizeof cgroup->folder - (size_t)length, "%s", path);
}

/* Where both versions are mounted, memory belongs to version 1 if that has the controller. */
int
memory_cgroup_find(const struct memory_roots *roots, struct memory_cgroup *cgroup)
{
	char path[PATH_MAX], text[8192], *save = NULL;
	bool found = false;
	snprintf(path, sizeof path, "%s/self/cgroup", roots->proc);
	if (kernel_file_read(path, text, sizeof text) < 0)
		return -1;
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *controllers = strchr(line, ':');
		char *where = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		if (where == NULL)
			continue;
		bool v1 = names_memory(controllers + 1, (size_t)(where - controllers - 1));
		if (!v1 && (strncmp(line, "0::", 3) != 0 || found))
			continue;
		found = true;
		cgroup->version = v1 ? CGROUP_V1 : CGROUP_V2;
		set_folder(cgroup, roots, where + 1);
	}
	return found ? 0 : -1;
}

bool
memory_cgroup_up(struct memory_cgroup *cgroup)
{
	char *last = strrchr(cgroup->folder + cgroup->mount_length, '/');
	if (last == NULL)
		return false;
	*last = '\0';
	return true;
}
