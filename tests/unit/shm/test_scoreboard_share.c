/* test_scoreboard_share.c - a scoreboard among equals: who makes it, what stays when the last has gone, who is refused. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "layout.h"
#include "run_suite.h"
#include "scoreboard.h"

#define SLOTS 4
#define PROCESSES 12

static char folder[64], path[96];

static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/vt_share_XXXXXX");
	signal(SIGPIPE, SIG_IGN);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(folder);
}

static struct scoreboard *
share(unsigned slots)
{
	struct err err = {.text = ""};
	struct scoreboard *board = scoreboard_share(path, &(struct scoreboard_shape){.slots = slots}, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	return board;
}

static void
ck_not_shared(const char *why)
{
	struct err err = {.text = ""};
	ck_assert_ptr_null(scoreboard_share(path, &(struct scoreboard_shape){.slots = SLOTS}, &err));
	ck_assert_msg(strstr(err.text, why) != NULL, "\"%s\" does not say \"%s\"", err.text, why);
}

/* ---- Others, each in a process of its own ---- */

struct other {
	pid_t pid;
	int go;
};

/* Runs look(), then stays until it is let go. What look() returned is the exit status. */
static struct other
start_other(int (*look)(void))
{
	int ready[2], go[2];
	char byte;
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC) | pipe2(go, O_CLOEXEC), 0);
	struct other other = {.pid = fork(), .go = go[1]};
	if (other.pid == 0) {
		close(go[1]);
		int status = look();
		_exit(write(ready[1], "", 1) == 1 && read(go[0], &byte, 1) == 1 ? status : 99);
	}
	close(go[0]);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return other;
}

static int
let_go(struct other other)
{
	int status;
	ck_assert(write(other.go, "", 1) == 1 || errno == EPIPE);
	close(other.go);
	ck_assert_int_eq(waitpid(other.pid, &status, 0), other.pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* A sibling that asks for another number of slots, and has as many as there are. */
static int
be_sibling(void)
{
	struct scoreboard *board = scoreboard_share(path, &(struct scoreboard_shape){.slots = SLOTS + 3}, NULL);
	if (board == NULL || scoreboard_slots(board) != SLOTS)
		return 1;
	struct slot *slot = scoreboard_take_slot(board, ROLE_WORKER);
	if (slot == NULL)
		return 2;
	atomic_fetch_add(&slot->requests, 100);
	return 0;
}

static int
be_supervisor(void)
{
	bool was_there;
	return scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, NULL) != NULL ? 0 : 1;
}

/* Refused in a sentence that names a process? */
static int
be_refused_supervisor(void)
{
	struct err err = {.text = ""};
	bool was_there;
	if (scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err) != NULL)
		return 1;
	return strstr(err.text, "belongs to the running process") != NULL ? 0 : 2;
}

/* ---- Together ---- */

START_TEST(the_first_comer_makes_it)
{
	struct stat st;
	struct scoreboard *board = share(SLOTS);
	ck_assert_uint_eq(scoreboard_slots(board), SLOTS);
	ck_assert_str_eq(scoreboard_path(board), path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, (off_t)scoreboard_size_bytes(&(struct scoreboard_shape){.slots = SLOTS}));
	ck_assert_int_eq(memcmp(board->file->header.magic, SCOREBOARD_MAGIC, SCOREBOARD_MAGIC_BYTES), 0);
	ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->supervisor), 0);
	scoreboard_close(board);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(those_who_come_later_write_into_the_same)
{
	struct scoreboard *board = share(SLOTS);
	struct slot *own = scoreboard_take_slot(board, ROLE_WORKER);
	struct other first = start_other(be_sibling), second = start_other(be_sibling);
	ck_assert_ptr_eq(own, scoreboard_slot(board, 0));
	ck_assert_int_eq(slot_pid(scoreboard_slot(board, 1)), first.pid);
	ck_assert_int_eq(slot_pid(scoreboard_slot(board, 2)), second.pid);
	ck_assert_uint_eq(atomic_load(&scoreboard_slot(board, 1)->requests), 100);
	ck_assert_int_eq(let_go(first), 0);
	ck_assert_int_eq(let_go(second), 0);
	scoreboard_close(board);
}
END_TEST

START_TEST(it_stays_when_the_first_comer_goes)
{
	struct scoreboard *board = share(SLOTS);
	struct other sibling = start_other(be_sibling);
	scoreboard_close(board);
	board = share(1);
	ck_assert_uint_eq(scoreboard_slots(board), SLOTS);
	ck_assert_int_eq(slot_pid(scoreboard_slot(board, 0)), sibling.pid);
	scoreboard_close(board);
	ck_assert_int_eq(let_go(sibling), 0);
}
END_TEST

