/* test_service_manager.c - messages as a real datagram socket receives them, and what the environment may say. */
#include "service_manager.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "run_suite.h"

static char directory[] = "/tmp/vt-notify-XXXXXX";
static char path[64];
static int receiver;
static struct service_manager manager;
static struct err err;

/* text as in NOTIFY_SOCKET. */
static void
open_receiver(const char *text)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};
	memcpy(where.sun_path, text, strlen(text));
	if (text[0] == '@')
		where.sun_path[0] = '\0';
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(receiver, (struct sockaddr *)&where,
	                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text))),
	                 0);
	setenv("NOTIFY_SOCKET", text, 1);
}

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/notify", directory);
	open_receiver(path);
	ck_assert_int_eq(service_manager_init(&manager, &err), 0);
}

static void
teardown(void)
{
	close(receiver);
	unlink(path);
	rmdir(directory);
}

/* The next datagram as a text; "" where there is none. */
static const char *
received(void)
{
	static char text[2048];
	ssize_t size = recv(receiver, text, sizeof text - 1, 0);
	text[size > 0 ? size : 0] = '\0';
	return text;
}

START_TEST(each_message_is_one_datagram)
{
	ck_assert_int_eq(service_manager_ready(&manager, NULL), 0);
	ck_assert_str_eq(received(), "READY=1");
	ck_assert_int_eq(service_manager_ready(&manager, "4 workers"), 0);
	ck_assert_str_eq(received(), "READY=1\nSTATUS=4 workers");
	ck_assert_int_eq(service_manager_stopping(&manager, NULL), 0);
	ck_assert_str_eq(received(), "STOPPING=1");
	ck_assert_int_eq(service_manager_status(&manager, "busy"), 0);
	ck_assert_str_eq(received(), "STATUS=busy");
	ck_assert_int_eq(service_manager_alive(&manager), 0);
	ck_assert_str_eq(received(), "WATCHDOG=1");
	ck_assert_str_eq(received(), "");
}
END_TEST

START_TEST(reloading_says_when_on_the_monotonic_clock)
{
	int64_t before_us = clock_mono_ns() / 1000, said_us = 0;
	int end = 0;
	ck_assert_int_eq(service_manager_reloading(&manager), 0);
	const char *text = received();
	ck_assert_int_eq(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64 "%n", &said_us, &end), 1);
	ck_assert_int_eq(text[end], '\0');
	ck_assert_int_ge(said_us, before_us);
	ck_assert_int_le(said_us, clock_mono_ns() / 1000);
}
END_TEST

START_TEST(a_status_is_one_line)
{
	char longest[1000];
	ck_assert_int_eq(service_manager_ready(&manager, "one\nMAINPID=1\r\ntwo"), 0);
	ck_assert_str_eq(received(), "READY=1\nSTATUS=one MAINPID=1  two");
	ck_assert_int_eq(service_manager_status(&manager, "\nx"), 0);
	ck_assert_str_eq(received(), "STATUS= x");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	ck_assert_int_eq(service_manager_ready(&manager, longest), 0);
	const char *text = received();
	ck_assert_int_eq(strncmp(text, "READY=1\nSTATUS=xxx", 18), 0);
	ck_assert_uint_lt(strlen(text), 512);
}
END_TEST

START_TEST(an_abstract_address_is_taken)
{
	char name[64];
	snprintf(name, sizeof name, "@vt-notify-%d", (int)getpid());
	close(receiver);
	open_receiver(name);
	ck_assert_int_eq(service_manager_init(&manager, &err), 0);
	ck_assert_int_eq(service_manager_ready(&manager, NULL), 0);
	ck_assert_str_eq(received(), "READY=1");
}
END_TEST

START_TEST(without_a_manager_every_message_succeeds)
{
	const char *const absent[] = {NULL, ""};
	for (size_t i = 0; i < 2; i++) {
		unsetenv("NOTIFY_SOCKET");
		if (absent[i] != NULL)
			setenv("NOTIFY_SOCKET", absent[i], 1);
		setenv("WATCHDOG_USEC", "1000000", 1);
		ck_assert_int_eq(service_manager_init(&manager, &err), 0);
		ck_assert_int_eq(service_manager_ready(&manager, "x"), 0);
		ck_assert_int_eq(service_manager_alive(&manager), 0);
		ck_assert_int_eq(service_manager_watchdog_ms(&manager), 0);
	}
	ck_assert_str_eq(received(), "");
}
END_TEST

