/* test_health_facts.c - what the scoreboard says of the pool: saturated, stuck, making progress. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "health_facts.h"
#include "run_suite.h"
#include "settings.h"

#define SLOTS 3
#define REQUEST_TIMEOUT_MS 10000

static char folder[64], path[96];
static struct scoreboard *board;
static struct settings settings;

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_facts_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, SLOTS, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	settings = (struct settings){.request_timeout_ms = REQUEST_TIMEOUT_MS};
}

static void
teardown(void)
{
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

/* busy_ms < 0: idle; the admin worker is in slot 2. */
static const struct {
	int64_t busy_ms[SLOTS];
	bool saturated, stuck;
} table[] = {
	{{-1, -1, 5}, false, false},     {{-1, 60000, 5}, false, false},   {{500, 500, 5}, false, false},
	{{500, 60000, 5}, false, false}, {{1500, 60000, 5}, true, false},  {{19000, 60000, 5}, true, false},
	{{21000, 60000, 5}, true, true}, {{21000, 60000, -1}, true, true},
};

START_TEST(test_pool)
{
	struct health_facts facts;
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = scoreboard_slot(board, i);
		int64_t busy_ms = table[_i].busy_ms[i];
		slot_claim(slot, i == 2 ? ROLE_ADMIN : ROLE_WORKER, 1);
		slot_set_state(slot, busy_ms < 0 ? SLOT_IDLE : SLOT_BUSY);
		if (busy_ms >= 0)
			slot_set_request(slot,
			                 &(struct slot_request){.started_ns = clock_mono_ns() - busy_ms * NS_PER_MS});
	}
	health_facts_gather(&settings, board, &facts);
	ck_assert_uint_eq(facts.pool.workers, 2);
	ck_assert_int_eq(facts.saturated, table[_i].saturated);
	ck_assert_int_eq(facts.stuck, table[_i].stuck);
}
END_TEST

START_TEST(test_nobody_is_not_stuck)
{
	struct health_facts facts;
	health_facts_gather(&settings, board, &facts);
	ck_assert(!facts.saturated && !facts.stuck && !facts.started && !facts.draining && !facts.checks_passed);
	ck_assert_str_eq(facts.version, "");
	atomic_store(&scoreboard_service(board)->started, 1);
	atomic_store(&scoreboard_service(board)->draining, 1);
	atomic_store(&scoreboard_service(board)->checks_passed, 1);
	health_facts_gather(&settings, board, &facts);
	ck_assert(facts.started && facts.draining && facts.checks_passed);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("health_facts");
	TCase *tc = tcase_create("health_facts");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_pool, 0, (int)(sizeof table / sizeof table[0]));
	tcase_add_test(tc, test_nobody_is_not_stuck);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
