/* test_rehearsal.c - children that pass, refuse, die, say nothing or too much, or never end. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "rehearsal.h"
#include "run_suite.h"

#define IN_TIME_MS 20000
#define VERY_MUCH (1 << 20)

static struct rehearsal rehearsal;

static void
start(rehearsal_fn *perform, void *context, int64_t timeout_ms)
{
	struct err err = {.text = ""};
	ck_assert_msg(rehearsal_start(&rehearsal, perform, context, timeout_ms, &err) == 0, "%s", err.text);
	ck_assert_int_gt(rehearsal.pid, 0);
	ck_assert_int_ge(rehearsal.output, 0);
}

/* As the supervisor does: reads what comes, enforces the deadline, reaps. The wait status. */
static int
attend(void)
{
	int status;
	while (waitpid(rehearsal.pid, &status, WNOHANG) == 0) {
		struct pollfd wait = {.fd = rehearsal.output, .events = POLLIN};
		poll(&wait, 1, 5);
		rehearsal_read(&rehearsal);
		rehearsal_enforce(&rehearsal, clock_mono_ns());
	}
	return status;
}

static bool
end_with(int wait_status)
{
	bool passed = rehearsal_end(&rehearsal, wait_status);
	ck_assert_int_eq(rehearsal.pid, 0);
	ck_assert_int_eq(rehearsal.output, -1);
	return passed;
}

static bool
rehearse(rehearsal_fn *perform, void *context)
{
	start(perform, context, IN_TIME_MS);
	return end_with(attend());
}

