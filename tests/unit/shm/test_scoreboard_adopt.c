/*
 * test_scoreboard_adopt.c - the scoreboard over an exec: contents kept, grown, or refused and closed.
 *
 * Executes itself, with arguments, as the program that goes on with it.
 */
#include <check.h>
#include <fcntl.h>
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
#define MORE_SLOTS 9

static char folder[64], path[96];
static struct scoreboard *board;

/* What is looked for again later. */
static void
fill(struct scoreboard *filled)
{
	static const struct check_result result = {.checked_ns = 1, .status = CHECK_FAILED, .text = "no space"};
	atomic_store(&scoreboard_service(filled)->generation, 7);
	atomic_store(&scoreboard_service(filled)->deaths[DEATH_OOM], 3);
	scoreboard_refuse_reload(filled, "WORKERS is no number.");
	atomic_store(&scoreboard_levels(filled)->told, 11);
	atomic_store(&scoreboard_errors(filled)->fingerprints[ERRORS_MAX - 1], 13);
	check_publish(filled, SCOREBOARD_MAX_CHECKS - 1, &result);
	for (unsigned i = 0; i < SLOTS; i++)
		atomic_store(&scoreboard_slot(filled, i)->requests, 100 + i);
	slot_claim(scoreboard_slot(filled, SLOTS - 1), ROLE_WORKER, 7);
}

/* Names what is missing; NULL: all of it is there, and everything behind it is empty. */
static const char *
missing(struct scoreboard *seen, pid_t last_owner)
{
	char text[SCOREBOARD_REFUSAL_BYTES];
	struct check_result result;
	if (atomic_load(&scoreboard_service(seen)->generation) != 7 ||
	    atomic_load(&scoreboard_service(seen)->deaths[DEATH_OOM]) != 3)
		return "the service's words";
	if (!scoreboard_refusal(seen, text) || strcmp(text, "WORKERS is no number.") != 0)
		return "the refusal";
	if (atomic_load(&scoreboard_levels(seen)->told) != 11)
		return "the log levels";
	if (error_table_totals(scoreboard_errors(seen)).kinds != 1)
		return "the errors";
	if (!check_read(seen, SCOREBOARD_MAX_CHECKS - 1, &result) || strcmp(result.text, "no space") != 0)
		return "the check's result";
	if (slot_pid(scoreboard_slot(seen, SLOTS - 1)) != last_owner)
		return "an owner";
	for (unsigned i = 0; i < scoreboard_slots(seen); i++)
		if (atomic_load(&scoreboard_slot(seen, i)->requests) != (i < SLOTS ? 100 + i : 0))
			return "a slot's requests";
	return NULL;
}

static void
ck_filled(struct scoreboard *seen)
{
	const char *what = missing(seen, getpid());
	ck_assert_msg(what == NULL, "missing: %s", what);
}

static struct scoreboard *
create(void)
{
	struct err err = {.text = ""};
	bool was_there;
	struct scoreboard *created =
		scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err);
	ck_assert_msg(created != NULL, "%s", err.text);
	return created;
}

static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/vt_adopt_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = create();
	fill(board);
}

