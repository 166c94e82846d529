/*
 * layout.c - where everything stands in the scoreboard file: sizes, fingerprint, header, directory, places.
 *
 * Called by the other files of this floor. A place is a slot, the heads of its rings, the rings' bytes, and a block of
 * cells for each series; how large rings are and how many series there may be is decided by who makes the file, and
 * stands in the header.
 */
#include "layout.h"

#include <string.h>
#include <unistd.h>

#include "err.h"
#include "fnv.h"
#include "insist.h"
#include "memory_shard.h"

/* The parts that every process has in common, those that are written and read from outside, and a place. */
static const uint32_t service_facts[] = {
	sizeof(struct scoreboard_file),
	offsetof(struct scoreboard_file, service),
	offsetof(struct scoreboard_file, control),
	offsetof(struct scoreboard_file, checks),
	offsetof(struct scoreboard_file, alert),
	offsetof(struct scoreboard_file, reports),
	sizeof(struct alert_state),
	offsetof(struct alert_state, seen_ns),
	offsetof(struct alert_state, begun_ns),
	offsetof(struct scoreboard_file, levels),
	offsetof(struct scoreboard_file, errors),
	offsetof(struct scoreboard_file, flights),
	sizeof(struct flight),
	offsetof(struct flight, landed),
	offsetof(struct scoreboard_file, redis_breaker),
	offsetof(struct scoreboard_file, tracking),
	sizeof(struct tracking),
	offsetof(struct tracking, void_before_ms),
	offsetof(struct scoreboard_file, rest),
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
	offsetof(struct check_result, identity),
	offsetof(struct check_result, status),
	offsetof(struct check_result, percent),
	offsetof(struct check_result, total_bytes),
	offsetof(struct check_result, free_bytes),
	offsetof(struct check_result, text),
	sizeof(struct breaker),
	offsetof(struct breaker, keeper),
	offsetof(struct breaker, opened),
	offsetof(struct breaker, since_ns),
	offsetof(struct breaker, changes),
};

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

static const uint32_t series_facts[] = {
	sizeof(struct directory_head),
	sizeof(struct series),
	offsetof(struct series, shape),
	offsetof(struct series, size_bytes),
	offsetof(struct series, labels),
	offsetof(struct series, exemplars),
	sizeof(struct exemplar_record),
	sizeof(struct series_cells),
	sizeof(struct pending_table),
	offsetof(struct pending_table, kept),
	sizeof(struct pending_kept),
	offsetof(struct pending_table, begun),
	sizeof(struct pending_count),
	sizeof(struct memory_shard_head),
	sizeof(struct memory_bucket),
	sizeof(struct memory_entry),
	offsetof(struct scoreboard_header, cache_bytes),
};

static const uint32_t place_facts[] = {
	sizeof(struct place),
	offsetof(struct place, rings),
	offsetof(struct place, pending),
	sizeof(struct frame),
	sizeof(struct log_ring),
	offsetof(struct log_ring, held),
	offsetof(struct log_ring, dropped),
	offsetof(struct log_ring, tail),
	offsetof(struct log_ring, taken),
	offsetof(struct log_ring, announced),
	offsetof(struct log_ring, announcing),
	offsetof(struct log_ring, reader),
	offsetof(struct log_ring, wake),
	offsetof(struct log_ring, intent),
	offsetof(struct ring_intent, done),
	offsetof(struct ring_intent, left),
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
	offsetof(struct slot, crash),
	sizeof(struct slot_request),
	offsetof(struct slot_request, correlation_id),
	offsetof(struct slot_request, trace_id),
	offsetof(struct slot_request, method),
	offsetof(struct slot_request, path),
	offsetof(struct slot_request, route),
	sizeof(struct slot_crash),
	offsetof(struct slot_crash, code),
	offsetof(struct slot_crash, address),
	offsetof(struct slot_crash, sender),
	offsetof(struct slot_crash, length),
	offsetof(struct slot_crash, backtrace),
};

/* Where everything stands, as one number (FNV-1a). */
static uint64_t
layout_fingerprint(void)
{
	uint64_t hash = fnv_bytes(FNV_OFFSET, service_facts, sizeof service_facts);
	hash = fnv_bytes(hash, outside_facts, sizeof outside_facts);
	hash = fnv_bytes(hash, series_facts, sizeof series_facts);
	return fnv_bytes(hash, place_facts, sizeof place_facts);
}

