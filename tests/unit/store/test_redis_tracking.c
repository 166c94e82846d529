/*
 * test_redis_tracking.c - which changes a real Redis tells of, what is told when it stops telling, and servers that tell
 * nonsense.
 */
#include <check.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "fake_server.h"
#include "redis_fixture.h"
#include "redis_tracking.h"
#include "run_suite.h"

#define HEARD_BYTES 4096
#define BOUND_MS 10000

/* What was told, in order: each key and a blank, "*" for everything. */
static struct heard {
	char text[HEARD_BYTES];
	size_t everything;
	int64_t promised_ns;
	char fake_path[128];
} heard;

static void
note(void *context, const char *key, size_t size_bytes)
{
	struct heard *to = context;
	size_t used = strlen(to->text);
	to->everything += key == NULL;
	if (used + size_bytes + 2 >= sizeof to->text)
		return;
	snprintf(to->text + used, sizeof to->text - used, "%.*s ", key != NULL ? (int)size_bytes : 1,
	         key != NULL ? key : "*");
}

static void
promise(void *context, int64_t until_ns)
{
	((struct heard *)context)->promised_ns = until_ns;
}

static struct redis_tracking *
open_at(const char *url)
{
	struct err err;
	struct redis_tracking *tracking = redis_tracking_create(
		&(struct redis_tracking_config){
			.redis = {.url = url, .timeout_ms = 200, .ttl_default_ms = 60000, .ping_idle_ms = 60000},
			.prefix = "shop:",
			.invalidate = note,
			.promise = promise,
			.context = &heard,
		},
		&err);
	ck_assert_msg(tracking != NULL, "%s", err.text);
	return tracking;
}

static struct redis_tracking *
open_one(void)
{
	char path[96], url[128];
	private_redis_socket(&server, path, sizeof path);
	snprintf(url, sizeof url, "unix://%s", path);
	return open_at(url);
}

/* One step, and a wait for what it wants, of 50 ms at most. */
static void
go_on(struct redis_tracking *tracking)
{
	struct io_want wants[REDIS_TRACKING_SIDES];
	struct pollfd polls[REDIS_TRACKING_SIDES];
	int64_t due_ns = redis_tracking_step(tracking, wants);
	for (size_t i = 0; i < REDIS_TRACKING_SIDES; i++)
		polls[i] = (struct pollfd){.fd = wants[i].fd, .events = wants[i].events};
	poll(polls, REDIS_TRACKING_SIDES, deadline_poll_ms(deadline_min(due_ns, deadline_in_ms(50))));
}

static bool
listens(const struct redis_tracking *tracking)
{
	const char *error = redis_tracking_error(tracking);
	return error != NULL && error[0] == '\0';
}

static const char *
why(const struct redis_tracking *tracking)
{
	const char *error = redis_tracking_error(tracking);
	return error != NULL ? error : "not yet";
}

static void
until_it_listens(struct redis_tracking *tracking)
{
	int64_t start_ns = clock_mono_ns();
	while (!listens(tracking)) {
		go_on(tracking);
		ck_assert_msg(private_redis_ms_since(start_ns) < BOUND_MS, "%s", why(tracking));
	}
}

static void
until_it_does_not(struct redis_tracking *tracking)
{
	int64_t start_ns = clock_mono_ns();
	while (listens(tracking)) {
		go_on(tracking);
		ck_assert_int_lt(private_redis_ms_since(start_ns), BOUND_MS);
	}
}

static void
until_heard(struct redis_tracking *tracking, const char *text)
{
	int64_t start_ns = clock_mono_ns();
	while (strstr(heard.text, text) == NULL) {
		go_on(tracking);
		ck_assert_msg(private_redis_ms_since(start_ns) < BOUND_MS, "%s, not %s", heard.text, text);
	}
}

static void
each(void)
{
	fixture_each();
	heard = (struct heard){.text = ""};
}

START_TEST(changes_of_our_keys_are_told)
{
	struct redis_tracking *tracking = open_one();
	ck_assert_uint_eq(heard.everything, 0);
	ck_assert_ptr_null(redis_tracking_error(tracking));
	until_it_listens(tracking);
	/* What was kept before is not to be believed; from now on it is. */
	ck_assert_str_eq(heard.text, "* ");
	ck_assert_int_gt(heard.promised_ns, clock_mono_ns());
	private_redis_command(&server, "set other:a 1");
	private_redis_command(&server, "set shop:a 1");
	until_heard(tracking, "shop:a ");
	private_redis_command(&server, "del shop:a");
	private_redis_command(&server, "mset shop:b 1 other:c 1 shop:d 1");
	until_heard(tracking, "shop:d ");
	ck_assert_ptr_nonnull(strstr(heard.text, "shop:b "));
	ck_assert_ptr_null(strstr(heard.text, "other:"));
	ck_assert_uint_eq(heard.everything, 1);
	private_redis_command(&server, "set shop:e 1 px 20");
	heard.text[0] = '\0';
	until_heard(tracking, "shop:e "); /* set or expired */
	redis_tracking_destroy(tracking);
}
END_TEST

START_TEST(an_end_by_time_is_told)
{
	struct redis_tracking *tracking = open_one();
	until_it_listens(tracking);
	private_redis_command(&server, "set shop:short 1 px 300");
	until_heard(tracking, "shop:short ");
	heard.text[0] = '\0';
	until_heard(tracking, "shop:short ");
	redis_tracking_destroy(tracking);
}
END_TEST

