/*
 * test_oom_kills.c - the counts of made trees, and a real kill: in a cgroup of this test's own, with little memory.
 *
 * The real one needs root and a memory controller that may be written; without them it proves nothing and says so.
 */
#include "oom_kills.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "kernel_file.h"
#include "made_tree.h"
#include "run_suite.h"

#define MAX_FILES 6
#define VMSTAT "nr_free_pages 17\noom_kill 40\nunevictable_pgs_culled 0\n"
#define EVENTS(n) "low 0\nhigh 0\nmax 9\noom 8\noom_kill " n "\noom_group_kill 7\n"
#define CONTROL(n) "oom_kill_disable 1\nunder_oom 1\noom_kill " n "\n"

static const struct {
	const char *what;
	struct made_file files[MAX_FILES];
	int64_t kills;
} trees[] = {
	{.what = "v2",
         .files = {{"proc/self/cgroup", "0::/a/b\n"},
                   {"proc/vmstat", VMSTAT},
                   {"cgroup/a/b/memory.events", EVENTS("3")},
                   {"cgroup/a/memory.events", EVENTS("5")}},
         .kills = 3},
	{.what = "v2, none yet",
         .files = {{"proc/self/cgroup", "0::/a\n"}, {"proc/vmstat", VMSTAT}, {"cgroup/a/memory.events", EVENTS("0")}},
         .kills = 0},
	{.what = "v2 without a memory controller of its own",
         .files = {{"proc/self/cgroup", "0::/a/b\n"}, {"proc/vmstat", VMSTAT}, {"cgroup/a/memory.events", EVENTS("5")}},
         .kills = 5},
	{.what = "v2 in a container: the path cannot be seen",
         .files = {{"proc/self/cgroup", "0::/docker/1\n"},
                   {"proc/vmstat", VMSTAT},
                   {"cgroup/memory.events", EVENTS("2")}},
         .kills = 2},
	{.what = "v2 at the root of the machine, which has no count",
         .files = {{"proc/self/cgroup", "0::/\n"}, {"proc/vmstat", VMSTAT}},
         .kills = 40},
	{.what = "v1",
         .files = {{"proc/self/cgroup", "4:memory:/a\n0::/\n"},
                   {"proc/vmstat", VMSTAT},
                   {"cgroup/memory/a/memory.oom_control", CONTROL("6")},
                   {"cgroup/memory.events", EVENTS("2")}},
         .kills = 6},
	{.what = "v1 of an old kernel, which counts nowhere",
         .files = {{"proc/self/cgroup", "4:memory:/a\n"},
                   {"proc/vmstat", "nr_free_pages 17\n"},
                   {"cgroup/memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n"}},
         .kills = -1},
	{.what = "no cgroup", .files = {{"proc/vmstat", VMSTAT}}, .kills = 40},
	{.what = "nonsense",
         .files = {{"proc/self/cgroup", "0::/a\n"},
                   {"proc/vmstat", "oom_kill many\n"},
                   {"cgroup/a/memory.events", EVENTS("-1")}},
         .kills = -1},
	{.what = "more than there can be", .files = {{"proc/vmstat", "oom_kill 18446744073709551610\n"}}, .kills = -1},
	{.what = "nothing", .kills = -1},
};

START_TEST(test_trees)
{
	made_tree_put(trees[_i].files, MAX_FILES);
	int64_t kills = oom_kills_read(made_tree_roots());
	ck_assert_msg(kills == trees[_i].kills, "%s: %jd", trees[_i].what, (intmax_t)kills);
}
END_TEST

START_TEST(test_this_machine)
{
	ck_assert_int_ge(oom_kills_read(&memory_roots_real), 0);
}
END_TEST

/* ---- A real kill ---- */

#define LIMIT "16777216"
#define GREED_BYTES ((size_t)256 << 20)

static bool
write_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return written;
}

/* Beside everything else, at the root of the hierarchy. False: it cannot be had here. */
static bool
make_cgroup(char *folder, size_t size)
{
	static const char *const mounts[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"};
	static const char *const limits[] = {"memory.limit_in_bytes", "memory.max"};
	for (int i = 0; i < 2; i++) {
		snprintf(folder, size, "%s/vt-oom-%d", mounts[i], getpid());
		if (mkdir(folder, 0755) != 0)
			continue;
		if (write_file(folder, limits[i], LIMIT)) {
			write_file(folder, "memory.swap.max", "0");
			write_file(folder, "memory.memsw.limit_in_bytes", LIMIT);
			return true;
		}
		rmdir(folder);
	}
	return false;
}

static void
be_greedy(void)
{
	char *memory = mmap(NULL, GREED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED)
		for (size_t i = 0; i < GREED_BYTES; i += 4096)
			memory[i] = 1;
	_exit(0);
}

/* As a supervisor: in the cgroup, one child killed by us, one by the kernel. What failed is the exit status. */
static int
supervise(const char *folder)
{
	int status;
	if (!write_file(folder, "cgroup.procs", "0"))
		return 1;
	int64_t before = oom_kills_read(&memory_roots_real);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	/* kill(-1, …) would be everybody. */
	if (child < 0 || kill(child, SIGKILL) != 0)
		return 5;
	if (before < 0 || waitpid(child, &status, 0) != child || oom_kills_read(&memory_roots_real) != before)
		return 2;
	child = fork();
	if (child == 0)
		be_greedy();
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return 3;
	return oom_kills_read(&memory_roots_real) == before + 1 ? 0 : 4;
}

START_TEST(test_a_real_kill_is_counted)
{
	char folder[256];
	int status;
	if (!make_cgroup(folder, sizeof folder)) {
		fprintf(stderr, "No cgroup can be made here: no kill was counted.\n");
		return;
	}
	pid_t supervisor = fork();
	if (supervisor == 0)
		_exit(supervise(folder));
	pid_t reaped = waitpid(supervisor, &status, 0);
	/* The dead may take a moment to be out of it. */
	int64_t deadline_ns = deadline_in_ms(5000);
	while (rmdir(folder) != 0 && errno == EBUSY && clock_mono_ns() < deadline_ns)
		usleep(1000);
	ck_assert_int_eq(reaped, supervisor);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", (unsigned)status);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("oom_kills");
	TCase *tc = tcase_create("oom_kills");
	tcase_add_checked_fixture(tc, made_tree_setup, made_tree_teardown);
	tcase_add_loop_test(tc, test_trees, 0, (int)(sizeof trees / sizeof trees[0]));
	tcase_add_test(tc, test_this_machine);
	tcase_add_test(tc, test_a_real_kill_is_counted);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
