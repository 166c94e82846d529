/*
 * test_kept_answer.c - an answer's bytes and back; and bytes that are none.
 *
 * What is read lies in a place of exactly its size, so that a sanitizer or valgrind sees a byte too many.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "kept_answer.h"
#include "run_suite.h"
#include "strbuf.h"

#define FLIPS 100000

static struct arena *arena;

static void
setup(void)
{
	arena = arena_create(4096, (size_t)16 << 20);
	ck_assert_ptr_nonnull(arena);
}

static void
teardown(void)
{
	arena_destroy(arena);
}

static struct kept_answer
an_answer(void)
{
	return (struct kept_answer){.status = 200,
	                            .made_ms = 1700000000001,
	                            .fresh_until_ms = 1700000000002,
	                            .stale_until_ms = 1700000000003,
	                            .error_until_ms = INT64_MAX,
	                            .cost_ms = 12,
	                            .tokens = {"0123456789abcdef", "fedcba9876543210"},
	                            .content_type = "text/plain",
	                            .headers = {{"ETag", "\"x\""}, {"X-Empty", ""}, {"Link", "</a>; rel=b"}},
	                            .header_count = 3,
	                            .body = "a\0body\xff",
	                            .body_bytes = 7};
}

/* A copy that ends where it ends. */
static char *
packed(const struct kept_answer *answer, size_t *size)
{
	struct strbuf bytes;
	strbuf_init_arena(&bytes, arena, 64);
	kept_answer_write(&bytes, answer);
	ck_assert(!bytes.failed);
	char *data = malloc(bytes.length);
	ck_assert_ptr_nonnull(data);
	*size = bytes.length;
	return memcpy(data, bytes.data, bytes.length);
}

static void
ck_same(const struct kept_answer *is, const struct kept_answer *should)
{
	ck_assert_int_eq(is->status, should->status);
	ck_assert_int_eq(is->made_ms, should->made_ms);
	ck_assert_int_eq(is->fresh_until_ms, should->fresh_until_ms);
	ck_assert_int_eq(is->stale_until_ms, should->stale_until_ms);
	ck_assert_int_eq(is->error_until_ms, should->error_until_ms);
	ck_assert_int_eq(is->cost_ms, should->cost_ms);
	for (size_t i = 0; i < KEPT_TOKENS; i++)
		ck_assert_str_eq(is->tokens[i], should->tokens[i]);
	ck_assert_str_eq(is->content_type, should->content_type);
	ck_assert_uint_eq(is->header_count, should->header_count);
	for (size_t i = 0; i < is->header_count; i++) {
		ck_assert_str_eq(is->headers[i].name, should->headers[i].name);
		ck_assert_str_eq(is->headers[i].value, should->headers[i].value);
	}
	ck_assert_uint_eq(is->body_bytes, should->body_bytes);
	if (is->body_bytes > 0)
		ck_assert_mem_eq(is->body, should->body, is->body_bytes);
}

static void
ck_returns(const struct kept_answer *answer)
{
	struct kept_answer got;
	size_t size;
	char *data = packed(answer, &size);
	ck_assert(kept_answer_read(data, size, &got));
	ck_same(&got, answer);
	free(data);
}

START_TEST(there_and_back)
{
	struct kept_answer answer = an_answer();
	ck_returns(&answer);
	answer.body = NULL;
	answer.body_bytes = 0;
	ck_returns(&answer);
	answer.content_type = "";
	answer.header_count = 0;
	ck_returns(&answer);
	ck_returns(&(struct kept_answer){.content_type = "", .body = ""});
	answer = an_answer();
	for (size_t i = 0; i < RESPONSE_MAX_HEADERS; i++)
		answer.headers[i] = (struct response_header){"Name", "value"};
	answer.header_count = RESPONSE_MAX_HEADERS;
	ck_returns(&answer);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	const struct kept_answer answer = an_answer();
	size_t size;
	char *data = packed(&answer, &size);
	for (size_t cut = 0; cut < size; cut++) {
		struct kept_answer got;
		char *part = malloc(cut + (cut == 0));
		ck_assert_ptr_nonnull(part);
		memcpy(part, data, cut);
		ck_assert_msg(!kept_answer_read(part, cut, &got), "%zu of %zu", cut, size);
		free(part);
	}
	free(data);
}
END_TEST

START_TEST(a_byte_too_many_is_refused)
{
	const struct kept_answer answer = an_answer();
	struct kept_answer got;
	size_t size;
	char *data = packed(&answer, &size), *more = calloc(1, size + 1);
	ck_assert_ptr_nonnull(more);
	memcpy(more, data, size);
	ck_assert(!kept_answer_read(more, size + 1, &got));
	free(more);
	free(data);
}
END_TEST

