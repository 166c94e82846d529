/* test_crash.c - what real crashes of real processes leave in their slot, and that they end as they would without. */
#include "crash.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "insist.h"
#include "run_suite.h"
#include "scoreboard.h"

static char folder[64], path[96];
static struct scoreboard *board;
static struct slot *slot;
static struct crash_report report;

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_crash_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = 1}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	slot = scoreboard_slot(board, 0);
}

static void
teardown(void)
{
	scoreboard_unlink(board);
	scoreboard_close(board);
	rmdir(folder);
}

typedef void crash_fn(void);

/* A sanitizer's handlers would be left in place. */
static void
be_a_worker(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		signal(signals[i], SIG_DFL);
	slot_claim(slot, ROLE_WORKER, 1);
	crash_watch(slot);
}

static int
status_of(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static int
crash_by(crash_fn *how)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDERR_FILENO);
		be_a_worker();
		how();
		_exit(0);
	}
	return status_of(pid);
}

/* ---- Ways to crash ---- */

static volatile int zero, seven = 7;
static int *volatile nowhere = (int *)0x10;
static void (*volatile no_function)(void);

__attribute__((noinline, no_sanitize("undefined", "address"))) static void
write_nowhere(void)
{
	*nowhere = 1;
	zero = 0; /* no tail */
}

__attribute__((noinline, no_sanitize("undefined"))) static void
call_nowhere(void)
{
	no_function();
	zero = 0;
}

__attribute__((noinline, no_sanitize("undefined"))) static void
divide(void)
{
#if defined __x86_64__
	zero = seven / zero;
#else
	raise(SIGFPE);
#endif
}

static void
execute_nonsense(void)
{
#if defined __x86_64__
	__asm__ volatile("ud2");
#else
	raise(SIGILL);
#endif
}

static void
touch_behind_a_file(void)
{
	int fd = memfd_create("short", 0);
	long page = sysconf(_SC_PAGESIZE);
	if (ftruncate(fd, page) != 0)
		_exit(1);
	volatile char *memory = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ftruncate(fd, 0) != 0)
		_exit(1);
	memory[0] = 1;
}

static void
break_a_promise(void)
{
	INSIST(zero == 1);
}

__attribute__((noinline)) static int
deeper(int n)
{
	volatile char room[4096];
	room[0] = (char)n;
	return zero == 0 ? deeper(n + 1) + room[0] : n;
}

static void
overflow_the_stack(void)
{
	zero = deeper(0);
}

#if !defined __SANITIZE_ADDRESS__
static void
break_the_heap(void)
{
	char *volatile memory = malloc(64);
	volatile size_t *head = (volatile size_t *)memory;
	head[-1] = (size_t)0x7f7f7f7f;
	free(memory);
}
#endif

static void *
crash_in_here(void *nothing)
{
	write_nowhere();
	return nothing;
}

static void
crash_in_a_thread(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, crash_in_here, NULL) == 0)
		pthread_join(thread, NULL);
}

static void
be_killed(void)
{
	pid_t self = getpid(), other = fork();
	if (other == 0) {
		kill(self, SIGSEGV);
		_exit(0);
	}
	for (;;)
		pause();
}

/* ---- What is left ---- */

static const struct {
	crash_fn *how;
	int signal_number;
	bool address; /* the kernel tells one */
	unsigned frames;
} table[] = {
	{write_nowhere, SIGSEGV, true, 2},
	{call_nowhere, SIGSEGV, true, 2},
	{divide, SIGFPE, true, 2},
	{execute_nonsense, SIGILL, true, 2},
	{abort, SIGABRT, false, 2},
	{break_a_promise, SIGABRT, false, 3},
	{touch_behind_a_file, SIGBUS, true, 2},
	{overflow_the_stack, SIGSEGV, true, CRASH_FRAMES_MAX},
	{crash_in_a_thread, SIGSEGV, true, 2},
	{be_killed, SIGSEGV, false, 2},
};

static unsigned
lines_of(const char *text)
{
	unsigned lines = text[0] != '\0';
	for (; *text != '\0'; text++)
		lines += *text == '\n';
	return lines;
}

