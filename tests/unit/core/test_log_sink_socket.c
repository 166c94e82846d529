/* test_log_sink_socket.c - sinks that send messages, against sockets of this process's own. */
#include "log_sink.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "log_batch.h"
#include "log_form.h"
#include "run_suite.h"
#include "vitals.h"

static char dir[64], path[96], where[160];
static struct log_sink sink;
static struct log_batch batch;
static char got[1 << 17];

static void
setup(void)
{
	strcpy(dir, "/tmp/test_log_sink.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/s", dir);
	ck_assert_int_eq(log_batch_init(&batch, 262144), 0);
}

static void
teardown(void)
{
	log_batch_fini(&batch);
	unlink(path);
	rmdir(dir);
}

static int
receiver(int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	strcpy(address.sun_path, path);
	unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert(type != SOCK_STREAM || listen(fd, 8) == 0);
	return fd;
}

static void
open_sink(const char *kind, const char *options)
{
	struct err err = {""};
	snprintf(where, sizeof where, "%s:server=unix:%s%s", kind, path, options);
	const struct log_sink_config config = {.where = where, .app_name = "app"};
	ck_assert_msg(log_sink_open(&sink, &config, &err) == 0, "%s", err.text);
}

static void
add(const char *text, enum vt_level level)
{
	char *place = log_batch_add(&batch, strlen(text), (uint8_t)level);
	ck_assert_ptr_nonnull(place);
	memcpy(place, text, strlen(text));
}

static const char *
received(int fd)
{
	ssize_t n = recv(fd, got, sizeof got - 1, 0);
	got[n > 0 ? n : 0] = '\0';
	return n >= 0 ? got : NULL;
}

static const char *
json_in(const char *message)
{
	ck_assert_ptr_nonnull(message);
	return strchr(message, '{');
}

/* ---- Datagrams ---------------------------------------------------------------------------------- */

START_TEST(a_datagram_a_record)
{
	int fd = receiver(SOCK_DGRAM);
	open_sink("syslog", "");
	add("{\"a\":1}\n", VT_INFO);
	add("{\"a\":2}\n", VT_ERROR_LEVEL);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert(log_batch_done(&batch));
	const char *first = received(fd);
	ck_assert_int_eq(strncmp(first, "<30>1 - ", 8), 0);
	ck_assert_str_eq(json_in(first), "{\"a\":1}");
	const char *second = received(fd);
	ck_assert_int_eq(strncmp(second, "<27>1 - ", 8), 0);
	ck_assert_str_eq(json_in(second), "{\"a\":2}");
	ck_assert_ptr_null(received(fd));
	ck_assert_uint_eq(batch.refused, 0);
	log_sink_close(&sink);
	log_sink_close(&sink);
	close(fd);
}
END_TEST

/* Nobody there at first, then one that goes and another that comes. */
START_TEST(connects_again)
{
	open_sink("syslog", "");
	add("{\"a\":1}\n", VT_INFO);
	ck_assert(!log_sink_put(&sink, &batch));
	ck_assert_int_eq(log_sink_wait_fd(&sink), -1);
	ck_assert_uint_eq(batch.done_bytes, 0);
	int fd = receiver(SOCK_DGRAM);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_str_eq(json_in(received(fd)), "{\"a\":1}");
	close(fd);
	add("{\"a\":2}\n", VT_INFO);
	ck_assert(!log_sink_put(&sink, &batch));
	fd = receiver(SOCK_DGRAM);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_str_eq(json_in(received(fd)), "{\"a\":2}");
	/* Between two puts: nothing is lost of the one that meets the dead socket. */
	close(fd);
	fd = receiver(SOCK_DGRAM);
	add("{\"a\":3}\n", VT_INFO);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_str_eq(json_in(received(fd)), "{\"a\":3}");
	log_sink_close(&sink);
	close(fd);
}
END_TEST

static void
fill(void)
{
	for (int i = 0; i < 2000; i++) {
		char text[64];
		snprintf(text, sizeof text, "{\"number\":%d,\"padding\":\"0123456789\"}\n", i);
		add(text, VT_INFO);
	}
}

/* Whole records in order, none lost, none doubled, and poll() tells when there is room. */
START_TEST(waits_for_a_receiver_that_does_not_read)
{
	int fd = receiver(SOCK_DGRAM), next = 0, blocked = 0;
	open_sink("syslog", "");
	fill();
	while (!log_sink_put(&sink, &batch)) {
		const char *message;
		struct pollfd room = {.fd = log_sink_wait_fd(&sink), .events = POLLOUT};
		blocked++;
		ck_assert_int_ge(room.fd, 0);
		ck_assert_int_eq(poll(&room, 1, 0), 0);
		while ((message = received(fd)) != NULL)
			ck_assert_int_eq(atoi(json_in(message) + 10), next++);
		ck_assert_int_eq(poll(&room, 1, 0), 1);
	}
	for (const char *message; (message = received(fd)) != NULL;)
		ck_assert_int_eq(atoi(json_in(message) + 10), next++);
	ck_assert_int_gt(blocked, 0);
	ck_assert_int_eq(next, 2000);
	log_sink_close(&sink);
	close(fd);
}
END_TEST

