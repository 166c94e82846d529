/* test_random_id.c - random bytes: never twice the same, also not across a fork of any kind. */
#include "random_id.h"
#include "run_suite.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID_BYTES 16
#define IDS 64

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, ID_BYTES);
}

static void
all_different(unsigned char ids[][ID_BYTES], size_t count)
{
	qsort(ids, count, ID_BYTES, compare);
	for (size_t i = 1; i < count; i++)
		ck_assert_msg(memcmp(ids[i - 1], ids[i], ID_BYTES) != 0, "the same bytes twice");
}

static void
make(unsigned char ids[][ID_BYTES], size_t count)
{
	for (size_t i = 0; i < count; i++)
		random_bytes(ids[i], ID_BYTES);
}

START_TEST(bytes_differ)
{
	static unsigned char ids[4096][ID_BYTES];
	make(ids, 4096);
	all_different(ids, 4096);
}
END_TEST

START_TEST(any_size_up_to_a_block)
{
	unsigned char bytes[RANDOM_BLOCK_BYTES + 1], none[RANDOM_BLOCK_BYTES] = {0};
	for (size_t size = 0; size <= RANDOM_BLOCK_BYTES; size++) {
		memset(bytes, 0, sizeof bytes);
		random_bytes(bytes, size);
		ck_assert_uint_eq(bytes[size], 0);
		if (size >= ID_BYTES)
			ck_assert_int_ne(memcmp(bytes, none, size), 0);
	}
}
END_TEST

/* Children made by fork() and, past the hooks of libc, by the system call; each leaves a part of a block behind. */
static pid_t
child_of(int kind)
{
	return kind == 0 ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

START_TEST(a_child_has_bytes_of_its_own)
{
	static unsigned char ids[5 * IDS][ID_BYTES];
	int ends[2];
	ck_assert_int_eq(pipe(ends), 0);
	random_bytes(ids[0], 1); /* most of a block is left */
	for (int i = 0; i < 4; i++) {
		pid_t pid = child_of(_i);
		if (pid == 0) {
			make(ids, IDS);
			_exit(write(ends[1], ids, (size_t)IDS * ID_BYTES) == (ssize_t)IDS * ID_BYTES ? 0 : 1);
		}
		int status;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
		ck_assert_int_eq(read(ends[0], ids[(i + 1) * IDS], (size_t)IDS * ID_BYTES), IDS * ID_BYTES);
	}
	make(ids, IDS);
	all_different(ids, (size_t)5 * IDS);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(hexadecimal)
{
	char text[2 * ID_BYTES + 2];
	memset(text, 'x', sizeof text);
	random_hex(text, ID_BYTES);
	ck_assert_uint_eq(strspn(text, "0123456789abcdef"), (size_t)2 * ID_BYTES);
	ck_assert_int_eq(text[2 * ID_BYTES], '\0');
	ck_assert_int_eq(text[2 * ID_BYTES + 1], 'x');
}
END_TEST

/* One byte is zero once in 256 times; never here. */
START_TEST(never_all_zero)
{
	for (int i = 0; i < 20000; i++) {
		char text[3];
		random_hex(text, 1);
		ck_assert_str_ne(text, "00");
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("random_id");
	TCase *tc = tcase_create("random_id");
	tcase_add_test(tc, bytes_differ);
	tcase_add_test(tc, any_size_up_to_a_block);
	tcase_add_loop_test(tc, a_child_has_bytes_of_its_own, 0, 2);
	tcase_add_test(tc, hexadecimal);
	tcase_add_test(tc, never_all_zero);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
