/* test_scoreboard.c - the file's layout, slots and their summary. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"
#include "layout.h"
#include "owner.h"
#include "run_suite.h"
#include "scoreboard.h"

#define SLOTS 4

static char folder[64], path[96];
static struct scoreboard *board;

static void
setup(void)
{
	struct err err = {.text = ""};
	bool was_there;
	snprintf(folder, sizeof folder, "/tmp/vt_board_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/board", folder);
	board = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err);
	ck_assert_msg(board != NULL, "%s", err.text);
}

static void
teardown(void)
{
	scoreboard_close(board);
	unlink(path);
	rmdir(folder);
}

/* The numbers of doc/shm-layout.md. */
START_TEST(test_layout_is_as_documented)
{
	const struct {
		size_t is, documented;
	} table[] = {
		{offsetof(struct scoreboard_file, service), 64},
		{offsetof(struct scoreboard_file, control), 1216},
		{offsetof(struct scoreboard_file, checks), 1280},
		{sizeof(struct check_record), 320},
		{offsetof(struct scoreboard_file, levels), 21824},
		{sizeof(struct level_control), 5504},
		{offsetof(struct level_control, told), 8},
		{offsetof(struct level_control, writer), 16},
		{offsetof(struct level_control, sets), 64},
		{sizeof(struct level_set), 2712},
		{offsetof(struct level_set, reset_by_uid), 8},
		{offsetof(struct level_set, count), 16},
		{offsetof(struct level_set, overrides), 24},
		{sizeof(struct level_override), 168},
		{offsetof(struct level_override, until_ns), 8},
		{offsetof(struct level_override, set_real_ns), 16},
		{offsetof(struct level_override, set_by_uid), 24},
		{offsetof(struct level_override, scope), 32},
		{offsetof(struct level_override, level), 33},
		{offsetof(struct level_override, text), 34},
		{offsetof(struct scoreboard_file, errors), 27328},
		{sizeof(struct error_table), 37440},
		{offsetof(struct error_table, total), 8},
		{offsetof(struct error_table, replaced), 16},
		{offsetof(struct error_table, unlisted), 24},
		{offsetof(struct error_table, fingerprints), 64},
		{offsetof(struct error_table, entries), 576},
		{sizeof(struct error_entry), 576},
		{offsetof(struct error_entry, first_ns), 8},
		{offsetof(struct error_entry, last_ns), 16},
		{offsetof(struct error_entry, id_writer), 24},
		{offsetof(struct error_entry, id_lock), 32},
		{offsetof(struct error_entry, correlation_id), 36},
		{offsetof(struct error_entry, kind.level), 165},
		{offsetof(struct error_entry, kind.route), 177},
		{offsetof(struct error_entry, kind.message), 305},
		{offsetof(struct error_entry, kind.code), 433},
		{offsetof(struct error_entry, kind.place), 465},
		{offsetof(struct scoreboard_file, flights), 64768},
		{sizeof(struct flight), 64},
		{offsetof(struct flight, landed), 16},
		{offsetof(struct scoreboard_file, redis_breaker), 81152},
		{sizeof(struct breaker), 64},
		{offsetof(struct breaker, keeper), 8},
		{offsetof(struct breaker, opened), 16},
		{offsetof(struct breaker, since_ns), 24},
		{offsetof(struct breaker, changes), 32},
		{offsetof(struct scoreboard_file, tracking), 81216},
		{sizeof(struct tracking), 64},
		{offsetof(struct scoreboard_file, rest), 81280},
		{sizeof(struct slot), 2688},
		{sizeof(struct log_ring), 192},
		{sizeof(struct frame), 24},
		{offsetof(struct place, pending), 3072},
		{sizeof(struct place), 3200},
		{offsetof(struct pending_count, adds), 24},
		{sizeof(struct pending_add), 24},
		{offsetof(struct pending_table, kept), 64},
		{sizeof(struct pending_kept), 128},
		{offsetof(struct pending_table, begun), 8256},
		{sizeof(struct pending_table), 270400},
		{offsetof(struct scoreboard_header, ring_bytes), 32},
		{offsetof(struct scoreboard_header, series), 48},
		{offsetof(struct scoreboard_header, cache_bytes), 56},
		{sizeof(struct scoreboard_header), 64},
		{sizeof(struct directory_head), 64},
		{sizeof(struct series), 1048},
		{offsetof(struct series, size_bytes), 8},
		{offsetof(struct series, labels), 12},
		{offsetof(struct series, exemplars), 328},
		{sizeof(struct exemplar_record), 48},
		{sizeof(struct series_cells), 128},
		{offsetof(struct series_cells, sum), 120},
		{series_capacity(1000), 1189},
		{offsetof(struct log_ring, dropped), 16},
		{offsetof(struct log_ring, tail), 64},
		{offsetof(struct log_ring, announced), 80},
		{offsetof(struct log_ring, announcing), 88},
		{offsetof(struct log_ring, reader), 96},
		{offsetof(struct log_ring, intent), 112},
		{offsetof(struct log_ring, intent.device), 120},
		{offsetof(struct log_ring, intent.done), 152},
		{offsetof(struct scoreboard_header, fingerprint), 16},
		{offsetof(struct scoreboard_header, size_bytes), 24},
		{offsetof(struct check_record, sealed.checksum), 8},
		{offsetof(struct check_record, sealed.result.checked_ns), 16},
		{offsetof(struct check_record, sealed.result.identity), 32},
		{offsetof(struct check_record, sealed.result.status), 40},
		{offsetof(struct check_record, sealed.result.text), 72},
		{offsetof(struct scoreboard_file, alert), 11520},
		{sizeof(struct alert_state), 48},
		{offsetof(struct alert_state, begun_ns), 32},
		{offsetof(struct scoreboard_file, reports), 11584},
		{offsetof(struct scoreboard_service, held_back), 36},
		{offsetof(struct scoreboard_service, deaths), 48},
		{offsetof(struct scoreboard_service, reloads), 80},
		{offsetof(struct scoreboard_service, refusal), 108},
		{offsetof(struct slot, worker_started_ns), 8},
		{offsetof(struct slot, state), 24},
		{offsetof(struct slot, requests), 32},
		{offsetof(struct slot, given), 40},
		{offsetof(struct slot, request_lock), 56},
		{offsetof(struct slot, request.started_ns), 64},
		{offsetof(struct slot, request.correlation_id), 72},
		{offsetof(struct slot, request.trace_id), 201},
		{offsetof(struct slot, request.method), 234},
		{offsetof(struct slot, request.path), 250},
		{offsetof(struct slot, request.route), 506},
		{offsetof(struct slot, crash), 640},
		{offsetof(struct slot, crash.code), 644},
		{offsetof(struct slot, crash.address), 648},
		{offsetof(struct slot, crash.sender), 656},
		{offsetof(struct slot, crash.length), 660},
		{offsetof(struct slot, crash.backtrace), 664},
		{scoreboard_size_bytes(&(struct scoreboard_shape){.slots = 9}), 113280},
		{scoreboard_size_bytes(&(struct scoreboard_shape){.slots = 18, .ring_bytes = {131072}}), 2632448},
		{scoreboard_size_bytes(&(struct scoreboard_shape){.slots = 18, .ring_bytes = {131072}, .series = 1000}),
	         2632448 + 1526080 + 19 * 152192},
		{scoreboard_size_bytes(&(struct scoreboard_shape){.slots = 9, .cache_bytes = 2097152}),
	         113280 + 2097152},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		ck_assert_msg(table[i].is == table[i].documented, "row %zu: %zu, documented %zu", i, table[i].is,
		              table[i].documented);
}
END_TEST

/* Attaches from another process: in this one, closing again would drop the lock. */
static void
attach_in_child(int (*look)(struct scoreboard *), const char *error)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct err err = {.text = ""};
		struct scoreboard *seen = scoreboard_attach(path, &err);
		if (seen == NULL) {
			bool expected = error != NULL && strstr(err.text, error) != NULL;
			if (!expected)
				fprintf(stderr, "unexpected: %s\n", err.text);
			_exit(expected ? 0 : 99);
		}
		int status = error != NULL ? 98 : look(seen);
		scoreboard_close(seen);
		_exit(status);
	}
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %#x", (unsigned)status);
}

