/* rings_fixture.c - see rings_fixture.h. */
#include "rings_fixture.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_sink.h"
#include "redact.h"
#include "scoreboard.h"

#define CONTENTS_MAX (16 << 20)
#define LINE_MAX_BYTES 16384

void
rings_log_to(struct rings *rings, const char *file)
{
	struct err err = {""};
	log_destroy(rings->log);
	rings->log = log_create(&(struct log_config){.level = VT_INFO, .file = file, .redact = rings->redact}, &err);
	ck_assert_msg(rings->log != NULL, "%s", err.text);
	rings->config.log = rings->log;
}

void
rings_setup(struct rings *rings)
{
	struct err err = {""};
	const struct scoreboard_shape shape = {.slots = RINGS_SLOTS, .ring_bytes = {RINGS_BYTES, 4096}};
	*rings = (struct rings){0};
	snprintf(rings->folder, sizeof rings->folder, "/tmp/vt_rings_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rings->folder));
	snprintf(rings->path, sizeof rings->path, "%s/log", rings->folder);
	snprintf(rings->moved, sizeof rings->moved, "%s/log.1", rings->folder);
	snprintf(rings->board_path, sizeof rings->board_path, "%s/board", rings->folder);
	rings->board = scoreboard_share(rings->board_path, &shape, &err);
	ck_assert_msg(rings->board != NULL, "%s", err.text);
	rings->redact = redact_create(NULL);
	rings->config = (struct log_writer_config){.board = rings->board, .scope = LOG_WRITER_ALL};
	rings_log_to(rings, rings->path);
}

void
rings_teardown(struct rings *rings)
{
	log_destroy(rings->log);
	redact_destroy(rings->redact);
	scoreboard_close(rings->board);
	unlink(rings->path);
	unlink(rings->moved);
	unlink(rings->board_path);
	rmdir(rings->folder);
}

struct log_writer *
rings_writer(const struct rings *rings)
{
	struct err err = {""};
	struct log_writer *writer = log_writer_create(&rings->config, &err);
	ck_assert_msg(writer != NULL, "%s", err.text);
	return writer;
}

bool
rings_put(const struct rings *rings, const struct rings_line *line)
{
	char text[LINE_MAX_BYTES];
	int size = snprintf(text, sizeof text, "{\"n\":%ju,\"fill\":\"", (uintmax_t)line->number);
	for (; (size_t)size + 3 < line->size_bytes && (size_t)size + 4 < sizeof text; size++)
		text[size] = (char)('a' + (line->number + (uint64_t)size) % 26);
	memcpy(text + size, "\"}\n", 3);
	const struct ring ring = scoreboard_ring(rings->board, line->slot, RING_LOG);
	return ring_put(&ring,
	                &(struct frame){.size_bytes = (uint32_t)size + 3,
	                                .level = VT_INFO,
	                                .kind = (uint8_t)line->kind,
	                                .key = line->key,
	                                .mono_ns = line->mono_ns != 0 ? line->mono_ns : clock_mono_ns()},
	                text);
}

void
rings_put_waiting(const struct rings *rings, const struct rings_line *line)
{
	int64_t deadline_ns = deadline_in_ms(IN_TIME_MS);
	while (!rings_put(rings, line)) {
		ck_assert_int_lt(clock_mono_ns(), deadline_ns);
		sched_yield();
	}
}

const char *
rings_contents(const char *path)
{
	static char *text;
	if (text == NULL)
		text = malloc(CONTENTS_MAX);
	int fd = open(path, O_RDONLY);
	size_t size = 0;
	for (ssize_t n; fd >= 0 && (n = read(fd, text + size, CONTENTS_MAX - 1 - size)) > 0;)
		size += (size_t)n;
	ck_assert_msg(size < CONTENTS_MAX - 1, "%s is larger than a test looks at", path);
	text[size] = '\0';
	ck_assert_uint_eq(strlen(text), size);
	if (fd >= 0)
		close(fd);
	return text;
}

size_t
rings_count(const char *path, const char *text)
{
	size_t count = 0;
	for (const char *p = rings_contents(path); (p = strstr(p, text)) != NULL; p += strlen(text))
		count++;
	return count;
}

/* What a line is numbered with; false: with nothing. Not by sscanf(), which measures all that follows the line. */
static bool
read_number(const char *line, uint64_t *number)
{
	static const char before[] = "{\"n\":";
	char *end;
	if (strncmp(line, before, sizeof before - 1) != 0)
		return false;
	*number = strtoull(line + sizeof before - 1, &end, 10);
	return *end == ',';
}

/* Whole: from a brace to a brace, and what it is filled with as it must be. */
static void
ck_line(const char *line, size_t size)
{
	uint64_t number;
	ck_assert_msg(size > 1 && line[0] == '{' && line[size - 1] == '}', "torn: %.*s", (int)size, line);
	const char *fill = memmem(line, size, "\"fill\":\"", 8);
	if (!read_number(line, &number) || fill == NULL)
		return;
	/* Asserting each would tell check of each. */
	for (const char *p = fill + 8; p < line + size - 2; p++)
		if (*p != (char)('a' + (number + (uint64_t)(p - line)) % 26))
			ck_abort_msg("mixed: %.*s", (int)size, line);
}

size_t
rings_numbers(const char *path, uint64_t *numbers, size_t most)
{
	size_t count = 0;
	for (const char *line = rings_contents(path); *line != '\0';) {
		const char *end = strchr(line, '\n');
		ck_assert_msg(end != NULL, "torn at the end: %s", line);
		ck_line(line, (size_t)(end - line));
		if (count < most && read_number(line, &numbers[count]))
			count++;
		line = end + 1;
	}
	return count;
}

void
rings_ck_each_once(const char *path, uint64_t count)
{
	uint64_t *numbers = calloc(count + 1000, sizeof *numbers);
	unsigned char *seen = calloc(count, 1);
	size_t found = rings_numbers(path, numbers, count + 1000);
	for (size_t i = 0; i < found; i++) {
		ck_assert_uint_lt(numbers[i], count);
		ck_assert_msg(seen[numbers[i]]++ == 0, "%ju stands there twice", (uintmax_t)numbers[i]);
	}
	for (uint64_t i = 0; i < count; i++)
		ck_assert_msg(seen[i] == 1, "%ju is missing", (uintmax_t)i);
	free(numbers);
	free(seen);
}
