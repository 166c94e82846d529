/* test_seqlock.c - no torn copies under a writer, and a writer that dies in the middle. */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "run_suite.h"
#include "seqlock.h"

#define WORDS 64
#define READERS 3

struct shared {
	struct seqlock lock;
	_Atomic int stop;
	uint64_t words[WORDS];
};

static struct shared *shared;

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

static void
write_all(uint64_t value)
{
	seqlock_write_begin(&shared->lock);
	for (int i = 0; i < WORDS; i++)
		shared->words[i] = value;
	seqlock_write_end(&shared->lock);
}

/* Reads until it has seen the value change often enough; 1: a torn copy, 2: too slow, 3: backwards. */
static int
read_many(void)
{
	int64_t deadline_ns = deadline_in_ms(30000);
	uint64_t copy[WORDS], last = 0;
	for (int changes = 0; changes < 300;) {
		if (clock_mono_ns() > deadline_ns)
			return 2;
		if (!seqlock_read(&shared->lock, copy, shared->words, sizeof copy))
			continue;
		for (int i = 1; i < WORDS; i++)
			if (copy[i] != copy[0])
				return 1;
		if (copy[0] < last)
			return 3;
		changes += copy[0] != last;
		last = copy[0];
	}
	return 0;
}

START_TEST(test_no_torn_copies)
{
	pid_t writer = fork(), readers[READERS];
	if (writer == 0) {
		for (uint64_t value = 1; atomic_load(&shared->stop) == 0; value++) {
			write_all(value);
			sched_yield(); /* a writer without a pause would leave readers no stable moment */
		}
		_exit(0);
	}
	for (int i = 0; i < READERS; i++)
		if ((readers[i] = fork()) == 0)
			_exit(read_many());
	int status, worst = 0;
	for (int i = 0; i < READERS; i++) {
		ck_assert_int_eq(waitpid(readers[i], &status, 0), readers[i]);
		worst = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? worst : status;
	}
	atomic_store(&shared->stop, 1);
	ck_assert_int_eq(waitpid(writer, &status, 0), writer);
	ck_assert_int_eq(worst, 0);
}
END_TEST

START_TEST(test_writer_killed_in_the_middle)
{
	uint64_t copy[WORDS];
	write_all(7);
	pid_t writer = fork();
	if (writer == 0) {
		seqlock_write_begin(&shared->lock);
		shared->words[0] = 8;
		raise(SIGKILL);
	}
	int status;
	ck_assert_int_eq(waitpid(writer, &status, 0), writer);
	ck_assert(WIFSIGNALED(status));
	ck_assert(!seqlock_read(&shared->lock, copy, shared->words, sizeof copy));
	/* The next writer repairs it. */
	write_all(9);
	ck_assert(seqlock_read(&shared->lock, copy, shared->words, sizeof copy));
	for (int i = 0; i < WORDS; i++)
		ck_assert_uint_eq(copy[i], 9);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("seqlock");
	TCase *tc = tcase_create("seqlock");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_no_torn_copies);
	tcase_add_test(tc, test_writer_killed_in_the_middle);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