static int
look_at_service(struct scoreboard *seen)
{
	return atomic_load(&scoreboard_service(seen)->workers_wanted) == 7 && scoreboard_slots(seen) == SLOTS ? 0 : 1;
}

START_TEST(test_attach)
{
	atomic_store(&scoreboard_service(board)->workers_wanted, 7);
	attach_in_child(look_at_service, NULL);
}
END_TEST

/* From a process of its own; 0: it could attach, and wrote its mark. */
static int
control_in_child(const char *error)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct err err = {.text = ""};
		bool was_there;
		struct scoreboard *seen = scoreboard_attach_to_control(path, &err);
		if (seen == NULL)
			_exit(error != NULL && strstr(err.text, error) != NULL ? 0 : 99);
		atomic_fetch_add(&scoreboard_levels(seen)->told, 1);
		scoreboard_close(seen);
		/* The lock of the owner still holds. */
		seen = scoreboard_create(path, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err);
		_exit(error == NULL && seen == NULL && strstr(err.text, "belongs to the running process") != NULL ? 0
		                                                                                                  : 98);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(test_attach_to_control)
{
	struct scoreboard_header saved = board->file->header;
	ck_assert_int_eq(control_in_child(NULL), 0);
	ck_assert_int_eq(control_in_child(NULL), 0);
	ck_assert_uint_eq(atomic_load(&scoreboard_levels(board)->told), 2);
	board->file->header.fingerprint ^= 1;
	ck_assert_int_eq(control_in_child("layout of another version"), 0);
	board->file->header = saved;
	board->file->header.slots = SLOTS + 1;
	ck_assert_int_eq(control_in_child("damaged"), 0);
	board->file->header.magic[0] = 'v';
	ck_assert_int_eq(control_in_child("is not a scoreboard"), 0);
	board->file->header = saved;
	ck_assert_uint_eq(atomic_load(&scoreboard_levels(board)->told), 2);
}
END_TEST

