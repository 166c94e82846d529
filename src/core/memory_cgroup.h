/*
 * memory_cgroup.h - the cgroup that rules this process's memory, version 2 or 1, and the way up from it.
 */
#ifndef CORE_MEMORY_CGROUP_H
#define CORE_MEMORY_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the kernel's files are; a test has a tree of its own. */
struct memory_roots {
	const char *proc;   /* "/proc" */
	const char *cgroup; /* "/sys/fs/cgroup" */
};

/* The real ones. */
extern const struct memory_roots memory_roots_real;

enum cgroup_version { CGROUP_V1, CGROUP_V2 };

struct memory_cgroup {
	enum cgroup_version version;
	char folder[PATH_MAX]; /* of its files; it need not exist */
	size_t mount_length;   /* of folder: the root of the hierarchy as it is mounted here */
};

/* -1: there is none, or /proc does not say. */
int memory_cgroup_find(const struct memory_roots *roots, struct memory_cgroup *cgroup);
/* To the parent; false at the mounted root. */
bool memory_cgroup_up(struct memory_cgroup *cgroup);

#endif
