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
#include "memory_cache.h"

#define SHARE_TRIES 3

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

static struct scoreboard *
allocate(struct err *err)
{
	struct scoreboard *board = calloc(1, sizeof *board);
	if (board == NULL)
		err_set(err, "There is no memory for the scoreboard.");
	return board;
}

struct scoreboard *
scoreboard_create(const char *path, const struct scoreboard_shape *shape, bool *was_there, struct err *err)
{
	INSIST(shape->slots >= 1 && shape->slots <= SCOREBOARD_MAX_SLOTS);
	*was_there = false;
	if (check_contents(path, err) != 0)
		return NULL;
	struct scoreboard *board = allocate(err);
	if (board == NULL)
		return NULL;
	if (area_create(&board->area, path, scoreboard_size_bytes(shape), was_there, err) != 0) {
		free(board);
		return NULL;
	}
	board->file = board->area.base;
	layout_fill_header(board->file, shape);
	layout_take_sizes(board);
	board->slots = shape->slots;
	return board;
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
	if (layout_check_header(&board->area, err) != 0) {
		scoreboard_close(board);
		return NULL;
	}
	board->file = board->area.base;
	layout_take_sizes(board);
	board->slots = layout_mapped_slots(board);
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
	if (slots > board->file->header.slots)
		layout_set_slots(board->file, slots);
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
	if (area_adopt(&board->area, fd, path, layout_grown_bytes(fd, slots), err) != 0) {
		free(board);
		return NULL;
	}
	if (layout_check_header(&board->area, err) != 0) {
		scoreboard_close(board);
		return NULL;
	}
	board->file = board->area.base;
	layout_take_sizes(board);
	grow(board, slots);
	return board;
}

/* Counters go on from one life to the next; what was cached may have changed meanwhile. */
static void
forget_cached(const struct scoreboard *board)
{
	struct memory_cache cache;
	if (scoreboard_open_cache(board, &cache))
		memory_cache_clear(&cache);
}

/* What an earlier life left is used again where it has this layout; nobody else looks at it yet. */
static void
make_ready(struct scoreboard *board, const struct scoreboard_shape *shape)
{
	if (layout_check_header(&board->area, NULL) == 0) {
		layout_take_sizes(board);
		forget_cached(board);
		unsigned room = layout_room(board);
		grow(board, shape->slots < room ? shape->slots : room);
	} else {
		memset(board->area.base, 0, board->area.size_bytes);
		layout_fill_header(board->file, shape);
		layout_take_sizes(board);
		board->slots = shape->slots;
	}
	area_let_others_in(&board->area);
}

/* One try; *again: who was making it ready may have died over it, and the next try is alone. */
static struct scoreboard *
share_once(const char *path, const struct scoreboard_shape *shape, bool *again, struct err *err)
{
	*again = false;
	struct scoreboard *board = allocate(err);
	if (board == NULL)
		return NULL;
	enum area_share share = area_share(&board->area, path, scoreboard_size_bytes(shape), err);
	if (share == AREA_REFUSED) {
		free(board);
		return NULL;
	}
	board->file = board->area.base;
	if (share == AREA_ALONE) {
		make_ready(board, shape);
		return board;
	}
	if (layout_check_header(&board->area, err) != 0) {
		scoreboard_close(board);
		*again = true;
		return NULL;
	}
	layout_take_sizes(board);
	board->slots = layout_mapped_slots(board);
	return board;
}

struct scoreboard *
scoreboard_share(const char *path, const struct scoreboard_shape *shape, struct err *err)
{
	struct scoreboard *board = NULL;
	bool again = true;
	if (check_contents(path, err) != 0)
		return NULL;
	for (int i = 0; i < SHARE_TRIES && board == NULL && again; i++)
		board = share_once(path, shape, &again, err);
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

struct flight_table *
scoreboard_flights(struct scoreboard *board)
{
	return &board->file->flights;
}

struct alert_state *
scoreboard_alert(struct scoreboard *board)
{
	return &board->file->alert;
}

struct scoreboard_service *
scoreboard_service(struct scoreboard *board)
{
	return &board->file->service;
}
