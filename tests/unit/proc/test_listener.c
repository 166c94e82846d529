/* test_listener.c - sockets that are absent, stale, served, or something else. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "listener.h"
#include "run_suite.h"

static char directory[] = "/tmp/vt-listen-XXXXXX";
static char path[64], text[80];
static const struct listener_config config = {.backlog = 8, .mode = 0660, .uid = (uid_t)-1, .gid = (gid_t)-1};

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/s", directory);
	snprintf(text, sizeof text, "unix:%s", path);
}

static void
teardown(void)
{
	unlink(path);
	rmdir(directory);
}

static int
open_at(struct listener *listener, const char *where, struct err *err)
{
	struct address address;
	ck_assert_int_eq(address_parse(&address, where, err), 0);
	return listener_open(listener, &address, &config, err);
}

static int
connect_to(const struct address *address)
{
	int fd = socket(address->storage.ss_family, SOCK_STREAM, 0);
	int status = connect(fd, (const struct sockaddr *)&address->storage, address->length);
	int connect_errno = errno;
	close(fd);
	errno = connect_errno;
	return status;
}

START_TEST(a_unix_socket_is_made_with_its_mode_and_removed)
{
	struct listener listener;
	struct err err;
	struct stat st;
	ck_assert_int_eq(open_at(&listener, text, &err), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	ck_assert_int_eq(connect_to(&listener.address), 0);
	ck_assert_int_ne(fcntl(listener.fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC, 0);
	listener_close(&listener, LISTENER_REMOVE_FILE);
	ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

START_TEST(a_served_socket_is_refused_by_name_and_stays)
{
	struct listener first, second;
	struct err err;
	ck_assert_int_eq(open_at(&first, text, &err), 0);
	ck_assert_int_eq(open_at(&second, text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_assert_ptr_nonnull(strstr(err.text, "another process serves"));
	ck_assert_int_eq(connect_to(&first.address), 0);
	listener_close(&first, LISTENER_REMOVE_FILE);
}
END_TEST

START_TEST(a_stale_socket_is_taken_over)
{
	struct listener first, second;
	struct err err;
	ck_assert_int_eq(open_at(&first, text, &err), 0);
	listener_close(&first, LISTENER_KEEP_FILE);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(open_at(&second, text, &err), 0);
	ck_assert_int_eq(connect_to(&second.address), 0);
	listener_close(&second, LISTENER_REMOVE_FILE);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
	struct listener listener;
	struct err err;
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	ck_assert_int_eq(open_at(&listener, text, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "not a socket"));
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_successor_s_socket_is_not_removed)
{
	struct listener first, second;
	struct err err;
	ck_assert_int_eq(open_at(&first, text, &err), 0);
	unlink(path);
	ck_assert_int_eq(open_at(&second, text, &err), 0);
	listener_close(&first, LISTENER_REMOVE_FILE);
	ck_assert_int_eq(access(path, F_OK), 0);
	listener_close(&second, LISTENER_REMOVE_FILE);
}
END_TEST

/* One that nobody listened on a moment ago. */
static void
free_tcp_address(char *where, size_t size)
{
	struct sockaddr_in bound, any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof bound;
	int probe = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(probe, (struct sockaddr *)&any, sizeof any), 0);
	ck_assert_int_eq(getsockname(probe, (struct sockaddr *)&bound, &length), 0);
	close(probe);
	snprintf(where, size, "tcp:127.0.0.1:%d", ntohs(bound.sin_port));
}

START_TEST(a_taken_tcp_port_is_refused_by_name)
{
	struct listener first, second;
	struct err err;
	char where[64];
	free_tcp_address(where, sizeof where);
	ck_assert_int_eq(open_at(&first, where, &err), 0);
	ck_assert_int_eq(open_at(&second, where, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, where));
	listener_close(&first, LISTENER_REMOVE_FILE);
}
END_TEST

/* ---- Renewing ---- */

static void
ck_access(uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, uid);
	ck_assert_uint_eq(st.st_gid, gid);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

