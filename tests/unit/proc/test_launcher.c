/* test_launcher.c - sockets that a launcher gave, taken in a child whose descriptors and environment are the case's. */
#include "launcher.h"

#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "run_suite.h"

#define MAX_GIVEN 4

/* What a child found; shared with it. */
struct outcome {
	int status;
	struct launcher launcher;
	struct listener public[MAX_GIVEN], admin[MAX_GIVEN];
	bool all_non_blocking, all_close_on_exec, all_listen, closed_at_the_end;
	bool environment_is_clear, descriptor_0_is_null;
	int descriptor_0_flags;
	struct err err;
};

struct given {
	int fds[MAX_GIVEN], count;                  /* become descriptors 3, 4 …; -1: closed */
	const char *listen_fds, *names, *other_pid; /* NULL: LISTEN_FDS counts, no names, LISTEN_PID is the child's */
	bool no_variables, without_output;
	int stdin_fd; /* 0: as it is */
};

static char directory[] = "/tmp/vt-launch-XXXXXX";
static char unix_path[64];
static struct outcome *outcome;

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(unix_path, sizeof unix_path, "%s/s", directory);
	outcome = mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(outcome, MAP_FAILED);
}

static void
teardown(void)
{
	unlink(unix_path);
	rmdir(directory);
	munmap(outcome, sizeof *outcome);
}

/* ---- Sockets to give ---- */

/* Out of the way of the descriptors that are given. */
static int
high(int fd)
{
	int moved = fcntl(fd, F_DUPFD, 100);
	ck_assert_int_ge(moved, 100);
	close(fd);
	return moved;
}

static int
tcp_socket(int family, int type, bool listening)
{
	struct sockaddr_storage where = {.ss_family = (sa_family_t)family};
	socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int fd = socket(family, type, 0);
	if (family == AF_INET)
		((struct sockaddr_in *)&where)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&where)->sin6_addr = in6addr_loopback;
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&where, length), 0);
	if (listening)
		ck_assert_int_eq(listen(fd, 8), 0);
	return high(fd);
}

static int
unix_socket(int type)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);
	strcpy(where.sun_path, unix_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return high(fd);
}

/* ---- The child ---- */

static void
set_variables(const struct given *given)
{
	char pid[32], count[32];
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	snprintf(count, sizeof count, "%d", given->count);
	setenv("LISTEN_PID", given->other_pid != NULL ? given->other_pid : pid, 1);
	setenv("LISTEN_FDS", given->listen_fds != NULL ? given->listen_fds : count, 1);
	if (given->names != NULL)
		setenv("LISTEN_FDNAMES", given->names, 1);
}

