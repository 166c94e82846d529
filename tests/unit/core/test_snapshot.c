/* test_snapshot.c - what is copied out of a scoreboard, whoever is dead, busy or in the middle of writing. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "error_table.h"
#include "log_levels.h"
#include "owner.h"
#include "run_suite.h"
#include "snapshot.h"

#define SLOTS 6
#define ONE_TICK (UINT64_C(1) << OWNER_PID_BITS)

static char folder[64], path[96];
static struct scoreboard *board;
static struct scoreboard_service *service;
static struct snapshot snapshot;

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_snapshot_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS, .ring_bytes = {4096, 4096}},
	                          &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
	service = scoreboard_service(board);
}

static void
teardown(void)
{
	snapshot_fini(&snapshot);
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

static void
take(void)
{
	struct err err = {.text = ""};
	snapshot_fini(&snapshot);
	memset(&snapshot, 'x', sizeof snapshot);
	ck_assert_msg(snapshot_take(&snapshot, board, &err) == 0, "%s", err.text);
}

/* A process that is certain to be dead. */
static uint64_t
dead_process(void)
{
	return owner_self() - ONE_TICK;
}

/* ---- The service ---- */

START_TEST(an_empty_scoreboard_says_nothing)
{
	take();
	ck_assert_str_eq(snapshot.status, "alone");
	ck_assert_int_eq(snapshot.supervisor, 0);
	ck_assert(!snapshot.supervisor_lives);
	ck_assert_str_eq(snapshot.refusal, "");
	ck_assert_uint_eq(snapshot.row_count, 0);
	ck_assert_uint_eq(snapshot.pool.workers + snapshot.admin.workers, 0);
	ck_assert_double_eq(snapshot.up_s, 0);
	snapshot_fini(&snapshot);
	snapshot_fini(&snapshot);
}
END_TEST