START_TEST(test_attach_refuses_other_layouts)
{
	struct scoreboard_header saved = board->file->header;
	atomic_store(&scoreboard_service(board)->workers_wanted, 7);
	board->file->header.fingerprint ^= 1;
	attach_in_child(look_at_service, "layout of another version");
	board->file->header = saved;
	board->file->header.version++;
	attach_in_child(look_at_service, "layout of another version");
	board->file->header = saved;
	board->file->header.slots = SLOTS + 1;
	attach_in_child(look_at_service, "damaged");
	board->file->header = saved;
	board->file->header.slots = SLOTS + 1;
	board->file->header.size_bytes = scoreboard_size_bytes(&(struct scoreboard_shape){.slots = SLOTS + 1});
	attach_in_child(look_at_service, "damaged");
	board->file->header = saved;
	board->file->header.magic[0] = 'v';
	attach_in_child(look_at_service, "is not a scoreboard");
	board->file->header = saved;
	attach_in_child(look_at_service, NULL);
}
END_TEST

START_TEST(test_create_leaves_other_files_alone)
{
	static const char *const contents[] = {"x", "root:x:0:0:root:/root:/bin/bash\n"};
	char other[128], back[64];
	bool was_there;
	snprintf(other, sizeof other, "%s/other", folder);
	for (size_t i = 0; i < 2; i++) {
		struct err err = {.text = ""};
		FILE *file = fopen(other, "w");
		ck_assert_ptr_nonnull(file);
		fputs(contents[i], file);
		fclose(file);
		ck_assert_ptr_null(
			scoreboard_create(other, &(struct scoreboard_shape){.slots = SLOTS}, &was_there, &err));
		ck_assert_ptr_nonnull(strstr(err.text, "is left alone"));
		file = fopen(other, "r");
		ck_assert_ptr_nonnull(file);
		ck_assert_ptr_nonnull(fgets(back, sizeof back, file));
		fclose(file);
		ck_assert_str_eq(back, contents[i]);
	}
	unlink(other);
}
END_TEST

