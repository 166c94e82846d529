/* log_thread.c - see log_thread.h. Started with all signals blocked: they are the main thread's. */
#include "log_thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_writer.h"
#include "obituary.h"
#include "owner.h"
#include "scoreboard.h"

#define FINISH_PATIENCE_MS 500
#define LOOK_ROUND_MS 1000

struct log_thread {
	const struct log_writer_config *config;
	struct log_writer *writer;
	struct log_writer
		*neighbour; /* of a slot whose owner is dead, until its rings are empty; NULL: there is none */
	bool neighbour_blocked;
	pthread_t thread;
	_Atomic bool stop, reopen;
	int64_t look_round_ns;
};

/* By a process that was killed, or one that ended when the sink took nothing. */
static bool
was_left(const struct scoreboard *board, unsigned index, uint64_t owner)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		const struct ring ring = scoreboard_ring(board, index, (enum ring_kind)kind);
		if (atomic_load(&ring.shared->head) != atomic_load(&ring.shared->tail))
			return !owner_lives(owner);
	}
	return false;
}

/* As far as no other process is at it. */
static void
take_neighbour(struct log_thread *thread, unsigned index)
{
	struct err err;
	struct log_writer_config config = *thread->config;
	config.slot = index;
	thread->neighbour = log_writer_create(&config, &err);
	thread->neighbour_blocked = false;
	if (thread->neighbour != NULL)
		log_writer_abandon(thread->neighbour);
}

static void
leave_neighbour(struct log_thread *thread)
{
	log_writer_destroy(thread->neighbour);
	thread->neighbour = NULL;
}

static void
look_round(struct log_thread *thread)
{
	struct scoreboard *board = thread->config->board;
	if (thread->neighbour != NULL || clock_mono_ns() < thread->look_round_ns)
		return;
	thread->look_round_ns = deadline_in_ms(LOOK_ROUND_MS);
	for (unsigned i = 0; i < scoreboard_slots(board); i++)
		if (i != thread->config->slot)
			obituary_of_stranger(thread->config->log, board, i);
	for (unsigned i = 0; i < scoreboard_slots(board) && thread->neighbour == NULL; i++)
		if (i != thread->config->slot && was_left(board, i, atomic_load(&scoreboard_slot(board, i)->owner)))
			take_neighbour(thread, i);
}

static enum log_progress
pass_neighbour(struct log_thread *thread)
{
	enum log_progress progress = log_writer_pass(thread->neighbour);
	thread->neighbour_blocked = progress == LOG_BLOCKED;
	if (progress == LOG_NOTHING) {
		leave_neighbour(thread);
		thread->look_round_ns = 0; /* there may be another one */
	}
	return progress;
}

/* Two write to one sink: while one of them is in the middle of a batch that it does not take, the other waits. */
static enum log_progress
pass(struct log_thread *thread)
{
	enum log_progress own = thread->neighbour_blocked ? LOG_NOTHING : log_writer_pass(thread->writer);
	if (own == LOG_BLOCKED || thread->neighbour == NULL)
		return own;
	enum log_progress other = pass_neighbour(thread);
	return other > own ? other : own;
}

static void
reopen(struct log_thread *thread)
{
	struct err err;
	if (log_writer_reopen(thread->writer, &err) != 0)
		log_event(thread->config->log, VT_ERROR_LEVEL, "vitals.log", "A file cannot be opened again",
		          VT_STR("reason", err.text));
}

static void *
run(void *context)
{
	struct log_thread *thread = context;
	while (!atomic_load(&thread->stop)) {
		if (atomic_exchange(&thread->reopen, false))
			reopen(thread);
		enum log_progress progress = pass(thread);
		look_round(thread);
		log_writer_wait(thread->writer, progress);
	}
	leave_neighbour(thread);
	log_writer_finish(thread->writer, FINISH_PATIENCE_MS);
	return NULL;
}

struct log_thread *
log_thread_start(const struct log_writer_config *config, struct err *err)
{
	struct log_thread *thread = calloc(1, sizeof *thread);
	sigset_t all, before;
	if (thread == NULL) {
		err_set(err, "There is no memory for the log writer.");
		return NULL;
	}
	thread->config = config;
	thread->writer = log_writer_create(config, err);
	if (thread->writer == NULL) {
		free(thread);
		return NULL;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread->thread, NULL, run, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		return thread;
	err_set(err, "The log writer's thread cannot be started: %s.", strerror(error));
	log_writer_destroy(thread->writer);
	free(thread);
	return NULL;
}

static void
nudge(const struct log_thread *thread)
{
	log_writer_nudge(thread->config->board, LOG_WRITER_SLOT, thread->config->slot);
}

void
log_thread_reopen(struct log_thread *thread)
{
	atomic_store(&thread->reopen, true);
	nudge(thread);
}

void
log_thread_stop(struct log_thread *thread)
{
	if (thread == NULL)
		return;
	atomic_store(&thread->stop, true);
	nudge(thread);
	pthread_join(thread->thread, NULL);
	log_writer_destroy(thread->writer);
	free(thread);
}