static size_t
whole_lines(size_t bytes)
{
	return (bytes + SCOREBOARD_LINE - 1) / SCOREBOARD_LINE * SCOREBOARD_LINE;
}

static size_t
place_bytes(const struct scoreboard_shape *shape)
{
	size_t bytes = sizeof(struct place);
	for (size_t kind = 0; kind < RING_KINDS; kind++)
		bytes += whole_lines(shape->ring_bytes[kind]);
	return bytes + series_capacity(shape->series) * sizeof(struct series_cells);
}

static size_t
directory_bytes(unsigned series)
{
	return series > 0 ? sizeof(struct pending_table) + whole_lines(series_directory_bytes(series)) : 0;
}

/* What stands in front of the places. */
static size_t
before_places_bytes(const struct scoreboard_shape *shape)
{
	return sizeof(struct scoreboard_file) + directory_bytes(shape->series) + whole_lines(shape->cache_bytes);
}

size_t
scoreboard_size_bytes(const struct scoreboard_shape *shape)
{
	return before_places_bytes(shape) + ((size_t)shape->slots + 1) * place_bytes(shape);
}

/* What the file is, other slots apart. */
static struct scoreboard_shape
shape_of(const struct scoreboard_file *file, unsigned slots)
{
	struct scoreboard_shape shape = {
		.slots = slots, .series = file->header.series, .cache_bytes = (size_t)file->header.cache_bytes};
	for (size_t kind = 0; kind < RING_KINDS; kind++)
		shape.ring_bytes[kind] = (size_t)file->header.ring_bytes[kind];
	return shape;
}

void
layout_fill_header(struct scoreboard_file *file, const struct scoreboard_shape *shape)
{
	file->header.version = SCOREBOARD_VERSION;
	file->header.slots = shape->slots;
	file->header.fingerprint = layout_fingerprint();
	file->header.size_bytes = scoreboard_size_bytes(shape);
	for (size_t kind = 0; kind < RING_KINDS; kind++)
		file->header.ring_bytes[kind] = whole_lines(shape->ring_bytes[kind]);
	file->header.series = shape->series;
	file->header.cache_bytes = whole_lines(shape->cache_bytes);
	atomic_thread_fence(memory_order_release);
	memcpy(file->header.magic, SCOREBOARD_MAGIC, SCOREBOARD_MAGIC_BYTES);
}

static bool
parts_are_sane(const struct scoreboard_shape *shape)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++)
		if (shape->ring_bytes[kind] > SCOREBOARD_MAX_RING_BYTES ||
		    shape->ring_bytes[kind] % SCOREBOARD_LINE != 0)
			return false;
	return shape->series <= SERIES_MOST && shape->cache_bytes <= SCOREBOARD_MAX_CACHE_BYTES &&
	       shape->cache_bytes % SCOREBOARD_LINE == 0 &&
	       (shape->cache_bytes == 0 || shape->cache_bytes >= MEMORY_CACHE_LEAST_BYTES);
}

int
layout_check_header(const struct area *area, struct err *err)
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
	const struct scoreboard_shape shape = shape_of(file, file->header.slots);
	if (shape.slots < 1 || shape.slots > SCOREBOARD_MAX_SLOTS || !parts_are_sane(&shape) ||
	    file->header.size_bytes != scoreboard_size_bytes(&shape) || file->header.size_bytes > area->size_bytes)
		return err_set(err, "The scoreboard %s is damaged: its size and its number of slots do not agree.",
		               area->path);
	return 0;
}

bool
scoreboard_fits(int fd)
{
	struct scoreboard_header header;
	return pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header &&
	       memcmp(header.magic, SCOREBOARD_MAGIC, sizeof header.magic) == 0 &&
	       header.version == SCOREBOARD_VERSION && header.fingerprint == layout_fingerprint();
}

size_t
scoreboard_ring_bytes(int fd, enum ring_kind kind)
{
	struct scoreboard_header header;
	bool whole = pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header;
	return whole ? (size_t)header.ring_bytes[kind] : 0;
}

unsigned
scoreboard_series_max(int fd)
{
	struct scoreboard_header header;
	return pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header ? header.series : 0;
}

