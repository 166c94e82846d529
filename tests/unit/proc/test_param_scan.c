/* test_param_scan.c - parameters come to the same however the stream is cut: whole pairs are looked at in another way. */
#include "param_scan.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"

#define STREAM_BYTES 1200
#define MAX_COUNT 6
#define MAX_BYTES 600
#define STREAMS 3000

static size_t
put_length(unsigned char *at, size_t length, bool in_four)
{
	if (!in_four && length < 0x80) {
		at[0] = (unsigned char)length;
		return 1;
	}
	at[0] = (unsigned char)(0x80 | length >> 24);
	at[1] = (unsigned char)(length >> 16);
	at[2] = (unsigned char)(length >> 8);
	at[3] = (unsigned char)length;
	return 4;
}

static const char *const names[] = {"CONTENT_LENGTH", "CONTENT_LENGTH", "CONTENT_LENGTHS", "HTTP_HOST", "A=B", "", "X"};
static const char *const values[] = {"", "0", "17", "99999999999999999999", "1x", "text", "a value with = in it"};

/* A few pairs, sound or not; now and then with a NUL, a length that lies or an end within a pair. */
static size_t
make_stream(unsigned char *stream)
{
	size_t size = 0, pairs = (size_t)random() % (MAX_COUNT + 2);
	for (size_t i = 0; i < pairs; i++) {
		const char *name = names[(size_t)random() % (sizeof names / sizeof names[0])];
		const char *value = values[(size_t)random() % (sizeof values / sizeof values[0])];
		size_t lie = random() % 40 == 0 ? (size_t)random() % 2000 : 0;
		size += put_length(stream + size, strlen(name), random() % 3 == 0);
		size += put_length(stream + size, strlen(value) + lie, random() % 3 == 0);
		memcpy(stream + size, name, strlen(name));
		size += strlen(name);
		memcpy(stream + size, value, strlen(value));
		size += strlen(value);
		if (random() % 20 == 0)
			stream[size - 1] = '\0';
	}
	return size > 0 && random() % 10 == 0 ? size - 1 : size;
}

static struct param_scan
scan_cut(const unsigned char *stream, size_t size, size_t piece)
{
	struct param_scan scan;
	bool fits = true;
	param_scan_init(&scan, MAX_COUNT, MAX_BYTES);
	for (size_t at = 0; fits && at < size; at += piece)
		fits = param_scan_feed(&scan, stream + at, size - at < piece ? size - at : piece);
	if (fits)
		fits = param_scan_end(&scan);
	ck_assert_int_eq(fits, scan.fault == NULL);
	return scan;
}

static const char *
said(const char *words)
{
	return words != NULL ? words : "nothing";
}

START_TEST(the_same_however_it_is_cut)
{
	unsigned char stream[STREAM_BYTES];
	size_t sound = 0, faulty = 0;
	srandom(7);
	for (int i = 0; i < STREAMS; i++) {
		size_t size = make_stream(stream);
		struct param_scan bytewise = scan_cut(stream, size, 1);
		for (size_t piece = 2; piece <= size + 1; piece += piece < 24 ? 1 : 97) {
			struct param_scan scan = scan_cut(stream, size, piece);
			ck_assert_str_eq(said(scan.fault), said(bytewise.fault));
			if (scan.fault == NULL) {
				ck_assert_int_eq(scan.malformed != NULL, bytewise.malformed != NULL);
				ck_assert_int_eq(scan.content_length, bytewise.content_length);
				ck_assert_uint_eq(scan.count, bytewise.count);
			}
		}
		sound += bytewise.fault == NULL && bytewise.malformed == NULL;
		faulty += bytewise.fault != NULL;
	}
	ck_assert_uint_gt(sound, STREAMS / 20);
	ck_assert_uint_gt(faulty, STREAMS / 20);
}
END_TEST

START_TEST(a_pair_may_be_as_long_as_the_limit_and_no_longer)
{
	unsigned char stream[MAX_BYTES + 20];
	for (int over = 0; over <= 1; over++) {
		size_t value = MAX_BYTES - 1 - 8 + (size_t)over;
		size_t size = put_length(stream, 1, true);
		size += put_length(stream + size, value, true);
		memset(stream + size, 'v', 1 + value);
		struct param_scan scan = scan_cut(stream, size + 1 + value, sizeof stream);
		ck_assert_int_eq(scan.fault == NULL, over == 0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("param_scan");
	TCase *tcase = tcase_create("param_scan");
	tcase_add_test(tcase, the_same_however_it_is_cut);
	tcase_add_test(tcase, a_pair_may_be_as_long_as_the_limit_and_no_longer);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