START_TEST(test_create_replaces_what_was_not_ready)
{
	char other[128];
	struct err err;
	bool was_there;
	snprintf(other, sizeof other, "%s/other", folder);
	int fd = open(other, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	close(fd);
	struct scoreboard *second = scoreboard_create(other, &(struct scoreboard_shape){.slots = 1}, &was_there, &err);
	ck_assert_ptr_nonnull(second);
	ck_assert(was_there);
	scoreboard_unlink(second);
	ck_assert_int_ne(access(other, F_OK), 0);
	scoreboard_close(second);
}
END_TEST

START_TEST(test_slot_life)
{
	struct slot *slot = scoreboard_slot(board, 2);
	struct slot_request request = {.started_ns = 5, .method = "GET", .route = "/x/{id}"};
	struct slot_request back;
	slot_claim(slot, ROLE_ADMIN, 3);
	ck_assert_int_eq(slot_pid(slot), getpid());
	ck_assert_uint_gt(owner_started(atomic_load(&slot->owner)), 0);
	ck_assert_int_eq(atomic_load(&slot->generation), 3);
	ck_assert_int_eq(atomic_load(&slot->state), SLOT_STARTING);
	ck_assert(!slot_get_request(slot, &back));
	memset(request.path, 'p', sizeof request.path);
	memset(request.correlation_id, 'c', sizeof request.correlation_id);
	slot_set_request(slot, &request);
	slot_set_phase(slot, PHASE_DATABASE);
	ck_assert_int_eq(slot_phase(slot), PHASE_DATABASE);
	ck_assert(slot_get_request(slot, &back));
	ck_assert_str_eq(back.method, "GET");
	ck_assert_str_eq(back.route, "/x/{id}");
	ck_assert_uint_eq(strlen(back.path), sizeof back.path - 1);
	ck_assert_uint_eq(strlen(back.correlation_id), sizeof back.correlation_id - 1);
	slot_set_request(slot, NULL);
	ck_assert(!slot_get_request(slot, &back));
	atomic_fetch_add(&slot->requests, 10);
	slot_release(slot);
	ck_assert_int_eq(slot_pid(slot), 0);
	ck_assert_int_eq(atomic_load(&slot->state), SLOT_FREE);
	slot_claim(slot, ROLE_ADMIN, 4);
	ck_assert_uint_eq(atomic_load(&slot->requests), 10);
}
END_TEST

START_TEST(test_start_time_is_the_kernels)
{
	struct slot *slot = scoreboard_slot(board, 0);
	char command[128], text[64];
	slot_claim(slot, ROLE_WORKER, 1);
	snprintf(command, sizeof command, "sed 's/.*) //' /proc/%ld/stat | cut -d' ' -f20", (long)getpid());
	FILE *pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_ptr_nonnull(fgets(text, sizeof text, pipe));
	pclose(pipe);
	ck_assert_uint_eq(strtoull(text, NULL, 10), owner_started(atomic_load(&slot->owner)));
}
END_TEST

START_TEST(test_summary)
{
	static const enum slot_state states[SLOTS] = {SLOT_IDLE, SLOT_BUSY, SLOT_BUSY, SLOT_STOPPING};
	struct pool_summary summary;
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = scoreboard_slot(board, i);
		slot_claim(slot, i == 3 ? ROLE_ADMIN : ROLE_WORKER, 1);
		slot_set_state(slot, states[i]);
		atomic_store(&slot->requests, 10U + i);
		atomic_store(&slot->connections, i);
	}
	scoreboard_summary(board, ROLE_WORKER, &summary);
	ck_assert_uint_eq(summary.workers, 3);
	ck_assert_uint_eq(summary.idle, 1);
	ck_assert_uint_eq(summary.busy, 2);
	ck_assert_uint_eq(summary.requests, 33);
	ck_assert_uint_eq(summary.connections, 3);
	scoreboard_summary(board, ROLE_ADMIN, &summary);
	ck_assert_uint_eq(summary.workers, 1);
	ck_assert_uint_eq(summary.stopping, 1);
	/* Counters of a slot without an owner still count: they never fall. */
	slot_release(scoreboard_slot(board, 1));
	scoreboard_summary(board, ROLE_WORKER, &summary);
	ck_assert_uint_eq(summary.workers, 2);
	ck_assert_uint_eq(summary.busy, 1);
	ck_assert_uint_eq(summary.requests, 33);
	ck_assert_uint_eq(summary.connections, 2);
}
END_TEST

START_TEST(test_names)
{
	ck_assert_str_eq(slot_state_name(SLOT_FREE), "free");
	ck_assert_str_eq(slot_state_name(SLOT_DEAD), "dead");
	ck_assert_str_eq(slot_state_name((enum slot_state)77), "unknown");
	ck_assert_str_eq(slot_role_name(ROLE_ADMIN), "admin");
	ck_assert_str_eq(slot_phase_name(PHASE_WRITING), "writing");
	ck_assert_str_eq(slot_phase_name((enum slot_phase) - 1), "unknown");
}
END_TEST

START_TEST(test_slot_out_of_range)
{
	/* The panic leaves no teardown behind. */
	unlink(path);
	rmdir(folder);
	scoreboard_slot(board, SLOTS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("scoreboard");
	TCase *tc = tcase_create("scoreboard");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_layout_is_as_documented);
	tcase_add_test(tc, test_attach);
	tcase_add_test(tc, test_attach_to_control);
	tcase_add_test(tc, test_attach_refuses_other_layouts);
	tcase_add_test(tc, test_create_leaves_other_files_alone);
	tcase_add_test(tc, test_create_replaces_what_was_not_ready);
	tcase_add_test(tc, test_slot_life);
	tcase_add_test(tc, test_start_time_is_the_kernels);
	tcase_add_test(tc, test_summary);
	tcase_add_test(tc, test_names);
	tcase_add_test_raise_signal(tc, test_slot_out_of_range, SIGABRT);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
