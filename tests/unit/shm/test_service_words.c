/* test_service_words.c - who counts as living, with a supervisor and without, and the last refused reload. */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "layout.h"
#include "owner.h"
#include "run_suite.h"
#include "scoreboard.h"

#define SLOTS 3
#define READERS 3
#define CHANGES 100
#define IN_TIME_MS 30000

static char folder[64], path[96], text[SCOREBOARD_REFUSAL_BYTES];
static struct scoreboard *board;
static struct scoreboard_service *service;

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_words_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	service = scoreboard_service(board);
}

static void
teardown(void)
{
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

/* ---- Who lives ---- */

/* A process that lived in the slot, idle, with a connection and three requests served. */
static void
die_in(struct slot *slot)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		slot_claim(slot, ROLE_WORKER, 1);
		slot_set_state(slot, SLOT_IDLE);
		atomic_store(&slot->connections, 1);
		atomic_store(&slot->requests, 3);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(slot_pid(slot), pid);
}

START_TEST(without_a_supervisor_owners_are_looked_up)
{
	struct slot *dead = scoreboard_slot(board, 0), *own = scoreboard_slot(board, 1),
		    *empty = scoreboard_slot(board, 2);
	die_in(dead);
	slot_claim(own, ROLE_WORKER, 1);
	ck_assert(!scoreboard_slot_lives(board, dead));
	ck_assert(scoreboard_slot_lives(board, own));
	ck_assert(!scoreboard_slot_lives(board, empty));
	slot_release(own);
	ck_assert(!scoreboard_slot_lives(board, own));
}
END_TEST

/* Whoever has died is there until the supervisor has buried it. */
START_TEST(with_a_supervisor_owners_are_believed)
{
	struct slot *dead = scoreboard_slot(board, 0), *own = scoreboard_slot(board, 1),
		    *empty = scoreboard_slot(board, 2);
	die_in(dead);
	slot_claim(own, ROLE_WORKER, 1);
	atomic_store(&service->supervisor, owner_self());
	ck_assert(scoreboard_slot_lives(board, dead));
	ck_assert(scoreboard_slot_lives(board, own));
	ck_assert(!scoreboard_slot_lives(board, empty));
	slot_release(dead);
	ck_assert(!scoreboard_slot_lives(board, dead));
}
END_TEST

START_TEST(the_dead_are_not_summed_up_but_what_they_served_is)
{
	struct pool_summary summary;
	struct slot *own = scoreboard_slot(board, 1);
	die_in(scoreboard_slot(board, 0));
	slot_claim(own, ROLE_WORKER, 1);
	slot_set_state(own, SLOT_BUSY);
	atomic_store(&own->connections, 2);
	atomic_store(&own->requests, 4);
	for (int supervised = 0; supervised <= 1; supervised++) {
		atomic_store(&service->supervisor, supervised ? owner_self() : 0);
		scoreboard_summary(board, ROLE_WORKER, &summary);
		ck_assert_uint_eq(summary.requests, 7);
		ck_assert_uint_eq(summary.workers, supervised ? 2 : 1);
		ck_assert_uint_eq(summary.idle, supervised ? 1 : 0);
		ck_assert_uint_eq(summary.connections, supervised ? 3 : 2);
		ck_assert_uint_eq(summary.busy, 1);
		ck_assert_uint_eq(summary.starting + summary.stopping, 0);
	}
}
END_TEST

/* ---- Refused reloads ---- */

static void
ck_refusal(const char *expected, unsigned count)
{
	memset(text, 'x', sizeof text);
	ck_assert(scoreboard_refusal(board, text));
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(atomic_load(&service->reloads_refused), count);
}

START_TEST(the_last_refusal_is_told_and_every_one_is_counted)
{
	ck_assert(!scoreboard_refusal(board, text));
	ck_assert_uint_eq(atomic_load(&service->reloads_refused), 0);
	scoreboard_refuse_reload(board, "WORKERS is no number: \"many\".");
	ck_refusal("WORKERS is no number: \"many\".", 1);
	ck_refusal("WORKERS is no number: \"many\".", 1);
	scoreboard_refuse_reload(board, "Shorter.");
	ck_refusal("Shorter.", 2);
	ck_assert_uint_eq(atomic_load(&service->reloads), 0);
}
END_TEST

START_TEST(a_reload_that_serves_settles_what_was_refused)
{
	for (unsigned i = 1; i <= 3; i++) {
		scoreboard_refuse_reload(board, "WORKERS is no number.");
		ck_refusal("WORKERS is no number.", i);
		scoreboard_count_reload(board);
		ck_assert(!scoreboard_refusal(board, text));
		ck_assert_uint_eq(atomic_load(&service->reloads), i);
		ck_assert_uint_eq(atomic_load(&service->reloads_refused), i);
	}
	scoreboard_count_reload(board);
	ck_assert_uint_eq(atomic_load(&service->reloads), 4);
}
END_TEST