START_TEST(the_environment_stays_and_is_not_asked_again)
{
	ck_assert_str_eq(getenv("NOTIFY_SOCKET"), path);
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	ck_assert_int_eq(service_manager_ready(&manager, NULL), 0);
	ck_assert_str_eq(received(), "READY=1");
}
END_TEST

START_TEST(a_manager_that_is_gone_is_an_error_that_does_no_harm)
{
	close(receiver);
	ck_assert_int_eq(service_manager_ready(&manager, NULL), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	unlink(path);
	ck_assert_int_eq(service_manager_ready(&manager, NULL), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(a_manager_that_does_not_read_costs_a_moment)
{
	int64_t start_ns = clock_mono_ns();
	int status = 0;
	for (int i = 0; i < 100000 && status == 0; i++)
		status = service_manager_alive(&manager);
	ck_assert_int_eq(status, -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_lt(clock_mono_ns() - start_ns, 20 * NS_PER_S);
	ck_assert_str_eq(received(), "WATCHDOG=1");
	ck_assert_int_eq(service_manager_alive(&manager), 0);
}
END_TEST

/* One for each message, so that workers inherit nothing. */
START_TEST(no_descriptor_is_kept)
{
	int before = dup(0);
	close(before);
	for (int i = 0; i < 4; i++)
		service_manager_ready(&manager, NULL);
	int after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

static const struct {
	const char *value, *says;
} bad_sockets[] = {
	{"relative", "NOTIFY_SOCKET=relative is neither"},
	{"vsock:2:1234", "NOTIFY_SOCKET=vsock:2:1234 is neither"},
	{"@", "is neither"},
	{"/", "is neither"},
	{"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "too long"},
};

START_TEST(a_bad_socket_is_refused)
{
	setenv("NOTIFY_SOCKET", bad_sockets[_i].value, 1);
	ck_assert_int_eq(service_manager_init(&manager, &err), -1);
	ck_assert_msg(strstr(err.text, bad_sockets[_i].says) != NULL, "%s", err.text);
	ck_assert_int_eq(service_manager_ready(&manager, NULL), 0);
}
END_TEST

static const struct {
	const char *usec, *pid; /* pid "" stands for ours */
	int64_t interval_ms;
	const char *says; /* NULL: taken */
} watchdogs[] = {
	{"30000000", NULL, 15000, NULL},
	{"30000000", "", 15000, NULL},
	{"30000000", "1", 0, NULL},
	{"2000", NULL, 1, NULL},
	{"1", NULL, 1, NULL},
	{"0", NULL, 0, "WATCHDOG_USEC=0 is no time"},
	{"-5", NULL, 0, "WATCHDOG_USEC=-5 is no time"},
	{"10s", NULL, 0, "WATCHDOG_USEC=10s is no time"},
	{"99999999999999999999", NULL, 0, "is no time"},
	{"30000000", "x", 0, "WATCHDOG_PID=x is no process"},
};

START_TEST(the_watchdog_s_time_is_halved)
{
	char ours[32];
	snprintf(ours, sizeof ours, "%d", (int)getpid());
	setenv("WATCHDOG_USEC", watchdogs[_i].usec, 1);
	if (watchdogs[_i].pid != NULL)
		setenv("WATCHDOG_PID", watchdogs[_i].pid[0] == '\0' ? ours : watchdogs[_i].pid, 1);
	ck_assert_int_eq(service_manager_init(&manager, &err), watchdogs[_i].says == NULL ? 0 : -1);
	if (watchdogs[_i].says != NULL)
		ck_assert_msg(strstr(err.text, watchdogs[_i].says) != NULL, "%s", err.text);
	ck_assert_int_eq(service_manager_watchdog_ms(&manager), watchdogs[_i].interval_ms);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("service_manager");
	TCase *tc = tcase_create("service_manager");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_message_is_one_datagram);
	tcase_add_test(tc, reloading_says_when_on_the_monotonic_clock);
	tcase_add_test(tc, a_status_is_one_line);
	tcase_add_test(tc, an_abstract_address_is_taken);
	tcase_add_test(tc, without_a_manager_every_message_succeeds);
	tcase_add_test(tc, the_environment_stays_and_is_not_asked_again);
	tcase_add_test(tc, a_manager_that_is_gone_is_an_error_that_does_no_harm);
	tcase_add_test(tc, a_manager_that_does_not_read_costs_a_moment);
	tcase_add_test(tc, no_descriptor_is_kept);
	tcase_add_loop_test(tc, a_bad_socket_is_refused, 0, sizeof bad_sockets / sizeof *bad_sockets);
	tcase_add_loop_test(tc, the_watchdog_s_time_is_halved, 0, sizeof watchdogs / sizeof *watchdogs);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
