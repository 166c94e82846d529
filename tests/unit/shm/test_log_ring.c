/*
 * test_log_ring.c - rings of records: every offset, full, held, scribbled over, two processes at once, a writer that
 * is killed.
 */
#include "log_ring.h"

#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "run_suite.h"

#define RING_BYTES 512
#define RECORD_MAX 400
#define IN_TIME_MS 30000

/* As in the scoreboard: shared with children. */
struct shared {
	struct log_ring head;
	_Atomic uint32_t wake;
	_Atomic uint64_t put; /* so many records the writer has put, for all it knows */
	char bytes[RING_BYTES];
	char behind[64]; /* nobody may write here */
};

static struct shared *shared;
static struct ring ring;

static void
setup(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	ring = (struct ring){.shared = &shared->head, .bytes = shared->bytes, .size_bytes = RING_BYTES};
}

static void
teardown(void)
{
	for (size_t i = 0; i < sizeof shared->behind; i++)
		ck_assert_int_eq(shared->behind[i], 0);
	munmap(shared, sizeof *shared);
}

/* ---- Records that tell what they must be --------------------------------------------------------- */

static size_t
size_of(uint64_t number)
{
	return 8 + (size_t)(number * 37 % 90);
}

static void
fill(char *record, uint64_t number)
{
	memcpy(record, &number, sizeof number);
	for (size_t i = sizeof number; i < size_of(number); i++)
		record[i] = (char)(number + i * 7);
}

static bool
put(uint64_t number, enum frame_kind kind)
{
	char record[RECORD_MAX];
	fill(record, number);
	return ring_put(&ring,
	                &(struct frame){.size_bytes = (uint32_t)size_of(number),
	                                .kind = (uint8_t)kind,
	                                .level = 3,
	                                .mono_ns = (int64_t)number,
	                                .key = ~number},
	                record);
}

/* The next record's number; false where there is none. */
static bool
take(uint64_t *number, enum frame_kind *kind)
{
	struct frame frame;
	char record[RECORD_MAX], wanted[RECORD_MAX];
	uint64_t at = atomic_load(&ring.shared->tail), end = ring_readable_end(&ring);
	if (at == end)
		return false;
	ck_assert(ring_frame(&ring, at, end, &frame));
	ck_assert_uint_le(frame.size_bytes, sizeof record);
	ck_assert(ring_record(&ring, at, &frame, record));
	memcpy(number, record, sizeof *number);
	ck_assert_uint_eq(frame.size_bytes, size_of(*number));
	fill(wanted, *number);
	ck_assert_mem_eq(record, wanted, frame.size_bytes);
	ck_assert(frame.mono_ns == (int64_t)*number && frame.key == ~*number && frame.level == 3);
	*kind = (enum frame_kind)frame.kind;
	ring_give_back(&ring, at + ring_bytes_of(frame.size_bytes));
	return true;
}

static void
ck_takes(uint64_t wanted, enum frame_kind wanted_kind)
{
	uint64_t number = UINT64_MAX;
	enum frame_kind kind;
	ck_assert(take(&number, &kind));
	ck_assert_uint_eq(number, wanted);
	ck_assert_int_eq(kind, wanted_kind);
}

static void
ck_is_empty(void)
{
	uint64_t number;
	enum frame_kind kind;
	ck_assert(!take(&number, &kind));
}

/* ---- One process --------------------------------------------------------------------------------- */

START_TEST(comes_out_as_it_went_in_at_every_offset)
{
	for (uint64_t start = 0; start < RING_BYTES; start += RING_ALIGN) {
		atomic_store(&ring.shared->head, start);
		atomic_store(&ring.shared->tail, start);
		for (uint64_t i = 0; i < 3; i++)
			ck_assert(put(start + i, FRAME_PLAIN));
		for (uint64_t i = 0; i < 3; i++)
			ck_takes(start + i, FRAME_PLAIN);
		ck_is_empty();
	}
}
END_TEST

START_TEST(positions_may_be_as_large_as_they_get)
{
	uint64_t start = UINT64_MAX / RING_BYTES * RING_BYTES - RING_BYTES;
	atomic_store(&ring.shared->head, start);
	atomic_store(&ring.shared->tail, start);
	for (uint64_t i = 0; i < 8; i++) {
		ck_assert(put(i, i % 2 == 0 ? FRAME_END : FRAME_BEGIN));
		ring_settle(&ring);
		ck_takes(i, i % 2 == 0 ? FRAME_END : FRAME_BEGIN);
	}
}
END_TEST

