/* test_error_table.c - errors counted by many processes at once, the full table, and processes that die in it. */
#include "error_table.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "owner.h"
#include "run_suite.h"

#define PROCESSES 6
#define ROUNDS 20000
#define KINDS 40

static struct error_table *table;
static _Atomic int *go;
static struct error_row rows[ERRORS_MAX];

static void
setup(void)
{
	table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(table, MAP_FAILED);
	go = mmap(NULL, sizeof *go, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(go, MAP_FAILED);
}

static void
teardown(void)
{
	munmap(table, sizeof *table);
	munmap((void *)go, sizeof *go);
}

static void
note(uint64_t fingerprint, int64_t real_ns, const char *id)
{
	struct error_kind kind = {.level = "ERROR", .route = "/x"};
	snprintf(kind.message, sizeof kind.message, "kind %llu", (unsigned long long)fingerprint);
	error_table_note(table, &(const struct error_note){.fingerprint = fingerprint,
	                                                   .kind = &kind,
	                                                   .correlation_id = id,
	                                                   .real_ns = real_ns,
	                                                   .self = owner_self()});
}

static const struct error_row *
row_of(uint64_t fingerprint)
{
	unsigned count = error_table_copy(table, rows);
	const struct error_row *found = NULL;
	for (unsigned i = 0; i < count; i++)
		if (rows[i].fingerprint == fingerprint) {
			ck_assert_ptr_null(found);
			found = &rows[i];
		}
	return found;
}

static int
join(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(an_empty_table_has_nothing)
{
	struct error_totals totals = error_table_totals(table);
	ck_assert_uint_eq(error_table_copy(table, rows), 0);
	ck_assert_uint_eq(totals.total + totals.kinds + totals.replaced + totals.unlisted, 0);
}
END_TEST

START_TEST(an_error_is_counted_with_its_times_and_last_id)
{
	note(7, 100, "id-1");
	note(7, 300, "id-2");
	note(7, 200, NULL);
	note(8, 400, NULL);
	const struct error_row *row = row_of(7);
	ck_assert_ptr_nonnull(row);
	ck_assert_uint_eq(row->count, 3);
	ck_assert_int_eq(row->first_ns, 100);
	ck_assert_int_eq(row->last_ns, 300);
	ck_assert_str_eq(row->correlation_id, "id-2");
	ck_assert_str_eq(row->kind.level, "ERROR");
	ck_assert_str_eq(row->kind.route, "/x");
	ck_assert_str_eq(row->kind.message, "kind 7");
	ck_assert_str_eq(row_of(8)->correlation_id, "");
	ck_assert_uint_eq(error_table_totals(table).total, 4);
	ck_assert_uint_eq(error_table_totals(table).kinds, 2);
}
END_TEST

START_TEST(long_ids_are_cut)
{
	char id[300];
	memset(id, 'i', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	note(7, 1, id);
	ck_assert_uint_eq(strlen(row_of(7)->correlation_id), ERROR_ID_BYTES - 1);
}
END_TEST

START_TEST(fingerprints_that_end_alike_are_two)
{
	const uint64_t a = UINT64_C(0x1111000000001234), b = UINT64_C(0x2222000000001234);
	note(a, 1, NULL);
	note(b, 2, NULL);
	note(b, 3, NULL);
	ck_assert_uint_eq(row_of(a)->count, 1);
	ck_assert_uint_eq(row_of(b)->count, 2);
}
END_TEST

START_TEST(the_one_that_was_not_seen_for_the_longest_makes_room)
{
	for (unsigned i = 1; i <= ERRORS_MAX; i++)
		note(i, 1000 + i, "old");
	note(1, 5000, "old");
	note(1000, 6000, NULL);
	ck_assert_uint_eq(row_of(1)->count, 2);
	ck_assert_ptr_null(row_of(2));
	ck_assert_uint_eq(row_of(1000)->count, 1);
	ck_assert_int_eq(row_of(1000)->first_ns, 6000);
	ck_assert_str_eq(row_of(1000)->correlation_id, "");
	struct error_totals totals = error_table_totals(table);
	ck_assert_uint_eq(totals.kinds, ERRORS_MAX);
	ck_assert_uint_eq(totals.replaced, 1);
	ck_assert_uint_eq(totals.total, ERRORS_MAX + 2);
	/* Who made room comes back as a new one. */
	note(2, 7000, NULL);
	ck_assert_uint_eq(row_of(2)->count, 1);
	ck_assert_ptr_null(row_of(3));
}
END_TEST

/* ---- Several processes ---- */

static void
run_all(void (*each)(unsigned number))
{
	pid_t pids[PROCESSES];
	for (unsigned i = 0; i < PROCESSES; i++)
		if ((pids[i] = fork()) == 0) {
			while (atomic_load(go) == 0)
				;
			each(i);
			_exit(0);
		}
	atomic_store(go, 1);
	for (unsigned i = 0; i < PROCESSES; i++)
		ck_assert_int_eq(join(pids[i]), 0);
}

static void
note_quickly(const struct error_kind *kind, uint64_t fingerprint, int64_t real_ns, uint64_t self, const char *id)
{
	error_table_note(table, &(const struct error_note){.fingerprint = fingerprint,
	                                                   .kind = kind,
	                                                   .correlation_id = id,
	                                                   .real_ns = real_ns,
	                                                   .self = self});
}

/* An ID is one letter all through, so that a mixture shows. */
static void
count_all_kinds(unsigned number)
{
	const struct error_kind kind = {.message = "m"};
	const uint64_t self = owner_self();
	char id[ERROR_ID_BYTES];
	memset(id, (int)('a' + number), sizeof id - 1);
	id[sizeof id - 1] = '\0';
	for (unsigned round = 0; round < ROUNDS; round++)
		note_quickly(&kind, 1 + (round + number) % KINDS, round + 1, self, id);
}

static bool
is_one_letter(const char *id)
{
	return strspn(id, (char[]){id[0], '\0'}) == ERROR_ID_BYTES - 1;
}

START_TEST(no_count_is_lost)
{
	run_all(count_all_kinds);
	ck_assert_uint_eq(error_table_totals(table).total, PROCESSES * ROUNDS);
	ck_assert_uint_eq(error_table_copy(table, rows), KINDS);
	uint64_t listed = 0;
	for (uint64_t kind = 1; kind <= KINDS; kind++) {
		const struct error_row *row = row_of(kind);
		listed += row->count;
		ck_assert_uint_le(row->count, PROCESSES * ROUNDS / KINDS);
		ck_assert_int_ge(row->last_ns, ROUNDS - KINDS);
		ck_assert(is_one_letter(row->correlation_id));
	}
	/* Only a new kind, and only while another adds one, may go unlisted; that is counted too. */
	ck_assert_uint_eq(listed + error_table_totals(table).unlisted, PROCESSES * ROUNDS);
}
END_TEST

/* More kinds than there is room for, so that entries change hands all the time. */
static void
count_too_many_kinds(unsigned number)
{
	const uint64_t self = owner_self();
	for (unsigned round = 0; round < ROUNDS / 10; round++) {
		struct error_kind kind = {.level = ""};
		uint64_t fingerprint = 1 + (round * 7 + number * 13) % (2 * ERRORS_MAX);
		snprintf(kind.message, sizeof kind.message, "%llu", (unsigned long long)fingerprint);
		note_quickly(&kind, fingerprint, round + 1, self, NULL);
	}
}

static void
ck_rows_are_whole(void)
{
	unsigned count = error_table_copy(table, rows);
	for (unsigned i = 0; i < count; i++)
		ck_assert_uint_eq(strtoull(rows[i].kind.message, NULL, 10), rows[i].fingerprint);
}

START_TEST(entries_change_hands_and_stay_whole)
{
	pid_t reader = fork();
	if (reader == 0) {
		run_all(count_too_many_kinds);
		_exit(0);
	}
	int status;
	while (waitpid(reader, &status, WNOHANG) == 0)
		ck_rows_are_whole();
	ck_assert_int_eq(status, 0);
	ck_rows_are_whole();
	unsigned count = error_table_copy(table, rows);
	uint64_t listed = 0;
	for (unsigned i = 0; i < count; i++) {
		listed += rows[i].count;
		for (unsigned n = 0; n < i; n++)
			ck_assert_uint_ne(rows[i].fingerprint, rows[n].fingerprint);
	}
	ck_assert_uint_le(listed, error_table_totals(table).total);
	ck_assert_uint_eq(error_table_totals(table).total, PROCESSES * (ROUNDS / 10));
	ck_assert_uint_eq(atomic_load(&table->adder), 0);
}
END_TEST

/* A process that stays in a turn of its own. */
static pid_t
process_in(_Atomic uint64_t *word, void (*then)(void))
{
	int ready[2];
	char byte;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (!owner_claim(word, owner_self()))
			_exit(1);
		then();
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

static void
fill_half(void)
{
	atomic_store(&table->fingerprints[0], 0);
	memset(&table->entries[0].kind, 0x5a, sizeof table->entries[0].kind);
}

START_TEST(one_that_dies_while_it_adds_blocks_nobody)
{
	pid_t pid = process_in(&table->adder, fill_half);
	note(5, 1, NULL);
	ck_assert_ptr_null(row_of(5));
	ck_assert_uint_eq(error_table_totals(table).unlisted, 1);
	kill(pid, SIGKILL);
	join(pid);
	note(5, 2, NULL);
	ck_assert_uint_eq(row_of(5)->count, 1);
	ck_assert_str_eq(row_of(5)->kind.message, "kind 5");
	ck_assert_uint_eq(error_table_totals(table).total, 2);
}
END_TEST

START_TEST(one_that_is_stopped_while_it_adds_keeps_no_one_from_counting)
{
	note(5, 1, NULL);
	pid_t pid = process_in(&table->adder, fill_half);
	atomic_store(&table->fingerprints[0], 5); /* it chose another */
	for (int i = 0; i < 100; i++)
		note(5, 2, NULL);
	ck_assert_uint_eq(row_of(5)->count, 101);
	kill(pid, SIGKILL);
	join(pid);
}
END_TEST

static void
write_half_an_id(void)
{
	seqlock_write_begin(&table->entries[0].id_lock);
	memset(table->entries[0].correlation_id, 'z', 10);
}

START_TEST(one_that_dies_while_it_writes_an_id_leaves_none_until_the_next)
{
	note(5, 1, "id-1");
	pid_t pid = process_in(&table->entries[0].id_writer, write_half_an_id);
	note(5, 2, "id-2"); /* cannot be kept now */
	ck_assert_uint_eq(row_of(5)->count, 2);
	ck_assert_str_eq(row_of(5)->correlation_id, "");
	kill(pid, SIGKILL);
	join(pid);
	note(5, 3, "id-3");
	ck_assert_str_eq(row_of(5)->correlation_id, "id-3");
	ck_assert_uint_eq(row_of(5)->count, 3);
}
END_TEST

START_TEST(open_texts_are_closed)
{
	note(5, 1, NULL);
	memset(&table->entries[0].kind, 'k', sizeof table->entries[0].kind);
	memset(table->entries[0].correlation_id, 'c', ERROR_ID_BYTES);
	const struct error_row *row = row_of(5);
	ck_assert_uint_eq(strlen(row->correlation_id), ERROR_ID_BYTES - 1);
	ck_assert_uint_eq(strlen(row->kind.level), sizeof row->kind.level - 1);
	ck_assert_uint_eq(strlen(row->kind.route), sizeof row->kind.route - 1);
	ck_assert_uint_eq(strlen(row->kind.message), sizeof row->kind.message - 1);
	ck_assert_uint_eq(strlen(row->kind.code), sizeof row->kind.code - 1);
	ck_assert_uint_eq(strlen(row->kind.place), sizeof row->kind.place - 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("error_table");
	TCase *tc = tcase_create("one");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_empty_table_has_nothing);
	tcase_add_test(tc, an_error_is_counted_with_its_times_and_last_id);
	tcase_add_test(tc, long_ids_are_cut);
	tcase_add_test(tc, fingerprints_that_end_alike_are_two);
	tcase_add_test(tc, the_one_that_was_not_seen_for_the_longest_makes_room);
	tcase_add_test(tc, open_texts_are_closed);
	suite_add_tcase(suite, tc);
	tc = tcase_create("several");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_count_is_lost);
	tcase_add_test(tc, entries_change_hands_and_stay_whole);
	tcase_add_test(tc, one_that_dies_while_it_adds_blocks_nobody);
	tcase_add_test(tc, one_that_is_stopped_while_it_adds_keeps_no_one_from_counting);
	tcase_add_test(tc, one_that_dies_while_it_writes_an_id_leaves_none_until_the_next);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
