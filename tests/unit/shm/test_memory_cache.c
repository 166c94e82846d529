/*
 * test_memory_cache.c - the embedded cache: values, eviction, forgetting, and processes killed in the middle of a put.
 *
 * A value says its key over and over, so that a torn or wrong one shows by itself.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "memory_cache.h"
#include "memory_shard.h"
#include "run_suite.h"

#define BYTES MEMORY_CACHE_LEAST_BYTES
#define NOW INT64_C(1000)
#define LATER INT64_C(2000)

static void *bytes;
static struct memory_cache cache;
static struct arena *arena;

static void
setup(void)
{
	bytes = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(bytes, MAP_FAILED);
	memory_cache_open(&cache, bytes, BYTES);
	arena = arena_create(4096, (size_t)64 * 1024 * 1024);
	ck_assert_ptr_nonnull(arena);
}

static void
teardown(void)
{
	arena_destroy(arena);
	munmap(bytes, BYTES);
}

static struct memory_key
key_of(const char *text)
{
	return memory_cache_key(text, strlen(text));
}

static enum memory_put
put_with(const char *name, const char *value, uint64_t ticket)
{
	const struct memory_key key = key_of(name);
	const struct memory_item item = {
		.data = value, .size_bytes = strlen(value), .expires_ns = LATER, .ticket = ticket};
	return memory_cache_put(&cache, &key, &item, NOW);
}

static uint64_t
ticket_of(const char *name)
{
	const struct memory_key key = key_of(name);
	return memory_cache_ticket(&cache, &key);
}

static void
put(const char *name, const char *value)
{
	ck_assert_int_eq(put_with(name, value, ticket_of(name)), MEMORY_STORED);
}

/* NULL: not there. */
static const char *
get_at(const char *name, int64_t now_ns)
{
	struct memory_value value;
	const struct memory_key key = key_of(name);
	if (!memory_cache_get(&cache, &key, now_ns, arena, &value))
		return NULL;
	ck_assert_uint_eq(strlen(value.data), value.size_bytes);
	return value.data;
}

static void
forget(const char *name)
{
	const struct memory_key key = key_of(name);
	memory_cache_forget(&cache, &key);
}

START_TEST(test_gets_what_was_put)
{
	ck_assert_ptr_null(get_at("a", NOW));
	put("a", "one");
	put("b", "");
	ck_assert_str_eq(get_at("a", NOW), "one");
	ck_assert_str_eq(get_at("b", NOW), "");
	put("a", "another");
	ck_assert_str_eq(get_at("a", NOW), "another");
	ck_assert_ptr_null(get_at("", NOW));
	put("", "of nothing");
	ck_assert_str_eq(get_at("", NOW), "of nothing");
}
END_TEST

START_TEST(test_expires)
{
	put("a", "one");
	ck_assert_ptr_nonnull(get_at("a", LATER - 1));
	ck_assert_ptr_null(get_at("a", LATER));
}
END_TEST

START_TEST(test_forgets)
{
	put("a", "one");
	put("b", "two");
	forget("a");
	ck_assert_ptr_null(get_at("a", NOW));
	ck_assert_str_eq(get_at("b", NOW), "two");
	forget("never there");
}
END_TEST

START_TEST(test_a_value_from_before_a_forget_is_not_stored)
{
	uint64_t ticket = ticket_of("a");
	forget("a");
	ck_assert_int_eq(put_with("a", "old", ticket), MEMORY_OVERTAKEN);
	ck_assert_ptr_null(get_at("a", NOW));
	ck_assert_int_eq(put_with("a", "new", ticket_of("a")), MEMORY_STORED);
}
END_TEST

START_TEST(test_clear)
{
	uint64_t ticket = ticket_of("b");
	put("a", "one");
	memory_cache_clear(&cache);
	ck_assert_ptr_null(get_at("a", NOW));
	ck_assert_int_eq(put_with("b", "old", ticket), MEMORY_OVERTAKEN);
	put("a", "two");
	ck_assert_str_eq(get_at("a", NOW), "two");
}
END_TEST