START_TEST(takes_what_there_is_room_for_and_no_more)
{
	char record[RING_BYTES + 1] = {0};
	struct frame frame = {.size_bytes = RING_BYTES - sizeof frame};
	ck_assert_uint_eq(ring_bytes_of(1), sizeof frame + 8);
	ck_assert_uint_eq(ring_bytes_of(8), sizeof frame + 8);
	ck_assert(ring_put(&ring, &frame, record));
	ck_assert(!put(1, FRAME_PLAIN));
	ck_assert(!put(1, FRAME_END));
	ck_assert_uint_eq(atomic_load(&ring.shared->held), 0);
	ring_give_back(&ring, RING_BYTES);
	frame.size_bytes++;
	ck_assert(!ring_put(&ring, &frame, record));
	frame.size_bytes = UINT32_MAX;
	ck_assert(!ring_put(&ring, &frame, record));
	frame.size_bytes = 0;
	ck_assert(!ring_put(&ring, &frame, record));
	ck_is_empty();
	/* Full to the last byte, and in order afterwards. */
	uint64_t last = 0;
	while (put(last, FRAME_PLAIN))
		last++;
	for (uint64_t i = 0; i < last; i++)
		ck_takes(i, FRAME_PLAIN);
	ring_drop(&ring);
	ring_drop(&ring);
	ck_assert_uint_eq(atomic_load(&ring.shared->dropped), 2);
}
END_TEST

START_TEST(no_ring_takes_nothing)
{
	ring.size_bytes = 0;
	ck_assert(!put(1, FRAME_PLAIN));
	ck_is_empty();
	atomic_store(&ring.shared->head, 8);
	atomic_store(&ring.shared->held, 1);
	ring_abandon(&ring);
	ck_assert_uint_eq(atomic_load(&ring.shared->held), 0);
}
END_TEST

START_TEST(what_is_held_is_read_when_it_is_settled)
{
	ck_assert(!ring_settle(&ring));
	ck_assert(put(1, FRAME_PLAIN) && put(2, FRAME_END) && put(3, FRAME_PLAIN));
	ck_takes(1, FRAME_PLAIN);
	ck_is_empty();
	ck_assert(ring_settle(&ring));
	ck_assert(!ring_settle(&ring));
	ck_takes(2, FRAME_END);
	ck_takes(3, FRAME_PLAIN);
	ck_is_empty();
}
END_TEST

START_TEST(what_is_abandoned_is_undecided)
{
	ring_abandon(&ring);
	ck_assert(put(1, FRAME_END) && put(2, FRAME_PLAIN));
	ring_abandon(&ring);
	ring_abandon(&ring);
	/* The next owner, who dies in the same way before anybody has read. */
	ck_assert(put(3, FRAME_BEGIN) && put(4, FRAME_END));
	ring_abandon(&ring);
	ck_takes(1, FRAME_UNDECIDED);
	ck_takes(2, FRAME_PLAIN);
	ck_takes(3, FRAME_BEGIN);
	ck_takes(4, FRAME_UNDECIDED);
	/* Killed between the two stores: there is no such record. */
	uint64_t head = atomic_load(&ring.shared->head);
	atomic_store(&ring.shared->held, head + 1);
	ck_is_empty();
	ring_abandon(&ring);
	ck_assert(put(5, FRAME_PLAIN));
	ck_takes(5, FRAME_PLAIN);
}
END_TEST

START_TEST(a_frame_is_marked_without_a_change_of_the_record)
{
	for (uint64_t i = 0; i < 40; i++) {
		ck_assert(put(i, FRAME_PLAIN));
		ring_mark(&ring, atomic_load(&ring.shared->tail), FRAME_SET_ASIDE);
		ck_takes(i, FRAME_SET_ASIDE);
	}
}
END_TEST

/* ---- Memory that was scribbled over -------------------------------------------------------------- */

