/*
 * test_handover.c - what one program leaves to the next, there and back, and what nobody left.
 *
 * Executes itself, with an argument, as the next program.
 */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "handover.h"
#include "run_suite.h"

#define LISTENERS 3
#define REFUSAL "What VITALS_HANDOVER names is not what a former supervisor left; unset it."

static char directory[64], board_path[96], unix_text[96], tcp_text[64];
static struct handover given;

/* ---- A handover with everything in it ------------------------------------------------------------ */

/* Any descriptor will do for the scoreboard. */
static int
open_something(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
listen_on_tcp(struct listener *listener)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	*listener = (struct listener){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	ck_assert_int_eq(bind(listener->fd, (struct sockaddr *)&any, sizeof any), 0);
	ck_assert_int_eq(listen(listener->fd, 1), 0);
	ck_assert_int_eq(address_of_socket(&listener->address, listener->fd), 0);
	/* As somebody may have written it in the setting. */
	snprintf(tcp_text, sizeof tcp_text, "tcp:localhost%s", strrchr(listener->address.text, ':'));
	snprintf(listener->address.text, sizeof listener->address.text, "%s", tcp_text);
}

static void
listen_on_unix(struct listener *listener, const char *text)
{
	struct listener_config config = {.backlog = 1, .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
	struct address address;
	struct err err = {.text = ""};
	ck_assert_int_eq(address_parse(&address, text, &err), 0);
	ck_assert_msg(listener_open(listener, &address, &config, &err) == 0, "%s", err.text);
}

static void
add_listeners(void)
{
	struct handed_listener handed[LISTENERS] = {
		{.role = ROLE_WORKER}, {.role = ROLE_WORKER, .given = true}, {.role = ROLE_ADMIN}};
	listen_on_unix(&handed[0].listener, unix_text);
	listen_on_tcp(&handed[1].listener);
	/* One more of the same socket, whose numbers are as large as they get. */
	handed[2].listener = handed[0].listener;
	handed[2].listener.fd = fcntl(handed[0].listener.fd, F_DUPFD_CLOEXEC, 0);
	handed[2].listener.device = (dev_t)-1;
	handed[2].listener.inode = (ino_t)-1;
	for (size_t i = 0; i < LISTENERS; i++)
		ck_assert_int_eq(handover_add_listener(&given, &handed[i]), 0);
}

static void
add_workers(void)
{
	static const struct predecessor workers[] = {
		{.index = 0, .pid = 1, .role = ROLE_WORKER, .generation = 0, .started_ns = 1},
		{.index = 4095, .pid = 4194304, .role = ROLE_ADMIN, .generation = UINT32_MAX, .started_ns = INT64_MAX},
	};
	for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
		ck_assert_int_eq(handover_add_predecessor(&given, &workers[i]), 0);
}

static void
setup(void)
{
	struct err err;
	snprintf(directory, sizeof directory, "/tmp/vt handover XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(board_path, sizeof board_path, "%s/a  board ", directory);
	snprintf(unix_text, sizeof unix_text, "unix:%s/a socket", directory);
	given = (struct handover){.renewal = RENEWAL_UPGRADE, .scoreboard_fd = open_something()};
	given.scoreboard_path = strdup(board_path);
	given.log_writer = 4194304;
	given.handoffs[ROLE_ADMIN] = (struct handoff){.send_fd = -1, .receive_fd = -1};
	ck_assert_int_eq(handoff_open(&given.handoffs[ROLE_WORKER], &err), 0);
	add_listeners();
	add_workers();
}

static void
teardown(void)
{
	unsetenv(HANDOVER_VARIABLE);
	handover_close_listeners(&given);
	handover_fini(&given);
	rmdir(directory);
}

/* ---- Handing over and reading -------------------------------------------------------------------- */

static void
name_in_environment(int fd)
{
	char text[16];
	snprintf(text, sizeof text, "%d", fd);
	ck_assert_int_eq(setenv(HANDOVER_VARIABLE, text, 1), 0);
}

static int
write_given(void)
{
	struct err err = {.text = ""};
	int fd = handover_write(&given, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	name_in_environment(fd);
	return fd;
}

static void
ck_same_listener(const struct handed_listener *back, const struct handed_listener *there)
{
	ck_assert_int_eq(back->role, there->role);
	ck_assert_int_eq(back->given, there->given);
	ck_assert_int_eq(back->listener.fd, there->listener.fd);
	ck_assert_uint_eq(back->listener.device, there->listener.device);
	ck_assert_uint_eq(back->listener.inode, there->listener.inode);
	ck_assert_str_eq(back->listener.address.text, there->listener.address.text);
	ck_assert_int_eq(back->listener.address.storage.ss_family, there->listener.address.storage.ss_family);
}

static void
ck_same_worker(const struct predecessor *back, const struct predecessor *there)
{
	ck_assert_uint_eq(back->index, there->index);
	ck_assert_int_eq(back->pid, there->pid);
	ck_assert_int_eq(back->role, there->role);
	ck_assert_uint_eq(back->generation, there->generation);
	ck_assert_int_eq(back->started_ns, there->started_ns);
}

static void
ck_same(const struct handover *back, const struct handover *there)
{
	ck_assert_int_eq(back->renewal, there->renewal);
	ck_assert_int_eq(back->scoreboard_fd, there->scoreboard_fd);
	ck_assert_int_eq(back->log_writer, there->log_writer);
	ck_assert_str_eq(back->scoreboard_path, there->scoreboard_path);
	for (size_t role = 0; role < HANDOVER_ROLES; role++) {
		ck_assert_int_eq(back->handoffs[role].send_fd, there->handoffs[role].send_fd);
		ck_assert_int_eq(back->handoffs[role].receive_fd, there->handoffs[role].receive_fd);
	}
	ck_assert_uint_eq(back->listener_count, there->listener_count);
	for (size_t i = 0; i < back->listener_count; i++)
		ck_same_listener(&back->listeners[i], &there->listeners[i]);
	ck_assert_uint_eq(back->predecessor_count, there->predecessor_count);
	for (size_t i = 0; i < back->predecessor_count; i++)
		ck_same_worker(&back->predecessors[i], &there->predecessors[i]);
}

START_TEST(everything_comes_back_as_it_was_given)
{
	static const enum renewal renewals[] = {RENEWAL_RELOAD, RENEWAL_UPGRADE};
	for (size_t i = 0; i < sizeof renewals / sizeof *renewals; i++) {
		struct handover back;
		struct err err = {.text = ""};
		given.renewal = renewals[i];
		write_given();
		ck_assert_msg(handover_read(&back, &err) == 0, "%s", err.text);
		ck_same(&back, &given);
		ck_assert_str_eq(address_unix_path(&back.listeners[0].listener.address), unix_text + strlen("unix:"));
		handover_fini(&back);
	}
}
END_TEST

START_TEST(as_little_as_possible_comes_back_too)
{
	struct handover least = {.renewal = RENEWAL_RELOAD, .scoreboard_fd = given.scoreboard_fd}, back;
	struct err err;
	for (size_t role = 0; role < HANDOVER_ROLES; role++)
		least.handoffs[role] = (struct handoff){.send_fd = -1, .receive_fd = -1};
	least.scoreboard_path = strdup("/s");
	int fd = handover_write(&least, &err);
	ck_assert_int_ge(fd, 0);
	name_in_environment(fd);
	ck_assert_int_eq(handover_read(&back, &err), 0);
	ck_same(&back, &least);
	handover_fini(&back);
	handover_fini(&least);
}
END_TEST

/* As many as a large service has: the arrays grow, and order is kept. */
START_TEST(many_workers_come_back_in_order)
{
	struct handover back;
	struct err err;
	for (unsigned i = 0; i < SCOREBOARD_MAX_SLOTS; i++)
		ck_assert_int_eq(
			handover_add_predecessor(&given, &(struct predecessor){.index = i, .pid = (pid_t)(i + 1)}), 0);
	write_given();
	ck_assert_int_eq(handover_read(&back, &err), 0);
	ck_same(&back, &given);
	handover_fini(&back);
}
END_TEST

START_TEST(variable_and_memory_file_are_gone_after_the_reading)
{
	struct handover back;
	struct err err;
	int fd = write_given();
	ck_assert_msg(fcntl(fd, F_GETFD) == 0, "the next program would not inherit it");
	ck_assert_int_eq(handover_read(&back, &err), 0);
	ck_assert_ptr_null(getenv(HANDOVER_VARIABLE));
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	handover_fini(&back);
}
END_TEST

START_TEST(without_the_variable_it_is_a_first_start)
{
	struct handover back;
	struct err err;
	memset(&back, 'x', sizeof back);
	ck_assert_int_eq(handover_read(&back, &err), 0);
	ck_assert_int_eq(back.renewal, RENEWAL_NONE);
	ck_assert_int_eq(back.scoreboard_fd, -1);
	ck_assert_int_eq(back.log_writer, 0);
	ck_assert_ptr_null(back.scoreboard_path);
	ck_assert_uint_eq(back.listener_count, 0);
	ck_assert_uint_eq(back.predecessor_count, 0);
	for (size_t role = 0; role < HANDOVER_ROLES; role++) {
		ck_assert_int_eq(back.handoffs[role].send_fd, -1);
		ck_assert_int_eq(back.handoffs[role].receive_fd, -1);
	}
	handover_close_listeners(&back);
	handover_fini(&back);
	handover_fini(&back);
}
END_TEST

/* ---- Descriptors --------------------------------------------------------------------------------- */

/* FD_CLOEXEC or 0, which all of it must have. */
static void
ck_marked(const struct handover *handover, int flag)
{
	ck_assert_int_eq(fcntl(handover->scoreboard_fd, F_GETFD), flag);
	ck_assert_int_eq(fcntl(handover->handoffs[ROLE_WORKER].send_fd, F_GETFD), flag);
	ck_assert_int_eq(fcntl(handover->handoffs[ROLE_WORKER].receive_fd, F_GETFD), flag);
	for (size_t i = 0; i < handover->listener_count; i++)
		ck_assert_int_eq(fcntl(handover->listeners[i].listener.fd, F_GETFD), flag);
}

START_TEST(everything_is_marked_for_the_next_program_and_back)
{
	ck_marked(&given, FD_CLOEXEC);
	handover_mark(&given, HANDOVER_KEEP);
	ck_marked(&given, 0);
	handover_mark(&given, HANDOVER_CLOSE);
	ck_marked(&given, FD_CLOEXEC);
}
END_TEST

START_TEST(everything_is_close_on_exec_after_the_reading)
{
	struct handover back;
	struct err err;
	write_given();
	handover_mark(&given, HANDOVER_KEEP);
	ck_assert_int_eq(handover_read(&back, &err), 0);
	ck_marked(&back, FD_CLOEXEC);
	handover_fini(&back);
}
END_TEST

/* The next program: has it all? */
static int
next_program(const char *place)
{
	struct handover back;
	struct err err;
	if (handover_read(&back, &err) != 0 || back.renewal != RENEWAL_UPGRADE || back.listener_count != LISTENERS)
		return 1;
	if (strcmp(back.scoreboard_path, place) != 0 || fcntl(back.scoreboard_fd, F_GETFD) != FD_CLOEXEC)
		return 2;
	for (size_t i = 0; i < LISTENERS; i++) {
		int listening = 0;
		socklen_t size = sizeof listening;
		if (getsockopt(back.listeners[i].listener.fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 ||
		    !listening || fcntl(back.listeners[i].listener.fd, F_GETFD) != FD_CLOEXEC)
			return 3;
	}
	if (write(back.handoffs[ROLE_WORKER].send_fd, "x", 1) != 1)
		return 4;
	handover_fini(&back);
	return getenv(HANDOVER_VARIABLE) == NULL ? 0 : 5;
}

START_TEST(the_next_program_has_everything)
{
	int status;
	char byte;
	write_given();
	pid_t pid = fork();
	if (pid == 0) {
		handover_mark(&given, HANDOVER_KEEP);
		execl("/proc/self/exe", "test_handover", "next", board_path, NULL);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "the next program: %#x", (unsigned)status);
	ck_assert_int_eq(read(given.handoffs[ROLE_WORKER].receive_fd, &byte, 1), 1);
	/* This program's own are as they were. */
	ck_marked(&given, FD_CLOEXEC);
}
END_TEST

START_TEST(listeners_that_nobody_took_are_closed_and_only_files_of_ours_removed)
{
	static const char *const names[] = {"ours", "given", "taken", "replaced"};
	enum { OURS, GIVEN, TAKEN, REPLACED, COUNT };
	struct handover left = {.scoreboard_fd = -1};
	struct listener successor;
	char text[128];
	int fds[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		struct handed_listener handed = {.role = ROLE_WORKER};
		snprintf(text, sizeof text, "unix:%s/%s", directory, names[i]);
		listen_on_unix(&handed.listener, text);
		fds[i] = handed.listener.fd;
		if (i == GIVEN)
			handed.listener.inode = handed.listener.device = 0;
		if (i == TAKEN)
			handed.listener.fd = -1;
		ck_assert_int_eq(handover_add_listener(&left, &handed), 0);
	}
	unlink(text + strlen("unix:"));
	listen_on_unix(&successor, text);
	handover_close_listeners(&left);
	for (size_t i = 0; i < COUNT; i++) {
		ck_assert_msg((fcntl(fds[i], F_GETFD) >= 0) == (i == TAKEN), "%s", names[i]);
		snprintf(text, sizeof text, "%s/%s", directory, names[i]);
		ck_assert_msg((access(text, F_OK) == 0) == (i != OURS), "%s", names[i]);
		unlink(text);
	}
	handover_close_listeners(&left);
	handover_fini(&left);
}
END_TEST

/* ---- What nobody left ---------------------------------------------------------------------------- */

/* B: the scoreboard's descriptor; L: a listener's; N: nothing is open there. */
#define HEAD "vitals-handover 1\nrenewal reload\nscoreboard B /s\n"

static int
memory_file(const char *contents, size_t size)
{
	int fd = memfd_create("test", 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, contents, size), (ssize_t)size);
	return fd;
}

static int
memory_file_of(const char *format)
{
	char contents[1024];
	size_t size = 0;
	int nothing = open_something();
	close(nothing);
	for (; *format != '\0'; format++) {
		char *end = contents + size;
		size_t room = sizeof contents - size;
		int number = *format == 'B'   ? given.scoreboard_fd
		             : *format == 'L' ? given.listeners[0].listener.fd
		             : *format == 'N' ? nothing
		                              : -1;
		size += (size_t)(number >= 0 ? snprintf(end, room, "%d", number) : snprintf(end, room, "%c", *format));
	}
	return memory_file(contents, size);
}

static void
ck_refused(const char *what)
{
	struct handover back;
	struct err err = {.text = ""};
	ck_assert_msg(handover_read(&back, &err) == -1, "taken: %s", what);
	ck_assert_msg(strcmp(err.text, REFUSAL) == 0, "%s: %s", what, err.text);
	ck_assert_ptr_null(getenv(HANDOVER_VARIABLE));
	handover_fini(&back);
}

START_TEST(contents_that_nobody_left_are_refused)
{
	static const char *const contents[] = {
		"",
		"\n",
		"something else\n",
		"vitals-handover\n",
		"vitals-handover one\n",
		"vitals-handover 2\nrenewal reload\nscoreboard B /s\n",
		"renewal reload\nscoreboard B /s\nvitals-handover 1\n",
		"vitals-handover 1\n",
		"vitals-handover 1",
		"vitals-handover 1\nrenewal reload\n",
		"vitals-handover 1\nscoreboard B /s\n",
		"vitals-handover 1\nrenewal none\nscoreboard B /s\n",
		"vitals-handover 1\nrenewal reloaded\nscoreboard B /s\n",
		"vitals-handover 1\nrenewal \nscoreboard B /s\n",
		"vitals-handover 1\nrenewal reload\nscoreboard\n",
		"vitals-handover 1\nrenewal reload\nscoreboard x /s\n",
		"vitals-handover 1\nrenewal reload\nscoreboard -1 /s\n",
		"vitals-handover 1\nrenewal reload\nscoreboard 4294967296 /s\n",
		"vitals-handover 1 \nrenewal reload\nscoreboard B /s\n",
		"vitals-handover 11\nrenewal reload\nscoreboard B /s\n",
		"vitals-handover 1\nrenewal reload\nscoreboard B\n",
		"vitals-handover 1\nrenewal reload\nscoreboard B \n",
		HEAD "handoff 0 5\n",
		HEAD "handoff 2 5 6\n",
		HEAD "handoff -1 5 6\n",
		HEAD "handoff \n",
		HEAD "listener 0 0 N 1 1 unix:/s\n",
		HEAD "listener 0 0 B 1 1 unix:/s\n", /* no socket */
		HEAD "listener 0 0 -1 1 1 unix:/s\n",
		HEAD "listener 2 0 L 1 1 unix:/s\n",
		HEAD "listener -1 0 L 1 1 unix:/s\n",
		HEAD "listener 0 0 L 1 unix:/s\n",
		HEAD "listener 0 0 L 1 1\n",
		HEAD "listener 0 0 L 1 1 \n",
		HEAD "listener x\n",
		HEAD "worker 0 1 0 1\n",
		HEAD "worker 0 0 0 1 1\n",
		HEAD "worker 0 -1 0 1 1\n",
		HEAD "worker 0 1 2 1 1\n",
		HEAD "worker x 1 0 1 1\n",
		HEAD "worker 4294967296 1 0 1 1\n",
		HEAD "worker 0 2147483648 0 1 1\n",
		HEAD "worker 0 1 0 4294967296 1\n",
		HEAD "worker 0 1 0 1 9223372036854775808\n",
		HEAD "worker 0 1 0 1 18446744073709551616\n",
		HEAD "worker 0 1 18446744073709551616 1 1\n",
		HEAD "worker 0 1 0 -1 1\n",
		HEAD "worker 0 +1 0 1 1\n",
		HEAD "worker  0 1 0 1 1\n",
		HEAD "worker 0 1 0 1 1x\n",
		HEAD "worker 0 1 0 0x1 1\n",
		HEAD "handoff 0 2147483648 6\n",
		HEAD "handoff 0 5 2147483648\n",
		HEAD "listener 0 0 4294967296 1 1 unix:/s\n",
		HEAD "listener 0 0 L -1 1 unix:/s\n",
		HEAD "listener 0 0 L 1 18446744073709551616 unix:/s\n",
		HEAD "log-writer 0\n",
		HEAD "log-writer -1\n",
		HEAD "log-writer 2147483648\n",
		HEAD "log-writer \n",
		HEAD "log-writer 1x\n",
		HEAD "worker 0 1 0 1 1\nworker\t\nworker \n",
	};
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		int fd = memory_file_of(contents[i]);
		name_in_environment(fd);
		ck_refused(contents[i]);
		ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	}
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused)
{
	static char noise[65536];
	for (int round = 0; round < 64; round++) {
		for (size_t i = 0; i < sizeof noise; i++)
			noise[i] = (char)(round == 0 ? 0 : (i * 2654435761U + (unsigned)round * 40503U) >> round % 24);
		name_in_environment(memory_file(noise, sizeof noise));
		ck_refused("noise");
	}
}
END_TEST

START_TEST(names_of_no_memory_file_are_refused)
{
	static const char *const names[] = {"",
	                                    "x",
	                                    "-1",
	                                    "0",
	                                    "1",
	                                    "2",
	                                    "7x",
	                                    "3.5",
	                                    "1000000",
	                                    "2147483648",
	                                    "0x10",
	                                    "4294967299",
	                                    "99999999999999999999999999"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		ck_assert_int_eq(setenv(HANDOVER_VARIABLE, names[i], 1), 0);
		ck_refused(names[i]);
	}
}
END_TEST

START_TEST(a_good_file_is_not_found_under_a_bad_name)
{
	char name[32];
	struct handover back;
	struct err err;
	int fd = memory_file_of(HEAD), input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	static const char *const tails[] = {" ", "x", ",", ".0"};
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(name, sizeof name, "%d%s", fd, tails[i]);
		setenv(HANDOVER_VARIABLE, name, 1);
		ck_refused(name);
	}
	snprintf(name, sizeof name, "%ld", (1L << 32) + fd);
	setenv(HANDOVER_VARIABLE, name, 1);
	ck_refused(name);
	/* A program that was started without standard input would have something else there. */
	ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	setenv(HANDOVER_VARIABLE, "0", 1);
	ck_refused("standard input");
	dup2(input, STDIN_FILENO);
	close(input);
	name_in_environment(fd);
	ck_assert_int_eq(handover_read(&back, &err), 0);
	handover_fini(&back);
}
END_TEST

START_TEST(descriptors_of_something_else_are_refused_and_stay_open)
{
	int pipes[2], folder = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	const int fds[] = {pipes[0], pipes[1], folder, given.scoreboard_fd, given.listeners[0].listener.fd};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		name_in_environment(fds[i]);
		ck_refused("something else");
		ck_assert_int_ge(fcntl(fds[i], F_GETFD), 0);
	}
	close(pipes[0]);
	close(pipes[1]);
	close(folder);
}
END_TEST

START_TEST(lines_of_an_unknown_kind_are_passed_over)
{
	static const char *const contents[] = {
		HEAD,
		HEAD "weather fine\n",
		HEAD "\n\n",
		HEAD "workers 5\nlisteners\nrenewals none\nscoreboards\n",
		"vitals-handover 1\nunknown 1 2 3\nrenewal reload\n \nscoreboard B /s\nworker 3 4 0 5 6",
	};
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
		struct handover back;
		struct err err = {.text = ""};
		name_in_environment(memory_file_of(contents[i]));
		ck_assert_msg(handover_read(&back, &err) == 0, "case %zu: %s", i, err.text);
		ck_assert_int_eq(back.renewal, RENEWAL_RELOAD);
		ck_assert_int_eq(back.scoreboard_fd, given.scoreboard_fd);
		ck_assert_str_eq(back.scoreboard_path, "/s");
		ck_assert_uint_eq(back.listener_count, 0);
		ck_assert_uint_eq(back.predecessor_count, i == 4 ? 1 : 0);
		handover_fini(&back);
	}
}
END_TEST