START_TEST(a_flush_is_everything)
{
	struct redis_tracking *tracking = open_one();
	until_it_listens(tracking);
	private_redis_command(&server, "set shop:a 1");
	private_redis_command(&server, "flushall");
	until_heard(tracking, "shop:a * ");
	ck_assert(listens(tracking));
	redis_tracking_destroy(tracking);
}
END_TEST

/* Whichever of the two connections ends, however it ends. */
START_TEST(a_loss_is_everything_and_no_promise)
{
	static const char *const losses[] = {"client kill type pubsub", "client kill type normal"};
	for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
		struct redis_tracking *tracking = open_one();
		until_it_listens(tracking);
		size_t before = heard.everything;
		private_redis_command(&server, losses[i]);
		until_it_does_not(tracking);
		ck_assert_uint_eq(heard.everything, before + 1);
		ck_assert_int_eq(heard.promised_ns, 0);
		until_it_listens(tracking);
		ck_assert_uint_eq(heard.everything, before + 2);
		private_redis_command(&server, "set shop:again 1");
		until_heard(tracking, "shop:again ");
		redis_tracking_destroy(tracking);
	}
}
END_TEST

START_TEST(a_frozen_server_is_noticed)
{
	struct redis_tracking *tracking = open_one();
	until_it_listens(tracking);
	private_server_signal(&server, SIGSTOP);
	until_it_does_not(tracking);
	ck_assert_int_eq(heard.promised_ns, 0);
	ck_assert_str_eq(redis_tracking_error(tracking), "no answer in time");
	private_server_signal(&server, SIGCONT);
	until_it_listens(tracking);
	redis_tracking_destroy(tracking);
}
END_TEST

START_TEST(the_promise_goes_on_while_nothing_happens)
{
	struct redis_tracking *tracking = open_one();
	until_it_listens(tracking);
	int64_t first_ns = heard.promised_ns, start_ns = clock_mono_ns();
	while (heard.promised_ns <= first_ns) {
		go_on(tracking);
		ck_assert_int_lt(private_redis_ms_since(start_ns), BOUND_MS);
	}
	ck_assert_int_le(heard.promised_ns, deadline_in_ms(REDIS_TRACKING_LEASE_MS));
	ck_assert(listens(tracking));
	redis_tracking_destroy(tracking);
	ck_assert_int_eq(heard.promised_ns, 0); /* nobody hears any more */
}
END_TEST

START_TEST(restarted_empty)
{
	struct redis_tracking *tracking = open_one();
	until_it_listens(tracking);
	private_redis_down(&server);
	until_it_does_not(tracking);
	private_redis_up(&server, NULL);
	until_it_listens(tracking);
	private_redis_command(&server, "set shop:a 1");
	until_heard(tracking, "shop:a ");
	redis_tracking_destroy(tracking);
}
END_TEST

START_TEST(who_may_not_track)
{
	char path[96], url[160];
	private_redis_command(&server, "acl setuser weak on >pw ~* &* +@all -client|tracking");
	private_redis_socket(&server, path, sizeof path);
	snprintf(url, sizeof url, "unix://weak:pw@%s", path);
	struct redis_tracking *tracking = open_at(url);
	int64_t start_ns = clock_mono_ns();
	while (strcmp(why(tracking), "permission denied") != 0) {
		go_on(tracking);
		ck_assert_msg(private_redis_ms_since(start_ns) < BOUND_MS, "%s", why(tracking));
	}
	ck_assert_str_eq(heard.text, "");
	redis_tracking_destroy(tracking);
	private_redis_command(&server, "acl deluser weak");
}
END_TEST

/* Each question is answered by the same bytes: it never listens, never promises, and the bytes do no harm. */
START_TEST(nonsense)
{
	static const char *const answers[] = {
		"+OK\r\n",
		":7\r\n",
		"$-1\r\n",
		"*-1\r\n",
		"$9\r\nrun_id:\r\n\r\n",
		"$12\r\nrun_id:abc\r\n\r\n",
		"*1000000000\r\n",
		"*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\na\r\n",
		"-ERR no\r\n",
		"HTTP/1.1 400 Bad Request\r\n\r\n",
	};
	char path[128], url[160];
	snprintf(path, sizeof path, "/tmp/vitals-tracking-%d.sock", (int)getpid());
	snprintf(url, sizeof url, "unix://%s", path);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		const struct fake_answer answer = {
			.data = answers[i], .size_bytes = strlen(answers[i]), .repeat = 1, .each = true};
		pid_t pid = fake_server(path, &answer);
		struct redis_tracking *tracking = open_at(url);
		int64_t end_ns = deadline_in_ms(300);
		while (clock_mono_ns() < end_ns) {
			go_on(tracking);
			ck_assert(!listens(tracking));
		}
		ck_assert_str_eq(heard.text, "");
		ck_assert_int_eq(heard.promised_ns, 0);
		redis_tracking_destroy(tracking);
		kill(pid, SIGKILL);
	}
	unlink(path);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("redis_tracking");
	TCase *tc = tcase_create("redis_tracking");
	tcase_add_unchecked_fixture(tc, fixture_start, fixture_stop);
	tcase_add_checked_fixture(tc, each, fixture_after_each);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, changes_of_our_keys_are_told);
	tcase_add_test(tc, an_end_by_time_is_told);
	tcase_add_test(tc, a_flush_is_everything);
	tcase_add_test(tc, a_loss_is_everything_and_no_promise);
	tcase_add_test(tc, a_frozen_server_is_noticed);
	tcase_add_test(tc, the_promise_goes_on_while_nothing_happens);
	tcase_add_test(tc, restarted_empty);
	tcase_add_test(tc, who_may_not_track);
	tcase_add_test(tc, nonsense);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