static int
count_in(int go)
{
	char byte;
	struct scoreboard *board = read(go, &byte, 1) == 0
	                                   ? scoreboard_share(path, &(struct scoreboard_shape){.slots = SLOTS}, NULL)
	                                   : NULL;
	if (board == NULL || scoreboard_slots(board) != SLOTS)
		return 1;
	atomic_fetch_add(&scoreboard_service(board)->recycled, 1);
	return 0;
}

/* All at once on a file that is not there: each waits until it is ready. */
START_TEST(a_crowd_shares_one_scoreboard)
{
	struct pool_summary summary;
	pid_t pids[PROCESSES];
	int go[2], status;
	ck_assert_int_eq(pipe(go), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(go[1]);
			_exit(count_in(go[0]));
		}
	}
	close(go[1]);
	for (int i = 0; i < PROCESSES; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	struct scoreboard *board = share(SLOTS);
	ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->recycled), PROCESSES);
	scoreboard_summary(board, ROLE_WORKER, &summary);
	ck_assert_uint_eq(summary.workers, 0);
	scoreboard_close(board);
	close(go[0]);
}
END_TEST

/* ---- After the last one ---- */

START_TEST(counters_are_kept_after_the_last_has_gone_and_slots_grow_and_never_shrink)
{
	static const struct {
		unsigned asked, expected;
	} table[] = {{SLOTS, SLOTS}, {SLOTS + 5, SLOTS + 5}, {1, SLOTS + 5}, {SLOTS, SLOTS + 5}};
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		struct pool_summary summary;
		struct scoreboard *board = share(table[i].asked);
		ck_assert_uint_eq(scoreboard_slots(board), table[i].expected);
		ck_assert_uint_eq(board->file->header.slots, table[i].expected);
		scoreboard_summary(board, ROLE_WORKER, &summary);
		ck_assert_uint_eq(summary.requests, 10 * i);
		ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->deaths[DEATH_SIGNAL]), i);
		struct slot *slot = scoreboard_take_slot(board, ROLE_WORKER);
		ck_assert_ptr_eq(slot, scoreboard_slot(board, 0));
		atomic_fetch_add(&slot->requests, 10);
		atomic_fetch_add(&scoreboard_service(board)->deaths[DEATH_SIGNAL], 1);
		slot_release(slot);
		scoreboard_close(board);
	}
}
END_TEST

/* Killed, not gone in order: its slot is one that a dead process left. */
START_TEST(counters_of_those_who_were_killed_are_kept)
{
	struct scoreboard *board = share(SLOTS);
	struct other sibling = start_other(be_sibling);
	scoreboard_close(board);
	kill(sibling.pid, SIGKILL);
	ck_assert_int_eq(let_go(sibling), 1000 + SIGKILL);
	board = share(SLOTS);
	ck_assert_int_eq(slot_pid(scoreboard_slot(board, 0)), sibling.pid);
	struct slot *slot = scoreboard_take_slot(board, ROLE_WORKER);
	ck_assert_ptr_eq(slot, scoreboard_slot(board, 0));
	ck_assert_uint_eq(atomic_load(&slot->requests), 100);
	scoreboard_close(board);
}
END_TEST

/* ---- Other layouts ---- */

static void
other_version(struct scoreboard_header *header)
{
	header->version++;
}

static void
other_fingerprint(struct scoreboard_header *header)
{
	header->fingerprint++;
}

static void
other_size(struct scoreboard_header *header)
{
	header->size_bytes++;
}

static void
not_ready(struct scoreboard_header *header)
{
	memset(header->magic, 0, sizeof header->magic);
}

static void (*const spoilers[])(struct scoreboard_header *) = {other_version, other_fingerprint, other_size, not_ready};

START_TEST(another_layout_is_replaced_by_who_is_alone)
{
	for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++) {
		struct scoreboard *board = share(SLOTS + 2);
		atomic_store(&scoreboard_slot(board, SLOTS - 1)->requests, 77);
		atomic_store(&scoreboard_service(board)->generation, 7);
		spoilers[i](&board->file->header);
		scoreboard_close(board);
		board = share(SLOTS);
		ck_assert_uint_eq(scoreboard_slots(board), SLOTS);
		ck_assert_uint_eq(atomic_load(&scoreboard_slot(board, SLOTS - 1)->requests), 0);
		ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->generation), 0);
		/* Others find it good. */
		struct other sibling = start_other(be_sibling);
		ck_assert_int_eq(let_go(sibling), 0);
		scoreboard_close(board);
		unlink(path);
	}
}
END_TEST