START_TEST(an_open_socket_takes_a_new_mode_and_owner)
{
	struct listener listener;
	struct err err = {.text = ""};
	struct listener_config wanted = config;
	ck_assert_int_eq(open_at(&listener, text, &err), 0);
	wanted.mode = 0606;
	ck_assert_msg(listener_renew(&listener, &wanted, &err) == 0, "%s", err.text);
	ck_access(geteuid(), getegid(), 0606);
	if (geteuid() == 0) {
		wanted.uid = 65533;
		ck_assert_msg(listener_renew(&listener, &wanted, &err) == 0, "%s", err.text);
		ck_access(65533, 0, 0606);
		wanted.uid = (uid_t)-1;
		wanted.gid = 65532;
		ck_assert_msg(listener_renew(&listener, &wanted, &err) == 0, "%s", err.text);
		ck_access(65533, 65532, 0606);
	}
	ck_assert_int_eq(connect_to(&listener.address), 0);
	listener_close(&listener, LISTENER_REMOVE_FILE);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* How many fit into the queue; those that are in it stay. */
START_TEST(an_open_socket_takes_a_new_backlog)
{
	struct listener listener;
	struct err err;
	struct listener_config wanted = config;
	int fds[64], queued = 0, tried = 0;
	wanted.backlog = 40;
	ck_assert_int_eq(open_at(&listener, text, &err), 0);
	ck_assert_int_eq(listener_renew(&listener, &wanted, &err), 0);
	for (; tried < 64; tried++) {
		fds[tried] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		queued += connect(fds[tried], (const struct sockaddr *)&listener.address.storage,
		                  listener.address.length) == 0;
	}
	ck_assert_int_eq(queued, wanted.backlog + 1);
	while (tried > 0)
		close(fds[--tried]);
	listener_close(&listener, LISTENER_REMOVE_FILE);
}
END_TEST

static struct listener roots;

/* As the supervisor after a reload, which is RUN_USER by then. */
static int
renew_as_nobody(void)
{
	struct err err = {.text = ""};
	struct listener_config same = config, other = config;
	other.mode = 0666;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 1;
	if (listener_renew(&roots, &same, &err) != 0)
		return 2;
	same.uid = 0;
	same.gid = 0;
	if (listener_renew(&roots, &same, &err) != 0)
		return 3;
	if (listener_renew(&roots, &other, &err) == 0 || strstr(err.text, "LISTEN_MODE: the mode of /tmp/") == NULL)
		return 4;
	other.uid = 65534;
	if (listener_renew(&roots, &other, &err) == 0 || strstr(err.text, "LISTEN_OWNER: the owner of /tmp/") == NULL)
		return 5;
	return 0;
}

START_TEST(what_is_so_already_needs_no_privileges)
{
	struct err err;
	int status;
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(directory, 0755), 0);
	ck_assert_int_eq(open_at(&roots, text, &err), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(renew_as_nobody());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_access(0, 0, 0660);
	ck_assert_int_eq(connect_to(&roots.address), 0);
	listener_close(&roots, LISTENER_REMOVE_FILE);
}
END_TEST

START_TEST(a_file_that_is_not_its_own_is_left_alone)
{
	struct listener listener;
	struct err err = {.text = ""};
	struct listener_config wanted = config;
	wanted.mode = 0606;
	ck_assert_int_eq(open_at(&listener, text, &err), 0);
	unlink(path);
	ck_assert_int_eq(listener_renew(&listener, &wanted, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	close(open(path, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(listener_renew(&listener, &wanted, &err), -1);
	ck_access(geteuid(), getegid(), 0600);
	listener_close(&listener, LISTENER_REMOVE_FILE);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* ---- Refusing ---- */

#define QUEUED 3

/* Clients that have said their number and wait in the queue. */
static void
queue_up(const struct address *address, int clients[QUEUED])
{
	for (int i = 0; i < QUEUED; i++) {
		char byte = (char)('0' + i);
		clients[i] = socket(address->storage.ss_family, SOCK_STREAM, 0);
		ck_assert_int_eq(connect(clients[i], (const struct sockaddr *)&address->storage, address->length), 0);
		ck_assert_int_eq(write(clients[i], &byte, 1), 1);
	}
}

/* Each is accepted, in order, and hears an answer. */
static void
ck_served(const struct listener *listener, int clients[QUEUED])
{
	for (int i = 0; i < QUEUED; i++) {
		char byte = 0;
		int fd = accept(listener->fd, NULL, NULL);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(read(fd, &byte, 1), 1);
		ck_assert_int_eq(byte, '0' + i);
		ck_assert_int_eq(write(fd, "a", 1), 1);
		ck_assert_int_eq(read(clients[i], &byte, 1), 1);
		ck_assert_int_eq(byte, 'a');
		close(fd);
		close(clients[i]);
	}
}

START_TEST(a_unix_socket_refuses_newcomers_and_keeps_its_queue)
{
	struct listener listener;
	struct err err;
	int clients[QUEUED];
	ck_assert_int_eq(open_at(&listener, text, &err), 0);
	queue_up(&listener.address, clients);
	listener_refuse(&listener);
	listener_refuse(&listener);
	ck_assert_int_eq(connect_to(&listener.address), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	ck_served(&listener, clients);
	/* The queue is empty: nobody waits in accept(), nobody comes. */
	ck_assert_int_eq(accept(listener.fd, NULL, NULL), -1);
	ck_assert_int_eq(connect_to(&listener.address), -1);
	ck_assert_int_eq(access(path, F_OK), 0);
	listener_close(&listener, LISTENER_REMOVE_FILE);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* The supervisor refuses for its workers, who accept what is there. */
START_TEST(refusing_is_for_every_process_that_has_the_socket)
{
	struct listener listener;
	struct err err;
	int clients[QUEUED], status;
	ck_assert_int_eq(open_at(&listener, text, &err), 0);
	queue_up(&listener.address, clients);
	pid_t pid = fork();
	if (pid == 0) {
		listener_refuse(&listener);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(connect_to(&listener.address), -1);
	ck_served(&listener, clients);
	listener_close(&listener, LISTENER_REMOVE_FILE);
}
END_TEST

/* What refuses is served by nobody, so a successor need not wait for it. */
START_TEST(a_socket_that_refuses_can_be_taken_over)
{
	struct listener first, second;
	struct err err = {.text = ""};
	ck_assert_int_eq(open_at(&first, text, &err), 0);
	listener_refuse(&first);
	ck_assert_msg(open_at(&second, text, &err) == 0, "%s", err.text);
	listener_close(&first, LISTENER_REMOVE_FILE);
	ck_assert_int_eq(connect_to(&second.address), 0);
	listener_close(&second, LISTENER_REMOVE_FILE);
}
END_TEST

/* The kernel would throw the queue away. */
START_TEST(a_tcp_socket_does_not_refuse_so_that_its_queue_stays)
{
	struct listener listener;
	struct err err;
	char where[64];
	int clients[QUEUED];
	free_tcp_address(where, sizeof where);
	ck_assert_int_eq(open_at(&listener, where, &err), 0);
	queue_up(&listener.address, clients);
	listener_refuse(&listener);
	ck_assert_int_eq(connect_to(&listener.address), 0);
	ck_served(&listener, clients);
	listener_close(&listener, LISTENER_REMOVE_FILE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listener");
	TCase *tc = tcase_create("listener");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_unix_socket_is_made_with_its_mode_and_removed);
	tcase_add_test(tc, a_served_socket_is_refused_by_name_and_stays);
	tcase_add_test(tc, a_stale_socket_is_taken_over);
	tcase_add_test(tc, what_is_no_socket_is_left_alone);
	tcase_add_test(tc, a_successor_s_socket_is_not_removed);
	tcase_add_test(tc, a_taken_tcp_port_is_refused_by_name);
	tcase_add_test(tc, an_open_socket_takes_a_new_mode_and_owner);
	tcase_add_test(tc, an_open_socket_takes_a_new_backlog);
	tcase_add_test(tc, what_is_so_already_needs_no_privileges);
	tcase_add_test(tc, a_file_that_is_not_its_own_is_left_alone);
	tcase_add_test(tc, a_unix_socket_refuses_newcomers_and_keeps_its_queue);
	tcase_add_test(tc, refusing_is_for_every_process_that_has_the_socket);
	tcase_add_test(tc, a_socket_that_refuses_can_be_taken_over);
	tcase_add_test(tc, a_tcp_socket_does_not_refuse_so_that_its_queue_stays);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
