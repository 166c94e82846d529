/*
 * scoreboard.c - making the scoreboard file, and the four ways to come to one that is there.
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

#define SHARE_TRIES 3
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* Of what is told from outside, and told to it. */
static const uint32_t outside_facts[] = {
	sizeof(struct level_control),
	offsetof(struct level_control, told),
	offsetof(struct level_control, writer),
	offsetof(struct level_control, sets),
	offsetof(struct level_set, reset_by_uid),
	offsetof(struct level_set, reset_by_pid),
	offsetof(struct level_set, count),
	offsetof(struct level_set, overrides),
	sizeof(struct level_override),
	offsetof(struct level_override, until_ns),
	offsetof(struct level_override, set_real_ns),
	offsetof(struct level_override, set_by_uid),
	offsetof(struct level_override, set_by_pid),
	offsetof(struct level_override, scope),
	offsetof(struct level_override, level),
	offsetof(struct level_override, text),
	sizeof(struct error_table),
	offsetof(struct error_table, total),
	offsetof(struct error_table, replaced),
	offsetof(struct error_table, unlisted),
	offsetof(struct error_table, fingerprints),
	offsetof(struct error_table, entries),
	sizeof(struct error_entry),
	offsetof(struct error_entry, first_ns),
	offsetof(struct error_entry, last_ns),
	offsetof(struct error_entry, id_writer),
	offsetof(struct error_entry, id_lock),
	offsetof(struct error_entry, correlation_id),
	offsetof(struct error_entry, kind),
	offsetof(struct error_kind, route),
	offsetof(struct error_kind, message),
	offsetof(struct error_kind, code),
	offsetof(struct error_kind, place),
};

static uint64_t
mix(uint64_t hash, const uint32_t *facts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (unsigned shift = 0; shift < 32; shift += 8)
			hash = (hash ^ (facts[i] >> shift & 0xffU)) * FNV_PRIME;
	return hash;
}