size_t
scoreboard_cache_bytes(int fd)
{
	struct scoreboard_header header;
	bool whole = pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header;
	return whole ? (size_t)header.cache_bytes : 0;
}

void
layout_take_sizes(struct scoreboard *board)
{
	const struct scoreboard_shape shape = shape_of(board->file, 1);
	memcpy(board->ring_bytes, shape.ring_bytes, sizeof board->ring_bytes);
	board->place_bytes = place_bytes(&shape);
	board->directory_bytes = directory_bytes(shape.series);
	board->cache_bytes = shape.cache_bytes;
	board->series = shape.series;
}

unsigned
layout_room(const struct scoreboard *board)
{
	size_t before = sizeof(struct scoreboard_file) + board->directory_bytes + board->cache_bytes;
	return (unsigned)((board->area.size_bytes - before) / board->place_bytes) - 1;
}

/* Its owner may have let the file grow since this process has mapped it. */
unsigned
layout_mapped_slots(const struct scoreboard *board)
{
	unsigned room = layout_room(board), slots = board->file->header.slots;
	return slots < room ? slots : room;
}

void
layout_set_slots(struct scoreboard_file *file, unsigned slots)
{
	const struct scoreboard_shape shape = shape_of(file, slots);
	file->header.slots = slots;
	file->header.size_bytes = scoreboard_size_bytes(&shape);
}

size_t
layout_grown_bytes(int fd, unsigned slots)
{
	struct scoreboard_file file;
	if (!scoreboard_fits(fd) || pread(fd, &file.header, sizeof file.header, 0) != (ssize_t)sizeof file.header)
		return sizeof file;
	const struct scoreboard_shape shape = shape_of(&file, slots);
	return parts_are_sane(&shape) ? scoreboard_size_bytes(&shape) : sizeof file;
}

struct place *
scoreboard_place_of(const struct scoreboard *board, unsigned index)
{
	INSIST(index == SCOREBOARD_SUPERVISOR || index < board->slots);
	size_t n = index == SCOREBOARD_SUPERVISOR ? 0 : (size_t)index + 1;
	return (struct place *)(void *)(board->file->rest + board->directory_bytes + board->cache_bytes +
	                                n * board->place_bytes);
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
	return &scoreboard_place_of(board, index)->slot;
}

unsigned
scoreboard_index_of(struct scoreboard *board, const struct slot *slot)
{
	for (unsigned i = 0; i < board->slots; i++)
		if (scoreboard_slot(board, i) == slot)
			return i;
	return SCOREBOARD_SUPERVISOR;
}

struct ring
scoreboard_ring(const struct scoreboard *board, unsigned index, enum ring_kind kind)
{
	struct place *place = scoreboard_place_of(board, index);
	char *bytes = (char *)place + sizeof *place;
	for (size_t before = 0; before < (size_t)kind; before++)
		bytes += board->ring_bytes[before];
	return (struct ring){.shared = &place->rings[kind], .bytes = bytes, .size_bytes = board->ring_bytes[kind]};
}

struct series_directory
scoreboard_directory(const struct scoreboard *board)
{
	return series_directory_at(board->file->rest + sizeof(struct pending_table), board->series);
}

struct series_cells *
scoreboard_cells(const struct scoreboard *board, unsigned index)
{
	char *end = (char *)scoreboard_place_of(board, index) + board->place_bytes;
	size_t bytes = series_capacity(board->series) * sizeof(struct series_cells);
	return bytes > 0 ? (struct series_cells *)(void *)(end - bytes) : NULL;
}

bool
scoreboard_open_cache(const struct scoreboard *board, struct memory_cache *cache)
{
	if (board->cache_bytes == 0)
		return false;
	memory_cache_open(cache, board->file->rest + board->directory_bytes, board->cache_bytes);
	return true;
}

struct pending_count *
scoreboard_pending(const struct scoreboard *board, unsigned index)
{
	return &scoreboard_place_of(board, index)->pending;
}

struct pending_table *
scoreboard_pending_table(const struct scoreboard *board)
{
	return board->series > 0 ? (struct pending_table *)(void *)board->file->rest : NULL;
}

void
scoreboard_abandon_rings(const struct scoreboard *board, unsigned index)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		const struct ring ring = scoreboard_ring(board, index, (enum ring_kind)kind);
		ring_abandon(&ring);
	}
}