START_TEST(test_sizes)
{
	size_t most = memory_cache_item_max_bytes(&cache);
	char *value = malloc(most + 1);
	ck_assert_ptr_nonnull(value);
	for (size_t size = 0; size <= most; size = size < 300 ? size + 1 : size * 2 - 7) {
		memset(value, 'x', size);
		value[size] = '\0';
		put("k", value);
		ck_assert_str_eq(get_at("k", NOW), value);
	}
	memset(value, 'x', most);
	value[most] = '\0';
	ck_assert_int_eq(put_with("k", value, ticket_of("k")), MEMORY_TOO_LARGE);
	value[most - 1] = '\0';
	put("k", value);
	ck_assert_uint_eq(strlen(get_at("k", NOW)), most - 1);
	free(value);
}
END_TEST

START_TEST(test_no_memory_in_the_arena)
{
	struct arena *small = arena_create(64, 64);
	struct memory_value value;
	const struct memory_key key = key_of("a");
	put("a", "a value that has no room in an arena of sixty-four bytes, since it is longer than that");
	ck_assert(!memory_cache_get(&cache, &key, NOW, small, &value));
	ck_assert(arena_failed(small));
	arena_destroy(small);
}
END_TEST

static void
put_number(int n)
{
	char name[32], value[600];
	snprintf(name, sizeof name, "number %d", n);
	snprintf(value, sizeof value, "%0*d", 500, n);
	put(name, value);
}

static bool
has_number(int n)
{
	char name[32];
	snprintf(name, sizeof name, "number %d", n);
	const char *value = get_at(name, NOW);
	ck_assert(value == NULL || atoi(value) == n);
	return value != NULL;
}

START_TEST(test_full_it_gives_up_what_was_not_asked_for)
{
	struct memory_figures figures;
	for (int n = 0; n < 20000; n++) {
		put_number(n);
		arena_reset(arena);
		for (int wanted = 0; wanted < 50 && wanted <= n; wanted++)
			if (n % 100 == 0 || wanted == n)
				ck_assert_msg(has_number(wanted), "%d is gone at %d", wanted, n);
	}
	ck_assert(has_number(19999));
	ck_assert(!has_number(10000));
	memory_cache_figures(&cache, &figures);
	ck_assert_uint_eq(figures.stored, 20000);
	ck_assert_uint_gt(figures.evicted, 17000);
	ck_assert_uint_lt(figures.evicted, 20000);
	ck_assert_uint_le(figures.used_bytes, figures.room_bytes);
	ck_assert_uint_gt(figures.used_bytes, figures.room_bytes / 2);
	ck_assert_uint_le(figures.room_bytes, BYTES);
}
END_TEST

/* More keys of one bucket than it has ways, and keys that differ by their last byte alone. */
START_TEST(test_keys_that_meet)
{
	char name[40];
	struct memory_figures figures;
	for (int n = 0; n < 3000; n++) {
		snprintf(name, sizeof name, "a key of a certain length %d", n);
		put(name, name);
		ck_assert_str_eq(get_at(name, NOW), name);
	}
	memory_cache_figures(&cache, &figures);
	int held = 0;
	for (int n = 0; n < 3000; n++) {
		snprintf(name, sizeof name, "a key of a certain length %d", n);
		const char *value = get_at(name, NOW);
		ck_assert(value == NULL || strcmp(value, name) == 0);
		held += value != NULL;
	}
	ck_assert_int_eq(held + (int)figures.evicted, 3000);
	ck_assert_int_gt(held, 2900);
}
END_TEST

/* Nobody of ours does that; whoever does costs the entries and nothing else. */
START_TEST(test_scribbled_over)
{
	static const uint64_t positions[] = {0, 1, UINT64_MAX, UINT64_C(1) << 50, 12345};
	struct memory_shard shard = memory_shard_at(&cache, 0);
	unsigned char *last = cache.base + BYTES;
	for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
		for (size_t field = 0; field < 3; field++) {
			put("a", "one");
			(void)get_at("a", NOW);
			if (field == 0)
				atomic_store(&shard.head->head, positions[i]);
			else if (field == 1)
				atomic_store(&shard.head->tail, positions[i]);
			else
				memset(shard.ring, (int)i * 51, (size_t)(last - shard.ring) - MEMORY_UNIT_BYTES);
			for (int n = 0; n < 3000; n++)
				put_number(n);
			put("a", "two");
			ck_assert_str_eq(get_at("a", NOW), "two");
			forget("a");
		}
	}
}
END_TEST

/* ---- Several processes ------------------------------------------------------------------------- */

#define WRITERS 3
#define KEYS 200
#define KILLS 300

