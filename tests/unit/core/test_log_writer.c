/*
 * test_log_writer.c - what comes out of the rings into real files and pipes: in order, once, whoever is killed and
 * whatever a sink does.
 */
#include "log_writer.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_intent.h"
#include "log_undecided.h"
#include "owner.h"
#include "rings_fixture.h"
#include "run_suite.h"
#include "scoreboard.h"

static struct rings rings;

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	rings_setup(&rings);
}

static void
teardown(void)
{
	rings_teardown(&rings);
}

static struct ring
ring_of(unsigned slot)
{
	return scoreboard_ring(rings.board, slot, RING_LOG);
}

static void
put(unsigned slot, uint64_t number)
{
	ck_assert(rings_put(&rings, &(struct rings_line){.slot = slot, .number = number}));
}

/*
 * A file that grows by so many bytes and no more; SIZE_MAX: it may. Nothing is asserted meanwhile, since libcheck writes
 * to a file of its own.
 */
static void
limit_growth(size_t more)
{
	struct rlimit limit;
	struct stat st = {0};
	getrlimit(RLIMIT_FSIZE, &limit);
	stat(rings.path, &st);
	limit.rlim_cur = more == SIZE_MAX ? limit.rlim_max : (rlim_t)st.st_size + more;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* What a writer does that is killed in the end: nothing is let go of in order. */
static void
in_a_child(void (*act)(struct log_writer *writer))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		struct err err;
		struct log_writer *writer = log_writer_create(&rings.config, &err);
		if (writer != NULL)
			act(writer);
		_exit(writer == NULL);
	}
	waitpid(pid, &status, 0);
	limit_growth(SIZE_MAX);
	ck_assert_int_eq(status, 0);
}

static void
write_all(void)
{
	struct log_writer *writer = rings_writer(&rings);
	log_writer_finish(writer, IN_TIME_MS);
	log_writer_destroy(writer);
}

/* How many dropped records the log tells of, over all its announcements. */
static unsigned long
announced(const char *path)
{
	unsigned long sum = 0;
	for (const char *p = rings_contents(path); (p = strstr(p, "\"count\":")) != NULL;)
		sum += strtoul(p += 8, NULL, 10);
	return sum;
}

/* ---- In order ------------------------------------------------------------------------------------ */

START_TEST(there_is_one_reader)
{
	struct err err = {""};
	struct log_writer *writer = rings_writer(&rings);
	pid_t pid = fork();
	if (pid == 0) {
		bool refused = log_writer_create(&rings.config, &err) == NULL;
		_exit(refused && strstr(err.text, "Another process") != NULL ? 0 : 1);
	}
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	log_writer_destroy(writer);
	ck_assert_uint_eq(atomic_load(&ring_of(SCOREBOARD_SUPERVISOR).shared->reader), 0);
	log_writer_destroy(NULL);
}
END_TEST

START_TEST(writes_in_the_order_of_time)
{
	uint64_t numbers[32];
	static const unsigned slots[] = {2, 0, SCOREBOARD_SUPERVISOR, 1, 3};
	struct log_writer *writer = rings_writer(&rings);
	ck_assert_int_eq(log_writer_pass(writer), LOG_NOTHING);
	for (uint64_t i = 0; i < 20; i++)
		ck_assert(rings_put(&rings, &(struct rings_line){
						    .slot = slots[i * 7 % 5], .number = i, .mono_ns = (int64_t)i + 1}));
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	ck_assert_int_eq(log_writer_pass(writer), LOG_NOTHING);
	ck_assert_uint_eq(rings_numbers(rings.path, numbers, 32), 20);
	for (uint64_t i = 0; i < 20; i++)
		ck_assert_uint_eq(numbers[i], i);
	log_writer_destroy(writer);
}
END_TEST

START_TEST(what_is_more_than_a_batch_comes_in_several)
{
	uint64_t count = 0;
	struct log_writer *writer = rings_writer(&rings);
	/* The shortest: a batch holds so many lines. */
	for (unsigned slot = 0; slot < RINGS_SLOTS; slot++)
		while (rings_put(&rings, &(struct rings_line){.slot = slot, .number = count}))
			count++;
	for (int i = 0; i < 3; i++)
		while (rings_put(&rings, &(struct rings_line){
						 .slot = SCOREBOARD_SUPERVISOR, .number = count, .size_bytes = 9000}))
			count++;
	log_writer_finish(writer, IN_TIME_MS);
	rings_ck_each_once(rings.path, count);
	log_writer_destroy(writer);
}
END_TEST