static void
add_large(char filler)
{
	static char text[12000];
	int n = snprintf(text, sizeof text, "{\"a\":\"");
	memset(text + n, filler, sizeof text - (size_t)n);
	memcpy(text + sizeof text - 4, "\"}\n", 4);
	add(text, VT_INFO);
}

static void
make_small_buffer(void)
{
	const int size = 1;
	ck_assert_int_eq(setsockopt(sink.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

/* A datagram that the kernel would never take, and a record that cannot be cut: what comes behind goes on. */
START_TEST(refuses_what_can_never_be_sent)
{
	int fd = receiver(SOCK_DGRAM);
	open_sink("syslog", ",size=16384");
	make_small_buffer();
	add_large('x');
	add("{\"a\":2}\n", VT_INFO);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_uint_eq(batch.refused, 1);
	ck_assert_str_eq(json_in(received(fd)), "{\"a\":2}");
	log_sink_close(&sink);
	open_sink("syslog", "");
	log_batch_reset(&batch);
	ck_assert_uint_eq(batch.refused, 0);
	add_large('x');
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_uint_eq(batch.refused, 1);
	ck_assert_ptr_null(received(fd));
	log_sink_close(&sink);
	close(fd);
}
END_TEST

START_TEST(a_reopened_sink_connects_anew)
{
	int old = receiver(SOCK_DGRAM);
	open_sink("syslog", "");
	int fresh = receiver(SOCK_DGRAM);
	add("{\"a\":1}\n", VT_INFO);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_ptr_nonnull(received(old));
	ck_assert_int_eq(log_sink_reopen(&sink, NULL), 0);
	log_sink_untear(&sink, &batch);
	add("{\"a\":2}\n", VT_INFO);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_ptr_null(received(old));
	ck_assert_str_eq(json_in(received(fresh)), "{\"a\":2}");
	log_sink_close(&sink);
	close(old);
	close(fresh);
}
END_TEST

/* ---- A stream ----------------------------------------------------------------------------------- */

START_TEST(a_stream_has_a_line_a_record)
{
	int listener = receiver(SOCK_STREAM);
	open_sink("syslog", "");
	int fd = accept(listener, NULL, NULL);
	add("{\"a\":1}\n", VT_INFO);
	add("{\"a\":2}\n", VT_INFO);
	ck_assert(log_sink_put(&sink, &batch));
	char *text = strchr(received(fd), '{');
	ck_assert_int_eq(strncmp(text, "{\"a\":1}\n<30>1 - ", 16), 0);
	ck_assert_str_eq(strchr(text + 1, '{'), "{\"a\":2}\n");
	close(fd);
	add("{\"a\":3}\n", VT_INFO);
	ck_assert(log_sink_put(&sink, &batch));
	fd = accept(listener, NULL, NULL);
	ck_assert_str_eq(json_in(received(fd)), "{\"a\":3}\n");
	log_sink_close(&sink);
	close(fd);
	close(listener);
}
END_TEST

/* A message that was begun and cannot be ended is sent again, whole, on another connection. */
START_TEST(no_message_is_left_half_sent)
{
	int listener = receiver(SOCK_STREAM);
	open_sink("syslog", ",size=16384");
	int fd = accept(listener, NULL, NULL);
	make_small_buffer();
	add_large('x');
	bool done = log_sink_put(&sink, &batch);
	ck_assert(done);
	size_t part = 0;
	for (ssize_t n; (n = read(fd, got, sizeof got)) > 0;)
		part += (size_t)n;
	ck_assert_uint_gt(part, 0);
	ck_assert_uint_lt(part, 11000);
	close(fd);
	fd = accept(listener, NULL, NULL);
	ck_assert_str_eq(json_in(received(fd)) + 11995, "x\"}\n");
	log_sink_close(&sink);
	close(fd);
	close(listener);
}
END_TEST

/* Two processes never share a stream. */
START_TEST(a_child_connects_for_itself)
{
	int listener = receiver(SOCK_STREAM), status;
	open_sink("syslog", "");
	int parents = accept(listener, NULL, NULL);
	add("{\"a\":1}\n", VT_INFO);
	pid_t pid = fork();
	if (pid == 0)
		_exit(log_sink_put(&sink, &batch) ? 0 : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	fcntl(parents, F_SETFL, O_NONBLOCK);
	ck_assert_ptr_null(received(parents));
	int childs = accept(listener, NULL, NULL);
	ck_assert_str_eq(json_in(received(childs)), "{\"a\":1}\n");
	log_sink_close(&sink);
	close(parents);
	close(childs);
	close(listener);
}
END_TEST

/* ---- The journal -------------------------------------------------------------------------------- */

static int
received_file(int fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = got, .iov_len = sizeof got};
	struct msghdr header = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	int file = -1;
	ck_assert_int_eq(recvmsg(fd, &header, 0), 0);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&header));
	memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof file);
	return file;
}

