/*
 * test_check_disk.c - the disk check on "/", on a path that is not there, and on a file system that hangs:
 * this program's own statvfs() stands before the C library's and waits on a pipe for the path "/hang".
 */
#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "check_table.h"
#include "clock.h"
#include "run_suite.h"
#include "settings.h"

static int gate[2];
static _Atomic int asked, signals_open;

/* Exported, so that the check's call finds it first. */
__attribute__((visibility("default"))) int statvfs(const char *restrict path, struct statvfs *restrict out);

int
statvfs(const char *restrict path, struct statvfs *restrict out)
{
	static int (*real)(const char *, struct statvfs *);
	char byte;
	sigset_t mask;
	atomic_fetch_add(&asked, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (!sigismember(&mask, SIGTERM))
		atomic_fetch_add(&signals_open, 1);
	if (strcmp(path, "/hang") == 0) {
		while (read(gate[0], &byte, 1) < 0 && errno == EINTR)
			;
		path = "/";
	}
	*(void **)&real = dlsym(RTLD_NEXT, "statvfs");
	return real(path, out);
}

struct disk_case {
	struct settings settings;
	struct check check;
};

static char *paths[2];

static void
make_check(struct disk_case *disk, const char *path, int64_t max_percent)
{
	ck_assert_int_eq(pipe(gate), 0);
	atomic_store(&asked, 0);
	paths[0] = (char *)(uintptr_t)path;
	*disk = (struct disk_case){.settings = {.disk_max_percent = max_percent}};
	disk->settings.disk_paths = (struct text_list){.count = 1, .items = paths};
	disk->check.kind = &check_disk;
	ck_assert_int_eq(check_disk.create(&(struct checks_config){.settings = &disk->settings}, 0, &disk->check), 1);
}

static void
run_check(struct disk_case *disk, int64_t timeout_ms, struct check_result *result)
{
	check_run(&disk->check, 1, timeout_ms, result);
}

START_TEST(test_root)
{
	struct disk_case disk;
	struct check_result result;
	make_check(&disk, "/", 100);
	for (int i = 0; i < 3; i++) {
		run_check(&disk, 20000, &result);
		ck_assert_msg(result.status == CHECK_HEALTHY, "%s", result.text);
		ck_assert_uint_gt(result.total_bytes, 0);
		ck_assert_uint_le(result.free_bytes, result.total_bytes);
		ck_assert(result.percent >= 0 && result.percent <= 100);
	}
	ck_assert_int_eq(atomic_load(&asked), 3);
	ck_assert_int_eq(atomic_load(&signals_open), 0);
	check_disk.destroy(disk.check.state);
}
END_TEST

/* df's own number, rounded up there. */
START_TEST(test_percent_is_dfs)
{
	struct disk_case disk;
	struct check_result result;
	int percent;
	make_check(&disk, "/", 100);
	run_check(&disk, 20000, &result);
	FILE *pipe_from_df = popen("df --output=pcent / | tail -n 1", "r");
	ck_assert_ptr_nonnull(pipe_from_df);
	ck_assert_int_eq(fscanf(pipe_from_df, "%d", &percent), 1);
	pclose(pipe_from_df);
	ck_assert_double_le(result.percent, percent + 1.1);
	ck_assert_double_ge(result.percent, percent - 1.1);
	check_disk.destroy(disk.check.state);
}
END_TEST

START_TEST(test_limit)
{
	struct disk_case disk;
	struct check_result result;
	make_check(&disk, "/", -1);
	run_check(&disk, 20000, &result);
	ck_assert_int_eq(result.status, CHECK_FAILED);
	ck_assert_ptr_nonnull(strstr(result.text, " % used, more than DISK_MAX_PERCENT allows (-1 %)"));
	ck_assert_uint_gt(result.total_bytes, 0);
	check_disk.destroy(disk.check.state);
}
END_TEST

START_TEST(test_path_that_is_not_there)
{
	struct disk_case disk;
	struct check_result result;
	make_check(&disk, "/nowhere/at/all", 100);
	run_check(&disk, 20000, &result);
	ck_assert_int_eq(result.status, CHECK_FAILED);
	ck_assert_str_eq(result.text, "unhealthy: No such file or directory");
	ck_assert_uint_eq(result.total_bytes, 0);
	check_disk.destroy(disk.check.state);
}
END_TEST

START_TEST(test_hanging_file_system)
{
	struct disk_case disk;
	struct check_result result;
	make_check(&disk, "/hang", 100);
	run_check(&disk, 100, &result);
	ck_assert_str_eq(result.text, "unhealthy: no answer within 100 ms");
	/* No second thread joins the first, and nobody waits for it again. */
	for (int i = 0; i < 5; i++) {
		int64_t before = clock_mono_ns();
		run_check(&disk, 60000, &result);
		ck_assert_int_lt(clock_mono_ns() - before, 20 * NS_PER_S);
		ck_assert_str_eq(result.text, "unhealthy: the file system has not answered since an earlier check");
	}
	ck_assert_int_eq(atomic_load(&asked), 1);
	/* It answers again: the late answer is dropped, a new one asked for. */
	ck_assert_int_eq(write(gate[1], "xx", 2), 2);
	int64_t deadline_ns = deadline_in_ms(20000);
	do
		run_check(&disk, 20000, &result);
	while (result.status != CHECK_HEALTHY && clock_mono_ns() < deadline_ns);
	ck_assert_int_eq(result.status, CHECK_HEALTHY);
	ck_assert_int_eq(atomic_load(&asked), 2);
	check_disk.destroy(disk.check.state);
}
END_TEST

/* Open descriptors of this process. */
static int
count_fds(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

START_TEST(test_destroyed_while_it_hangs)
{
	struct disk_case disk;
	struct check_result result;
	make_check(&disk, "/hang", 100);
	int before = count_fds();
	run_check(&disk, 50, &result);
	check_disk.destroy(disk.check.state);
	ck_assert_int_eq(count_fds(), before + 1);
	/* The thread, left alone, tidies up when it gets its answer. */
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	int64_t deadline_ns = deadline_in_ms(20000);
	while (count_fds() != before && clock_mono_ns() < deadline_ns)
		usleep(1000);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(test_names)
{
	char *several[] = {"/", "/var", "/tmp"};
	static const char *const names[] = {"disk", "disk:/var", "disk:/tmp"};
	struct settings settings = {.disk_paths = {.count = 3, .items = several}, .disk_max_percent = 100};
	struct checks_config config = {.settings = &settings};
	struct check checks[SCOREBOARD_MAX_CHECKS];
	size_t count, disks = 0;
	ck_assert_int_eq(check_table_build(&config, checks, &count), 0);
	for (size_t i = 0; i < count; i++)
		if (checks[i].kind == &check_disk)
			ck_assert_str_eq(checks[i].name, names[disks++]);
	ck_assert_uint_eq(disks, 3);
	check_table_destroy(checks, count);
}
END_TEST

START_TEST(test_table)
{
	size_t n = 0;
	for (const struct check_kind *kind; (kind = check_table_kind(n)) != NULL; n++) {
		ck_assert_ptr_nonnull(kind->create);
		ck_assert_ptr_nonnull(kind->start);
		ck_assert_ptr_nonnull(kind->step);
		ck_assert_ptr_nonnull(kind->abandon);
		ck_assert(kind->name[0] != '\0');
		for (size_t i = 0; i < n; i++)
			ck_assert_str_ne(check_table_kind(i)->name, kind->name);
	}
	ck_assert_uint_eq(n, 4);
}
END_TEST

/* More paths than there is room for: the rest is left out, nothing breaks. */
START_TEST(test_too_many_paths)
{
	char *many[SCOREBOARD_MAX_CHECKS + 8];
	for (size_t i = 0; i < SCOREBOARD_MAX_CHECKS + 8; i++)
		many[i] = "/";
	struct settings settings = {.disk_paths = {.count = SCOREBOARD_MAX_CHECKS + 8, .items = many}};
	struct check checks[SCOREBOARD_MAX_CHECKS];
	size_t count;
	ck_assert_int_eq(check_table_build(&(struct checks_config){.settings = &settings}, checks, &count), 0);
	ck_assert_uint_eq(count, SCOREBOARD_MAX_CHECKS);
	check_table_destroy(checks, count);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("check_disk");
	TCase *tc = tcase_create("check_disk");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_root);
	tcase_add_test(tc, test_percent_is_dfs);
	tcase_add_test(tc, test_limit);
	tcase_add_test(tc, test_path_that_is_not_there);
	tcase_add_test(tc, test_hanging_file_system);
	tcase_add_test(tc, test_destroyed_while_it_hangs);
	tcase_add_test(tc, test_names);
	tcase_add_test(tc, test_table);
	tcase_add_test(tc, test_too_many_paths);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