START_TEST(a_slot_s_writer_leaves_the_others_alone)
{
	rings.config.scope = LOG_WRITER_SLOT;
	rings.config.slot = 1;
	put(0, 1);
	put(1, 0);
	put(SCOREBOARD_SUPERVISOR, 2);
	write_all();
	rings_ck_each_once(rings.path, 1);
	rings.config.slot = 0;
	put(0, 2);
	write_all();
	rings_ck_each_once(rings.path, 3);
}
END_TEST

START_TEST(is_needed_while_somebody_lives)
{
	struct log_writer *writer = rings_writer(&rings);
	ck_assert(!log_writer_needed(writer));
	slot_claim(scoreboard_slot(rings.board, 3), ROLE_WORKER, 1);
	ck_assert(log_writer_needed(writer));
	atomic_store(&scoreboard_slot(rings.board, 3)->owner, owner_self() + (UINT64_C(1) << OWNER_PID_BITS));
	ck_assert(!log_writer_needed(writer));
	log_writer_destroy(writer);
	rings.config.scope = LOG_WRITER_SLOT;
	rings.config.slot = 2;
	writer = rings_writer(&rings);
	slot_claim(scoreboard_slot(rings.board, 3), ROLE_WORKER, 1);
	ck_assert(!log_writer_needed(writer));
	slot_claim(scoreboard_slot(rings.board, 2), ROLE_WORKER, 1);
	ck_assert(log_writer_needed(writer));
	log_writer_destroy(writer);
}
END_TEST

/* ---- Held and undecided -------------------------------------------------------------------------- */

static void
put_end(unsigned slot, uint64_t number, uint64_t key)
{
	ck_assert(
		rings_put(&rings, &(struct rings_line){.slot = slot, .number = number, .kind = FRAME_END, .key = key}));
}

START_TEST(what_is_held_waits)
{
	struct log_writer *writer = rings_writer(&rings);
	const struct ring ring = ring_of(0);
	put_end(0, 0, 5);
	ck_assert_int_eq(log_writer_pass(writer), LOG_NOTHING);
	ck_assert_str_eq(rings_contents(rings.path), "");
	ring_settle(&ring);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	rings_ck_each_once(rings.path, 1);
	log_writer_destroy(writer);
}
END_TEST

START_TEST(what_is_begun_again_was_wrong)
{
	struct log_writer *writer = rings_writer(&rings);
	put_end(0, 99, 5);
	put_end(1, 0, 6);
	scoreboard_abandon_rings(rings.board, 0);
	scoreboard_abandon_rings(rings.board, 1);
	ck_assert_int_eq(log_writer_pass(writer), LOG_NOTHING);
	ck_assert(log_writer_keeps(writer));
	ck_assert(rings_put(&rings, &(struct rings_line){.slot = 2, .number = 1, .kind = FRAME_BEGIN, .key = 5}));
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (log_writer_keeps(writer)) {
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
		log_writer_wait(writer, log_writer_pass(writer));
	}
	rings_ck_each_once(rings.path, 2);
	log_writer_destroy(writer);
}
END_TEST

/* Also where it is the only record there is. */
START_TEST(what_nobody_can_begin_again_is_true)
{
	put_end(0, 0, 5);
	write_all();
	rings_ck_each_once(rings.path, 1);
	put_end(0, 1, 5);
	put_end(1, 99, 6);
	ck_assert(rings_put(&rings, &(struct rings_line){.slot = 2, .number = 2, .kind = FRAME_BEGIN, .key = 6}));
	write_all();
	rings_ck_each_once(rings.path, 3);
}
END_TEST

START_TEST(a_slot_s_writer_keeps_nothing_back)
{
	rings.config.scope = LOG_WRITER_SLOT;
	rings.config.slot = 0;
	struct log_writer *writer = rings_writer(&rings);
	put_end(0, 0, 5);
	scoreboard_abandon_rings(rings.board, 0);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	ck_assert(!log_writer_keeps(writer));
	rings_ck_each_once(rings.path, 1);
	log_writer_destroy(writer);
}
END_TEST

/* ---- Dropped and damaged ------------------------------------------------------------------------- */

static void
drop(unsigned slot, int count)
{
	const struct ring ring = ring_of(slot);
	for (int i = 0; i < count; i++)
		ring_drop(&ring);
}