static void
teardown(void)
{
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

/* Lets go of the mapping but not of the descriptor, as an exec does. */
static int
forget(struct scoreboard *forgotten)
{
	int fd = forgotten->area.fd;
	forgotten->area.fd = -1;
	scoreboard_close(forgotten);
	fcntl(fd, F_SETFD, 0);
	return fd;
}

static struct scoreboard *
adopt(int fd, unsigned slots)
{
	struct err err = {.text = ""};
	struct scoreboard *adopted = scoreboard_adopt(fd, path, slots, &err);
	ck_assert_msg(adopted != NULL, "%s", err.text);
	return adopted;
}

static int
exit_status_of(pid_t pid)
{
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* 0 where another process could not create it now, because this one owns it. */
static int
others_are_refused(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		char owner[32];
		struct err err = {.text = ""};
		bool was_there;
		snprintf(owner, sizeof owner, "process %ld;", (long)getppid());
		_exit(scoreboard_create(path, &(struct scoreboard_shape){.slots = 1}, &was_there, &err) == NULL &&
		                      strstr(err.text, owner) != NULL
		              ? 0
		              : 1);
	}
	return exit_status_of(pid);
}

START_TEST(contents_are_kept_and_it_grows_and_never_shrinks)
{
	static const struct {
		unsigned asked, expected;
	} table[] = {{SLOTS, SLOTS}, {6, 6}, {2, 6}, {6, 6}, {MORE_SLOTS, MORE_SLOTS}, {1, MORE_SLOTS}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct stat st;
		int fd = forget(board);
		board = adopt(fd, table[i].asked);
		ck_assert_uint_eq(scoreboard_slots(board), table[i].expected);
		ck_assert_uint_eq(board->file->header.slots, table[i].expected);
		ck_assert_uint_eq(board->file->header.size_bytes,
		                  scoreboard_size_bytes(&(struct scoreboard_shape){.slots = table[i].expected}));
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_int_eq(st.st_size,
		                 (off_t)scoreboard_size_bytes(&(struct scoreboard_shape){.slots = table[i].expected}));
		ck_assert_int_eq(scoreboard_fd(board), fd);
		ck_assert_str_eq(scoreboard_path(board), path);
		ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		ck_filled(board);
		ck_assert_int_eq(others_are_refused(), 0);
	}
}
END_TEST

START_TEST(new_slots_can_be_lived_in)
{
	board = adopt(forget(board), MORE_SLOTS);
	struct slot *last = scoreboard_slot(board, MORE_SLOTS - 1);
	ck_assert_int_eq(slot_pid(last), 0);
	slot_claim(last, ROLE_ADMIN, 8);
	atomic_fetch_add(&last->requests, 5);
	board = adopt(forget(board), SLOTS);
	ck_assert_int_eq(slot_pid(scoreboard_slot(board, MORE_SLOTS - 1)), getpid());
	ck_assert_uint_eq(atomic_load(&scoreboard_slot(board, MORE_SLOTS - 1)->requests), 5);
}
END_TEST

/* ---- Refused ---- */

static void
other_version(struct scoreboard_header *header)
{
	header->version++;
}

static void
other_fingerprint(struct scoreboard_header *header)
{
	header->fingerprint ^= UINT64_C(1) << 63;
}

static void
other_magic(struct scoreboard_header *header)
{
	header->magic[7] ^= 1;
}

static void
no_slots(struct scoreboard_header *header)
{
	header->slots = 0;
	header->size_bytes = scoreboard_size_bytes(&(struct scoreboard_shape){.slots = 0});
}

static void
too_many_slots(struct scoreboard_header *header)
{
	header->slots = SCOREBOARD_MAX_SLOTS + 1;
	header->size_bytes = scoreboard_size_bytes(&(struct scoreboard_shape){.slots = header->slots});
	ck_assert_int_eq(ftruncate(scoreboard_fd(board), (off_t)header->size_bytes), 0);
}

static void
other_size(struct scoreboard_header *header)
{
	header->size_bytes--;
}

static void
more_than_there_is(struct scoreboard_header *header)
{
	header->slots = SCOREBOARD_MAX_SLOTS;
	header->size_bytes = scoreboard_size_bytes(&(struct scoreboard_shape){.slots = header->slots});
}

START_TEST(another_layout_is_refused_with_its_descriptor_closed)
{
	static const struct {
		void (*spoil)(struct scoreboard_header *header);
		const char *why;
	} cases[] = {
		{other_version, "layout of another version"},
		{other_fingerprint, "layout of another version"},
		{other_magic, "is not a scoreboard"},
		{no_slots, "damaged"},
		{too_many_slots, "damaged"},
		{other_size, "damaged"},
		{more_than_there_is, "damaged"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {.text = ""};
		cases[i].spoil(&board->file->header);
		int fd = forget(board);
		ck_assert_ptr_null(scoreboard_adopt(fd, path, MORE_SLOTS, &err));
		ck_assert_msg(strstr(err.text, cases[i].why) != NULL && strstr(err.text, path) != NULL, "case %zu: %s",
		              i, err.text);
		ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
		unlink(path);
		board = create();
	}
}
END_TEST

/* As the service does it: the workers that live still write into the old file, and harm nobody. */
START_TEST(what_was_refused_is_replaced_by_a_new_one)
{
	struct err err;
	bool was_there;
	int ready[2], go[2];
	char byte = 0;
	ck_assert_int_eq(pipe(ready) | pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		bool told = write(ready[1], "", 1) == 1 && read(go[0], &byte, 1) == 0;
		atomic_store(&scoreboard_slot(board, 0)->requests, 55);
		_exit(told && atomic_load(&scoreboard_slot(board, 1)->requests) == 101 ? 0 : 1);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert(scoreboard_fits(scoreboard_fd(board)));
	other_version(&board->file->header);
	ck_assert(!scoreboard_fits(scoreboard_fd(board)));
	ck_assert_ptr_null(scoreboard_adopt(forget(board), path, SLOTS, &err));
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err);
	ck_assert_ptr_nonnull(board);
	ck_assert(was_there);
	close(go[1]);
	ck_assert_int_eq(exit_status_of(pid), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		ck_assert_uint_eq(atomic_load(&scoreboard_slot(board, i)->requests), 0);
	ck_assert_uint_eq(atomic_load(&scoreboard_service(board)->generation), 0);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
}
END_TEST

START_TEST(descriptors_of_something_else_are_refused_and_closed)
{
	int pipes[2], null = open("/dev/null", O_RDWR), closed = dup(null);
	char empty[96];
	snprintf(empty, sizeof empty, "%s/empty", folder);
	ck_assert_int_eq(pipe(pipes), 0);
	const int fds[] = {pipes[1], null, closed, open(empty, O_CREAT | O_RDWR, 0600), open(path, O_RDONLY)};
	close(closed);
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		struct err err = {.text = ""};
		ck_assert_msg(scoreboard_adopt(fds[i], path, SLOTS, &err) == NULL, "case %zu", i);
		ck_assert_ptr_nonnull(strstr(err.text, path));
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), -1);
	}
	close(pipes[0]);
	unlink(empty);
}
END_TEST