START_TEST(a_refusal_is_cut_to_fit)
{
	static const size_t lengths[] = {SCOREBOARD_REFUSAL_BYTES - 2, SCOREBOARD_REFUSAL_BYTES - 1,
	                                 SCOREBOARD_REFUSAL_BYTES, 4 * SCOREBOARD_REFUSAL_BYTES};
	static char why[4 * SCOREBOARD_REFUSAL_BYTES + 1];
	for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		memset(why, 'a' + (int)i, lengths[i]);
		why[lengths[i]] = '\0';
		scoreboard_refuse_reload(board, why);
		why[lengths[i] < SCOREBOARD_REFUSAL_BYTES ? lengths[i] : SCOREBOARD_REFUSAL_BYTES - 1] = '\0';
		ck_refusal(why, i + 1);
		ck_assert_uint_eq(atomic_load(&board->file->control.claim), 0);
	}
}
END_TEST

/* What stands in the file comes from somebody else. */
START_TEST(a_refusal_without_an_end_is_closed)
{
	memset(service->refusal, 'y', sizeof service->refusal);
	ck_assert(scoreboard_refusal(board, text));
	ck_assert_uint_eq(strlen(text), SCOREBOARD_REFUSAL_BYTES - 1);
}
END_TEST

START_TEST(a_refusal_that_is_being_written_is_none_until_the_next)
{
	int status;
	scoreboard_refuse_reload(board, "First.");
	ck_refusal("First.", 1);
	pid_t pid = fork();
	if (pid == 0) {
		seqlock_write_begin(&service->refusal_lock);
		memcpy(service->refusal, "Half", 4);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(!scoreboard_refusal(board, text));
	scoreboard_refuse_reload(board, "Second.");
	ck_refusal("Second.", 2);
}
END_TEST

/* Of one letter throughout, or torn. */
static bool
is_whole(const char *refusal)
{
	size_t length = strlen(refusal);
	for (size_t i = 1; i < length; i++)
		if (refusal[i] != refusal[0])
			return false;
	return length == SCOREBOARD_REFUSAL_BYTES - 1;
}

/* 1: a torn text; 2: too slow. */
static int
read_many(void)
{
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	char before = 0;
	for (int changes = 0; changes < CHANGES;) {
		if (clock_mono_ns() > deadline_ns)
			return 2;
		if (!scoreboard_refusal(board, text))
			continue;
		if (!is_whole(text))
			return 1;
		changes += text[0] != before;
		before = text[0];
	}
	return 0;
}

START_TEST(nobody_reads_a_torn_refusal)
{
	static char why[SCOREBOARD_REFUSAL_BYTES];
	pid_t readers[READERS], writer = fork();
	int status, worst = 0;
	if (writer == 0)
		for (unsigned i = 0;; i++) {
			memset(why, 'a' + (int)(i % 26), sizeof why - 1);
			scoreboard_refuse_reload(board, why);
			sched_yield(); /* a writer without a pause would leave readers no stable moment */
		}
	for (int i = 0; i < READERS; i++)
		if ((readers[i] = fork()) == 0)
			_exit(read_many());
	for (int i = 0; i < READERS; i++) {
		ck_assert_int_eq(waitpid(readers[i], &status, 0), readers[i]);
		worst = status > worst ? status : worst;
	}
	kill(writer, SIGKILL);
	ck_assert_int_eq(waitpid(writer, &status, 0), writer);
	ck_assert_int_eq(worst, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("service_words");
	TCase *tc = tcase_create("service_words");
	tcase_set_timeout(tc, 2.0 * IN_TIME_MS / 1000);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_supervisor_owners_are_looked_up);
	tcase_add_test(tc, with_a_supervisor_owners_are_believed);
	tcase_add_test(tc, the_dead_are_not_summed_up_but_what_they_served_is);
	tcase_add_test(tc, the_last_refusal_is_told_and_every_one_is_counted);
	tcase_add_test(tc, a_reload_that_serves_settles_what_was_refused);
	tcase_add_test(tc, a_refusal_is_cut_to_fit);
	tcase_add_test(tc, a_refusal_without_an_end_is_closed);
	tcase_add_test(tc, a_refusal_that_is_being_written_is_none_until_the_next);
	tcase_add_test(tc, nobody_reads_a_torn_refusal);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