/* "7:7:7:…", of a length by chance; whoever reads it knows whether it is whole and whose it is. */
static size_t
say(char *out, unsigned key, unsigned times)
{
	size_t size = 0;
	for (unsigned i = 0; i < times; i++)
		size += (size_t)sprintf(out + size, "%u:", key);
	return size;
}

static void
check_value(unsigned key, const struct memory_value *value)
{
	static char expected[8192];
	unsigned times = 0;
	for (size_t i = 0; i < value->size_bytes; i++)
		times += value->data[i] == ':';
	size_t size = say(expected, key, times);
	ck_assert_uint_eq(size, value->size_bytes);
	ck_assert_mem_eq(expected, value->data, size);
}

static void
write_for_ever(unsigned seed)
{
	static char value[8192];
	memory_cache_open(&cache, bytes, BYTES);
	for (;;) {
		unsigned number = (unsigned)rand_r(&seed) % KEYS;
		const struct memory_key key = memory_cache_key(&number, sizeof number);
		struct memory_item item = {.data = value, .expires_ns = INT64_MAX};
		struct memory_value got;
		item.size_bytes = say(value, number, (unsigned)rand_r(&seed) % 1500);
		item.ticket = memory_cache_ticket(&cache, &key);
		memory_cache_put(&cache, &key, &item, NOW);
		if (number % 3 == 0)
			memory_cache_forget(&cache, &key);
		(void)memory_cache_get(&cache, &key, NOW, arena, &got);
		arena_reset(arena);
	}
}

static pid_t
start_writer(unsigned seed)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		write_for_ever(seed);
	return pid;
}

static void
stop_writer(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static unsigned
read_all(void)
{
	unsigned hits = 0;
	for (unsigned number = 0; number < KEYS; number++) {
		struct memory_value value;
		const struct memory_key key = memory_cache_key(&number, sizeof number);
		if (memory_cache_get(&cache, &key, NOW, arena, &value)) {
			check_value(number, &value);
			hits++;
		}
		arena_reset(arena);
	}
	return hits;
}

START_TEST(test_killed_in_the_middle)
{
	pid_t writers[WRITERS];
	unsigned hits = 0;
	for (unsigned i = 0; i < WRITERS; i++)
		writers[i] = start_writer(i);
	for (unsigned k = 0; k < KILLS; k++) {
		hits += read_all();
		stop_writer(writers[k % WRITERS]);
		writers[k % WRITERS] = start_writer(WRITERS + k);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		stop_writer(writers[i]);
	ck_assert_uint_gt(hits, KILLS);
	/* No lock is left that cannot be had, and every shard takes what is put. */
	for (int n = 0; n < 3000; n++)
		put_number(n);
	ck_assert(has_number(2999));
}
END_TEST

/* A lock of a living process is not taken: the put gives up, gets go on. */
START_TEST(test_a_frozen_writer_keeps_its_lock)
{
	struct memory_shard shard = memory_shard_at(&cache, 0);
	struct memory_figures figures;
	put("a", "one");
	atomic_store(&shard.head->lock, cache.self);
	ck_assert_int_eq(put_with("a", "two", ticket_of("a")), MEMORY_BUSY);
	ck_assert_str_eq(get_at("a", NOW), "one");
	forget("a");
	ck_assert_ptr_null(get_at("a", NOW));
	memory_cache_figures(&cache, &figures);
	ck_assert_uint_eq(figures.busy, 1);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		memory_cache_open(&cache, bytes, BYTES);
		atomic_store(&shard.head->lock, cache.self);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	put("a", "three");
	ck_assert_str_eq(get_at("a", NOW), "three");
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("memory_cache");
	TCase *tc = tcase_create("memory_cache");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_gets_what_was_put);
	tcase_add_test(tc, test_expires);
	tcase_add_test(tc, test_forgets);
	tcase_add_test(tc, test_a_value_from_before_a_forget_is_not_stored);
	tcase_add_test(tc, test_clear);
	tcase_add_test(tc, test_sizes);
	tcase_add_test(tc, test_no_memory_in_the_arena);
	tcase_add_test(tc, test_full_it_gives_up_what_was_not_asked_for);
	tcase_add_test(tc, test_keys_that_meet);
	tcase_add_test(tc, test_scribbled_over);
	tcase_add_test(tc, test_killed_in_the_middle);
	tcase_add_test(tc, test_a_frozen_writer_keeps_its_lock);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return run_suite(suite());
}