static void
note_set(const struct launcher_set *set, struct listener *copies)
{
	for (size_t i = 0; i < set->count && i < MAX_GIVEN; i++) {
		int fd = set->listeners[i].fd, listening = 0;
		socklen_t size = sizeof listening;
		copies[i] = set->listeners[i];
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
		outcome->all_listen &= listening == 1;
		outcome->all_non_blocking &= (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
		outcome->all_close_on_exec &= (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
	}
}

static bool
all_closed(const struct listener *listeners, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fcntl(listeners[i].fd, F_GETFD) >= 0)
			return false;
	return true;
}

static void
note_descriptor_0(void)
{
	struct stat st;
	outcome->descriptor_0_is_null = fstat(0, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
	outcome->descriptor_0_flags = fcntl(0, F_GETFD);
}

static void
take_in_child(const struct given *given)
{
	for (int i = 0; i < given->count; i++) {
		close(3 + i);
		if (given->fds[i] >= 0)
			dup2(given->fds[i], 3 + i);
	}
	if (given->stdin_fd > 0)
		dup2(given->stdin_fd, 0);
	if (given->without_output)
		close(STDOUT_FILENO);
	if (!given->no_variables)
		set_variables(given);
	struct launcher launcher;
	outcome->status = launcher_take(&launcher, &outcome->err);
	outcome->launcher = launcher;
	outcome->all_listen = outcome->all_non_blocking = outcome->all_close_on_exec = true;
	note_set(&launcher.public, outcome->public);
	note_set(&launcher.admin, outcome->admin);
	note_descriptor_0();
	outcome->environment_is_clear =
		getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL && getenv("LISTEN_FDNAMES") == NULL;
	launcher_fini(&launcher);
	launcher_fini(&launcher);
	outcome->closed_at_the_end = all_closed(outcome->public, outcome->launcher.public.count) &&
	                             all_closed(outcome->admin, outcome->launcher.admin.count);
}

static void
take(const struct given *given)
{
	int status;
	memset(outcome, 0, sizeof *outcome);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		take_in_child(given);
		_exit(EXIT_SUCCESS);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(outcome->environment_is_clear);
}

static void
expect_taken(enum launcher_kind kind, size_t public, size_t admin)
{
	ck_assert_msg(outcome->status == 0, "%s", outcome->err.text);
	ck_assert_int_eq(outcome->launcher.kind, kind);
	ck_assert_uint_eq(outcome->launcher.public.count, public);
	ck_assert_uint_eq(outcome->launcher.admin.count, admin);
	ck_assert((outcome->launcher.public.listeners != NULL) == (public > 0));
	ck_assert((outcome->launcher.admin.listeners != NULL) == (admin > 0));
	ck_assert(outcome->all_listen && outcome->all_non_blocking && outcome->all_close_on_exec);
	ck_assert(outcome->closed_at_the_end);
}

static void
expect_refused(const char *words)
{
	ck_assert_int_eq(outcome->status, -1);
	ck_assert_msg(strstr(outcome->err.text, words) != NULL, "\"%s\" has no \"%s\"", outcome->err.text, words);
	ck_assert_int_eq(outcome->err.text[strlen(outcome->err.text) - 1], '.');
	ck_assert_int_eq(outcome->launcher.kind, LAUNCHER_NONE);
	ck_assert_ptr_null(outcome->launcher.public.listeners);
	ck_assert_ptr_null(outcome->launcher.admin.listeners);
}

/* ---- systemd ---- */

START_TEST(without_a_launcher_nothing_is_taken)
{
	take(&(struct given){.no_variables = true});
	expect_taken(LAUNCHER_NONE, 0, 0);
}
END_TEST

START_TEST(systemd_s_sockets_are_taken_in_order)
{
	take(&(struct given){.fds = {unix_socket(SOCK_STREAM), tcp_socket(AF_INET, SOCK_STREAM, true),
	                             tcp_socket(AF_INET6, SOCK_STREAM, true)},
	                     .count = 3});
	expect_taken(LAUNCHER_SYSTEMD, 3, 0);
	char text[80];
	snprintf(text, sizeof text, "unix:%s", unix_path);
	ck_assert_str_eq(outcome->public[0].address.text, text);
	ck_assert_int_eq(strncmp(outcome->public[1].address.text, "tcp:127.0.0.1:", 14), 0);
	ck_assert_int_eq(strncmp(outcome->public[2].address.text, "tcp:[::1]:", 10), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(outcome->public[i].fd, 3 + i);
	ck_assert_int_eq(access(unix_path, F_OK), 0);
	ck_assert_uint_eq(outcome->public[0].inode, 0);
}
END_TEST

static const struct {
	const char *names;
	size_t public, admin;
	int first_admin;
} named[] = {
	{"admin:vitals.socket", 1, 1, 3}, {"vitals.socket:admin", 1, 1, 4}, {"admin:admin", 0, 2, 3}, {":", 2, 0, 0},
	{"Admin:admin2", 2, 0, 0},        {"unknown:adminx", 2, 0, 0},
};

START_TEST(the_name_says_which_setting_a_socket_is_for)
{
	take(&(struct given){.fds = {tcp_socket(AF_INET, SOCK_STREAM, true), tcp_socket(AF_INET, SOCK_STREAM, true)},
	                     .count = 2,
	                     .names = named[_i].names});
	expect_taken(LAUNCHER_SYSTEMD, named[_i].public, named[_i].admin);
	if (named[_i].admin > 0)
		ck_assert_int_eq(outcome->admin[0].fd, named[_i].first_admin);
}
END_TEST

START_TEST(another_process_s_sockets_are_left_alone)
{
	take(&(struct given){
		.fds = {tcp_socket(AF_INET, SOCK_STREAM, true)}, .count = 1, .other_pid = "1", .names = "admin"});
	expect_taken(LAUNCHER_NONE, 0, 0);
	ck_assert_ptr_null(outcome->launcher.public.listeners);
}
END_TEST

START_TEST(no_sockets_are_none)
{
	take(&(struct given){.listen_fds = "0"});
	expect_taken(LAUNCHER_NONE, 0, 0);
}
END_TEST

static const struct {
	const char *pid, *fds, *names, *says;
} senseless[] = {
	{"", NULL, NULL, "LISTEN_PID= is no process ID"},
	{"0", NULL, NULL, "LISTEN_PID=0 is no"},
	{"12x", NULL, NULL, "LISTEN_PID=12x is no"},
	{"-4", NULL, NULL, "LISTEN_PID=-4 is no"},
	{"99999999999999999999", NULL, NULL, "is no process ID"},
	{NULL, "", NULL, "LISTEN_FDS= is no number"},
	{NULL, "-1", NULL, "LISTEN_FDS=-1 is no number"},
	{NULL, "1 ", NULL, "LISTEN_FDS=1  is no number"},
	{NULL, "257", NULL, "from 1 to 256"},
	{NULL, "2147483647", NULL, "from 1 to 256"},
	{NULL, "1", "admin:admin", "LISTEN_FDNAMES=admin:admin does not name LISTEN_FDS=1"},
	{NULL, "2", "admin", "LISTEN_FDNAMES=admin does not name LISTEN_FDS=2"},
};

START_TEST(variables_that_make_no_sense_are_refused)
{
	take(&(struct given){.fds = {tcp_socket(AF_INET, SOCK_STREAM, true)},
	                     .count = 1,
	                     .other_pid = senseless[_i].pid,
	                     .listen_fds = senseless[_i].fds,
	                     .names = senseless[_i].names});
	expect_refused(senseless[_i].says);
}
END_TEST

START_TEST(what_cannot_be_served_is_refused_by_name)
{
	int good = tcp_socket(AF_INET, SOCK_STREAM, true), vsock_like = socket(AF_NETLINK, SOCK_RAW, 0);
	const struct {
		int fd;
		const char *says;
	} cases[] = {
		{-1, "descriptor 4, is not open"},
		{high(open("/dev/null", O_RDONLY)), "descriptor 4, is not a socket"},
		{tcp_socket(AF_INET, SOCK_DGRAM, false), "descriptor 4, is not a stream socket"},
		{tcp_socket(AF_INET, SOCK_STREAM, false), "descriptor 4, does not listen"},
		{unix_socket(SOCK_SEQPACKET), "descriptor 4, is not a stream socket"},
		{high(vsock_like), "descriptor 4, is a socket of neither Unix nor TCP"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		take(&(struct given){.fds = {good, cases[i].fd}, .count = 2, .names = "x:admin"});
		expect_refused(cases[i].says);
		ck_assert_ptr_nonnull(strstr(outcome->err.text, "The socket \"admin\" that systemd passed"));
	}
}
END_TEST

/* ---- Descriptor 0 ---- */

START_TEST(a_listening_standard_input_is_moved_away)
{
	take(&(struct given){.no_variables = true, .stdin_fd = unix_socket(SOCK_STREAM)});
	expect_taken(LAUNCHER_DESCRIPTOR_0, 1, 0);
	ck_assert_int_ge(outcome->public[0].fd, 3);
	ck_assert(outcome->descriptor_0_is_null);
	ck_assert_int_eq(outcome->descriptor_0_flags, 0);
	ck_assert_ptr_nonnull(strstr(outcome->public[0].address.text, unix_path));
	ck_assert_int_eq(access(unix_path, F_OK), 0);
}
END_TEST

/* Whoever writes to standard output must not write to clients. */
START_TEST(a_listener_never_becomes_standard_output)
{
	take(&(struct given){
		.no_variables = true, .without_output = true, .stdin_fd = tcp_socket(AF_INET, SOCK_STREAM, true)});
	expect_taken(LAUNCHER_DESCRIPTOR_0, 1, 0);
	ck_assert_int_ge(outcome->public[0].fd, 3);
}
END_TEST

START_TEST(a_standard_input_of_another_kind_stays)
{
	int pipes[2];
	ck_assert_int_eq(pipe(pipes), 0);
	const int kinds[] = {high(pipes[0]), tcp_socket(AF_INET, SOCK_STREAM, false)};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		take(&(struct given){.no_variables = true, .stdin_fd = kinds[i]});
		expect_taken(LAUNCHER_NONE, 0, 0);
		ck_assert(!outcome->descriptor_0_is_null);
	}
}
END_TEST

START_TEST(a_listening_standard_input_that_is_no_stream_is_refused)
{
	take(&(struct given){.no_variables = true, .stdin_fd = unix_socket(SOCK_SEQPACKET)});
	expect_refused("given as standard input");
}
END_TEST

START_TEST(systemd_comes_before_descriptor_0)
{
	take(&(struct given){.fds = {tcp_socket(AF_INET, SOCK_STREAM, true)},
	                     .count = 1,
	                     .stdin_fd = tcp_socket(AF_INET6, SOCK_STREAM, true)});
	expect_taken(LAUNCHER_SYSTEMD, 1, 0);
	ck_assert(!outcome->descriptor_0_is_null);
}
END_TEST

START_TEST(descriptor_0_counts_where_the_variables_are_another_s)
{
	take(&(struct given){.other_pid = "1", .listen_fds = "1", .stdin_fd = tcp_socket(AF_INET, SOCK_STREAM, true)});
	expect_taken(LAUNCHER_DESCRIPTOR_0, 1, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("launcher");
	TCase *tc = tcase_create("launcher");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, without_a_launcher_nothing_is_taken);
	tcase_add_test(tc, systemd_s_sockets_are_taken_in_order);
	tcase_add_loop_test(tc, the_name_says_which_setting_a_socket_is_for, 0, sizeof named / sizeof *named);
	tcase_add_test(tc, another_process_s_sockets_are_left_alone);
	tcase_add_test(tc, no_sockets_are_none);
	tcase_add_loop_test(tc, variables_that_make_no_sense_are_refused, 0, sizeof senseless / sizeof *senseless);
	tcase_add_test(tc, what_cannot_be_served_is_refused_by_name);
	tcase_add_test(tc, a_listening_standard_input_is_moved_away);
	tcase_add_test(tc, a_listener_never_becomes_standard_output);
	tcase_add_test(tc, a_standard_input_of_another_kind_stays);
	tcase_add_test(tc, a_listening_standard_input_that_is_no_stream_is_refused);
	tcase_add_test(tc, systemd_comes_before_descriptor_0);
	tcase_add_test(tc, descriptor_0_counts_where_the_variables_are_another_s);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
