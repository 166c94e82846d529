/* test_metric_store.c - series that processes claim side by side, kills among them, a full directory, exemplars. */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metric_store.h"
#include "run_suite.h"

#define MAX 100
#define CHILDREN 2
#define MANY 30000

static struct series_directory directory;
static size_t bytes;

static void
setup(void)
{
	bytes = series_directory_bytes(MAX);
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(base, MAP_FAILED);
	directory = series_directory_at(base, MAX);
}

static void
teardown(void)
{
	munmap(directory.head, bytes);
}

static uint32_t
claim(unsigned n, enum series_claim how)
{
	char labels[32];
	int size = snprintf(labels, sizeof labels, "n=\"%u\"", n);
	return series_index(&directory, &(struct series_key){.shape = 7, .labels = labels, .size_bytes = (size_t)size},
	                    how);
}

START_TEST(test_found_again)
{
	ck_assert_uint_eq(claim(1, SERIES_FIND), SERIES_NONE);
	uint32_t index = claim(1, SERIES_CLAIM);
	ck_assert_uint_ne(index, SERIES_NONE);
	ck_assert_uint_eq(claim(1, SERIES_CLAIM), index);
	ck_assert_uint_eq(claim(1, SERIES_FIND), index);
	ck_assert_uint_ne(claim(2, SERIES_CLAIM), index);
	ck_assert_uint_eq(atomic_load(&directory.head->used), 2);
	/* Of another metric it is another one. */
	const struct series_key other = {.shape = 8, .labels = "n=\"1\"", .size_bytes = 5};
	ck_assert_uint_eq(series_index(&directory, &other, SERIES_FIND), SERIES_NONE);
	struct series_key key;
	ck_assert(series_at(&directory, index, &key));
	ck_assert_uint_eq(key.shape, 7);
	ck_assert_uint_eq(key.size_bytes, 5);
	ck_assert_mem_eq(key.labels, "n=\"1\"", 5);
	ck_assert_uint_eq(series_count_of(&directory, 7), 2);
}
END_TEST

START_TEST(test_full)
{
	for (unsigned i = 0; i < MAX; i++)
		ck_assert_uint_ne(claim(i, SERIES_CLAIM), SERIES_NONE);
	for (unsigned i = MAX; i < 3 * MAX; i++)
		ck_assert_uint_eq(claim(i, SERIES_CLAIM), SERIES_NONE);
	ck_assert_uint_eq(atomic_load(&directory.head->used), MAX);
	for (unsigned i = 0; i < MAX; i++)
		ck_assert_uint_ne(claim(i, SERIES_CLAIM), SERIES_NONE);
	uint32_t beyond = claim(5000, SERIES_CLAIM_BEYOND);
	ck_assert_uint_ne(beyond, SERIES_NONE);
	ck_assert_uint_eq(claim(5000, SERIES_FIND), beyond);
	/* Beyond the maximum there is an end too. */
	for (unsigned i = 6000; i < 6000 + directory.capacity; i++)
		claim(i, SERIES_CLAIM_BEYOND);
	ck_assert_uint_eq(claim(9999, SERIES_CLAIM_BEYOND), SERIES_NONE);
	ck_assert_uint_eq(claim(9999, SERIES_FIND), SERIES_NONE);
}
END_TEST

START_TEST(test_labels_too_long)
{
	char labels[SERIES_LABEL_BYTES + 1];
	memset(labels, 'x', sizeof labels);
	struct series_key key = {.shape = 7, .labels = labels, .size_bytes = sizeof labels};
	ck_assert_uint_eq(series_index(&directory, &key, SERIES_CLAIM), SERIES_NONE);
	key.size_bytes--;
	ck_assert_uint_ne(series_index(&directory, &key, SERIES_CLAIM), SERIES_NONE);
}
END_TEST

/* Both begin at the same moment and claim the same series in the same order; *gate counts who has come. */
static void
claim_together(_Atomic unsigned *gate)
{
	for (unsigned n = 0; n < CHILDREN; n++)
		if (fork() == 0) {
			atomic_fetch_add(gate, 1);
			while (atomic_load(gate) < CHILDREN)
				sched_yield();
			for (unsigned i = 0; i < MANY; i++)
				claim(i, SERIES_CLAIM);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
}

START_TEST(test_side_by_side)
{
	size_t many_bytes = series_directory_bytes(MANY);
	void *base =
		mmap(NULL, many_bytes + sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(base, MAP_FAILED);
	struct series_directory small = directory;
	directory = series_directory_at(base, MANY);
	claim_together((_Atomic unsigned *)(void *)((char *)base + many_bytes));
	ck_assert_uint_eq(atomic_load(&directory.head->used), MANY);
	ck_assert_uint_eq(series_count_of(&directory, 7), MANY);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_uint_ne(claim(i, SERIES_FIND), SERIES_NONE);
	directory = small;
	munmap(base, many_bytes + sizeof(unsigned));
}
END_TEST

/* Who dies in the middle of a claim may cost one of the series that there may be, never a wrong one. */
START_TEST(test_killed)
{
	unsigned lost = 0;
	for (unsigned n = 0; n < 200 && lost < MAX / 2; n++) {
		pid_t pid = fork();
		if (pid == 0) {
			claim(n % (MAX / 2), SERIES_CLAIM);
			for (;;)
				claim(n % (MAX / 2), SERIES_CLAIM);
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		lost = atomic_load(&directory.head->used) - series_count_of(&directory, 7);
	}
	for (unsigned i = 0; i < MAX / 2; i++)
		ck_assert_uint_ne(claim(i, SERIES_CLAIM), SERIES_NONE);
	ck_assert_uint_eq(series_count_of(&directory, 7), MAX / 2);
}
END_TEST

/* As a claim is left by who was killed between fingerprint and labels. */
START_TEST(test_labels_that_were_not_written)
{
	uint32_t index = claim(1, SERIES_CLAIM);
	struct series_key key;
	memset(directory.series[index].labels, 0, 3);
	atomic_store(&directory.series[index].size_bytes, 0);
	ck_assert(!series_at(&directory, index, &key));
	ck_assert_uint_eq(claim(1, SERIES_FIND), index);
	ck_assert(series_at(&directory, index, &key));
	ck_assert_mem_eq(key.labels, "n=\"1\"", 5);
}
END_TEST

START_TEST(test_exemplar)
{
	struct exemplar_record *record = &directory.series[3].exemplars[2];
	struct exemplar seen, written = {.trace_high = 1, .trace_low = 2, .span = 3, .value = 4, .real_ns = 5};
	ck_assert(!exemplar_read(record, &seen));
	exemplar_write(record, &written);
	ck_assert(exemplar_read(record, &seen));
	ck_assert_mem_eq(&seen, &written, sizeof seen);
	atomic_store(&record->trace_low, 77);
	ck_assert(!exemplar_read(record, &seen));
}
END_TEST

START_TEST(test_none)
{
	struct series_directory none = series_directory_at(NULL, 0);
	const struct series_key key = {.shape = 7, .labels = "", .size_bytes = 0};
	ck_assert_uint_eq(series_capacity(0), 0);
	ck_assert_uint_eq(series_directory_bytes(0), 0);
	ck_assert_uint_eq(series_index(&none, &key, SERIES_CLAIM), SERIES_NONE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("metric_store");
	TCase *tc = tcase_create("metric_store");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_found_again);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_labels_too_long);
	tcase_add_test(tc, test_side_by_side);
	tcase_add_test(tc, test_killed);
	tcase_add_test(tc, test_labels_that_were_not_written);
	tcase_add_test(tc, test_exemplar);
	tcase_add_test(tc, test_none);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
