/*
 * scoreboard.c - making the scoreboard file, attaching to it, and summing up its slots.
 *
 * The supervisor creates it before the first fork; workers inherit the mapping; other programs attach
 * read-only. What stands in the file comes from a process of ours only as far as header and fingerprint
 * say so, and a program that attaches checks them before it looks any further.
 */
#include "scoreboard.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "insist.h"
#include "layout.h"

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* Where everything stands, as one number (FNV-1a). */
static uint64_t
layout_fingerprint(void)
{
	static const uint32_t facts[] = {
		sizeof(struct scoreboard_file),
		offsetof(struct scoreboard_file, service),
		offsetof(struct scoreboard_file, control),
		offsetof(struct scoreboard_file, checks),
		offsetof(struct scoreboard_file, slots),
		sizeof(struct scoreboard_service),
		offsetof(struct scoreboard_service, generation),
		offsetof(struct scoreboard_service, workers_wanted),
		offsetof(struct scoreboard_service, draining),
		offsetof(struct scoreboard_service, started),
		offsetof(struct scoreboard_service, checks_passed),
		offsetof(struct scoreboard_service, worker_deaths),
		offsetof(struct scoreboard_service, started_real_ns),
		offsetof(struct checks_control, runs),
		sizeof(struct check_record),
		offsetof(struct check_record, sealed),
		sizeof(struct check_result),
		offsetof(struct check_result, status),
		offsetof(struct check_result, percent),
		offsetof(struct check_result, total_bytes),
		offsetof(struct check_result, free_bytes),
		offsetof(struct check_result, text),
		sizeof(struct slot),
		offsetof(struct slot, generation),
		offsetof(struct slot, pid_started),
		offsetof(struct slot, worker_started_ns),
		offsetof(struct slot, state),
		offsetof(struct slot, role),
		offsetof(struct slot, phase),
		offsetof(struct slot, requests),
		offsetof(struct slot, connections),
		offsetof(struct slot, request_lock),
		offsetof(struct slot, request),
		sizeof(struct slot_request),
		offsetof(struct slot_request, correlation_id),
		offsetof(struct slot_request, trace_id),
		offsetof(struct slot_request, method),
		offsetof(struct slot_request, path),
		offsetof(struct slot_request, route),
	};
	uint64_t hash = FNV_OFFSET;
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
		for (unsigned shift = 0; shift < 32; shift += 8)
			hash = (hash ^ (facts[i] >> shift & 0xffU)) * FNV_PRIME;
	return hash;
}

size_t
scoreboard_size_bytes(unsigned slots)
{
	return sizeof(struct scoreboard_file) + slots * sizeof(struct slot);
}

/*
 * Refuses a file that holds something else than a scoreboard: a slip in SCOREBOARD shall not cost
 * anybody a file. It must be closed again before area_create() locks it.
 */
static int
check_contents(const char *path, struct err *err)
{
	char magic[SCOREBOARD_MAGIC_BYTES];
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0; /* not there, or area_create() will say what is wrong with it */
	ssize_t n = pread(fd, magic, sizeof magic, 0);
	close(fd);
	/* Zeros: its creator was killed before it was ready. */
	if (n <= 0 || (n == (ssize_t)sizeof magic && (memcmp(magic, SCOREBOARD_MAGIC, sizeof magic) == 0 ||
	                                              memcmp(magic, (char[sizeof magic]){0}, sizeof magic) == 0)))
		return 0;
	return err_set(
		err, "%s holds something else than a scoreboard and is left alone; name another file with SCOREBOARD.",
		path);
}

static void
fill_header(struct scoreboard_file *file, unsigned slots)
{
	file->header.version = SCOREBOARD_VERSION;
	file->header.slots = slots;
	file->header.fingerprint = layout_fingerprint();
	file->header.size_bytes = scoreboard_size_bytes(slots);
	atomic_thread_fence(memory_order_release);
	memcpy(file->header.magic, SCOREBOARD_MAGIC, SCOREBOARD_MAGIC_BYTES);
}

