/* made_tree.h - a directory of made-up files in the place of /proc and /sys/fs/cgroup. One a program at a time. */
#ifndef TESTS_MADE_TREE_H
#define TESTS_MADE_TREE_H

#include "memory_cgroup.h"

struct made_file {
	const char *name, *text; /* "proc/meminfo"; name NULL: none */
};

void made_tree_setup(void);
/* Removes it and everything in it. */
void made_tree_teardown(void);
/* Makes the first count files, up to one without a name, with the directories above them. */
void made_tree_put(const struct made_file *files, size_t count);
/* Its "proc" and "cgroup", which outlive nothing but the tree. */
const struct memory_roots *made_tree_roots(void);

#endif