START_TEST(dropped_records_are_counted_once)
{
	struct log_writer *writer = rings_writer(&rings);
	put(0, 0);
	drop(0, 3);
	drop(2, 4);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	ck_assert_uint_eq(announced(rings.path), 7);
	ck_assert_uint_eq(rings_count(rings.path, "\"Log records dropped\""), 1);
	put(0, 1);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	drop(1, 5);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	ck_assert_int_eq(log_writer_pass(writer), LOG_NOTHING);
	log_writer_destroy(writer);
	write_all();
	ck_assert_uint_eq(announced(rings.path), 12);
	ck_assert_uint_eq(rings_count(rings.path, "\"Log records dropped\""), 2);
	rings_ck_each_once(rings.path, 2);
}
END_TEST

static void
try_once(struct log_writer *writer)
{
	log_writer_pass(writer);
}

/* Killed at every byte of the announcement and of what follows it. */
START_TEST(dropped_records_are_counted_once_whoever_is_killed)
{
	unsigned long dropped = 0;
	uint64_t count = 0;
	for (size_t bytes = 0; bytes < 500; bytes += 11) {
		drop(0, 3);
		dropped += 3;
		put(1, count++);
		put(2, count++);
		limit_growth(bytes);
		in_a_child(try_once);
		write_all();
		ck_assert_uint_eq(announced(rings.path), dropped);
		rings_ck_each_once(rings.path, count);
	}
}
END_TEST

START_TEST(a_ring_that_was_scribbled_over_harms_no_other)
{
	struct log_writer *writer = rings_writer(&rings);
	uint64_t number = 0;
	srandom(5);
	for (int round = 0; round < 300; round++) {
		const struct ring bad = ring_of(1);
		put(0, number++);
		put(1, number); /* perhaps */
		for (int i = 0; i < 40; i++) {
			bad.bytes[(size_t)random() % 1000] = (char)random();
			bad.bytes[(size_t)atomic_load(&bad.shared->tail) % bad.size_bytes] = (char)random();
		}
		if (round % 3 == 1)
			atomic_store(&bad.shared->held, (uint64_t)random());
		if (round % 3 == 2)
			atomic_store(&bad.shared->head, (uint64_t)random());
		put(0, number++);
		for (int i = 0; i < 4; i++)
			log_writer_pass(writer);
		ring_settle(&bad);
	}
	log_writer_finish(writer, IN_TIME_MS);
	uint64_t numbers[1200], next = 0;
	size_t found = rings_numbers(rings.path, numbers, 1200); /* proves that each line is whole */
	for (size_t i = 0; i < found; i++)
		next += numbers[i] == next;
	ck_assert_uint_eq(next, number);
	ck_assert_uint_ge(rings_count(rings.path, "\"Log records damaged\""), 100);
	log_writer_destroy(writer);
}
END_TEST

/* ---- Sinks that do not take it ------------------------------------------------------------------- */

START_TEST(a_full_device_keeps_the_records_in_the_rings)
{
	rings_log_to(&rings, "/dev/full");
	struct log_writer *writer = rings_writer(&rings);
	put(0, 0);
	ck_assert_int_eq(log_writer_pass(writer), LOG_BLOCKED);
	/* It says that it is ready all the time; it is not asked all the time. */
	int64_t begun_ns = clock_mono_ns();
	for (int i = 0; i < 8; i++) {
		log_writer_wait(writer, LOG_BLOCKED);
		ck_assert_int_eq(log_writer_pass(writer), LOG_BLOCKED);
	}
	ck_assert_int_ge(clock_mono_ns() - begun_ns, 150 * NS_PER_MS);
	log_writer_finish(writer, 1);
	log_writer_destroy(writer);
	rings_log_to(&rings, rings.path);
	write_all();
	rings_ck_each_once(rings.path, 1);
}
END_TEST

START_TEST(goes_on_in_the_middle_of_a_line)
{
	uint64_t count = 0;
	struct log_writer *writer = rings_writer(&rings);
	for (size_t bytes = 1; bytes < 300; bytes += 13) {
		for (unsigned slot = 0; slot < RINGS_SLOTS; slot++)
			put(slot, count++);
		limit_growth(bytes % 70);
		enum log_progress first = log_writer_pass(writer), second = log_writer_pass(writer);
		limit_growth(SIZE_MAX);
		ck_assert(first == LOG_BLOCKED && second == LOG_BLOCKED);
		ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
		rings_ck_each_once(rings.path, count);
	}
	log_writer_destroy(writer);
}
END_TEST

