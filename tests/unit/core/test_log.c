/* test_log.c - the log as a whole: levels, files, reopening, and sinks that do not take a record. */
#include "log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "log_form.h"
#include "log_ring.h"
#include "log_sink.h"
#include "redact.h"
#include "run_suite.h"

static char dir[64], path[96], moved[96];
static struct redact *redact;
static struct log *the_log;

static void
setup(void)
{
	strcpy(dir, "/tmp/test_log.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/log", dir);
	snprintf(moved, sizeof moved, "%s/log.1", dir);
	redact = redact_create(NULL);
}

static void
teardown(void)
{
	log_destroy(the_log);
	redact_destroy(redact);
	unlink(path);
	unlink(moved);
	rmdir(dir);
}

static struct log *
opened(const char *file)
{
	struct err err = {""};
	struct log *made = log_create(&(struct log_config){.level = VT_INFO, .file = file, .redact = redact}, &err);
	ck_assert_msg(made != NULL, "%s", err.text);
	return made;
}

static char *
contents(const char *file)
{
	static char text[1 << 20];
	int fd = open(file, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ssize_t n = read(fd, text, sizeof text - 1);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static size_t
lines(const char *text)
{
	size_t count = 0;
	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void
write_text(struct log_sink *sink, const char *text, size_t size)
{
	log_sink_write(sink, &(const struct log_line){.text = text, .size_bytes = size, .level = VT_INFO});
}

START_TEST(writes_from_its_level_on)
{
	the_log = opened(path);
	ck_assert(!log_enabled(the_log, VT_DEBUG));
	ck_assert(log_enabled(the_log, VT_INFO));
	log_event(the_log, VT_DEBUG, "t", "no", VT_INT("n", 1));
	log_event(the_log, VT_INFO, "t", "yes", VT_INT("n", 2));
	log_event(the_log, VT_CRITICAL, "t", "also", VT_INT("n", 3));
	const char *text = contents(path);
	ck_assert_uint_eq(lines(text), 2);
	ck_assert_ptr_null(strstr(text, "\"no\""));
	ck_assert_ptr_nonnull(strstr(text, "\"module\":\"test_log\",\"function\":\"writes_from_its_level_on"));
	ck_assert_uint_eq(log_dropped(the_log), 0);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777 & (mode_t)~0640, 0);
}
END_TEST

START_TEST(appends)
{
	the_log = opened(path);
	log_event(the_log, VT_INFO, "t", "one", VT_INT("n", 1));
	log_destroy(the_log);
	the_log = opened(path);
	log_event(the_log, VT_INFO, "t", "two", VT_INT("n", 1));
	ck_assert_uint_eq(lines(contents(path)), 2);
}
END_TEST

START_TEST(none_writes_nothing)
{
	ck_assert(!log_enabled(NULL, VT_CRITICAL));
	log_event((struct log *)NULL, VT_CRITICAL, "t", "m", VT_INT("n", 1));
}
END_TEST

START_TEST(keeps_errno)
{
	the_log = opened("/dev/full");
	errno = EDOM;
	log_event(the_log, VT_INFO, "t", "m", VT_INT("n", 1));
	ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(refuses_what_cannot_be_opened)
{
	struct err err = {""};
	ck_assert_ptr_null(log_create(&(struct log_config){.file = dir, .redact = redact}, &err));
	ck_assert_ptr_nonnull(strstr(err.text, dir));
	ck_assert_ptr_nonnull(strstr(err.text, "LOG_FILE"));
}
END_TEST

START_TEST(counts_drops_on_a_full_device)
{
	the_log = opened("/dev/full");
	for (int i = 0; i < 3; i++)
		log_event(the_log, VT_INFO, "t", "m", VT_INT("n", i));
	ck_assert_uint_eq(log_dropped(the_log), 3);
}
END_TEST

START_TEST(reopens)
{
	struct err err = {""};
	the_log = opened(path);
	log_event(the_log, VT_INFO, "t", "one", VT_INT("n", 1));
	ck_assert_int_eq(rename(path, moved), 0);
	log_event(the_log, VT_INFO, "t", "two", VT_INT("n", 1));
	ck_assert_int_eq(log_reopen(the_log, &err), 0);
	log_event(the_log, VT_INFO, "t", "three", VT_INT("n", 1));
	ck_assert_uint_eq(lines(contents(moved)), 2);
	ck_assert_uint_eq(lines(contents(path)), 1);
}
END_TEST

START_TEST(keeps_the_old_file_where_reopening_fails)
{
	struct err err = {""};
	the_log = opened(path);
	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(log_reopen(the_log, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	log_event(the_log, VT_INFO, "t", "one", VT_INT("n", 1));
	ck_assert_uint_eq(lines(contents(moved)), 1);
	ck_assert_uint_eq(log_dropped(the_log), 0);
	rmdir(path);
}
END_TEST

START_TEST(writes_to_standard_error)
{
	int kept = dup(STDERR_FILENO), fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	the_log = opened(NULL);
	log_event(the_log, VT_INFO, "t", "one", VT_INT("n", 1));
	log_destroy(the_log);
	the_log = opened("stderr");
	log_event(the_log, VT_INFO, "t", "two", VT_INT("n", 1));
	ck_assert_int_eq(log_reopen(the_log, NULL), 0);
	log_destroy(the_log);
	the_log = NULL;
	ck_assert_int_ge(fcntl(STDERR_FILENO, F_GETFD), 0);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(fd);
	ck_assert_uint_eq(lines(contents(path)), 2);
}
END_TEST

/* A pipe that nobody empties: lines are dropped, none waits, and what comes later starts on a line of its own. */
START_TEST(does_not_wait_for_a_full_fifo)
{
	static char buffer[1 << 20];
	struct log_sink sink;
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(log_sink_open(&sink, &(const struct log_sink_config){.where = path}, NULL), 0);
	memset(buffer, 'x', 9999);
	buffer[9999] = '\n';
	for (int i = 0; i < 20; i++) /* a pipe holds 64 KiB */
		write_text(&sink, buffer, 10000);
	uint64_t dropped = sink.dropped;
	ck_assert_uint_gt(dropped, 0);
	ck_assert_uint_lt(dropped, 20);
	ck_assert(sink.torn);
	while (read(reader, buffer, sizeof buffer) > 0)
		continue;
	write_text(&sink, "next\n", 5);
	ck_assert_int_eq(read(reader, buffer, sizeof buffer), 6);
	ck_assert_int_eq(memcmp(buffer, "\nnext\n", 6), 0);
	ck_assert_uint_eq(sink.dropped, dropped);
	log_sink_close(&sink);
	log_sink_close(&sink);
	close(reader);
}
END_TEST

/* Whoever may write in the log's directory must not choose which file root writes to, or gives away. */
START_TEST(root_follows_no_link)
{
	struct err err = {""};
	struct stat st;
	struct log_config config = {.level = VT_INFO, .file = path, .redact = redact};
	close(open(moved, O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(symlink(moved, path), 0);
	the_log = log_create(&config, &err);
	if (geteuid() != 0) {
		ck_assert_ptr_nonnull(the_log);
		return;
	}
	ck_assert_ptr_null(the_log);
	ck_assert_ptr_nonnull(strstr(err.text, "symbolic link"));
	unlink(path);
	the_log = opened(path);
	/* Replaced after it was opened: the descriptor counts, not the name. */
	unlink(path);
	ck_assert_int_eq(symlink(moved, path), 0);
	ck_assert_int_eq(log_chown(the_log, 1, 1, &err), 0);
	ck_assert_int_eq(stat(moved, &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_int_eq(log_reopen(the_log, &err), -1);
}
END_TEST

START_TEST(the_file_can_be_given_away)
{
	struct err err = {""};
	struct stat st;
	if (geteuid() != 0)
		return;
	the_log = opened(path);
	ck_assert_int_eq(log_chown(the_log, 1, 2, &err), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(st.st_uid == 1 && st.st_gid == 2);
}
END_TEST

/*
 * Several processes on one pipe: the room that poll() told of may be gone at the write. So ours does not
 * block, while standard error itself stays as those who share it know it.
 */
START_TEST(never_blocks_on_a_shared_pipe)
{
	int ends[2], kept = dup(STDERR_FILENO);
	struct log_sink sink;
	char line[8];
	ck_assert_int_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	int status = log_sink_open(&sink, &(const struct log_sink_config){.where = NULL}, NULL);
	int flags = fcntl(STDERR_FILENO, F_GETFL);
	write_text(&sink, "line\n", 5);
	dup2(kept, STDERR_FILENO);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(flags & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(sink.fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(sink.fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(read(ends[0], line, sizeof line), 5);
	int fd = sink.fd;
	log_sink_close(&sink);
	log_sink_close(&sink);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
	close(ends[0]);
	close(ends[1]);
	close(kept);
}
END_TEST

/* A file that reaches its bound takes a part of a line. */
START_TEST(starts_anew_after_a_torn_line)
{
	struct log_sink sink;
	struct rlimit limit, small;
	ck_assert_int_eq(log_sink_open(&sink, &(const struct log_sink_config){.where = path}, NULL), 0);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){.rlim_cur = 12, .rlim_max = limit.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	write_text(&sink, "0123456\n", 8);
	write_text(&sink, "abcdefg\n", 8);
	write_text(&sink, "lost\n", 5);
	setrlimit(RLIMIT_FSIZE, &limit);
	write_text(&sink, "again\n", 6);
	ck_assert_uint_eq(sink.dropped, 2);
	ck_assert_str_eq(contents(path), "0123456\nabcd\nagain\n");
	log_sink_close(&sink);
}
END_TEST

/* ---- Through a ring ------------------------------------------------------------------------------ */

#define RING_BYTES 32768

static struct log_ring ring_head;
static char ring_bytes[RING_BYTES];
static const struct ring ring = {.shared = &ring_head, .bytes = ring_bytes, .size_bytes = RING_BYTES};
static _Atomic uint32_t wake;

/* The reader's part: the next record's frame, its text in *text; false: there is none. */
static bool
take(struct frame *frame, char *text)
{
	uint64_t at = atomic_load(&ring_head.tail), end = ring_readable_end(&ring);
	if (at == end)
		return false;
	ck_assert(ring_frame(&ring, at, end, frame));
	ck_assert_uint_le(frame->size_bytes, LOG_RECORD_MAX_BYTES);
	ck_assert(ring_record(&ring, at, frame, text));
	text[frame->size_bytes] = '\0';
	ring_give_back(&ring, at + ring_bytes_of(frame->size_bytes));
	return true;
}

static void
write_moment(enum vt_level level, enum log_moment moment, uint64_t key)
{
	log_write(
		the_log,
		&(const struct log_record){
			.level = level, .moment = moment, .key = key, .logger = "t", .message = "m", .site = LOG_SITE});
}

static void
open_with_ring(const char *file)
{
	memset(&ring_head, 0, sizeof ring_head);
	the_log = opened(file);
	log_use_ring(the_log, &ring, &wake);
}

START_TEST(records_go_into_the_ring)
{
	struct frame frame;
	char text[LOG_RECORD_MAX_BYTES + 1];
	open_with_ring(path);
	log_leave_sink(the_log);
	log_event(the_log, VT_DEBUG, "t", "below", VT_INT("n", 1));
	log_event(the_log, VT_WARNING, "t", "above", VT_INT("n", 2));
	ck_assert(take(&frame, text));
	ck_assert(frame.level == VT_WARNING && frame.kind == FRAME_PLAIN && frame.key == 0);
	ck_assert_int_gt(frame.mono_ns, 0);
	ck_assert_ptr_nonnull(strstr(text, "\"above\""));
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	ck_assert(!take(&frame, text));
	log_use_ring(the_log, NULL, NULL);
	ck_assert_str_eq(contents(path), "");
	ck_assert_uint_eq(log_dropped(the_log), 0);
}
END_TEST

/* The reader is woken for what it may read: the end of a request when its response has been sent. */
START_TEST(the_end_of_a_request_wakes_when_it_is_settled)
{
	struct frame frame;
	char text[LOG_RECORD_MAX_BYTES + 1];
	open_with_ring(path);
	atomic_store(&wake, WAKE_ASLEEP);
	write_moment(VT_INFO, LOG_BEGIN, 7);
	ck_assert_uint_eq(atomic_load(&wake), WAKE_AWAKE);
	ck_assert(take(&frame, text) && frame.kind == FRAME_BEGIN && frame.key == 7);
	atomic_store(&wake, WAKE_ASLEEP);
	write_moment(VT_ERROR_LEVEL, LOG_END, 7);
	ck_assert_uint_eq(atomic_load(&wake), WAKE_ASLEEP);
	ck_assert(!take(&frame, text));
	log_settle(the_log);
	ck_assert_uint_eq(atomic_load(&wake), WAKE_AWAKE);
	ck_assert(take(&frame, text) && frame.kind == FRAME_END && frame.key == 7);
	atomic_store(&wake, WAKE_ASLEEP);
	log_settle(the_log);
	log_settle(NULL);
	ck_assert_uint_eq(atomic_load(&wake), WAKE_ASLEEP);
	log_use_ring(the_log, NULL, NULL);
	log_settle(the_log);
}
END_TEST

START_TEST(errors_do_not_wait_for_others)
{
	static const struct {
		enum vt_level level;
		uint32_t then;
	} cases[] = {{VT_INFO, WAKE_GATHERING},
	             {VT_WARNING, WAKE_GATHERING},
	             {VT_ERROR_LEVEL, WAKE_AWAKE},
	             {VT_CRITICAL, WAKE_AWAKE}};
	open_with_ring(path);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		atomic_store(&wake, WAKE_GATHERING);
		write_moment(cases[i].level, LOG_BETWEEN, 0);
		ck_assert_uint_eq(atomic_load(&wake), cases[i].then);
	}
}
END_TEST

/* One record waits a moment, those behind it do not; each that finds no room is counted, none is half there. */
START_TEST(a_full_ring_drops_and_counts)
{
	struct frame frame;
	char text[LOG_RECORD_MAX_BYTES + 1];
	uint64_t put = 0, written = 0;
	open_with_ring(path);
	for (; log_dropped(the_log) == 0; put++)
		log_event(the_log, VT_INFO, "t", "m", VT_INT("n", put));
	for (int i = 0; i < 500; i++, put++)
		log_event(the_log, VT_INFO, "t", "m", VT_INT("n", put));
	ck_assert_uint_eq(log_dropped(the_log), 501);
	for (; take(&frame, text); written++)
		ck_assert_int_eq(text[0], '{');
	ck_assert_uint_eq(written + 501, put);
	log_event(the_log, VT_INFO, "t", "room again", VT_INT("n", 1));
	ck_assert(take(&frame, text));
	ck_assert_ptr_nonnull(strstr(text, "room again"));
	ck_assert_uint_eq(log_dropped(the_log), 501);
}
END_TEST

#define THREADS 4
#define EACH 200

static void *
write_many(void *arg)
{
	for (int i = 0; i < EACH; i++)
		log_event((struct log *)arg, VT_INFO, "t", "m", VT_INT("n", i),
		          VT_STR("fill", "xxxxxxxxxxxxxxxxxxxxxxxxxx"));
	return NULL;
}

/* Through a ring as well, of which they have one. */
START_TEST(threads_share_a_ring)
{
	struct frame frame;
	char text[LOG_RECORD_MAX_BYTES + 1];
	pthread_t threads[THREADS];
	unsigned found = 0;
	open_with_ring(path);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, the_log), 0);
	while (found + log_dropped(the_log) < THREADS * EACH)
		if (take(&frame, text)) {
			ck_assert_int_eq(strncmp(text, "{\"timestamp\":", 13), 0);
			ck_assert_str_eq(text + strlen(text) - 7, "xxxx\"}\n");
			found++;
		}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	while (take(&frame, text))
		found++;
	ck_assert_uint_eq(found + log_dropped(the_log), THREADS * EACH);
}
END_TEST

START_TEST(never_mixes_lines)
{
	pthread_t threads[THREADS];
	the_log = opened(path);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, the_log), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	char *text = contents(path), *save = NULL;
	ck_assert_uint_eq(lines(text), THREADS * EACH);
	for (char *p = strtok_r(text, "\n", &save); p != NULL; p = strtok_r(NULL, "\n", &save)) {
		ck_assert_int_eq(strncmp(p, "{\"timestamp\":", 13), 0);
		ck_assert_str_eq(p + strlen(p) - 6, "xxxx\"}");
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");
	tcase_add_test(tcase, writes_from_its_level_on);
	tcase_add_test(tcase, appends);
	tcase_add_test(tcase, none_writes_nothing);
	tcase_add_test(tcase, keeps_errno);
	tcase_add_test(tcase, refuses_what_cannot_be_opened);
	tcase_add_test(tcase, counts_drops_on_a_full_device);
	tcase_add_test(tcase, reopens);
	tcase_add_test(tcase, keeps_the_old_file_where_reopening_fails);
	tcase_add_test(tcase, writes_to_standard_error);
	tcase_add_test(tcase, does_not_wait_for_a_full_fifo);
	tcase_add_test(tcase, never_blocks_on_a_shared_pipe);
	tcase_add_test(tcase, root_follows_no_link);
	tcase_add_test(tcase, the_file_can_be_given_away);
	tcase_add_test(tcase, starts_anew_after_a_torn_line);
	tcase_add_test(tcase, records_go_into_the_ring);
	tcase_add_test(tcase, the_end_of_a_request_wakes_when_it_is_settled);
	tcase_add_test(tcase, errors_do_not_wait_for_others);
	tcase_add_test(tcase, a_full_ring_drops_and_counts);
	tcase_add_test(tcase, threads_share_a_ring);
	tcase_add_test(tcase, never_mixes_lines);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