/* ---- Other processes meanwhile ---- */

/* A worker from before: it goes on with the slots that it knows. */
static int
go_on(int ready, int go)
{
	struct pool_summary summary;
	char byte;
	slot_claim(scoreboard_slot(board, 0), ROLE_WORKER, 7);
	if (write(ready, "", 1) != 1 || read(go, &byte, 1) != 0 || scoreboard_slots(board) != SLOTS)
		return 1;
	/* The file has grown, and the new slots are lived in. */
	scoreboard_summary(board, ROLE_WORKER, &summary);
	if (board->file->header.slots != MORE_SLOTS || summary.workers != 2)
		return 2;
	atomic_store(&scoreboard_slot(board, 0)->requests, 1234);
	return 0;
}

START_TEST(who_mapped_fewer_slots_goes_on_with_those)
{
	int ready[2], go[2];
	char byte;
	ck_assert_int_eq(pipe(ready) | pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		_exit(go_on(ready[1], go[0]));
	}
	close(go[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	board = adopt(forget(board), MORE_SLOTS);
	slot_claim(scoreboard_slot(board, MORE_SLOTS - 1), ROLE_WORKER, 8);
	ck_assert_int_eq(slot_pid(scoreboard_slot(board, 0)), pid);
	close(go[1]);
	ck_assert_int_eq(exit_status_of(pid), 0);
	ck_assert_uint_eq(atomic_load(&scoreboard_slot(board, 0)->requests), 1234);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* Attached before and after, which only another process may do. */
static int
look_before_and_after(int ready, int go)
{
	struct err err;
	char byte;
	struct scoreboard *before = scoreboard_attach(path, &err);
	if (before == NULL || write(ready, "", 1) != 1 || read(go, &byte, 1) != 0)
		return 1;
	struct scoreboard *after = scoreboard_attach(path, &err);
	if (after == NULL || scoreboard_slots(before) != SLOTS || scoreboard_slots(after) != MORE_SLOTS)
		return 2;
	if (missing(before, getppid()) != NULL || missing(after, getppid()) != NULL)
		return 3;
	scoreboard_close(before);
	scoreboard_close(after);
	return 0;
}

START_TEST(who_attaches_later_sees_all_slots)
{
	int ready[2], go[2];
	char byte;
	ck_assert_int_eq(pipe(ready) | pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		_exit(look_before_and_after(ready[1], go[0]));
	}
	close(go[0]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	board = adopt(forget(board), MORE_SLOTS);
	close(go[1]);
	ck_assert_int_eq(exit_status_of(pid), 0);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* ---- A real exec ---- */

/* The next program: says how it went, and stays until nobody listens any more. */
static int
next_program(const char *fd_text, const char *where)
{
	struct err err;
	char byte;
	struct scoreboard *adopted = scoreboard_adopt(atoi(fd_text), where, MORE_SLOTS, &err);
	bool right = adopted != NULL && missing(adopted, getpid()) == NULL && scoreboard_slots(adopted) == MORE_SLOTS;
	if (write(STDOUT_FILENO, right ? "y" : "n", 1) != 1 || read(STDIN_FILENO, &byte, 1) != 0)
		return 1;
	scoreboard_unlink(adopted);
	scoreboard_close(adopted);
	return 0;
}

static void
create_and_execute(int input, int output)
{
	char text[16];
	scoreboard_close(board);
	unlink(path);
	board = create();
	fill(board);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	fcntl(scoreboard_fd(board), F_SETFD, 0);
	snprintf(text, sizeof text, "%d", scoreboard_fd(board));
	execl("/proc/self/exe", "test_scoreboard_adopt", "next", text, path, NULL);
	_exit(3);
}

START_TEST(contents_and_ownership_survive_an_exec)
{
	struct err err = {.text = ""};
	int to[2], from[2];
	char answer = 0, owner[32];
	bool was_there;
	ck_assert_int_eq(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		create_and_execute(to[0], from[1]);
	close(to[0]);
	close(from[1]);
	ck_assert_int_eq(read(from[0], &answer, 1), 1);
	ck_assert_int_eq(answer, 'y');
	struct scoreboard *seen = scoreboard_attach(path, &err);
	ck_assert_msg(seen != NULL, "%s", err.text);
	ck_assert_ptr_null(missing(seen, pid));
	scoreboard_close(seen);
	ck_assert_ptr_null(scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err));
	snprintf(owner, sizeof owner, "process %ld;", (long)pid);
	ck_assert_msg(strstr(err.text, owner) != NULL, "%s", err.text);
	close(to[1]);
	ck_assert_int_eq(exit_status_of(pid), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	close(from[0]);
}
END_TEST

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "next") == 0)
		return next_program(argv[2], argv[3]);
	Suite *suite = suite_create("scoreboard_adopt");
	TCase *tc = tcase_create("scoreboard_adopt");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, contents_are_kept_and_it_grows_and_never_shrinks);
	tcase_add_test(tc, new_slots_can_be_lived_in);
	tcase_add_test(tc, another_layout_is_refused_with_its_descriptor_closed);
	tcase_add_test(tc, what_was_refused_is_replaced_by_a_new_one);
	tcase_add_test(tc, descriptors_of_something_else_are_refused_and_closed);
	tcase_add_test(tc, who_mapped_fewer_slots_goes_on_with_those);
	tcase_add_test(tc, who_attaches_later_sees_all_slots);
	tcase_add_test(tc, contents_and_ownership_survive_an_exec);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
