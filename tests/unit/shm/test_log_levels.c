/* test_log_levels.c - levels for a while: set, replaced, ended, told once; writers that race, die and stop. */
#include "log_levels.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "owner.h"
#include "run_suite.h"

#define PROCESSES 6
#define ROUNDS 300
#define HOUR_NS (3600 * NS_PER_S)

static struct {
	struct level_control control;
	_Atomic int told, go;
} * shared;

static void
setup(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void
teardown(void)
{
	munmap(shared, sizeof *shared);
}

static struct level_override
override_of(enum level_scope scope, const char *text, unsigned level, int64_t until_ns)
{
	struct level_override override = {.scope = (uint8_t)scope, .level = (uint8_t)level, .until_ns = until_ns};
	snprintf(override.text, sizeof override.text, "%s", text);
	return override;
}

static void
set_until(enum level_scope scope, const char *text, unsigned level, int64_t until_ns)
{
	struct err err = {.text = ""};
	struct level_override override = override_of(scope, text, level, until_ns);
	ck_assert_msg(log_levels_set(&shared->control, &override, deadline_in_ms(5000), &err) == 0, "%s", err.text);
}

static void
set(enum level_scope scope, const char *text, unsigned level)
{
	set_until(scope, text, level, clock_mono_ns() + HOUR_NS);
}

static struct level_set
copied(void)
{
	struct level_set set;
	ck_assert(log_levels_copy(&shared->control, &set));
	return set;
}

static int
join(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* ---- One writer ---- */

START_TEST(nothing_is_set_at_first)
{
	struct level_override ended[LOG_LEVELS_MAX];
	struct level_set set;
	uint64_t since;
	ck_assert(log_levels_quiet(&shared->control));
	ck_assert(!log_levels_due(&shared->control));
	ck_assert_uint_eq(copied().count, 0);
	ck_assert(!log_levels_untold(&shared->control, &set, &since));
	ck_assert_uint_eq(log_levels_expire(&shared->control, clock_mono_ns(), ended), 0);
	ck_assert(log_levels_quiet(&shared->control));
}
END_TEST

START_TEST(what_is_set_stands_there)
{
	set(LEVEL_ROUTE, "/users/{id}", 3);
	struct level_set set = copied();
	ck_assert(!log_levels_quiet(&shared->control));
	ck_assert_uint_eq(set.count, 1);
	ck_assert_uint_eq(set.overrides[0].scope, LEVEL_ROUTE);
	ck_assert_uint_eq(set.overrides[0].level, 3);
	ck_assert_str_eq(set.overrides[0].text, "/users/{id}");
	ck_assert_uint_eq(atomic_load(&shared->control.writer), 0);
}
END_TEST

START_TEST(the_same_target_is_replaced_another_is_added)
{
	set(LEVEL_LOGGER, "a", 0);
	set(LEVEL_ROUTE, "a", 0);
	set(LEVEL_LOGGER, "b", 0);
	set(LEVEL_LOGGER, "a", 4);
	set(LEVEL_EVERYTHING, "", 1);
	set(LEVEL_EVERYTHING, "", 2);
	struct level_set set = copied();
	ck_assert_uint_eq(set.count, 4);
	ck_assert_uint_eq(set.overrides[0].level, 4);
	ck_assert_uint_eq(set.overrides[0].id, 4);
	ck_assert_uint_eq(set.overrides[3].level, 2);
}
END_TEST

START_TEST(there_is_room_for_so_many_and_for_those_whose_time_is_over)
{
	struct err err = {.text = ""};
	char text[16];
	for (unsigned i = 0; i < LOG_LEVELS_MAX; i++) {
		snprintf(text, sizeof text, "logger%u", i);
		set_until(LEVEL_LOGGER, text, 0, clock_mono_ns() + (i == 5 ? -1 : HOUR_NS));
	}
	set(LEVEL_LOGGER, "in its place", 0);
	ck_assert_str_eq(copied().overrides[5].text, "in its place");
	struct level_override more = override_of(LEVEL_LOGGER, "more", 0, clock_mono_ns() + HOUR_NS);
	uint64_t word = atomic_load(&shared->control.word);
	ck_assert_int_eq(log_levels_set(&shared->control, &more, deadline_in_ms(5000), &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "16 levels are in force"));
	ck_assert_uint_eq(atomic_load(&shared->control.word), word);
	ck_assert_uint_eq(atomic_load(&shared->control.writer), 0);
	set(LEVEL_LOGGER, "logger7", 4);
	ck_assert_uint_eq(copied().overrides[7].level, 4);
}
END_TEST

START_TEST(a_reset_ends_them_all)
{
	struct err err = {.text = ""};
	unsigned ended;
	set(LEVEL_LOGGER, "a", 0);
	set_until(LEVEL_LOGGER, "b", 0, 1);
	set(LEVEL_LOGGER, "c", 0);
	ck_assert_int_eq(log_levels_reset(&shared->control, deadline_in_ms(5000), &ended, &err), 0);
	ck_assert_uint_eq(ended, 2);
	struct level_set set = copied();
	ck_assert_uint_eq(set.count, 0);
	ck_assert_int_eq(set.reset_by_pid, getpid());
	ck_assert_uint_eq(set.reset_id, 4);
}
END_TEST

START_TEST(time_ends_them)
{
	struct level_override ended[LOG_LEVELS_MAX];
	const int64_t now = clock_mono_ns();
	set_until(LEVEL_LOGGER, "a", 0, now + 100);
	set_until(LEVEL_LOGGER, "b", 0, now + 300);
	set_until(LEVEL_LOGGER, "c", 0, now + 200);
	struct level_set set = copied();
	ck_assert(level_override_holds(&set.overrides[0], now + 99));
	ck_assert(!level_override_holds(&set.overrides[0], now + 100));
	/* Left by an earlier boot, whose clock was further. */
	ck_assert(!level_override_holds(&set.overrides[0], now + 99 - LOG_LEVELS_MAX_MS * NS_PER_MS));
	ck_assert_uint_eq(log_levels_expire(&shared->control, now + 99, ended), 0);
	ck_assert_uint_eq(log_levels_expire(&shared->control, now + 200, ended), 2);
	ck_assert_str_eq(ended[0].text, "a");
	ck_assert_str_eq(ended[1].text, "c");
	ck_assert_uint_eq(log_levels_expire(&shared->control, now + 200, ended), 0);
	ck_assert_uint_eq(copied().count, 1);
	ck_assert_str_eq(copied().overrides[0].text, "b");
	ck_assert_uint_eq(log_levels_expire(&shared->control, now + 300, ended), 1);
	ck_assert_uint_eq(copied().count, 0);
}
END_TEST

START_TEST(a_change_is_told_once_with_what_is_newer)
{
	struct level_set set_now;
	uint64_t since;
	set(LEVEL_LOGGER, "a", 0);
	set(LEVEL_LOGGER, "b", 0);
	ck_assert(log_levels_due(&shared->control));
	ck_assert(log_levels_untold(&shared->control, &set_now, &since));
	ck_assert_uint_eq(since, 0);
	ck_assert_uint_eq(set_now.count, 2);
	ck_assert(!log_levels_due(&shared->control));
	ck_assert(!log_levels_untold(&shared->control, &set_now, &since));
	ck_assert(!log_levels_quiet(&shared->control));
	set(LEVEL_LOGGER, "a", 1);
	ck_assert(log_levels_untold(&shared->control, &set_now, &since));
	ck_assert_uint_eq(since, 2);
	ck_assert_uint_eq(set_now.overrides[0].id, 3);
	ck_assert_uint_eq(set_now.overrides[1].id, 2);
}
END_TEST

START_TEST(an_end_in_between_leaves_a_change_to_be_told)
{
	struct level_override ended[LOG_LEVELS_MAX];
	struct level_set set_now;
	uint64_t since;
	set_until(LEVEL_LOGGER, "a", 0, 1);
	set(LEVEL_LOGGER, "b", 0);
	ck_assert_uint_eq(log_levels_expire(&shared->control, clock_mono_ns(), ended), 1);
	ck_assert(log_levels_due(&shared->control));
	ck_assert(log_levels_untold(&shared->control, &set_now, &since));
	ck_assert_uint_eq(set_now.count, 1);
	ck_assert_uint_gt(set_now.overrides[0].id, since);
}
END_TEST

START_TEST(what_is_over_is_quiet_again)
{
	struct err err;
	struct level_set set_now;
	uint64_t since;
	unsigned ended;
	set(LEVEL_EVERYTHING, "", 0);
	ck_assert_int_eq(log_levels_reset(&shared->control, deadline_in_ms(5000), &ended, &err), 0);
	ck_assert(!log_levels_quiet(&shared->control));
	ck_assert(log_levels_untold(&shared->control, &set_now, &since));
	ck_assert_uint_gt(set_now.reset_id, since);
	ck_assert(log_levels_quiet(&shared->control));
}
END_TEST

/* Whatever a program wrote there that is not ours: nothing is read past the end. */
START_TEST(a_damaged_word_and_open_texts_are_read_within_bounds)
{
	memset(&shared->control, 0xff, sizeof shared->control);
	struct level_set set = copied();
	ck_assert_uint_eq(set.count, LOG_LEVELS_MAX);
	for (unsigned i = 0; i < set.count; i++)
		ck_assert_uint_eq(strlen(set.overrides[i].text), LOG_LEVELS_TEXT_BYTES - 1);
	ck_assert_str_eq(level_scope_name((enum level_scope)set.overrides[0].scope), "unknown");
	ck_assert_str_eq(level_scope_name(LEVEL_CORRELATION_ID), "correlation_id");
}
END_TEST

/* ---- Several ---- */

/* Each sets one of its own, over and over; the text says what the other members have to be. */
static int
keep_setting(int number)
{
	struct err err;
	for (unsigned round = 0; round < ROUNDS; round++) {
		char text[64];
		snprintf(text, sizeof text, "%d", number);
		struct level_override override = override_of(LEVEL_LOGGER, text, round % 5, clock_mono_ns() + HOUR_NS);
		override.set_real_ns = round;
		override.set_by_pid = (int32_t)(round * 7 + (unsigned)number);
		if (log_levels_set(&shared->control, &override, deadline_in_ms(30000), &err) != 0)
			return 1;
	}
	return 0;
}

static bool
is_whole(const struct level_override *override)
{
	return override->level == override->set_real_ns % 5 &&
	       override->set_by_pid == override->set_real_ns * 7 + atoi(override->text);
}

/* One process tells each change that it finds untold: no change is told twice. */
static int
keep_telling(void)
{
	struct level_set set;
	uint64_t since;
	while (atomic_load(&shared->go) == 0)
		if (log_levels_untold(&shared->control, &set, &since))
			for (unsigned i = 0; i < set.count; i++)
				atomic_fetch_add(&shared->told, set.overrides[i].id > since);
	return 0;
}

START_TEST(writers_lose_nothing_and_readers_see_whole_sets)
{
	pid_t writers[PROCESSES], tellers[2];
	for (int i = 0; i < PROCESSES; i++)
		if ((writers[i] = fork()) == 0)
			_exit(keep_setting(i));
	for (int i = 0; i < 2; i++)
		if ((tellers[i] = fork()) == 0)
			_exit(keep_telling());
	for (int running = PROCESSES; running > 0;) {
		struct level_set set;
		if (log_levels_copy(&shared->control, &set))
			for (unsigned i = 0; i < set.count; i++)
				ck_assert(is_whole(&set.overrides[i]));
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		ck_assert(pid <= 0 || status == 0);
		running -= pid > 0;
	}
	atomic_store(&shared->go, 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(join(tellers[i]), 0);
	struct level_set set = copied();
	ck_assert_uint_eq(set.count, PROCESSES);
	for (unsigned i = 0; i < set.count; i++)
		ck_assert_int_eq(set.overrides[i].set_real_ns, ROUNDS - 1);
	ck_assert_uint_eq(atomic_load(&shared->control.word) >> 8, PROCESSES * ROUNDS);
	ck_assert_int_ge(atomic_load(&shared->told), PROCESSES);
	ck_assert_int_le(atomic_load(&shared->told), PROCESSES * ROUNDS);
}
END_TEST

/* A writer in the middle: its turn is taken, and the set that nobody reads is half of something. */
static pid_t
writer_in_the_middle(void)
{
	int ready[2];
	char byte;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		uint64_t change = atomic_load(&shared->control.word) >> 8;
		if (!owner_claim(&shared->control.writer, owner_self()))
			_exit(1);
		memset(&shared->control.sets[(change + 1) & 1], 0x5a, sizeof(struct level_set) / 2);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

START_TEST(a_writer_that_is_killed_has_changed_nothing)
{
	set(LEVEL_LOGGER, "before", 2);
	pid_t pid = writer_in_the_middle();
	kill(pid, SIGKILL);
	join(pid);
	ck_assert_uint_eq(copied().count, 1);
	ck_assert_str_eq(copied().overrides[0].text, "before");
	set(LEVEL_LOGGER, "after", 3);
	struct level_set set = copied();
	ck_assert_uint_eq(set.count, 2);
	ck_assert_str_eq(set.overrides[0].text, "before");
	ck_assert_str_eq(set.overrides[1].text, "after");
}
END_TEST

START_TEST(a_writer_that_is_stopped_holds_up_writers_until_their_deadline)
{
	struct err err = {.text = ""};
	struct level_override ended[LOG_LEVELS_MAX], override = override_of(LEVEL_LOGGER, "x", 0, 1);
	char expected[64];
	unsigned count;
	set_until(LEVEL_LOGGER, "before", 2, 1);
	pid_t pid = writer_in_the_middle();
	snprintf(expected, sizeof expected, "Process %ld is changing the levels", (long)pid);
	ck_assert_int_eq(log_levels_set(&shared->control, &override, deadline_in_ms(20), &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, expected));
	err.text[0] = '\0';
	ck_assert_int_eq(log_levels_reset(&shared->control, deadline_in_ms(20), &count, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, expected));
	ck_assert_uint_eq(log_levels_expire(&shared->control, clock_mono_ns(), ended), 0);
	ck_assert_str_eq(copied().overrides[0].text, "before");
	kill(pid, SIGKILL);
	join(pid);
	ck_assert_uint_eq(log_levels_expire(&shared->control, clock_mono_ns(), ended), 1);
}
END_TEST

/* Many see at once that it has ended; one gets it. */
START_TEST(an_end_is_given_to_one_process)
{
	pid_t pids[PROCESSES];
	for (unsigned round = 0; round < 50; round++) {
		set_until(LEVEL_EVERYTHING, "", 0, 1);
		atomic_store(&shared->go, 0);
		for (int i = 0; i < PROCESSES; i++)
			if ((pids[i] = fork()) == 0) {
				struct level_override ended[LOG_LEVELS_MAX];
				while (atomic_load(&shared->go) == 0)
					;
				_exit((int)log_levels_expire(&shared->control, clock_mono_ns(), ended));
			}
		atomic_store(&shared->go, 1);
		int given = 0;
		for (int i = 0; i < PROCESSES; i++)
			given += WEXITSTATUS(join(pids[i]));
		ck_assert_int_eq(given, 1);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_levels");
	TCase *tc = tcase_create("one");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_set_at_first);
	tcase_add_test(tc, what_is_set_stands_there);
	tcase_add_test(tc, the_same_target_is_replaced_another_is_added);
	tcase_add_test(tc, there_is_room_for_so_many_and_for_those_whose_time_is_over);
	tcase_add_test(tc, a_reset_ends_them_all);
	tcase_add_test(tc, time_ends_them);
	tcase_add_test(tc, a_change_is_told_once_with_what_is_newer);
	tcase_add_test(tc, an_end_in_between_leaves_a_change_to_be_told);
	tcase_add_test(tc, what_is_over_is_quiet_again);
	tcase_add_test(tc, a_damaged_word_and_open_texts_are_read_within_bounds);
	suite_add_tcase(suite, tc);
	tc = tcase_create("several");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, writers_lose_nothing_and_readers_see_whole_sets);
	tcase_add_test(tc, a_writer_that_is_killed_has_changed_nothing);
	tcase_add_test(tc, a_writer_that_is_stopped_holds_up_writers_until_their_deadline);
	tcase_add_test(tc, an_end_is_given_to_one_process);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