static void
add_reading(Suite *suite)
{
	TCase *tc = tcase_create("reading");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, contents_that_nobody_left_are_refused);
	tcase_add_test(tc, bytes_that_are_no_text_are_refused);
	tcase_add_test(tc, names_of_no_memory_file_are_refused);
	tcase_add_test(tc, a_good_file_is_not_found_under_a_bad_name);
	tcase_add_test(tc, descriptors_of_something_else_are_refused_and_stay_open);
	tcase_add_test(tc, lines_of_an_unknown_kind_are_passed_over);
	suite_add_tcase(suite, tc);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "next") == 0)
		return next_program(argv[2]);
	Suite *suite = suite_create("handover");
	TCase *tc = tcase_create("handover");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, everything_comes_back_as_it_was_given);
	tcase_add_test(tc, as_little_as_possible_comes_back_too);
	tcase_add_test(tc, many_workers_come_back_in_order);
	tcase_add_test(tc, variable_and_memory_file_are_gone_after_the_reading);
	tcase_add_test(tc, without_the_variable_it_is_a_first_start);
	tcase_add_test(tc, everything_is_marked_for_the_next_program_and_back);
	tcase_add_test(tc, everything_is_close_on_exec_after_the_reading);
	tcase_add_test(tc, the_next_program_has_everything);
	tcase_add_test(tc, listeners_that_nobody_took_are_closed_and_only_files_of_ours_removed);
	suite_add_tcase(suite, tc);
	add_reading(suite);
	return run_suite(suite);
}
