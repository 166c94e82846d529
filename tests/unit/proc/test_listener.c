/* test_listener.c - sockets that are absent, stale, served, or something else. */
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
	close(fd);
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

START_TEST(a_taken_tcp_port_is_refused_by_name)
{
	struct listener first, second;
	struct err err;
	struct sockaddr_in bound;
	socklen_t length = sizeof bound;
	char where[64];
	int probe = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ck_assert_int_eq(bind(probe, (struct sockaddr *)&any, sizeof any), 0);
	ck_assert_int_eq(getsockname(probe, (struct sockaddr *)&bound, &length), 0);
	close(probe);
	snprintf(where, sizeof where, "tcp:127.0.0.1:%d", ntohs(bound.sin_port));
	ck_assert_int_eq(open_at(&first, where, &err), 0);
	ck_assert_int_eq(open_at(&second, where, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, where));
	listener_close(&first, LISTENER_REMOVE_FILE);
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
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
