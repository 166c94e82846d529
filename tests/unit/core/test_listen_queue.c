/* test_listen_queue.c - real sockets of each family: what waits is counted, what is accepted is not. */
#include "listen_queue.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "run_suite.h"

#define BACKLOG 8
#define MAX_CLIENTS 32
#define WAIT_MS 5000

struct place {
	const char *what;
	int family;
	bool abstract;
};

static const struct place places[] = {
	{"a Unix path", AF_UNIX, false},
	{"an abstract Unix name", AF_UNIX, true},
	{"TCP over IPv4", AF_INET, false},
	{"TCP over IPv6", AF_INET6, false},
};

static char folder[64], path[96];
static struct sockaddr_storage address;
static socklen_t address_size;
static int listener;
static int clients[MAX_CLIENTS];
static size_t client_count;

static void
setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/vt_queue_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/socket", folder);
	listener = -1;
	client_count = 0;
}

static void
teardown(void)
{
	while (client_count > 0)
		close(clients[--client_count]);
	close(listener);
	unlink(path);
	rmdir(folder);
}

static void
name_unix(bool abstract)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)&address;
	sun->sun_family = AF_UNIX;
	size_t size = strlen(path);
	memcpy(sun->sun_path + abstract, path, size);
	address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + abstract);
}

/* A port that the kernel chooses. */
static void
name_tcp(int family)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&address;
	if (family == AF_INET) {
		*sin = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		address_size = sizeof *sin;
	} else {
		*sin6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
		address_size = sizeof *sin6;
	}
}

/* False: this machine has no such family. */
static bool
open_listener(const struct place *place)
{
	memset(&address, 0, sizeof address);
	if (place->family == AF_UNIX)
		name_unix(place->abstract);
	else
		name_tcp(place->family);
	listener = socket(place->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, address_size) != 0) {
		ck_assert_msg(errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL, "%s: %s", place->what, strerror(errno));
		return false;
	}
	ck_assert_int_eq(listen(listener, BACKLOG), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &address_size), 0);
	return true;
}

static void
connect_one(const char *what)
{
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	clients[client_count++] = fd;
	ck_assert_msg(connect(fd, (const struct sockaddr *)&address, address_size) == 0, "%s: %s", what,
	              strerror(errno));
}

/* The last segment of a TCP handshake may still be on its way when connect() returns. */
static void
expect(const char *what, unsigned pending)
{
	struct listen_queue queue;
	int64_t deadline_ns = deadline_in_ms(WAIT_MS);
	do {
		ck_assert_msg(listen_queue_read(listener, &queue) == 0, "%s: %s", what, strerror(errno));
		ck_assert_msg(queue.capacity == BACKLOG, "%s: capacity %u", what, queue.capacity);
	} while (queue.pending != pending && clock_mono_ns() < deadline_ns);
	ck_assert_msg(queue.pending == pending, "%s: %u wait, not %u", what, queue.pending, pending);
}

START_TEST(test_what_waits_is_counted)
{
	const char *what = places[_i].what;
	if (!open_listener(&places[_i]))
		return;
	expect(what, 0);
	for (unsigned n = 1; n <= BACKLOG; n++) {
		connect_one(what);
		expect(what, n);
	}
	int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(accepted, 0);
	expect(what, BACKLOG - 1);
	close(accepted);
	expect(what, BACKLOG - 1);
}
END_TEST

/* A connection whose client has left still waits: accept() will give it. */
START_TEST(test_who_left_still_waits)
{
	ck_assert(open_listener(&places[0]));
	connect_one("");
	connect_one("");
	close(clients[--client_count]);
	expect("", 2);
}
END_TEST

static void
refuses(int fd, int error)
{
	struct listen_queue queue = {.pending = 77, .capacity = 77};
	errno = 0;
	ck_assert_int_eq(listen_queue_read(fd, &queue), -1);
	ck_assert_msg(errno == error, "%s, not %s", strerror(errno), strerror(error));
	ck_assert_uint_eq(queue.pending, 77);
}

START_TEST(test_what_has_no_queue)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int talking = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	refuses(-1, EBADF);
	refuses(file, ENOTSOCK);
	refuses(talking, EINVAL);
	refuses(datagram, EINVAL);
	close(file);
	close(talking);
	close(datagram);
}
END_TEST

static int
lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

START_TEST(test_nothing_stays_open)
{
	ck_assert(open_listener(&places[0]));
	int before = lowest_free_fd();
	for (int i = 0; i < 100; i++)
		expect("", 0);
	ck_assert_int_eq(lowest_free_fd(), before);
	/* Where there is no descriptor left, that is what is said. */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)before, (rlim_t)before}), 0);
	refuses(listener, EMFILE);
}
END_TEST

/* Needs the right to make a network namespace; without it there is nothing to see here. */
START_TEST(test_another_network_namespace)
{
	struct listen_queue queue;
	ck_assert(open_listener(&places[0]));
	connect_one("");
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (unshare(CLONE_NEWNET) != 0)
			_exit(0);
		_exit(listen_queue_read(listener, &queue) == -1 && errno == ENOENT ? 0 : 1);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listen_queue");
	TCase *tc = tcase_create("listen_queue");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_what_waits_is_counted, 0, (int)(sizeof places / sizeof places[0]));
	tcase_add_test(tc, test_who_left_still_waits);
	tcase_add_test(tc, test_what_has_no_queue);
	tcase_add_test(tc, test_nothing_stays_open);
	tcase_add_test(tc, test_another_network_namespace);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