START_TEST(a_crash_leaves_its_signal_and_where_it_was)
{
	int status = crash_by(table[_i].how);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == table[_i].signal_number, "row %d: status %#x", _i,
	              (unsigned)status);
	ck_assert(slot_get_crash(slot, &report));
	ck_assert_int_eq(report.signal, table[_i].signal_number);
	ck_assert_msg((report.code > 0) == table[_i].address, "row %d: code %d", _i, report.code);
	ck_assert_msg(lines_of(report.backtrace) >= table[_i].frames, "row %d: %s", _i, report.backtrace);
	ck_assert_uint_le(lines_of(report.backtrace), CRASH_FRAMES_MAX);
}
END_TEST

/* The first line is the place itself: the function's own code, in this very program. */
START_TEST(the_first_line_is_the_place)
{
	char object[300];
	unsigned long offset;
	crash_by(write_nowhere);
	ck_assert(slot_get_crash(slot, &report));
	ck_assert_uint_eq(report.address, 0x10);
	ck_assert_int_eq(sscanf(report.backtrace, "%299[^+]+0x%lx", object, &offset), 2);
	ck_assert_int_eq(strncmp(object, program_invocation_short_name, strlen(object)), 0);
	/* The distance to another function of this program is the same in every mapping of it. */
	char again[300];
	unsigned long other;
	crash_by(call_nowhere);
	ck_assert(slot_get_crash(slot, &report));
	ck_assert_int_eq(strncmp(report.backtrace, "0x0\n", 4), 0);
	ck_assert_int_eq(sscanf(report.backtrace + 4, "%299[^+]+0x%lx", again, &other), 2);
	ck_assert_str_eq(again, object);
	long wanted = (long)((uintptr_t)call_nowhere - (uintptr_t)write_nowhere);
	long seen = (long)(other - offset);
	ck_assert_msg(seen > wanted - 64 && seen < wanted + 64, "%ld, not about %ld", seen, wanted);
}
END_TEST

START_TEST(who_sent_a_signal_is_told)
{
	crash_by(be_killed);
	ck_assert(slot_get_crash(slot, &report));
	ck_assert_int_eq(report.code, SI_USER);
	ck_assert_int_gt(report.sender, 0);
	ck_assert_uint_eq(report.address, 0);
}
END_TEST

#if !defined __SANITIZE_ADDRESS__
/* glibc finds it and aborts, or it faults: either way with its locks held. */
START_TEST(a_crash_inside_malloc_is_told)
{
	int status = crash_by(break_the_heap);
	ck_assert(WIFSIGNALED(status));
	ck_assert(slot_get_crash(slot, &report));
	ck_assert_int_eq(report.signal, WTERMSIG(status));
	ck_assert_ptr_nonnull(strstr(report.backtrace, "libc.so"));
}
END_TEST
#endif

static void
crash_in_a_child(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		write_nowhere();
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV)
		_exit(1);
}

START_TEST(a_child_of_the_worker_has_no_slot)
{
	int status = crash_by(crash_in_a_child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert(!slot_get_crash(slot, &report));
}
END_TEST

static void
leave_quietly(int signal_number)
{
	_exit(signal_number);
}

START_TEST(a_handler_of_somebody_else_stays)
{
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, leave_quietly);
		slot_claim(slot, ROLE_WORKER, 1);
		crash_watch(slot);
		write_nowhere();
		_exit(0);
	}
	int status = status_of(pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == SIGSEGV);
	ck_assert(!slot_get_crash(slot, &report));
}
END_TEST

START_TEST(other_signals_are_untouched)
{
	pid_t pid = fork();
	if (pid == 0) {
		be_a_worker();
		for (;;)
			pause();
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(WTERMSIG(status_of(pid)), SIGKILL);
	ck_assert(!slot_get_crash(slot, &report));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash");
	TCase *tc = tcase_create("crash");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_crash_leaves_its_signal_and_where_it_was, 0, sizeof table / sizeof *table);
	tcase_add_test(tc, the_first_line_is_the_place);
	tcase_add_test(tc, who_sent_a_signal_is_told);
#if !defined __SANITIZE_ADDRESS__ /* whose own malloc ends the process by itself */
	tcase_add_test(tc, a_crash_inside_malloc_is_told);
#endif
	tcase_add_test(tc, a_child_of_the_worker_has_no_slot);
	tcase_add_test(tc, a_handler_of_somebody_else_stays);
	tcase_add_test(tc, other_signals_are_untouched);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
