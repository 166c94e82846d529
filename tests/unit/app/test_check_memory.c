/* test_check_memory.c - memory by made trees of /proc and /sys/fs/cgroup, and the check on the real ones. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "check_memory.h"
#include "check_table.h"
#include "made_tree.h"
#include "run_suite.h"
#include "settings.h"

#define MIB (UINT64_C(1024) * 1024)
#define MEMINFO "MemTotal:        8388608 kB\nMemFree:          100 kB\nMemAvailable:    4194304 kB\n"
#define MAX_FILES 8

struct tree {
	const char *what;
	struct made_file files[MAX_FILES];
	int status;
	uint64_t total, available;
};

static const struct tree trees[] = {
	{
		.what = "no cgroup at all",
		.files = {{"proc/meminfo", MEMINFO}},
		.total = 8192 * MIB,
		.available = 4096 * MIB,
	},
	{
		.what = "v2 with a limit of its own",
		.files = {{"proc/meminfo", MEMINFO},
                          {"proc/self/cgroup", "0::/a/b\n"},
                          {"cgroup/a/b/memory.max", "1073741824\n"},
                          {"cgroup/a/b/memory.current", "805306368\n"},
                          {"cgroup/a/b/memory.stat", "anon 1\ninactive_anon 9\ninactive_file 268435456\n"}},
		.total = 1024 * MIB,
		.available = 512 * MIB,
	},
	{
		.what = "v2 where the parent has the limit",
		.files = {{"proc/meminfo", MEMINFO},
                          {"proc/self/cgroup", "0::/a/b\n"},
                          {"cgroup/a/b/memory.max", "max\n"},
                          {"cgroup/a/memory.max", "1073741824\n"},
                          {"cgroup/a/memory.current", "536870912\n"}},
		.total = 1024 * MIB,
		.available = 512 * MIB,
	},
	{
		.what = "v2 in a container: the path cannot be seen, the root is ours",
		.files = {{"proc/meminfo", MEMINFO},
                          {"proc/self/cgroup", "0::/docker/123\n"},
                          {"cgroup/memory.max", "1073741824\n"},
                          {"cgroup/memory.current", "2147483648\n"},
                          {"cgroup/memory.stat", "inactive_file 0\n"}},
		.total = 1024 * MIB,
		.available = 0,
	},
	{
		.what = "v2 outside the namespace",
		.files = {{"proc/meminfo", MEMINFO},
                          {"proc/self/cgroup", "0::/../other\n"},
                          {"cgroup/memory.max", "1073741824\n"},
                          {"cgroup/memory.current", "0\n"}},
		.total = 1024 * MIB,
		.available = 1024 * MIB,
	},
	{
		.what = "v2 without limits",
		.files = {{"proc/meminfo", MEMINFO},
                          {"proc/self/cgroup", "0::/a\n"},
                          {"cgroup/a/memory.max", "max\n"},
                          {"cgroup/a/memory.current", "805306368\n"}},
		.total = 8192 * MIB,
		.available = 4096 * MIB,
	},
	{
		.what = "v1",
		.files = {{"proc/meminfo", MEMINFO},
                          {"proc/self/cgroup", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/a\n0::/b\n"},
                          {"cgroup/memory/a/memory.limit_in_bytes", "1073741824\n"},
                          {"cgroup/memory/a/memory.usage_in_bytes", "536870912\n"},
                          {"cgroup/memory/a/memory.stat", "inactive_file 7\ntotal_inactive_file 268435456\n"},
                          {"cgroup/b/memory.max", "4096\n"},
                          {"cgroup/b/memory.current", "4096\n"}},
		.total = 1024 * MIB,
		.available = 768 * MIB,
	},
	{
		.what = "v1 without a limit, which it writes as a huge number",
		.files = {{"proc/meminfo", MEMINFO},
                          {"proc/self/cgroup", "4:memory:/a\n"},
                          {"cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"},
                          {"cgroup/memory/a/memory.usage_in_bytes", "536870912\n"}},
		.total = 8192 * MIB,
		.available = 4096 * MIB,
	},
	{
		.what = "a cgroup but no meminfo",
		.files = {{"proc/self/cgroup", "0::/\n"},
                          {"cgroup/memory.max", "1048576\n"},
                          {"cgroup/memory.current", "0\n"}},
		.total = MIB,
		.available = MIB,
	},
	{
		.what = "nonsense everywhere",
		.files = {{"proc/meminfo", "MemTotal: much\n"},
                          {"proc/self/cgroup", "no colons\n:\n0::\n"},
                          {"cgroup/memory.max", "-5\n"}},
		.status = -1,
	},
	{.what = "nothing", .status = -1},
};

START_TEST(test_trees)
{
	const struct tree *tree = &trees[_i];
	struct memory_usage usage = {0};
	made_tree_put(tree->files, MAX_FILES);
	int status = memory_read(made_tree_roots(), &usage);
	ck_assert_msg(status == tree->status, "%s: %d", tree->what, status);
	if (status != 0)
		return;
	ck_assert_msg(usage.total_bytes == tree->total, "%s: total %ju", tree->what, (uintmax_t)usage.total_bytes);
	ck_assert_msg(usage.available_bytes == tree->available, "%s: available %ju", tree->what,
	              (uintmax_t)usage.available_bytes);
}
END_TEST

static void
run_check(int64_t max_percent, struct check_result *result)
{
	struct settings settings = {.memory_max_percent = max_percent};
	struct check check = {.kind = &check_memory};
	struct io_want want;
	*result = (struct check_result){0};
	ck_assert_int_eq(check_memory.create(&(struct checks_config){.settings = &settings}, 0, &check), 1);
	ck_assert_int_eq(check_memory.create(&(struct checks_config){.settings = &settings}, 1, &check), 0);
	check_memory.start(check.state);
	ck_assert_int_eq(check_memory.step(check.state, &want, result), IO_DONE);
}

START_TEST(test_this_machine)
{
	struct check_result result;
	run_check(100, &result);
	ck_assert_int_eq(result.status, CHECK_HEALTHY);
	ck_assert_uint_gt(result.total_bytes, 16 * MIB);
	ck_assert_uint_gt(result.free_bytes, 0);
	ck_assert(result.percent > 0 && result.percent <= 100);
	/* Some memory is always used. */
	run_check(0, &result);
	ck_assert_int_eq(result.status, CHECK_FAILED);
	ck_assert_ptr_nonnull(strstr(result.text, " % used, more than MEMORY_MAX_PERCENT allows (0 %)"));
	ck_assert_uint_gt(result.total_bytes, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("check_memory");
	TCase *tc = tcase_create("check_memory");
	tcase_add_checked_fixture(tc, made_tree_setup, made_tree_teardown);
	tcase_add_loop_test(tc, test_trees, 0, (int)(sizeof trees / sizeof trees[0]));
	tcase_add_test(tc, test_this_machine);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