static int
open_descriptors(void)
{
	int count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- Children that end ---------------------------------------------------------------------------- */

static int
run_shell(void *context, struct err *err)
{
	execl("/bin/sh", "sh", "-c", (const char *)context, (char *)NULL);
	return err_set(err, "There is no shell.");
}

START_TEST(a_status_of_0_passes_whatever_it_says)
{
	static const char *const scripts[] = {"exit 0", "echo fine", "echo a warning >&2"};
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		ck_assert_msg(rehearse(run_shell, (void *)scripts[i]), "%s", scripts[i]);
}
END_TEST

START_TEST(what_it_says_is_why_it_failed)
{
	static const struct {
		const char *script, *text;
	} cases[] = {
		{"echo WORKERS is no number; exit 1", "WORKERS is no number"},
		{"echo WORKERS is no number >&2; exit 64", "WORKERS is no number"},
		{"echo one; echo two >&2; exit 1", "one\ntwo"},
		{"printf 'no end of line'; exit 1", "no end of line"},
		{"printf 'three ends\\n\\n\\n'; exit 1", "three ends"},
		{"printf '\\n one '; exit 1", "\n one "},
		{"echo before the end; kill -9 $$", "before the end\nThe check of the new settings died of signal 9."},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_msg(!rehearse(run_shell, (void *)cases[i].script), "%s", cases[i].script);
		ck_assert_str_eq(rehearsal.text, cases[i].text);
	}
}
END_TEST

START_TEST(where_it_says_nothing_its_status_is_told)
{
	static const struct {
		const char *script, *text;
	} cases[] = {
		{"exit 3", "The check of the new settings failed with status 3 and said nothing."},
		{"echo; exit 255", "The check of the new settings failed with status 255 and said nothing."},
		{"kill -9 $$", "The check of the new settings died of signal 9."},
		{"kill -15 $$", "The check of the new settings died of signal 15."},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_msg(!rehearse(run_shell, (void *)cases[i].script), "%s", cases[i].script);
		ck_assert_str_eq(rehearsal.text, cases[i].text);
	}
}
END_TEST

static int
refuse(void *context, struct err *err)
{
	return err_set(err, "%s cannot be executed.", (const char *)context);
}

static int
come_back(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return 0;
}

START_TEST(what_cannot_be_performed_is_told_in_its_own_sentence)
{
	ck_assert(!rehearse(refuse, "/sbin/vitalsd"));
	ck_assert_str_eq(rehearsal.text, "/sbin/vitalsd cannot be executed.");
	ck_assert_msg(!rehearse(come_back, NULL), "what was not performed has not passed");
	ck_assert_str_eq(rehearsal.text, "The check of the new settings failed with status 127 and said nothing.");
}
END_TEST

/* ---- What a child says ---------------------------------------------------------------------------- */

/* Numbers its bytes. */
static int
say_very_much(void *context, struct err *err)
{
	(void)context;
	(void)err;
	for (unsigned said = 0; said < VERY_MUCH; said++) {
		char byte = (char)('a' + said % 26);
		if (write(STDOUT_FILENO, &byte, 1) != 1)
			_exit(99);
	}
	_exit(1);
}

static void
ck_cut(void)
{
	ck_assert_uint_gt(strlen(rehearsal.text), REHEARSAL_TEXT_BYTES / 2);
	for (unsigned i = 0; rehearsal.text[i] != '\0'; i++)
		ck_assert_int_eq(rehearsal.text[i], 'a' + (int)(i % 26));
}

START_TEST(very_much_is_read_to_the_end_and_cut)
{
	ck_assert(!rehearse(say_very_much, NULL));
	ck_cut();
}
END_TEST

/* A grandchild goes on and holds the pipe open. */
START_TEST(an_end_does_not_wait_for_whoever_else_has_the_pipe)
{
	int pipes[2];
	char script[96], byte = 0;
	ck_assert_int_eq(pipe(pipes), 0);
	snprintf(script, sizeof script, "exec %d>&-; { read x <&%d; echo too late; } & echo why; exit 1", pipes[1],
	         pipes[0]);
	int before = open_descriptors();
	ck_assert(!rehearse(run_shell, script));
	ck_assert_int_eq(open_descriptors(), before);
	ck_assert_str_eq(rehearsal.text, "why");
	ck_assert_int_eq(write(pipes[1], &byte, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

START_TEST(one_rehearsal_leaves_nothing_to_the_next)
{
	for (int i = 0; i < 3; i++) {
		ck_assert(!rehearse(run_shell, "echo a long sentence; exit 1"));
		ck_assert(!rehearse(run_shell, "echo short; exit 1"));
		ck_assert_str_eq(rehearsal.text, "short");
		ck_assert(!rehearse(run_shell, "exit 1"));
		ck_assert_ptr_nonnull(strstr(rehearsal.text, "said nothing"));
	}
}
END_TEST

START_TEST(the_pipe_is_closed_afterwards)
{
	int before = open_descriptors();
	for (int i = 0; i < 3; i++)
		ck_assert(rehearse(run_shell, "echo words"));
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* ---- Deadlines ------------------------------------------------------------------------------------ */

/* Deaf, and in a state that the test can wait for. */
static int
hang(void *context, struct err *err)
{
	(void)err;
	signal(SIGTERM, SIG_IGN);
	if (context != NULL)
		dprintf(STDERR_FILENO, "%s\n", (const char *)context);
	while (pause() == -1)
		continue;
	return 0;
}

START_TEST(who_hangs_is_killed_at_the_deadline_and_this_is_told)
{
	start(hang, NULL, 50);
	int status = attend();
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	ck_assert(!end_with(status));
	ck_assert_str_eq(rehearsal.text, "The check of the new settings did not end in time.");
}
END_TEST

START_TEST(who_hangs_after_some_words_is_told_to_have_hung)
{
	start(hang, "a warning", IN_TIME_MS);
	while (strcmp(rehearsal.text, "a warning\n") != 0) {
		struct pollfd wait = {.fd = rehearsal.output, .events = POLLIN};
		ck_assert_int_eq(poll(&wait, 1, IN_TIME_MS), 1);
		rehearsal_read(&rehearsal);
	}
	rehearsal.deadline_ns = clock_mono_ns();
	ck_assert(!end_with(attend()));
	ck_assert_str_eq(rehearsal.text, "a warning\nThe check of the new settings did not end in time.");
}
END_TEST

START_TEST(nobody_is_killed_before_the_deadline)
{
	int status;
	start(hang, NULL, 1000000);
	int64_t deadline_ns = rehearsal.deadline_ns;
	rehearsal_enforce(&rehearsal, deadline_ns - 1);
	ck_assert_int_eq(rehearsal.deadline_ns, deadline_ns);
	rehearsal_enforce(&rehearsal, deadline_ns);
	ck_assert_int_eq(waitpid(rehearsal.pid, &status, 0), rehearsal.pid);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	rehearsal_enforce(&rehearsal, deadline_ns + 1);
	ck_assert(!end_with(status));
}
END_TEST

/* It had ended by itself, and was not reaped yet. */
START_TEST(who_ended_just_before_the_kill_has_said_why)
{
	siginfo_t info;
	int status;
	start(run_shell, "echo why; exit 1", IN_TIME_MS);
	ck_assert_int_eq(waitid(P_PID, (id_t)rehearsal.pid, &info, WEXITED | WNOWAIT), 0);
	rehearsal_enforce(&rehearsal, INT64_MAX);
	ck_assert_int_eq(waitpid(rehearsal.pid, &status, 0), rehearsal.pid);
	ck_assert(!end_with(status));
	ck_assert_str_eq(rehearsal.text, "why");
}
END_TEST

/* Signal 9 for process 0 would be the end of this process. */
START_TEST(where_none_is_on_nobody_is_killed)
{
	rehearsal = (struct rehearsal){.output = -1};
	rehearsal_enforce(&rehearsal, INT64_MAX);
	rehearsal_read(&rehearsal);
	ck_assert(rehearse(run_shell, "exit 0"));
	rehearsal_enforce(&rehearsal, INT64_MAX);
	rehearsal_read(&rehearsal);
}
END_TEST

/* ---- The child's place ---------------------------------------------------------------------------- */

static int
look_around(void *context, struct err *err)
{
	sigset_t blocked;
	char byte;
	(void)context;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int number = 1; number < NSIG; number++)
		if (sigismember(&blocked, number) == 1)
			return err_set(err, "Signal %d is blocked.", number);
	if (read(STDIN_FILENO, &byte, 1) != 0)
		return err_set(err, "There is something on the standard input.");
	_exit(0);
}

START_TEST(no_signal_is_blocked_in_it_and_nothing_comes_in)
{
	sigset_t all;
	int pipes[2];
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(write(pipes[1], "input", 5), 5);
	ck_assert_int_eq(dup2(pipes[0], STDIN_FILENO), STDIN_FILENO);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	ck_assert_msg(rehearse(look_around, NULL), "%s", rehearsal.text);
}
END_TEST

/* The child of a child holds the pipe's end, which is seen to close. */
START_TEST(it_does_not_outlive_who_started_it)
{
	int pipes[2], status;
	char byte;
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		start(hang, "here", IN_TIME_MS);
		struct pollfd wait = {.fd = rehearsal.output, .events = POLLIN};
		_exit(poll(&wait, 1, IN_TIME_MS) == 1 ? 0 : 1);
	}
	close(pipes[1]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(poll(&(struct pollfd){.fd = pipes[0], .events = POLLIN}, 1, IN_TIME_MS), 1);
	ck_assert_int_eq(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
}
END_TEST

START_TEST(without_descriptors_there_is_no_rehearsal)
{
	struct err err = {.text = ""};
	struct rlimit before, none;
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	int status = rehearsal_start(&rehearsal, come_back, NULL, IN_TIME_MS, &err);
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_eq(status, -1);
	ck_assert_str_eq(err.text, "No pipe for the rehearsal: Too many open files.");
	ck_assert_int_eq(rehearsal.pid, 0);
	ck_assert_int_eq(rehearsal.output, -1);
}
END_TEST

static void
add_deadlines(Suite *suite)
{
	TCase *tc = tcase_create("deadlines");
	tcase_add_test(tc, who_hangs_is_killed_at_the_deadline_and_this_is_told);
	tcase_add_test(tc, who_hangs_after_some_words_is_told_to_have_hung);
	tcase_add_test(tc, nobody_is_killed_before_the_deadline);
	tcase_add_test(tc, who_ended_just_before_the_kill_has_said_why);
	tcase_add_test(tc, where_none_is_on_nobody_is_killed);
	suite_add_tcase(suite, tc);
}

int
main(void)
{
	Suite *suite = suite_create("rehearsal");
	TCase *tc = tcase_create("rehearsal");
	tcase_add_test(tc, a_status_of_0_passes_whatever_it_says);
	tcase_add_test(tc, what_it_says_is_why_it_failed);
	tcase_add_test(tc, where_it_says_nothing_its_status_is_told);
	tcase_add_test(tc, what_cannot_be_performed_is_told_in_its_own_sentence);
	tcase_add_test(tc, very_much_is_read_to_the_end_and_cut);
	tcase_add_test(tc, an_end_does_not_wait_for_whoever_else_has_the_pipe);
	tcase_add_test(tc, one_rehearsal_leaves_nothing_to_the_next);
	tcase_add_test(tc, the_pipe_is_closed_afterwards);
	tcase_add_test(tc, no_signal_is_blocked_in_it_and_nothing_comes_in);
	tcase_add_test(tc, it_does_not_outlive_who_started_it);
	tcase_add_test(tc, without_descriptors_there_is_no_rehearsal);
	suite_add_tcase(suite, tc);
	add_deadlines(suite);
	return run_suite(suite);
}
