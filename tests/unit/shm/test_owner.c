/* test_owner.c - who is named by the word, and whether that process lives, for real processes. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "owner.h"
#include "run_suite.h"

#define ONE_TICK (UINT64_C(1) << OWNER_PID_BITS)

/* A child that has said who it is, and waits until it is killed. */
static pid_t
start_child(uint64_t *owner)
{
	int pipes[2];
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		*owner = owner_self();
		if (write(pipes[1], owner, sizeof *owner) != (ssize_t)sizeof *owner)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(pipes[0], owner, sizeof *owner), (ssize_t)sizeof *owner);
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

START_TEST(this_process_lives)
{
	uint64_t self = owner_self();
	ck_assert_int_eq(owner_pid(self), getpid());
	ck_assert_uint_gt(owner_started(self), 0);
	ck_assert(owner_lives(self));
	ck_assert_uint_eq(owner_self(), self);
}
END_TEST

START_TEST(nobody_does_not_live)
{
	ck_assert_int_eq(owner_pid(0), 0);
	ck_assert(!owner_lives(0));
	/* A start time without a pid is nobody either. */
	ck_assert(!owner_lives(owner_self() >> OWNER_PID_BITS << OWNER_PID_BITS));
}
END_TEST

START_TEST(another_process_lives_until_it_ends_reaped_or_not)
{
	uint64_t owner;
	siginfo_t info;
	pid_t pid = start_child(&owner);
	ck_assert_int_eq(owner_pid(owner), pid);
	ck_assert_uint_ne(owner, owner_self());
	ck_assert(owner_lives(owner));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert_msg(!owner_lives(owner), "a zombie is taken for a living process");
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_msg(!owner_lives(owner), "a pid that is gone is taken for a living process");
}
END_TEST

START_TEST(a_pid_that_is_used_again_is_somebody_else)
{
	uint64_t self = owner_self();
	ck_assert(!owner_lives(self - ONE_TICK));
	ck_assert(!owner_lives(self + ONE_TICK));
}
END_TEST

START_TEST(a_stopped_process_lives)
{
	uint64_t owner;
	siginfo_t info;
	pid_t pid = start_child(&owner);
	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
	ck_assert(owner_lives(owner));
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* The name stands unquoted in the midst of what is read. */
START_TEST(odd_names_of_processes_do_not_confuse_it)
{
	static const char *const names[] = {"a b", "a) Z 1 2 3", ")", "(((", ") Z", "X) X (X"};
	uint64_t self = owner_self();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		prctl(PR_SET_NAME, names[i]);
		ck_assert_msg(owner_self() == self, "as \"%s\"", names[i]);
		ck_assert_msg(owner_lives(self), "as \"%s\"", names[i]);
	}
}
END_TEST

START_TEST(the_largest_pid_has_room)
{
	uint64_t owner = UINT64_C(7) << OWNER_PID_BITS | ((1U << OWNER_PID_BITS) - 1);
	ck_assert_int_eq(owner_pid(owner), (1 << OWNER_PID_BITS) - 1);
	ck_assert_uint_eq(owner_started(owner), 7);
}
END_TEST

START_TEST(a_turn_is_of_one_living_process)
{
	static _Atomic uint64_t word;
	uint64_t self = owner_self(), dead = self - (UINT64_C(1) << OWNER_PID_BITS);
	ck_assert(owner_claim(&word, self));
	ck_assert(!owner_claim(&word, self));
	owner_release(&word, dead); /* not its own */
	ck_assert_uint_eq(atomic_load(&word), self);
	owner_release(&word, self);
	ck_assert_uint_eq(atomic_load(&word), 0);
	atomic_store(&word, dead);
	ck_assert(owner_claim(&word, self));
	ck_assert_uint_eq(atomic_load(&word), self);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("owner");
	TCase *tc = tcase_create("owner");
	tcase_add_test(tc, this_process_lives);
	tcase_add_test(tc, nobody_does_not_live);
	tcase_add_test(tc, another_process_lives_until_it_ends_reaped_or_not);
	tcase_add_test(tc, a_pid_that_is_used_again_is_somebody_else);
	tcase_add_test(tc, a_stopped_process_lives);
	tcase_add_test(tc, odd_names_of_processes_do_not_confuse_it);
	tcase_add_test(tc, the_largest_pid_has_room);
	tcase_add_test(tc, a_turn_is_of_one_living_process);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