START_TEST(a_changed_byte_is_noticed)
{
	struct frame frame;
	char record[RECORD_MAX];
	unsigned missed = 0, tried = 0;
	for (uint64_t start = 0; start < RING_BYTES; start += 40) {
		atomic_store(&ring.shared->head, start);
		atomic_store(&ring.shared->tail, start);
		ck_assert(put(5, FRAME_PLAIN));
		uint64_t end = atomic_load(&ring.shared->head);
		for (uint64_t at = start; at < start + sizeof frame + size_of(5); at++) {
			char *byte = &shared->bytes[at % RING_BYTES], before = *byte;
			if (at - start == offsetof(struct frame, kind))
				continue;
			*byte = (char)~before;
			tried++;
			missed += ring_frame(&ring, start, end, &frame) && frame.size_bytes <= sizeof record &&
			          ring_record(&ring, start, &frame, record);
			*byte = before;
		}
	}
	ck_assert_uint_gt(tried, 400);
	ck_assert_uint_le(missed, 2); /* sixteen bits */
}
END_TEST

START_TEST(positions_that_cannot_be_are_no_records)
{
	struct frame frame;
	ck_assert(put(1, FRAME_PLAIN) && put(2, FRAME_END) && put(3, FRAME_PLAIN));
	ck_takes(1, FRAME_PLAIN);
	uint64_t tail = atomic_load(&ring.shared->tail), head = atomic_load(&ring.shared->head);
	/* Held where it has been read already, or behind everything. */
	atomic_store(&ring.shared->held, 1);
	ck_assert_uint_eq(ring_readable_end(&ring), head);
	atomic_store(&ring.shared->held, UINT64_MAX);
	ck_assert_uint_eq(ring_readable_end(&ring), head);
	/* A frame that does not fit, a ring that holds more than it can, one that holds less than nothing. */
	ck_assert(!ring_frame(&ring, tail, tail + sizeof frame - 1, &frame));
	ck_assert(!ring_frame(&ring, tail, tail + RING_BYTES + 1, &frame));
	ck_assert(!ring_frame(&ring, tail, tail - 1, &frame));
	atomic_store(&ring.shared->tail, head + 64);
	ck_assert(!put(4, FRAME_PLAIN));
	atomic_store(&ring.shared->tail, head - RING_BYTES - 8);
	ck_assert(!put(4, FRAME_PLAIN));
}
END_TEST

/* Whatever stands there: nothing is read or written outside, and a reader comes to the end. */
START_TEST(garbage_is_survived)
{
	struct frame frame;
	char record[RING_BYTES];
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		for (size_t i = 0; i < RING_BYTES; i++)
			shared->bytes[i] = (char)(random() % 3 == 0 ? random() : 0);
		atomic_store(&ring.shared->head, (uint64_t)random() % 2048);
		atomic_store(&ring.shared->tail, (uint64_t)random() % 2048);
		atomic_store(&ring.shared->held, (uint64_t)random() % 2048);
		put((uint64_t)round, random() % 2 ? FRAME_END : FRAME_PLAIN);
		ring_abandon(&ring);
		uint64_t at = atomic_load(&ring.shared->tail), end = ring_readable_end(&ring);
		while (at != end && ring_frame(&ring, at, end, &frame)) {
			ring_record(&ring, at, &frame, record);
			at += ring_bytes_of(frame.size_bytes);
			ck_assert_uint_le(end - at, RING_BYTES);
		}
	}
	atomic_store(&ring.shared->held, 0);
}
END_TEST

/* ---- Waking -------------------------------------------------------------------------------------- */

START_TEST(wakes_who_sleeps_and_when)
{
	static const struct {
		uint32_t state;
		bool urgent, half;
		uint32_t then;
	} cases[] = {
		{WAKE_AWAKE, true, true, WAKE_AWAKE},
		{WAKE_ASLEEP, false, false, WAKE_AWAKE},
		{WAKE_GATHERING, false, false, WAKE_GATHERING},
		{WAKE_GATHERING, true, false, WAKE_AWAKE},
		{WAKE_GATHERING, false, true, WAKE_AWAKE},
		{WAKE_NUDGED, true, true, WAKE_NUDGED},
		{77, true, true, 77},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		atomic_store(&ring.shared->head, cases[i].half ? RING_BYTES / 2 : RING_BYTES / 2 - 8);
		atomic_store(&shared->wake, cases[i].state);
		ring_wake(&ring, &shared->wake, cases[i].urgent);
		ck_assert_uint_eq(atomic_load(&shared->wake), cases[i].then);
	}
}
END_TEST

static void *
give_back_soon(void *unused)
{
	(void)unused;
	while (atomic_load(&ring.shared->waits) == 0)
		sched_yield();
	ring_give_back(&ring, RING_BYTES);
	return NULL;
}