/* It ends with a whole line, and the next one writes what is missing. */
START_TEST(whoever_gives_up_leaves_no_torn_line)
{
	struct log_writer *writer = rings_writer(&rings);
	for (uint64_t i = 0; i < 10; i++)
		put(0, i);
	limit_growth(100);
	log_writer_finish(writer, 1);
	log_writer_destroy(writer);
	uint64_t numbers[10];
	ck_assert_uint_ge(rings_numbers(rings.path, numbers, 10), 1);
	limit_growth(SIZE_MAX);
	write_all();
	rings_ck_each_once(rings.path, 10);
}
END_TEST

static bool
rotate(struct log_writer *writer)
{
	struct err err;
	return rename(rings.path, rings.moved) == 0 && log_writer_reopen(writer, &err) == 0;
}

/* Both files, one behind the other, in the first. */
static void
join_files(void)
{
	FILE *out = fopen(rings.moved, "a");
	fputs(rings_contents(rings.path), out);
	fclose(out);
}

START_TEST(a_file_is_opened_anew_in_the_middle_of_a_line)
{
	struct log_writer *writer = rings_writer(&rings);
	for (uint64_t i = 0; i < 10; i++)
		put(0, i);
	limit_growth(100);
	bool as_meant = log_writer_pass(writer) == LOG_BLOCKED && rotate(writer);
	limit_growth(SIZE_MAX);
	ck_assert(as_meant);
	log_writer_finish(writer, IN_TIME_MS);
	log_writer_destroy(writer);
	uint64_t numbers[10];
	ck_assert_uint_ge(rings_numbers(rings.moved, numbers, 10), 1);
	join_files();
	rings_ck_each_once(rings.moved, 10);
}
END_TEST

static void
rotate_and_try_once(struct log_writer *writer)
{
	log_writer_pass(writer);
	bool rotated = rotate(writer);
	limit_growth(55);
	if (!rotated || log_writer_pass(writer) != LOG_BLOCKED)
		_exit(1);
}

START_TEST(whoever_is_killed_behind_that_has_told_what_is_where)
{
	drop(0, 2);
	for (uint64_t i = 0; i < 20; i++)
		put(0, i);
	limit_growth(400);
	in_a_child(rotate_and_try_once);
	rings_log_to(&rings, rings.path);
	write_all();
	join_files();
	rings_ck_each_once(rings.moved, 20);
	ck_assert_uint_eq(announced(rings.moved), 2);
}
END_TEST

START_TEST(the_old_file_stays_where_the_new_one_cannot_be_opened)
{
	struct err err = {""};
	struct log_writer *writer = rings_writer(&rings);
	put(0, 0);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	ck_assert_int_eq(rename(rings.path, rings.moved), 0);
	ck_assert_int_eq(mkdir(rings.path, 0700), 0);
	ck_assert_int_ne(log_writer_reopen(writer, &err), 0);
	put(0, 1);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	rings_ck_each_once(rings.moved, 2);
	log_writer_destroy(writer);
	rmdir(rings.path);
}
END_TEST

/* ---- Pipes --------------------------------------------------------------------------------------- */

static char piped[1 << 20];

/* What is in the pipe, behind what has come before. */
static void
drain(int fd)
{
	char *at = piped + strlen(piped);
	for (ssize_t n; (n = read(fd, at, sizeof piped - 1 - (size_t)(at - piped))) > 0;)
		at += n;
	*at = '\0';
}