struct scoreboard *
scoreboard_create(const char *path, unsigned slots, bool *was_there, struct err *err)
{
	INSIST(slots >= 1 && slots <= SCOREBOARD_MAX_SLOTS);
	*was_there = false;
	if (check_contents(path, err) != 0)
		return NULL;
	struct scoreboard *board = calloc(1, sizeof *board);
	if (board == NULL) {
		err_set(err, "There is no memory for the scoreboard.");
		return NULL;
	}
	if (area_create(&board->area, path, scoreboard_size_bytes(slots), was_there, err) != 0) {
		free(board);
		return NULL;
	}
	board->file = board->area.base;
	fill_header(board->file, slots);
	return board;
}

/* 0 where the mapped file is a scoreboard of this build's layout. */
static int
check_header(const struct area *area, struct err *err)
{
	const struct scoreboard_file *file = area->base;
	if (area->size_bytes < sizeof *file ||
	    memcmp(file->header.magic, SCOREBOARD_MAGIC, SCOREBOARD_MAGIC_BYTES) != 0)
		return err_set(err, "%s is not a scoreboard.", area->path);
	atomic_thread_fence(memory_order_acquire);
	if (file->header.version != SCOREBOARD_VERSION || file->header.fingerprint != layout_fingerprint())
		return err_set(
			err,
			"The scoreboard %s has the layout of another version of Vitals (version %u); use the programs of "
			"that version.",
			area->path, file->header.version);
	if (file->header.slots < 1 || file->header.slots > SCOREBOARD_MAX_SLOTS ||
	    file->header.size_bytes != scoreboard_size_bytes(file->header.slots) ||
	    file->header.size_bytes > area->size_bytes)
		return err_set(err, "The scoreboard %s is damaged: its size and its number of slots do not agree.",
		               area->path);
	return 0;
}

struct scoreboard *
scoreboard_attach(const char *path, struct err *err)
{
	struct scoreboard *board = calloc(1, sizeof *board);
	if (board == NULL) {
		err_set(err, "There is no memory for the scoreboard.");
		return NULL;
	}
	if (area_attach(&board->area, path, err) != 0) {
		free(board);
		return NULL;
	}
	if (check_header(&board->area, err) != 0) {
		scoreboard_close(board);
		return NULL;
	}
	board->file = board->area.base;
	return board;
}

void
scoreboard_close(struct scoreboard *board)
{
	if (board == NULL)
		return;
	area_close(&board->area);
	free(board);
}

void
scoreboard_unlink(const struct scoreboard *board)
{
	area_unlink(&board->area);
}

int
scoreboard_chown(const struct scoreboard *board, uid_t uid, gid_t gid, struct err *err)
{
	return area_chown(&board->area, uid, gid, err);
}

struct scoreboard_service *
scoreboard_service(struct scoreboard *board)
{
	return &board->file->service;
}

unsigned
scoreboard_slots(const struct scoreboard *board)
{
	return board->file->header.slots;
}

struct slot *
scoreboard_slot(struct scoreboard *board, unsigned index)
{
	INSIST(index < board->file->header.slots);
	return &board->file->slots[index];
}

static void
count_state(struct pool_summary *summary, enum slot_state state)
{
	switch (state) {
	case SLOT_STARTING:
		summary->starting++;
		break;
	case SLOT_IDLE:
		summary->idle++;
		break;
	case SLOT_BUSY:
		summary->busy++;
		break;
	case SLOT_STOPPING:
		summary->stopping++;
		break;
	case SLOT_FREE:
	case SLOT_DEAD:
		break;
	}
}

void
scoreboard_summary(struct scoreboard *board, enum slot_role role, struct pool_summary *summary)
{
	*summary = (struct pool_summary){0};
	for (unsigned i = 0; i < board->file->header.slots; i++) {
		struct slot *slot = &board->file->slots[i];
		if (atomic_load_explicit(&slot->role, memory_order_relaxed) != role)
			continue;
		summary->requests += atomic_load_explicit(&slot->requests, memory_order_relaxed);
		if (atomic_load_explicit(&slot->pid, memory_order_acquire) == 0)
			continue;
		summary->workers++;
		summary->connections += atomic_load_explicit(&slot->connections, memory_order_relaxed);
		count_state(summary, atomic_load_explicit(&slot->state, memory_order_relaxed));
	}
}
