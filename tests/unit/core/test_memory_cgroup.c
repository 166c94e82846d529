/* test_memory_cgroup.c - which cgroup a made /proc/self/cgroup names, and the way up. */
#include "memory_cgroup.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "made_tree.h"
#include "run_suite.h"

#define MAX_FOLDERS 4

/* The folders in order of the way up, below the root of all cgroups. */
static const struct {
	const char *self, *folders[MAX_FOLDERS];
	enum cgroup_version version;
} table[] = {
	{"0::/a/b\n", {"/a/b", "/a", ""}, CGROUP_V2},
	{"0::/\n", {""}, CGROUP_V2},
	{"0::/../other\n", {""}, CGROUP_V2},
	{"5:cpu:/x\n4:memory:/a\n0::/b\n", {"/memory/a", "/memory"}, CGROUP_V1},
	{"0::/b\n4:hugetlb,memory:/a\n", {"/memory/a", "/memory"}, CGROUP_V1},
	{"5:memory_x,xmemory:/x\n0::/b\n", {"/b", ""}, CGROUP_V2},
	{"1:name=systemd:/x\n", {NULL}, CGROUP_V2},
	{"no colons\n:\n", {NULL}, CGROUP_V2},
	{"", {NULL}, CGROUP_V2},
};

START_TEST(test_way_up)
{
	struct memory_cgroup cgroup;
	const struct memory_roots *roots = made_tree_roots();
	const char *const *folder = table[_i].folders;
	made_tree_put(&(struct made_file){"proc/self/cgroup", table[_i].self}, 1);
	ck_assert_int_eq(memory_cgroup_find(roots, &cgroup), *folder != NULL ? 0 : -1);
	if (*folder == NULL)
		return;
	ck_assert_int_eq(cgroup.version, table[_i].version);
	do {
		ck_assert_ptr_nonnull(*folder);
		ck_assert_int_eq(strncmp(cgroup.folder, roots->cgroup, strlen(roots->cgroup)), 0);
		ck_assert_str_eq(cgroup.folder + strlen(roots->cgroup), *folder++);
	} while (memory_cgroup_up(&cgroup));
	ck_assert_ptr_null(*folder);
	ck_assert(!memory_cgroup_up(&cgroup));
}
END_TEST

START_TEST(test_no_proc)
{
	struct memory_cgroup cgroup;
	ck_assert_int_eq(memory_cgroup_find(made_tree_roots(), &cgroup), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memory_cgroup");
	TCase *tc = tcase_create("memory_cgroup");
	tcase_add_checked_fixture(tc, made_tree_setup, made_tree_teardown);
	tcase_add_loop_test(tc, test_way_up, 0, (int)(sizeof table / sizeof table[0]));
	tcase_add_test(tc, test_no_proc);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