START_TEST(a_pipe_gets_all_when_its_reader_goes_on)
{
	uint64_t count = 0;
	unlink(rings.path);
	ck_assert_int_eq(mkfifo(rings.path, 0600), 0);
	int reader = open(rings.path, O_RDONLY | O_NONBLOCK);
	rings_log_to(&rings, rings.path);
	struct log_writer *writer = rings_writer(&rings);
	for (unsigned slot = 0; slot < RINGS_SLOTS; slot++)
		while (rings_put(&rings, &(struct rings_line){.slot = slot, .number = count, .size_bytes = 6000}))
			count++;
	ck_assert_int_eq(log_writer_pass(writer), LOG_BLOCKED);
	log_writer_wait(writer, LOG_BLOCKED);
	ck_assert_int_eq(log_writer_pass(writer), LOG_BLOCKED);
	do {
		drain(reader);
		log_writer_wait(writer, LOG_BLOCKED);
	} while (log_writer_pass(writer) == LOG_BLOCKED);
	drain(reader);
	/* Nobody reads any more; then somebody does again. */
	put(0, count++);
	close(reader);
	ck_assert_int_eq(log_writer_pass(writer), LOG_BLOCKED);
	log_writer_wait(writer, LOG_BLOCKED);
	reader = open(rings.path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	drain(reader);
	close(reader);
	log_writer_destroy(writer);
	FILE *out = fopen(rings.moved, "w");
	fputs(piped, out);
	fclose(out);
	rings_ck_each_once(rings.moved, count);
}
END_TEST

/* ---- Killed -------------------------------------------------------------------------------------- */

/* The words as they are at each step of a batch, with the file as it is then. */
START_TEST(every_step_can_be_told_from_the_one_before)
{
	enum { TAKEN, NOTHING_WRITTEN, ALL_WRITTEN, SAID_SO, ONE_GIVEN_BACK, ALL_GIVEN_BACK, STEPS };
	uint64_t count = 0;
	for (int step = TAKEN; step < STEPS; step++) {
		struct log_ring *first = ring_of(SCOREBOARD_SUPERVISOR).shared;
		struct log_ring *heads[] = {ring_of(0).shared, ring_of(1).shared};
		struct stat before = {0}, after;
		stat(rings.path, &before);
		put(0, count++);
		put(1, count++);
		put(0, count++);
		uint64_t tails[] = {atomic_load(&heads[0]->tail), atomic_load(&heads[1]->tail)};
		write_all();
		ck_assert_int_eq(stat(rings.path, &after), 0);
		for (int i = 0; i < 2; i++) {
			atomic_store(&heads[i]->taken, atomic_load(&heads[i]->head));
			if (step < ALL_GIVEN_BACK && !(step == ONE_GIVEN_BACK && i == 0))
				atomic_store(&heads[i]->tail, tails[i]);
		}
		atomic_store(&first->intent.offset, (uint64_t)before.st_size);
		atomic_store(&first->intent.state, step == TAKEN         ? INTENT_NONE
		                                   : step <= ALL_WRITTEN ? INTENT_WRITING
		                                                         : INTENT_WRITTEN);
		if (step <= NOTHING_WRITTEN)
			ck_assert_int_eq(truncate(rings.path, before.st_size), 0);
		put(0, count++); /* not of that batch */
		write_all();
		rings_ck_each_once(rings.path, count);
	}
}
END_TEST

static void
go_on(struct log_writer *writer)
{
	for (;;)
		log_writer_wait(writer, log_writer_pass(writer));
}

#define KILLS 40
#define PUTS_BETWEEN 500 /* at most, of each slot */

/* Workers put without a pause, and the writer is killed again and again. */
START_TEST(each_record_stands_there_once_however_often_it_is_killed)
{
	uint64_t count = 0;
	srandom(11);
	for (int i = 0; i < KILLS; i++) {
		struct log_writer *writer;
		struct err err;
		pid_t pid = fork();
		if (pid == 0) {
			writer = log_writer_create(&rings.config, &err);
			if (writer == NULL)
				_exit(1);
			go_on(writer);
		}
		int64_t until_ns = clock_mono_ns() + random() % (3 * NS_PER_MS);
		for (int puts = 0; clock_mono_ns() < until_ns; puts += puts < PUTS_BETWEEN)
			for (unsigned slot = 0; puts < PUTS_BETWEEN && slot < RINGS_SLOTS; slot++)
				count += rings_put(&rings, &(struct rings_line){.slot = slot,
				                                                .number = count,
				                                                .size_bytes = 100 + count % 3 * 500});
		kill(pid, SIGKILL);
		int status;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
	}
	write_all();
	ck_assert_uint_gt(count, KILLS);
	rings_ck_each_once(rings.path, count);
	ck_assert_uint_eq(announced(rings.path), 0);
}
END_TEST

/* Cut short at any byte, as a kill in the middle of a write is, several times over one batch. */
START_TEST(a_write_may_be_cut_short_at_any_byte)
{
	uint64_t count = 0;
	srandom(12);
	for (int i = 0; i < 40; i++) {
		for (unsigned slot = 0; slot < RINGS_SLOTS; slot++)
			for (int j = 0; j < 5; j++)
				put(slot, count++);
		for (int j = 0; j < 3; j++) {
			limit_growth((size_t)random() % 300);
			in_a_child(try_once);
		}
	}
	write_all();
	rings_ck_each_once(rings.path, count);
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------------- */

START_TEST(a_nudge_is_not_slept_over)
{
	struct log_writer *writer = rings_writer(&rings);
	int64_t begun_ns = clock_mono_ns();
	_Atomic uint32_t *wake = &ring_of(SCOREBOARD_SUPERVISOR).shared->wake;
	const struct ring ring = ring_of(0);
	rings.config.gather_ms = 100;
	for (int i = 0; i < 40; i++) {
		/* It comes while the writer is awake, and somebody puts behind it. */
		log_writer_nudge(rings.board, LOG_WRITER_ALL, 0);
		ring_wake(&ring, wake, true);
		ck_assert_uint_eq(atomic_load(wake), WAKE_NUDGED);
		log_writer_wait(writer, LOG_NOTHING);
		ck_assert_uint_eq(atomic_load(wake), WAKE_AWAKE);
	}
	ck_assert_int_lt(clock_mono_ns() - begun_ns, 20 * NS_PER_S); /* each a second otherwise */
	log_writer_destroy(writer);
}
END_TEST

START_TEST(does_not_sleep_where_there_is_something_to_read)
{
	struct log_writer *writer = rings_writer(&rings);
	int64_t begun_ns = clock_mono_ns();
	put(0, 0);
	for (int i = 0; i < 40; i++)
		log_writer_wait(writer, LOG_NOTHING);
	ck_assert_int_lt(clock_mono_ns() - begun_ns, 20 * NS_PER_S);
	log_writer_destroy(writer);
}
END_TEST

/* A hundred times there and back: none of them is waited for as long as a lost wake-up would take. */
START_TEST(no_wake_up_is_lost)
{
	const struct ring ring = ring_of(0);
	_Atomic uint32_t *wake = &ring_of(SCOREBOARD_SUPERVISOR).shared->wake;
	pid_t pid = fork();
	if (pid == 0) {
		struct err err;
		struct log_writer *writer = log_writer_create(&rings.config, &err);
		if (writer != NULL)
			go_on(writer);
		_exit(1);
	}
	int64_t begun_ns = clock_mono_ns();
	for (uint64_t i = 0; i < 300; i++) {
		put_end(0, i, i);
		ring_settle(&ring);
		ring_wake(&ring, wake, false);
		while (atomic_load(&ring.shared->tail) != atomic_load(&ring.shared->head))
			ck_assert_int_lt(clock_mono_ns() - begun_ns, IN_TIME_MS * NS_PER_MS);
	}
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rings_ck_each_once(rings.path, 300);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_writer");
	TCase *tcase = tcase_create("log_writer");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, there_is_one_reader);
	tcase_add_test(tcase, writes_in_the_order_of_time);
	tcase_add_test(tcase, what_is_more_than_a_batch_comes_in_several);
	tcase_add_test(tcase, a_slot_s_writer_leaves_the_others_alone);
	tcase_add_test(tcase, is_needed_while_somebody_lives);
	tcase_add_test(tcase, what_is_held_waits);
	tcase_add_test(tcase, what_is_begun_again_was_wrong);
	tcase_add_test(tcase, what_nobody_can_begin_again_is_true);
	tcase_add_test(tcase, a_slot_s_writer_keeps_nothing_back);
	tcase_add_test(tcase, dropped_records_are_counted_once);
	tcase_add_test(tcase, dropped_records_are_counted_once_whoever_is_killed);
	tcase_add_test(tcase, a_ring_that_was_scribbled_over_harms_no_other);
	tcase_add_test(tcase, a_full_device_keeps_the_records_in_the_rings);
	tcase_add_test(tcase, goes_on_in_the_middle_of_a_line);
	tcase_add_test(tcase, whoever_gives_up_leaves_no_torn_line);
	tcase_add_test(tcase, a_file_is_opened_anew_in_the_middle_of_a_line);
	tcase_add_test(tcase, whoever_is_killed_behind_that_has_told_what_is_where);
	tcase_add_test(tcase, the_old_file_stays_where_the_new_one_cannot_be_opened);
	tcase_add_test(tcase, a_pipe_gets_all_when_its_reader_goes_on);
	tcase_add_test(tcase, every_step_can_be_told_from_the_one_before);
	tcase_add_test(tcase, each_record_stands_there_once_however_often_it_is_killed);
	tcase_add_test(tcase, a_write_may_be_cut_short_at_any_byte);
	tcase_add_test(tcase, a_nudge_is_not_slept_over);
	tcase_add_test(tcase, does_not_sleep_where_there_is_something_to_read);
	tcase_add_test(tcase, no_wake_up_is_lost);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