/* The mark is what the bytes begin with. */
START_TEST(another_mark_is_refused)
{
	const struct kept_answer answer = an_answer();
	struct kept_answer got;
	size_t size;
	char *data = packed(&answer, &size);
	for (size_t i = 0; i < 4; i++)
		for (int bit = 0; bit < 8; bit++) {
			data[i] = (char)(data[i] ^ 1 << bit);
			ck_assert(!kept_answer_read(data, size, &got));
			data[i] = (char)(data[i] ^ 1 << bit);
		}
	ck_assert(kept_answer_read(data, size, &got));
	free(data);
}
END_TEST

/* Where the head has them. */
#define AT_HEADER_COUNT 6
#define AT_TEXTS_BYTES 88
#define AT_BODY_BYTES 96

/* An answer whose body, two texts, becomes one more header; and then it says that it has so many. */
static bool
reads_with(size_t headers, uint16_t said)
{
	struct kept_answer answer = an_answer(), got;
	uint64_t texts_bytes, no_body = 0;
	size_t size;
	for (size_t i = 0; i < headers; i++)
		answer.headers[i] = (struct response_header){"Name", "value"};
	answer.header_count = headers;
	answer.body = "X\0y";
	answer.body_bytes = 4;
	char *data = packed(&answer, &size);
	memcpy(&texts_bytes, data + AT_TEXTS_BYTES, sizeof texts_bytes);
	texts_bytes += answer.body_bytes;
	memcpy(data + AT_TEXTS_BYTES, &texts_bytes, sizeof texts_bytes);
	memcpy(data + AT_BODY_BYTES, &no_body, sizeof no_body);
	memcpy(data + AT_HEADER_COUNT, &said, sizeof said);
	bool read = kept_answer_read(data, size, &got);
	free(data);
	return read;
}

START_TEST(as_many_headers_as_it_says)
{
	ck_assert(reads_with(3, 4));
	ck_assert(!reads_with(3, 3));
	ck_assert(!reads_with(3, 5));
	ck_assert(reads_with(RESPONSE_MAX_HEADERS - 1, RESPONSE_MAX_HEADERS));
	ck_assert(!reads_with(RESPONSE_MAX_HEADERS, RESPONSE_MAX_HEADERS + 1));
	ck_assert(!reads_with(3, UINT16_MAX));
}
END_TEST

/* Whatever was taken for an answer lies within the bytes, every text with its end. */
static void
ck_within(const char *data, size_t size, const struct kept_answer *answer)
{
	const char *end = data + size;
	ck_assert_uint_le(answer->header_count, RESPONSE_MAX_HEADERS);
	ck_assert_ptr_nonnull(memchr(answer->content_type, '\0', (size_t)(end - answer->content_type)));
	for (size_t i = 0; i < answer->header_count; i++) {
		const struct response_header *header = &answer->headers[i];
		ck_assert(header->name >= data && header->value <= end);
		ck_assert_ptr_nonnull(memchr(header->name, '\0', (size_t)(end - header->name)));
		ck_assert_ptr_nonnull(memchr(header->value, '\0', (size_t)(end - header->value)));
	}
	for (size_t i = 0; i < KEPT_TOKENS; i++)
		ck_assert_uint_lt(strnlen(answer->tokens[i], CACHE_TOKEN_BYTES), CACHE_TOKEN_BYTES);
	ck_assert(answer->body >= data && answer->body <= end);
	ck_assert_uint_eq(answer->body_bytes, (size_t)(end - answer->body));
}

START_TEST(changed_bytes_are_survived)
{
	const struct kept_answer answer = an_answer();
	size_t size, taken = 0;
	unsigned seed = 11;
	char *data = packed(&answer, &size), *changed = malloc(size);
	ck_assert_ptr_nonnull(changed);
	for (unsigned round = 0; round < FLIPS; round++) {
		struct kept_answer got;
		memcpy(changed, data, size);
		for (int left = rand_r(&seed) % 3; left >= 0; left--)
			changed[(size_t)rand_r(&seed) % size] = (char)rand_r(&seed);
		if (!kept_answer_read(changed, size, &got))
			continue;
		ck_within(changed, size, &got);
		taken++;
	}
	ck_assert_uint_gt(taken, 0);
	ck_assert_uint_lt(taken, FLIPS);
	free(changed);
	free(data);
}
END_TEST

START_TEST(random_bytes_behind_the_mark_are_survived)
{
	const struct kept_answer answer = an_answer();
	size_t size;
	unsigned seed = 13;
	char *data = packed(&answer, &size);
	for (unsigned round = 0; round < FLIPS / 10; round++) {
		struct kept_answer got;
		for (size_t i = 4; i < size; i++)
			data[i] = (char)rand_r(&seed);
		if (kept_answer_read(data, size, &got))
			ck_within(data, size, &got);
	}
	free(data);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kept_answer");
	TCase *tc = tcase_create("kept_answer");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, every_truncation_is_refused);
	tcase_add_test(tc, a_byte_too_many_is_refused);
	tcase_add_test(tc, another_mark_is_refused);
	tcase_add_test(tc, as_many_headers_as_it_says);
	tcase_add_test(tc, changed_bytes_are_survived);
	tcase_add_test(tc, random_bytes_behind_the_mark_are_survived);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
