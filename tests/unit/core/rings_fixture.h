/*
 * rings_fixture.h - a scoreboard with rings, a log, and a file that the log is brought to, in a directory of its own.
 *
 * For tests of what reads rings: what is put are whole lines with a number, and the file is checked for them.
 */
#ifndef TESTS_RINGS_FIXTURE_H
#define TESTS_RINGS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log_ring.h"
#include "log_writer.h"

#define RINGS_SLOTS 4
#define RINGS_BYTES 32768
#define IN_TIME_MS 30000

struct rings {
	char folder[64], path[96], moved[96], board_path[96];
	struct scoreboard *board;
	struct redact *redact;
	struct log *log;
	struct log_writer_config config;
};

void rings_setup(struct rings *rings);
void rings_teardown(struct rings *rings);
/* Another file for the log: a device, a pipe. */
void rings_log_to(struct rings *rings, const char *file);
struct log_writer *rings_writer(const struct rings *rings);
/* A line {"n":number,"fill":"…"} of about size_bytes into the ring of a slot; false: no room. */
struct rings_line {
	unsigned slot;
	uint64_t number;
	size_t size_bytes; /* 0: a short one */
	enum frame_kind kind;
	uint64_t key;
	int64_t mono_ns; /* 0: now */
};
bool rings_put(const struct rings *rings, const struct rings_line *line);
/* Until there is room. */
void rings_put_waiting(const struct rings *rings, const struct rings_line *line);
/* What stands in a file, as text, until the next call. */
const char *rings_contents(const char *path);
/* How often a text stands in it. */
size_t rings_count(const char *path, const char *text);
/* Every line is whole; each number below count stands there once, whatever the order. */
void rings_ck_each_once(const char *path, uint64_t count);
/* The numbers of all lines that have one, in order. Returns how many. */
size_t rings_numbers(const char *path, uint64_t *numbers, size_t most);

#endif