START_TEST(a_large_entry_goes_in_a_sealed_file)
{
	int fd = receiver(SOCK_DGRAM);
	open_sink("journald", "");
	add("{\"message\":\"small\"}\n", VT_INFO);
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_ptr_nonnull(strstr(received(fd), "MESSAGE=small\n"));
	make_small_buffer();
	add_large('y');
	ck_assert(log_sink_put(&sink, &batch));
	ck_assert_uint_eq(batch.refused, 0);
	int file = received_file(fd);
	ck_assert_int_eq(fcntl(file, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	ssize_t n = pread(file, got, sizeof got - 1, 0);
	ck_assert_int_gt(n, 12000);
	got[n] = '\0';
	ck_assert_ptr_nonnull(strstr(got, "VITALS_RECORD={\"a\":\"yyyy"));
	ck_assert_str_eq(got + n - 4, "y\"}\n");
	log_sink_close(&sink);
	close(file);
	close(fd);
}
END_TEST

/* ---- Without a log writer ----------------------------------------------------------------------- */

static void
write_text(const char *text)
{
	errno = EDOM;
	log_sink_write(&sink, &(const struct log_line){.text = text, .size_bytes = strlen(text), .level = VT_INFO});
	ck_assert_int_eq(errno, EDOM);
}

START_TEST(counts_what_it_cannot_write)
{
	open_sink("syslog", "");
	write_text("{\"a\":1}\n");
	write_text("{\"a\":2}\n");
	ck_assert_uint_eq(sink.dropped, 2);
	int fd = receiver(SOCK_DGRAM);
	write_text("{\"a\":3}\n");
	ck_assert_str_eq(json_in(received(fd)), "{\"a\":3}");
	ck_assert_uint_eq(sink.dropped, 2);
	for (int i = 0; i < 2000; i++)
		write_text("{\"a\":4}\n");
	uint64_t dropped = sink.dropped, taken = 0;
	while (received(fd) != NULL)
		taken++;
	ck_assert_uint_eq(dropped - 2 + taken, 2000);
	ck_assert_uint_gt(taken, 0);
	log_sink_close(&sink);
	close(fd);
}
END_TEST

/* ---- Standard error that the journal reads ------------------------------------------------------ */

static void
open_stderr(int fd, const char *stream)
{
	struct err err = {""};
	int kept = dup(STDERR_FILENO);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(fd, STDERR_FILENO);
	int status = log_sink_open(&sink, &(const struct log_sink_config){.where = NULL}, &err);
	write_text("{\"a\":1}\n");
	dup2(kept, STDERR_FILENO);
	close(kept);
	ck_assert_int_eq(status, 0);
	log_sink_close(&sink);
	ck_assert_int_ge(fcntl(STDERR_FILENO, F_GETFD), 0);
}

START_TEST(a_stream_of_the_journals_has_priorities)
{
	int ends[2];
	struct stat st;
	char stream[64];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	ck_assert_int_eq(fstat(ends[1], &st), 0);
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	open_stderr(ends[1], stream);
	ck_assert_str_eq(received(ends[0]), "<6>{\"a\":1}\n");
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	open_stderr(ends[1], stream);
	ck_assert_str_eq(received(ends[0]), "{\"a\":1}\n");
	open_stderr(ends[1], "nonsense");
	ck_assert_str_eq(received(ends[0]), "{\"a\":1}\n");
	close(ends[0]);
	close(ends[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_sink_socket");
	TCase *tcase = tcase_create("log_sink_socket");
	tcase_add_test(tcase, a_datagram_a_record);
	tcase_add_test(tcase, connects_again);
	tcase_add_test(tcase, waits_for_a_receiver_that_does_not_read);
	tcase_add_test(tcase, refuses_what_can_never_be_sent);
	tcase_add_test(tcase, a_reopened_sink_connects_anew);
	tcase_add_test(tcase, a_stream_has_a_line_a_record);
	tcase_add_test(tcase, no_message_is_left_half_sent);
	tcase_add_test(tcase, a_child_connects_for_itself);
	tcase_add_test(tcase, a_large_entry_goes_in_a_sealed_file);
	tcase_add_test(tcase, counts_what_it_cannot_write);
	tcase_add_test(tcase, a_stream_of_the_journals_has_priorities);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