static struct scoreboard *theirs;

/* Stays with a scoreboard that is spoiled for all who come later. */
static int
stay_with_another_layout(void)
{
	theirs = scoreboard_share(path, &(struct scoreboard_shape){.slots = SLOTS}, NULL);
	if (theirs == NULL)
		return 1;
	atomic_store(&scoreboard_service(theirs)->generation, 7);
	theirs->file->header.version++;
	return 0;
}

START_TEST(another_layout_that_others_use_is_refused_and_left_alone)
{
	struct err err;
	struct other sibling = start_other(stay_with_another_layout);
	ck_not_shared("layout of another version");
	ck_not_shared("layout of another version");
	/* Once they have gone it is nobody's. */
	ck_assert_int_eq(let_go(sibling), 0);
	ck_assert_ptr_null(scoreboard_attach(path, &err));
	struct scoreboard *board = share(SLOTS);
	ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->generation), 0);
	scoreboard_close(board);
}
END_TEST

START_TEST(files_of_something_else_are_left_alone)
{
	static const char *const contents[] = {"x", "root:x:0:0:root:/root:/bin/bash\n", "VITALSSX and more"};
	char back[64] = "";
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		FILE *file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		fputs(contents[i], file);
		fclose(file);
		ck_not_shared("is left alone");
		file = fopen(path, "r");
		ck_assert_ptr_nonnull(file);
		ck_assert_ptr_nonnull(fgets(back, sizeof back, file));
		fclose(file);
		ck_assert_str_eq(back, contents[i]);
	}
}
END_TEST

START_TEST(files_that_were_never_ready_are_used)
{
	static const off_t sizes[] = {0, 8, 4096, 1 << 20};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
		ck_assert_int_eq(ftruncate(fd, sizes[i]), 0);
		close(fd);
		struct scoreboard *board = share(SLOTS);
		ck_assert_uint_eq(scoreboard_slots(board), SLOTS);
		scoreboard_close(board);
	}
}
END_TEST

/* ---- Beside a supervisor ---- */

START_TEST(it_is_refused_while_a_supervisor_owns_it)
{
	struct other supervisor = start_other(be_supervisor);
	ck_not_shared("belongs to a running supervisor");
	ck_assert_int_eq(let_go(supervisor), 0);
	struct scoreboard *board = share(SLOTS);
	scoreboard_close(board);
}
END_TEST

START_TEST(a_supervisor_is_refused_while_it_is_shared)
{
	struct scoreboard *board = share(SLOTS);
	ck_assert_int_eq(let_go(start_other(be_refused_supervisor)), 0);
	ck_assert_int_eq(let_go(start_other(be_sibling)), 0);
	ck_assert_int_eq(let_go(start_other(be_refused_supervisor)), 0);
	scoreboard_close(board);
	ck_assert_int_eq(let_go(start_other(be_supervisor)), 0);
}
END_TEST

static void
add_layouts(Suite *suite)
{
	TCase *tc = tcase_create("layouts");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, another_layout_is_replaced_by_who_is_alone);
	tcase_add_test(tc, another_layout_that_others_use_is_refused_and_left_alone);
	tcase_add_test(tc, files_of_something_else_are_left_alone);
	tcase_add_test(tc, files_that_were_never_ready_are_used);
	suite_add_tcase(suite, tc);
}

int
main(void)
{
	Suite *suite = suite_create("scoreboard_share");
	TCase *tc = tcase_create("scoreboard_share");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_first_comer_makes_it);
	tcase_add_test(tc, those_who_come_later_write_into_the_same);
	tcase_add_test(tc, it_stays_when_the_first_comer_goes);
	tcase_add_test(tc, a_crowd_shares_one_scoreboard);
	tcase_add_test(tc, counters_are_kept_after_the_last_has_gone_and_slots_grow_and_never_shrink);
	tcase_add_test(tc, counters_of_those_who_were_killed_are_kept);
	tcase_add_test(tc, it_is_refused_while_a_supervisor_owns_it);
	tcase_add_test(tc, a_supervisor_is_refused_while_it_is_shared);
	suite_add_tcase(suite, tc);
	add_layouts(suite);
	return run_suite(suite);
}