START_TEST(the_status_is_told_from_supervisor_drain_and_start)
{
	const struct {
		uint64_t supervisor;
		unsigned draining, started;
		const char *status;
	} cases[] = {
		{owner_self(), 0, 0, "starting"},
		{owner_self(), 0, 1, "serving"},
		{owner_self(), 1, 1, "draining"},
		{owner_self(), 1, 0, "draining"},
		{dead_process(), 0, 1, "stopped"},
		{dead_process(), 1, 1, "stopped"},
		{dead_process(), 0, 0, "stopped"},
		{0, 0, 1, "alone"},
		{0, 1, 0, "alone"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		atomic_store(&service->supervisor, cases[i].supervisor);
		atomic_store(&service->draining, cases[i].draining);
		atomic_store(&service->started, cases[i].started);
		take();
		ck_assert_msg(strcmp(snapshot.status, cases[i].status) == 0, "case %zu: %s", i, snapshot.status);
		ck_assert_int_eq(snapshot.supervisor, owner_pid(cases[i].supervisor));
		ck_assert_int_eq(snapshot.supervisor_lives, cases[i].supervisor == owner_self());
	}
}
END_TEST

START_TEST(every_word_of_the_service_is_copied)
{
	atomic_store(&service->generation, 1);
	atomic_store(&service->workers, 2);
	atomic_store(&service->workers_max, 3);
	atomic_store(&service->workers_wanted, 4);
	atomic_store(&service->held_back, 5);
	atomic_store(&service->recycled, UINT64_MAX);
	atomic_store(&service->reloads, UINT64_MAX - 1);
	for (unsigned i = 0; i < DEATH_CAUSES; i++)
		atomic_store(&service->deaths[i], 10 + i);
	scoreboard_refuse_reload(board, "WORKERS is no number.");
	take();
	ck_assert_uint_eq(snapshot.generation, 1);
	ck_assert_uint_eq(snapshot.workers, 2);
	ck_assert_uint_eq(snapshot.workers_max, 3);
	ck_assert_uint_eq(snapshot.workers_wanted, 4);
	ck_assert_uint_eq(snapshot.held_back, 5);
	ck_assert_uint_eq(snapshot.recycled, UINT64_MAX);
	ck_assert_uint_eq(snapshot.reloads, UINT64_MAX - 1);
	ck_assert_uint_eq(snapshot.reloads_refused, 1);
	ck_assert_str_eq(snapshot.refusal, "WORKERS is no number.");
	for (unsigned i = 0; i < DEATH_CAUSES; i++)
		ck_assert_uint_eq(snapshot.deaths[i], 10 + i);
}
END_TEST

START_TEST(errors_and_levels_that_hold_are_counted)
{
	struct err err;
	const struct error_kind kind = {.message = "m"};
	for (uint64_t i = 0; i < 5; i++)
		error_table_note(scoreboard_errors(board),
		                 &(const struct error_note){
					 .fingerprint = 1 + i % 2, .kind = &kind, .real_ns = 1, .self = owner_self()});
	for (int i = 0; i < 3; i++) {
		struct level_override override = {.scope = LEVEL_LOGGER,
		                                  .until_ns = clock_mono_ns() + i * NS_PER_S * 60};
		override.text[0] = (char)('a' + i);
		ck_assert_int_eq(log_levels_set(scoreboard_levels(board), &override, deadline_in_ms(5000), &err), 0);
	}
	take();
	ck_assert_uint_eq(snapshot.errors.total, 5);
	ck_assert_uint_eq(snapshot.errors.kinds, 2);
	ck_assert_uint_eq(snapshot.log_levels, 2);
}
END_TEST

START_TEST(a_refusal_that_is_being_written_is_left_out)
{
	scoreboard_refuse_reload(board, "First.");
	seqlock_write_begin(&service->refusal_lock);
	take();
	ck_assert_str_eq(snapshot.refusal, "");
}
END_TEST

/* Between the readings of the clock before and after it; nothing for a time that has not come, or never was. */
START_TEST(the_service_s_age_is_the_real_clock_s)
{
	int64_t started_ns = clock_real_ns() - 90 * NS_PER_S;
	atomic_store(&service->started_real_ns, started_ns);
	take();
	ck_assert_double_ge(snapshot.up_s, 90);
	ck_assert_double_le(snapshot.up_s, (double)(clock_real_ns() - started_ns) / NS_PER_S);
	atomic_store(&service->started_real_ns, INT64_MAX);
	take();
	ck_assert_double_eq(snapshot.up_s, 0);
	atomic_store(&service->started_real_ns, -1);
	take();
	ck_assert_double_eq(snapshot.up_s, 0);
}
END_TEST

/* ---- Workers ---- */

static struct slot *
live_in(unsigned index, enum slot_role role, uint64_t owner)
{
	struct slot *slot = scoreboard_slot(board, index);
	slot_claim(slot, role, index + 100);
	atomic_store(&slot->owner, owner);
	return slot;
}

START_TEST(there_is_a_row_for_every_slot_with_an_owner_dead_or_alive)
{
	static const struct {
		unsigned index;
		enum slot_role role;
		bool lives;
	} expected[] = {{1, ROLE_WORKER, true}, {3, ROLE_ADMIN, true}, {4, ROLE_ADMIN, true}, {5, ROLE_WORKER, false}};
	live_in(1, ROLE_WORKER, owner_self());
	live_in(3, ROLE_ADMIN, owner_self());
	live_in(4, ROLE_ADMIN, owner_self());
	live_in(5, ROLE_WORKER, dead_process());
	slot_release(live_in(2, ROLE_WORKER, owner_self()));
	take();
	ck_assert_uint_eq(snapshot.row_count, sizeof expected / sizeof *expected);
	for (size_t i = 0; i < snapshot.row_count; i++) {
		ck_assert_uint_eq(snapshot.rows[i].index, expected[i].index);
		ck_assert_int_eq(snapshot.rows[i].pid, getpid());
		ck_assert_int_eq(snapshot.rows[i].role, expected[i].role);
		ck_assert_int_eq(snapshot.rows[i].lives, expected[i].lives);
		ck_assert_uint_eq(snapshot.rows[i].generation, expected[i].index + 100);
	}
	ck_assert_uint_eq(snapshot.pool.workers, 1);
	ck_assert_uint_eq(snapshot.admin.workers, 2);
}
END_TEST

START_TEST(every_word_of_a_slot_is_copied)
{
	struct slot *slot = live_in(0, ROLE_WORKER, owner_self());
	atomic_store(&slot->connections, 7);
	atomic_store(&slot->requests, UINT64_MAX);
	atomic_store(&slot->given, 8);
	atomic_store(&slot->taken, 9);
	slot_set_state(slot, SLOT_STOPPING);
	slot_set_phase(slot, PHASE_CACHE);
	take();
	ck_assert_uint_eq(snapshot.row_count, 1);
	ck_assert_uint_eq(snapshot.rows[0].connections, 7);
	ck_assert_uint_eq(snapshot.rows[0].requests, UINT64_MAX);
	ck_assert_uint_eq(snapshot.rows[0].given, 8);
	ck_assert_uint_eq(snapshot.rows[0].taken, 9);
	ck_assert_int_eq(snapshot.rows[0].state, SLOT_STOPPING);
	ck_assert_int_eq(snapshot.rows[0].phase, PHASE_CACHE);
	ck_assert(!snapshot.rows[0].has_request);
	ck_assert_uint_eq(snapshot.pool.stopping, 1);
}
END_TEST

START_TEST(a_worker_s_age_is_the_monotonic_clock_s)
{
	struct slot *slot = live_in(0, ROLE_WORKER, owner_self());
	int64_t started_ns = clock_mono_ns() - NS_PER_S / 2;
	atomic_store(&slot->worker_started_ns, started_ns);
	take();
	ck_assert_double_ge(snapshot.rows[0].age_s, 0.5);
	ck_assert_double_le(snapshot.rows[0].age_s, (double)(clock_mono_ns() - started_ns) / NS_PER_S);
	atomic_store(&slot->worker_started_ns, INT64_MAX);
	take();
	ck_assert_double_eq(snapshot.rows[0].age_s, 0);
	atomic_store(&slot->worker_started_ns, 0);
	take();
	ck_assert_double_eq(snapshot.rows[0].age_s, 0);
}
END_TEST

START_TEST(the_request_of_a_busy_worker_is_told_with_its_age)
{
	struct slot *slot = live_in(0, ROLE_WORKER, owner_self());
	struct slot_request request = {.started_ns = clock_mono_ns() - NS_PER_S / 4,
	                               .correlation_id = "id-1",
	                               .method = "GET",
	                               .path = "/users/42",
	                               .route = "/users/{id}"};
	slot_set_request(slot, &request);
	slot_set_phase(slot, PHASE_DATABASE);
	slot_set_state(slot, SLOT_BUSY);
	take();
	const struct snapshot_worker *row = &snapshot.rows[0];
	ck_assert(row->has_request);
	ck_assert_str_eq(row->request.correlation_id, "id-1");
	ck_assert_str_eq(row->request.method, "GET");
	ck_assert_str_eq(row->request.path, "/users/42");
	ck_assert_str_eq(row->request.route, "/users/{id}");
	ck_assert_int_eq(row->phase, PHASE_DATABASE);
	ck_assert_double_ge(row->elapsed_s, 0.25);
	ck_assert_double_le(row->elapsed_s, (double)(clock_mono_ns() - request.started_ns) / NS_PER_S);
}
END_TEST

START_TEST(who_is_not_busy_or_is_just_writing_has_no_request)
{
	struct slot *slot = live_in(0, ROLE_WORKER, owner_self());
	struct slot_request request = {.started_ns = 1, .path = "/last"};
	slot_set_request(slot, &request);
	for (unsigned state = SLOT_FREE; state <= SLOT_DEAD; state++) {
		slot_set_state(slot, (enum slot_state)state);
		take();
		ck_assert_int_eq(snapshot.rows[0].has_request, state == SLOT_BUSY);
		ck_assert((snapshot.rows[0].elapsed_s > 0) == (state == SLOT_BUSY));
	}
	slot_set_state(slot, SLOT_BUSY);
	seqlock_write_begin(&slot->request_lock);
	take();
	ck_assert(!snapshot.rows[0].has_request);
	seqlock_write_end(&slot->request_lock);
	slot_set_request(slot, NULL);
	take();
	ck_assert(!snapshot.rows[0].has_request);
}
END_TEST

/* As vitalsctl has it: another process, which may not write. */
static int
take_from_outside(void)
{
	struct err err;
	struct scoreboard *seen = scoreboard_attach(path, &err);
	if (seen == NULL || snapshot_take(&snapshot, seen, &err) != 0)
		return 1;
	int status = snapshot.row_count == 1 && snapshot.rows[0].pid == getppid() && snapshot.rows[0].lives &&
	                             snapshot.rows[0].has_request
	                     ? 0
	                     : 2;
	snapshot_fini(&snapshot);
	scoreboard_close(seen);
	return status;
}

START_TEST(it_is_taken_from_another_process_that_only_reads)
{
	struct slot *slot = live_in(0, ROLE_WORKER, owner_self());
	int status;
	slot_set_request(slot, &(struct slot_request){.started_ns = 1});
	slot_set_state(slot, SLOT_BUSY);
	pid_t pid = fork();
	if (pid == 0)
		_exit(take_from_outside());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_what_the_rings_hold_is_added_up)
{
	const struct frame frame = {.size_bytes = 1};
	const struct ring own = scoreboard_ring(board, SCOREBOARD_SUPERVISOR, RING_LOG),
			  last = scoreboard_ring(board, SLOTS - 1, RING_LOG),
			  spans = scoreboard_ring(board, 0, RING_TRACE);
	take();
	ck_assert_uint_eq(snapshot.log.dropped + snapshot.log.spans_dropped + snapshot.log.waiting_bytes, 0);
	ck_assert(snapshot.log.writer == 0 && !snapshot.log.writer_lives);
	ck_assert(ring_put(&own, &frame, "\n") && ring_put(&last, &frame, "\n") && ring_put(&spans, &frame, "\n"));
	ring_drop(&own);
	ring_drop(&last);
	ring_drop(&spans);
	atomic_store(&own.shared->reader, owner_self());
	take();
	ck_assert_uint_eq(snapshot.log.waiting_bytes, 2 * ring_bytes_of(1));
	ck_assert_uint_eq(snapshot.log.dropped, 2);
	ck_assert_uint_eq(snapshot.log.spans_dropped, 1);
	ck_assert(snapshot.log.writer == getpid() && snapshot.log.writer_lives);
	atomic_store(&own.shared->reader, dead_process());
	take();
	ck_assert(snapshot.log.writer != 0 && !snapshot.log.writer_lives);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tc = tcase_create("snapshot");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_empty_scoreboard_says_nothing);
	tcase_add_test(tc, the_status_is_told_from_supervisor_drain_and_start);
	tcase_add_test(tc, every_word_of_the_service_is_copied);
	tcase_add_test(tc, a_refusal_that_is_being_written_is_left_out);
	tcase_add_test(tc, errors_and_levels_that_hold_are_counted);
	tcase_add_test(tc, the_service_s_age_is_the_real_clock_s);
	tcase_add_test(tc, there_is_a_row_for_every_slot_with_an_owner_dead_or_alive);
	tcase_add_test(tc, every_word_of_a_slot_is_copied);
	tcase_add_test(tc, a_worker_s_age_is_the_monotonic_clock_s);
	tcase_add_test(tc, the_request_of_a_busy_worker_is_told_with_its_age);
	tcase_add_test(tc, who_is_not_busy_or_is_just_writing_has_no_request);
	tcase_add_test(tc, it_is_taken_from_another_process_that_only_reads);
	tcase_add_test(tc, test_what_the_rings_hold_is_added_up);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
