/* made_tree.c - see made_tree.h. */
#include "made_tree.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[64], proc[96], cgroup[96];
static const struct memory_roots roots = {.proc = proc, .cgroup = cgroup};

void
made_tree_setup(void)
{
	snprintf(root, sizeof root, "/tmp/vt_tree_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(proc, sizeof proc, "%s/proc", root);
	snprintf(cgroup, sizeof cgroup, "%s/cgroup", root);
}

static int
remove_entry(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

void
made_tree_teardown(void)
{
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
put(const struct made_file *made)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", root, made->name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(made->text, file);
	fclose(file);
}

void
made_tree_put(const struct made_file *files, size_t count)
{
	for (size_t i = 0; i < count && files[i].name != NULL; i++)
		put(&files[i]);
}

const struct memory_roots *
made_tree_roots(void)
{
	return &roots;
}