START_TEST(waits_for_room_and_no_longer)
{
	pthread_t thread;
	char record[RING_BYTES] = {0};
	ring_wait(&ring, 8, &shared->wake, IN_TIME_MS); /* there is room */
	ck_assert(ring_put(&ring, &(struct frame){.size_bytes = RING_BYTES - sizeof(struct frame)}, record));
	ck_assert(!put(1, FRAME_PLAIN));
	atomic_store(&shared->wake, WAKE_GATHERING);
	int64_t begun_ns = clock_mono_ns();
	ring_wait(&ring, 8, &shared->wake, 20);
	ck_assert_int_ge(clock_mono_ns() - begun_ns, 19 * NS_PER_MS);
	ck_assert_uint_eq(atomic_load(&ring.shared->waits), 0);
	ck_assert_uint_eq(atomic_load(&shared->wake), WAKE_AWAKE);
	ck_assert_int_eq(pthread_create(&thread, NULL, give_back_soon, NULL), 0);
	ring_wait(&ring, 8, &shared->wake, INT_MAX);
	pthread_join(thread, NULL);
	ck_assert(put(1, FRAME_PLAIN));
}
END_TEST

/* ---- Two processes ------------------------------------------------------------------------------- */

/* Every fourth record is held for a moment. */
static void
write_on(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		while (!put(i, i % 4 == 3 ? FRAME_END : FRAME_PLAIN))
			ring_wait(&ring, size_of(i), &shared->wake, 1);
		atomic_store(&shared->put, i + 1);
		ring_settle(&ring);
	}
}

static pid_t
fork_writer(uint64_t from, uint64_t to)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		write_on(from, to);
		_exit(0);
	}
	return pid;
}

static void
wait_a_moment(int64_t deadline_ns)
{
	ck_assert_int_lt(clock_mono_ns(), deadline_ns);
	sched_yield();
}

#define MANY 50000

START_TEST(one_writes_while_another_reads)
{
	uint64_t number, next = 0;
	enum frame_kind kind;
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	pid_t pid = fork_writer(0, MANY);
	while (next < MANY) {
		if (take(&number, &kind))
			ck_assert_uint_eq(number, next++);
		else
			wait_a_moment(deadline_ns);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_is_empty();
	ck_assert_uint_eq(atomic_load(&ring.shared->dropped), 0);
}
END_TEST

#define KILLS 60

/* All that was put is there, whole and once; of the one that was being put perhaps. The next owner goes on behind it. */
START_TEST(a_writer_may_be_killed_at_any_moment)
{
	uint64_t number, next = 0;
	enum frame_kind kind;
	unsigned undecided = 0;
	srandom(3);
	for (int i = 0; i < KILLS; i++) {
		pid_t pid = fork_writer(next, UINT64_MAX);
		uint64_t until = next + 1 + (uint64_t)random() % 500;
		int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
		while (next < until)
			if (take(&number, &kind))
				ck_assert_uint_eq(number, next++);
			else
				wait_a_moment(deadline_ns);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		ring_abandon(&ring);
		while (take(&number, &kind)) {
			ck_assert_uint_eq(number, next++);
			undecided += kind == FRAME_UNDECIDED;
			ck_assert(kind != FRAME_UNDECIDED || number % 4 == 3);
		}
		ck_assert(next == atomic_load(&shared->put) || next == atomic_load(&shared->put) + 1);
	}
	ck_assert_uint_eq(atomic_load(&ring.shared->dropped), 0);
	ck_assert_uint_le(undecided, KILLS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_ring");
	TCase *tcase = tcase_create("log_ring");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, comes_out_as_it_went_in_at_every_offset);
	tcase_add_test(tcase, positions_may_be_as_large_as_they_get);
	tcase_add_test(tcase, takes_what_there_is_room_for_and_no_more);
	tcase_add_test(tcase, no_ring_takes_nothing);
	tcase_add_test(tcase, what_is_held_is_read_when_it_is_settled);
	tcase_add_test(tcase, what_is_abandoned_is_undecided);
	tcase_add_test(tcase, a_frame_is_marked_without_a_change_of_the_record);
	tcase_add_test(tcase, a_changed_byte_is_noticed);
	tcase_add_test(tcase, positions_that_cannot_be_are_no_records);
	tcase_add_test(tcase, garbage_is_survived);
	tcase_add_test(tcase, wakes_who_sleeps_and_when);
	tcase_add_test(tcase, waits_for_room_and_no_longer);
	tcase_add_test(tcase, one_writes_while_another_reads);
	tcase_add_test(tcase, a_writer_may_be_killed_at_any_moment);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
