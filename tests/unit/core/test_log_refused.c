/* test_log_refused.c - the log writer and a sink that refuses a record, or waits: what it counts, and what it polls. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_ring.h"
#include "log_writer.h"
#include "redact.h"
#include "run_suite.h"
#include "scoreboard.h"

static char dir[64], socket_path[96], board_path[96];
static struct redact *redact;
static struct log *the_log;
static struct scoreboard *board;
static struct log_writer *writer;
static int receiver;
static char message[65536];

static void
setup(void)
{
	struct err err = {""};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char where[160];
	bool was_there;
	strcpy(dir, "/tmp/test_log_refused.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(socket_path, sizeof socket_path, "%s/s", dir);
	snprintf(board_path, sizeof board_path, "%s/board", dir);
	snprintf(where, sizeof where, "syslog:size=1024,server=unix:%s", socket_path);
	receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(bind(receiver, (struct sockaddr *)&address, sizeof address), 0);
	redact = redact_create(NULL);
	the_log = log_create(&(struct log_config){.level = VT_INFO, .file = where, .redact = redact}, &err);
	ck_assert_msg(the_log != NULL, "%s", err.text);
	const struct scoreboard_shape shape = {.slots = 1, .ring_bytes = {[RING_LOG] = 65536}};
	board = scoreboard_create(board_path, &shape, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	const struct log_writer_config config = {.board = board, .scope = LOG_WRITER_ALL, .log = the_log};
	writer = log_writer_create(&config, &err);
	ck_assert_msg(writer != NULL, "%s", err.text);
}

static void
teardown(void)
{
	log_writer_destroy(writer);
	log_destroy(the_log);
	scoreboard_unlink(board);
	scoreboard_close(board);
	redact_destroy(redact);
	close(receiver);
	unlink(socket_path);
	rmdir(dir);
}

static void
put(const char *text)
{
	const struct ring ring = scoreboard_ring(board, 0, RING_LOG);
	const struct frame frame = {.size_bytes = (uint32_t)strlen(text), .level = VT_INFO, .mono_ns = clock_mono_ns()};
	ck_assert(ring_put(&ring, &frame, text));
}

/* The JSON of the next message; NULL: there is none. */
static const char *
received(void)
{
	ssize_t n = recv(receiver, message, sizeof message - 1, 0);
	message[n > 0 ? n : 0] = '\0';
	return n > 0 ? strchr(message, '{') : NULL;
}

/* What can never be sent keeps nothing behind it from going out, and is told. */
START_TEST(a_refused_record_is_counted)
{
	char large[2000] = "{\"a\":\"";
	memset(large + 6, 'x', sizeof large - 10);
	memcpy(large + sizeof large - 4, "\"}\n", 4);
	put("{\"n\":1}\n");
	put(large);
	put(large);
	put("{\"n\":2}\n");
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	ck_assert_str_eq(received(), "{\"n\":1}");
	ck_assert_str_eq(received(), "{\"n\":2}");
	ck_assert_int_eq(log_writer_pass(writer), LOG_WROTE);
	const char *told = received();
	ck_assert_ptr_nonnull(strstr(told, "\"message\":\"Log records dropped\""));
	ck_assert_ptr_nonnull(strstr(told, "\"count\":2,"));
	ck_assert_int_eq(log_writer_pass(writer), LOG_NOTHING);
	ck_assert_ptr_null(received());
}
END_TEST

/* The wait ends when there is room, or after a moment; nothing is lost over it, and the ring has its room back after. */
START_TEST(a_crowded_receiver_is_waited_for)
{
	const struct ring ring = scoreboard_ring(board, 0, RING_LOG);
	int count = 0, next = 0, blocked = 0;
	char text[64];
	for (; count < 100; count++) {
		snprintf(text, sizeof text, "{\"n\":%d}\n", count);
		put(text);
	}
	for (enum log_progress progress; (progress = log_writer_pass(writer)) != LOG_NOTHING;) {
		if (progress == LOG_BLOCKED) {
			ck_assert_uint_eq(ring.shared->tail, 0);
			ck_assert_int_eq(atoi(received() + 5), next++);
			log_writer_wait(writer, progress);
			blocked++;
		}
	}
	for (const char *json; (json = received()) != NULL;)
		ck_assert_int_eq(atoi(json + 5), next++);
	ck_assert_int_gt(blocked, 0);
	ck_assert_int_eq(next, count);
	ck_assert_uint_eq(ring.shared->tail, ring.shared->head);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_refused");
	TCase *tcase = tcase_create("log_refused");
	tcase_add_test(tcase, a_refused_record_is_counted);
	tcase_add_test(tcase, a_crowded_receiver_is_waited_for);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
