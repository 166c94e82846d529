/* roster.c - the two tables of the supervisor. Never forks, signals or waits: that is the supervisor's to do. */
#include "roster.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "err.h"
#include "insist.h"

static void
add_posts(struct roster *roster, const struct pool *pool)
{
	for (unsigned i = 0; i < pool->count_max; i++)
		roster->posts[roster->post_count++] = (struct post){.pool = pool};
}

int
roster_init(struct roster *roster, struct scoreboard *board, const struct pool *pools, size_t pool_count,
            struct err *err)
{
	unsigned posts = 0;
	for (size_t i = 0; i < pool_count; i++)
		posts += pools[i].count_max;
	*roster = (struct roster){.seat_count = scoreboard_slots(board)};
	INSIST(roster->seat_count > 0 && posts > 0);
	roster->seats = calloc(roster->seat_count, sizeof *roster->seats);
	roster->posts = calloc(posts, sizeof *roster->posts);
	if (roster->seats == NULL || roster->posts == NULL) {
		roster_fini(roster);
		return err_set(err, "There is no memory for %u workers.", posts);
	}
	for (unsigned i = 0; i < roster->seat_count; i++)
		roster->seats[i] = (struct seat){.index = i, .slot = scoreboard_slot(board, i)};
	for (size_t i = 0; i < pool_count; i++)
		add_posts(roster, &pools[i]);
	return 0;
}

void
roster_fini(struct roster *roster)
{
	free(roster->seats);
	free(roster->posts);
	*roster = (struct roster){0};
}

struct seat *
roster_empty_seat(const struct roster *roster)
{
	return roster_seat_of(roster, 0);
}

struct seat *
roster_seat_of(const struct roster *roster, pid_t pid)
{
	for (unsigned i = 0; i < roster->seat_count; i++)
		if (roster->seats[i].pid == pid)
			return &roster->seats[i];
	return NULL;
}

struct post *
roster_post_of(const struct roster *roster, const struct seat *seat)
{
	for (unsigned i = 0; i < roster->post_count; i++)
		if (roster->posts[i].seat == seat)
			return &roster->posts[i];
	return NULL;
}

unsigned
roster_living(const struct roster *roster)
{
	unsigned count = 0;
	for (unsigned i = 0; i < roster->seat_count; i++)
		count += roster->seats[i].pid > 0;
	return count;
}

bool
seat_serves(const struct seat *seat)
{
	int state = atomic_load_explicit(&seat->slot->state, memory_order_relaxed);
	return slot_pid(seat->slot) == seat->pid && (state == SLOT_IDLE || state == SLOT_BUSY);
}