/* Where everything stands, as one number (FNV-1a). */
static uint64_t
layout_fingerprint(void)
{
	static const uint32_t facts[] = {
		sizeof(struct scoreboard_file),
		offsetof(struct scoreboard_file, service),
		offsetof(struct scoreboard_file, control),
		offsetof(struct scoreboard_file, checks),
		offsetof(struct scoreboard_file, levels),
		offsetof(struct scoreboard_file, errors),
		offsetof(struct scoreboard_file, slots),
		sizeof(struct scoreboard_service),
		offsetof(struct scoreboard_service, generation),
		offsetof(struct scoreboard_service, workers),
		offsetof(struct scoreboard_service, workers_max),
		offsetof(struct scoreboard_service, workers_wanted),
		offsetof(struct scoreboard_service, draining),
		offsetof(struct scoreboard_service, started),
		offsetof(struct scoreboard_service, checks_passed),
		offsetof(struct scoreboard_service, held_back),
		offsetof(struct scoreboard_service, started_real_ns),
		offsetof(struct scoreboard_service, deaths),
		offsetof(struct scoreboard_service, reloads),
		offsetof(struct scoreboard_service, reloads_refused),
		offsetof(struct scoreboard_service, recycled),
		offsetof(struct scoreboard_service, refusal_lock),
		offsetof(struct scoreboard_service, refusal),
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
		offsetof(struct slot, worker_started_ns),
		offsetof(struct slot, generation),
		offsetof(struct slot, connections),
		offsetof(struct slot, state),
		offsetof(struct slot, role),
		offsetof(struct slot, phase),
		offsetof(struct slot, requests),
		offsetof(struct slot, given),
		offsetof(struct slot, taken),
		offsetof(struct slot, request_lock),
		offsetof(struct slot, request),
		sizeof(struct slot_request),
		offsetof(struct slot_request, correlation_id),
		offsetof(struct slot_request, trace_id),
		offsetof(struct slot_request, method),
		offsetof(struct slot_request, path),
		offsetof(struct slot_request, route),
	};
	uint64_t hash = mix(FNV_OFFSET, facts, sizeof facts / sizeof facts[0]);
	return mix(hash, outside_facts, sizeof outside_facts / sizeof outside_facts[0]);
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

static struct scoreboard *
allocate(struct err *err)
{
	struct scoreboard *board = calloc(1, sizeof *board);
	if (board == NULL)
		err_set(err, "There is no memory for the scoreboard.");
	return board;
}

struct scoreboard *
scoreboard_create(const char *path, unsigned slots, bool *was_there, struct err *err)
{
	INSIST(slots >= 1 && slots <= SCOREBOARD_MAX_SLOTS);
	*was_there = false;
	if (check_contents(path, err) != 0)
		return NULL;
	struct scoreboard *board = allocate(err);
	if (board == NULL)
		return NULL;
	if (area_create(&board->area, path, scoreboard_size_bytes(slots), was_there, err) != 0) {
		free(board);
		return NULL;
	}
	board->file = board->area.base;
	fill_header(board->file, slots);
	board->slots = slots;
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

/* As many as this process has mapped: its owner may have let the file grow since. */
static unsigned
mapped_slots(const struct scoreboard *board)
{
	size_t room = (board->area.size_bytes - sizeof(struct scoreboard_file)) / sizeof(struct slot);
	unsigned slots = board->file->header.slots;
	return slots < room ? slots : (unsigned)room;
}

static struct scoreboard *
attach(const char *path, enum area_access access, struct err *err)
{
	struct scoreboard *board = allocate(err);
	if (board == NULL)
		return NULL;
	if (area_attach(&board->area, path, access, err) != 0) {
		free(board);
		return NULL;
	}
	if (check_header(&board->area, err) != 0) {
		scoreboard_close(board);
		return NULL;
	}
	board->file = board->area.base;
	board->slots = mapped_slots(board);
	return board;
}

struct scoreboard *
scoreboard_attach(const char *path, struct err *err)
{
	return attach(path, AREA_READ, err);
}

struct scoreboard *
scoreboard_attach_to_control(const char *path, struct err *err)
{
	return attach(path, AREA_WRITE, err);
}

/* More slots behind those that are there; whoever has mapped fewer goes on with those. */
static void
grow(struct scoreboard *board, unsigned slots)
{
	if (slots > board->file->header.slots) {
		board->file->header.slots = slots;
		board->file->header.size_bytes = scoreboard_size_bytes(slots);
	}
	board->slots = board->file->header.slots;
}

struct scoreboard *
scoreboard_adopt(int fd, const char *path, unsigned slots, struct err *err)
{
	struct scoreboard *board = allocate(err);
	if (board == NULL) {
		close(fd);
		return NULL;
	}
	if (area_adopt(&board->area, fd, path, scoreboard_size_bytes(slots), err) != 0) {
		free(board);
		return NULL;
	}
	if (check_header(&board->area, err) != 0) {
		scoreboard_close(board);
		return NULL;
	}
	board->file = board->area.base;
	grow(board, slots);
	return board;
}

/* What an earlier life left is used again where it has this layout; nobody else looks at it yet. */
static void
make_ready(struct scoreboard *board, unsigned slots)
{
	if (check_header(&board->area, NULL) == 0) {
		grow(board, slots);
	} else {
		memset(board->area.base, 0, board->area.size_bytes);
		fill_header(board->file, slots);
		board->slots = slots;
	}
	area_let_others_in(&board->area);
}

/* One try; *again: who was making it ready may have died over it, and the next try is alone. */
static struct scoreboard *
share_once(const char *path, unsigned slots, bool *again, struct err *err)
{
	*again = false;
	struct scoreboard *board = allocate(err);
	if (board == NULL)
		return NULL;
	enum area_share share = area_share(&board->area, path, scoreboard_size_bytes(slots), err);
	if (share == AREA_REFUSED) {
		free(board);
		return NULL;
	}
	board->file = board->area.base;
	if (share == AREA_ALONE) {
		make_ready(board, slots);
		return board;
	}
	if (check_header(&board->area, err) != 0) {
		scoreboard_close(board);
		*again = true;
		return NULL;
	}
	board->slots = mapped_slots(board);
	return board;
}

struct scoreboard *
scoreboard_share(const char *path, unsigned slots, struct err *err)
{
	struct scoreboard *board = NULL;
	bool again = true;
	if (check_contents(path, err) != 0)
		return NULL;
	for (int i = 0; i < SHARE_TRIES && board == NULL && again; i++)
		board = share_once(path, slots, &again, err);
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
scoreboard_fd(const struct scoreboard *board)
{
	return board->area.fd;
}

const char *
scoreboard_path(const struct scoreboard *board)
{
	return board->area.path;
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
	return board->slots;
}

struct slot *
scoreboard_slot(struct scoreboard *board, unsigned index)
{
	INSIST(index < board->slots);
	return &board->file->slots[index];
}
