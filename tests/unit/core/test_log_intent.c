/* test_log_intent.c - how much of a batch a file holds, whatever stands before, between and behind it. */
#include "log_intent.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "log_batch.h"
#include "log_sink.h"
#include "rings_fixture.h"
#include "run_suite.h"

static struct rings rings;
static struct ring_intent intent;
static struct log_batch batch;
static struct log_sink sink;

static void
open_sink(void)
{
	struct err err = {""};
	ck_assert_msg(log_sink_open(&sink, &(const struct log_sink_config){.where = rings.path}, &err) == 0, "%s",
	              err.text);
}

static void
setup(void)
{
	rings_setup(&rings);
	memset(&intent, 0, sizeof intent);
	ck_assert_int_eq(log_batch_init(&batch, 4096), 0);
	open_sink();
}

static void
teardown(void)
{
	log_sink_close(&sink);
	log_batch_fini(&batch);
	rings_teardown(&rings);
}

static void
append(const char *text)
{
	ck_assert_int_eq(write(sink.fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void
add(const char *line)
{
	memcpy(log_batch_add(&batch, strlen(line), 0), line, strlen(line));
}

/* A batch with extra lines, as its writer saw it, then as its successor makes it anew. */
static void
begin(const char *extra, const char *first, const char *second)
{
	log_batch_reset(&batch);
	if (*extra != '\0')
		add(extra);
	batch.extra_bytes = batch.size_bytes;
	add(first);
	add(second);
	log_intent_begin(&intent, &sink, &batch);
	log_batch_reset(&batch);
	add(first);
	add(second);
}

START_TEST(states_follow_each_other)
{
	ck_assert_int_eq(log_intent_state(&intent), INTENT_NONE);
	begin("", "one\n", "two\n");
	ck_assert_int_eq(log_intent_state(&intent), INTENT_WRITING);
	log_intent_written(&intent);
	ck_assert_int_eq(log_intent_state(&intent), INTENT_WRITTEN);
	log_intent_clear(&intent);
	ck_assert_int_eq(log_intent_state(&intent), INTENT_NONE);
	intent.state = 77;
	ck_assert_int_eq(log_intent_state(&intent), INTENT_NONE);
}
END_TEST

/* What the one before had written, and what is made of it. */
START_TEST(finds_what_was_written)
{
	static const struct {
		const char *extra, *written;
		size_t done;
		enum intent_extra told;
		const char *left;
	} cases[] = {
		{"", "", 0, INTENT_EXTRA_WRITTEN, ""},
		{"", "one\n", 4, INTENT_EXTRA_WRITTEN, "one\n"},
		{"", "o", 1, INTENT_EXTRA_WRITTEN, "o"},
		{"", "one\ntw", 6, INTENT_EXTRA_WRITTEN, "one\ntw"},
		{"", "one\ntwo\n", 8, INTENT_EXTRA_WRITTEN, "one\ntwo\n"},
		{"", "one\ntwo\nother\n", 8, INTENT_EXTRA_WRITTEN, "one\ntwo\nother\n"},
		{"", "other\none\ntw", 6, INTENT_EXTRA_WRITTEN, "other\none\ntw"},
		{"", "other\n", 0, INTENT_EXTRA_WRITTEN, "other\n"},
		{"", "other\nx", 0, INTENT_EXTRA_WRITTEN, "other\n"},
		{"", "one\nother\n", 0, INTENT_EXTRA_WRITTEN, "one\nother\n"},
		{"extra\n", "", 0, INTENT_EXTRA_MISSING, ""},
		{"extra\n", "ext", 0, INTENT_EXTRA_MISSING, ""},
		{"extra\n", "extra\n", 0, INTENT_EXTRA_WRITTEN, "extra\n"},
		{"extra\n", "extra\non", 2, INTENT_EXTRA_WRITTEN, "extra\non"},
		{"extra\n", "extra\none\ntwo\n", 8, INTENT_EXTRA_WRITTEN, "extra\none\ntwo\n"},
		/* A piece of the extra line that could be one of the record's: then it becomes the record. */
		{"only\n", "on", 2, INTENT_EXTRA_MISSING, "on"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_int_eq(ftruncate(sink.fd, 0), 0);
		append("before\none\ntwo\n");
		begin(cases[i].extra, "one\n", "two\n");
		append(cases[i].written);
		ck_assert_msg(log_intent_look(&intent, &sink, &batch) == cases[i].told, "case %zu", i);
		ck_assert_msg(batch.done_bytes == cases[i].done, "case %zu: %zu", i, batch.done_bytes);
		ck_assert_str_eq(rings_contents(rings.path) + strlen("before\none\ntwo\n"), cases[i].left);
	}
}
END_TEST

START_TEST(goes_on_where_the_file_was_opened_anew)
{
	begin("extra\n", "one\n", "two\n");
	log_batch_reset(&batch);
	add("extra\n");
	batch.extra_bytes = batch.size_bytes;
	add("one\n");
	add("two\n");
	batch.done_bytes = strlen("extra\none\n");
	append("extra\none\n");
	ck_assert_int_eq(rename(rings.path, rings.moved), 0);
	ck_assert_int_eq(log_sink_reopen(&sink, NULL), 0);
	log_intent_begin(&intent, &sink, &batch);
	append("t");
	log_batch_reset(&batch);
	add("one\n");
	add("two\n");
	ck_assert_int_eq(log_intent_look(&intent, &sink, &batch), INTENT_EXTRA_WRITTEN);
	ck_assert_uint_eq(batch.done_bytes, 5);
	/* Where nothing of it is in the new file, all but what is in the old one is missing. */
	ck_assert_int_eq(ftruncate(sink.fd, 0), 0);
	log_intent_look(&intent, &sink, &batch);
	ck_assert_uint_eq(batch.done_bytes, 4);
}
END_TEST

START_TEST(another_file_holds_nothing)
{
	begin("", "one\n", "two\n");
	append("one\n");
	log_sink_close(&sink);
	ck_assert_int_eq(rename(rings.path, rings.moved), 0);
	open_sink();
	append("one\n");
	ck_assert_int_eq(log_intent_look(&intent, &sink, &batch), INTENT_EXTRA_WRITTEN);
	ck_assert_uint_eq(batch.done_bytes, 0);
}
END_TEST

START_TEST(a_pipe_holds_nothing)
{
	log_sink_close(&sink);
	unlink(rings.path);
	ck_assert_int_eq(mkfifo(rings.path, 0600), 0);
	int reader = open(rings.path, O_RDONLY | O_NONBLOCK);
	open_sink();
	begin("extra\n", "one\n", "two\n");
	ck_assert_uint_eq(intent.inode, 0);
	append("extra\none\n");
	ck_assert_int_eq(log_intent_look(&intent, &sink, &batch), INTENT_EXTRA_MISSING);
	ck_assert_uint_eq(batch.done_bytes, 0);
	log_intent_begin(&intent, NULL, &batch);
	ck_assert_int_eq(log_intent_state(&intent), INTENT_WRITING);
	close(reader);
}
END_TEST

/* A file that has grown by more than is looked through: only all of the batch counts, at its beginning a part does not. */
START_TEST(others_may_write_much)
{
	static char other[200000];
	begin("", "one\n", "two\n");
	memset(other, 'x', sizeof other - 1);
	other[999] = other[sizeof other - 2] = '\n';
	append(other);
	log_intent_look(&intent, &sink, &batch);
	ck_assert_uint_eq(batch.done_bytes, 0);
	begin("", "one\n", "two\n");
	append("one\ntwo\n");
	append(other);
	log_intent_look(&intent, &sink, &batch);
	ck_assert_uint_eq(batch.done_bytes, 8);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log_intent");
	TCase *tcase = tcase_create("log_intent");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, states_follow_each_other);
	tcase_add_test(tcase, finds_what_was_written);
	tcase_add_test(tcase, goes_on_where_the_file_was_opened_anew);
	tcase_add_test(tcase, another_file_holds_nothing);
	tcase_add_test(tcase, a_pipe_holds_nothing);
	tcase_add_test(tcase, others_may_write_much);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
