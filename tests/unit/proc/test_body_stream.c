/* test_body_stream.c - STDIN records from a real socket, under a deadline. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "body_stream.h"
#include "clock.h"
#include "records.h"
#include "run_suite.h"

static int pair[2]; /* 0: the stream's, 1: the peer's */
static struct bytes bytes;
static struct body_stream stream;

static void
setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	bytes.size = 0;
	stream = (struct body_stream){.fd = pair[0], .request_id = 1, .deadline_ns = deadline_in_ms(5000)};
}

static void
teardown(void)
{
	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
}

static void
send_bytes(void)
{
	ck_assert_int_eq(send(pair[1], bytes.data, bytes.size, MSG_NOSIGNAL), (ssize_t)bytes.size);
}

/* Reads in pieces of step bytes to the end; returns the last result. */
static enum vt_result
read_all(char *to, size_t size, size_t step, size_t *total)
{
	enum vt_result result;
	size_t got;
	*total = 0;
	while ((result = body_stream_read(&stream, to + *total, step, &got)) == VT_OK && got > 0) {
		*total += got;
		ck_assert_uint_le(*total + step, size);
	}
	return result;
}

START_TEST(records_with_padding_become_one_body)
{
	char body[256];
	size_t total;
	for (size_t step = 1; step < 20; step++) {
		bytes.size = 0;
		stream = (struct body_stream){.fd = pair[0], .request_id = 1, .deadline_ns = deadline_in_ms(5000)};
		record_add(&bytes, 5, 1, "one ", 4, 7);
		record_add(&bytes, 5, 1, "two ", 4, 255);
		record_add(&bytes, 5, 1, "three", 5, 0);
		record_add(&bytes, 5, 1, NULL, 0, 9);
		send_bytes();
		ck_assert_int_eq(read_all(body, sizeof body, step, &total), VT_OK);
		ck_assert_uint_eq(total, 13);
		ck_assert_mem_eq(body, "one two three", 13);
		ck_assert(stream.ended);
	}
}
END_TEST

START_TEST(not_a_byte_past_the_end_is_taken)
{
	char body[256];
	size_t total;
	body_add(&bytes, 1, "body");
	bytes_add(&bytes, "next request", 12);
	send_bytes();
	ck_assert_int_eq(read_all(body, sizeof body, 64, &total), VT_OK);
	ck_assert_int_eq(recv(pair[0], body, sizeof body, MSG_DONTWAIT), 12);
	ck_assert_mem_eq(body, "next request", 12);
}
END_TEST

START_TEST(bytes_taken_ahead_come_first)
{
	char body[256];
	size_t total;
	body_add(&bytes, 1, "0123456789");
	for (size_t ahead = 0; ahead <= bytes.size; ahead++) {
		stream = (struct body_stream){.fd = pair[0],
		                              .request_id = 1,
		                              .deadline_ns = deadline_in_ms(5000),
		                              .ahead = bytes.data,
		                              .ahead_bytes = ahead};
		ck_assert_int_eq(send(pair[1], bytes.data + ahead, bytes.size - ahead, MSG_NOSIGNAL),
		                 (ssize_t)(bytes.size - ahead));
		ck_assert_int_eq(read_all(body, sizeof body, 7, &total), VT_OK);
		ck_assert_uint_eq(total, 10);
		ck_assert_mem_eq(body, "0123456789", 10);
	}
}
END_TEST

START_TEST(wrong_records_end_it)
{
	static const struct {
		int type, id;
		enum vt_result expected;
	} cases[] = {{2, 1, VT_PEER_GONE}, {1, 1, VT_BAD_INPUT}, {4, 1, VT_BAD_INPUT},
	             {9, 0, VT_BAD_INPUT}, {5, 2, VT_BAD_INPUT}, {99, 1, VT_BAD_INPUT}};
	char body[64];
	size_t got;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		teardown();
		setup();
		record_add(&bytes, cases[i].type, cases[i].id, "x", 1, 0);
		send_bytes();
		ck_assert_int_eq(body_stream_read(&stream, body, sizeof body, &got), cases[i].expected);
		ck_assert_int_eq(body_stream_read(&stream, body, sizeof body, &got), cases[i].expected);
		ck_assert_uint_eq(got, 0);
	}
}
END_TEST

START_TEST(a_peer_that_leaves_is_noticed_wherever_it_was)
{
	char body[64];
	size_t total;
	body_add(&bytes, 1, "body");
	size_t whole = bytes.size;
	for (size_t sent = 0; sent < whole; sent++) {
		teardown();
		setup();
		body_add(&bytes, 1, "body");
		bytes.size = sent;
		send_bytes();
		close(pair[1]);
		pair[1] = -1;
		ck_assert_int_eq(read_all(body, sizeof body, 16, &total), VT_PEER_GONE);
	}
}
END_TEST

START_TEST(a_peer_that_stalls_meets_the_deadline)
{
	char body[64];
	size_t got;
	record_add(&bytes, 5, 1, "abc", 3, 0);
	bytes.size -= 2;
	send_bytes();
	stream.deadline_ns = deadline_in_ms(50);
	ck_assert_int_eq(body_stream_read(&stream, body, sizeof body, &got), VT_OK);
	ck_assert_uint_eq(got, 1);
	ck_assert_int_eq(body_stream_read(&stream, body, sizeof body, &got), VT_TIMEOUT);
	ck_assert_int_ge(clock_mono_ns(), stream.deadline_ns);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("body_stream");
	TCase *tc = tcase_create("body_stream");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, records_with_padding_become_one_body);
	tcase_add_test(tc, not_a_byte_past_the_end_is_taken);
	tcase_add_test(tc, bytes_taken_ahead_come_first);
	tcase_add_test(tc, wrong_records_end_it);
	tcase_add_test(tc, a_peer_that_leaves_is_noticed_wherever_it_was);
	tcase_add_test(tc, a_peer_that_stalls_meets_the_deadline);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
