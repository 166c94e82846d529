/*
 * log_writer.c - passes over the rings. A channel is the rings of one kind with their sink.
 *
 * The steps of a batch, each of which a successor can tell from the one before: the records are chosen (taken), the
 * intent says where they will be written, they are written, the intent says so, the rings get their room back.
 */
#include <stdlib.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_intent.h"
#include "log_sink.h"
#include "log_writer_parts.h"
#include "owner.h"
#include "scoreboard.h"

#define BATCH_BYTES 262144

unsigned
log_writer_first_place(enum log_writer_scope scope, unsigned slot)
{
	return scope == LOG_WRITER_ALL ? SCOREBOARD_SUPERVISOR : slot;
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

static void
has_announced(struct channel *channel)
{
	if (channel->dropped > 0)
		atomic_store_explicit(&channel->first.shared->announced, channel->dropped, memory_order_relaxed);
	channel->dropped = 0;
}

static void
commit(struct log_writer *writer, struct channel *channel)
{
	for (size_t i = 0; i < channel->batch.refused; i++)
		ring_drop(&channel->first);
	for (size_t kind = 0; channel == &writer->channels[RING_LOG] && kind < RING_KINDS; kind++)
		has_announced(&writer->channels[kind]);
	log_intent_written(&channel->first.shared->intent);
	log_merge_commit(&channel->merge);
	log_intent_clear(&channel->first.shared->intent);
	log_batch_reset(&channel->batch);
}

static enum log_progress
deliver(struct log_writer *writer, struct channel *channel)
{
	if (channel->sink != NULL && !log_sink_put(channel->sink, &channel->batch))
		return LOG_BLOCKED;
	commit(writer, channel);
	return LOG_WROTE;
}

static enum log_progress
pass(struct log_writer *writer, struct channel *channel, enum undecided_wait wait)
{
	if (!log_batch_done(&channel->batch))
		return deliver(writer, channel);
	if (channel == &writer->channels[RING_LOG]) {
		log_writer_choose_extra(writer, wait);
		channel->batch.extra_bytes = channel->batch.size_bytes;
	}
	log_writer_choose(writer, channel, MERGE_READABLE);
	if (channel->batch.count == 0) {
		log_merge_commit(&channel->merge); /* past what was set aside */
		return LOG_NOTHING;
	}
	log_merge_take(&channel->merge);
	log_intent_begin(&channel->first.shared->intent, channel->sink, &channel->batch);
	return deliver(writer, channel);
}

static enum log_progress
pass_all(struct log_writer *writer, enum undecided_wait wait)
{
	enum log_progress progress = LOG_NOTHING;
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		enum log_progress one = pass(writer, &writer->channels[kind], wait);
		progress = one > progress ? one : progress;
		if (kind == RING_LOG)
			writer->progress = one;
	}
	return progress;
}

enum log_progress
log_writer_pass(struct log_writer *writer)
{
	return pass_all(writer, UNDECIDED_WAIT);
}

/* The one that died had written its count of dropped records, and could not say so any more. */
static void
was_announced(struct log_writer *writer)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		struct channel *channel = &writer->channels[kind];
		channel->dropped = atomic_load_explicit(&channel->first.shared->announcing, memory_order_relaxed);
	}
}

/* What a reader that died had begun to write: all of it was written, none, or so much. */
static void
recover(struct log_writer *writer, struct channel *channel)
{
	struct ring_intent *intent = &channel->first.shared->intent;
	enum intent_state state = log_intent_state(intent);
	if (state == INTENT_NONE) {
		log_merge_untake(&channel->merge);
		return;
	}
	log_writer_choose(writer, channel, MERGE_TAKEN);
	if (state == INTENT_WRITING && channel->sink != NULL) {
		enum intent_extra extra = log_intent_look(intent, channel->sink, &channel->batch);
		if (channel == &writer->channels[RING_LOG] && extra == INTENT_EXTRA_WRITTEN)
			was_announced(writer);
		if (!log_batch_done(&channel->batch))
			return; /* the next pass goes on with it */
	}
	commit(writer, channel);
}

/* ---- Making ------------------------------------------------------------------------------------------ */

static bool
become_reader(struct log_ring *ring)
{
	uint64_t before = atomic_load(&ring->reader), self = owner_self();
	if (before == self)
		return true;
	return !owner_lives(before) && atomic_compare_exchange_strong(&ring->reader, &before, self);
}

static int
open_channel(struct log_writer *writer, enum ring_kind kind)
{
	const struct log_writer_config *config = &writer->config;
	struct channel *channel = &writer->channels[kind];
	unsigned slots = config->scope == LOG_WRITER_ALL ? scoreboard_slots(config->board) : 0;
	channel->first = scoreboard_ring(config->board, log_writer_first_place(config->scope, config->slot), kind);
	if (log_batch_init(&channel->batch, BATCH_BYTES) != 0 || log_merge_init(&channel->merge, slots + 1) != 0)
		return -1;
	channel->batch.left = &channel->first.shared->intent.left;
	channel->merge.sources[0].ring = channel->first;
	for (unsigned i = 0; i < slots; i++)
		channel->merge.sources[i + 1].ring = scoreboard_ring(config->board, i, kind);
	return 0;
}

struct log_writer *
log_writer_create(const struct log_writer_config *config, struct err *err)
{
	struct log_writer *writer = calloc(1, sizeof *writer);
	bool memory = writer != NULL;
	if (memory) {
		writer->config = *config;
		for (size_t kind = 0; kind < RING_KINDS; kind++)
			memory = memory && open_channel(writer, (enum ring_kind)kind) == 0;
		if (config->scope == LOG_WRITER_ALL)
			memory = memory && (writer->undecided = log_undecided_create()) != NULL;
	}
	if (!memory)
		err_set(err, "There is no memory for the log writer.");
	else if (!become_reader(writer->channels[RING_LOG].first.shared))
		err_set(err, "Another process writes the log of this scoreboard.");
	else {
		writer->wake = &writer->channels[RING_LOG].first.shared->wake;
		atomic_store(writer->wake, WAKE_AWAKE);
		writer->futile_bytes = LOG_WRITER_NOT_FUTILE;
		writer->channels[RING_LOG].sink = log_sink_of(config->log);
		writer->channels[RING_TRACE].sink = config->trace;
		for (size_t kind = 0; kind < RING_KINDS; kind++)
			recover(writer, &writer->channels[kind]);
		return writer;
	}
	log_writer_destroy(writer);
	return NULL;
}

/* Whoever writes next may have other lines to write first. */
static void
untear(struct log_writer *writer)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++)
		if (writer->channels[kind].sink != NULL)
			log_sink_untear(writer->channels[kind].sink, &writer->channels[kind].batch);
}

void
log_writer_destroy(struct log_writer *writer)
{
	if (writer == NULL)
		return;
	uint64_t self = owner_self();
	if (writer->wake != NULL) {
		untear(writer);
		atomic_compare_exchange_strong(&writer->channels[RING_LOG].first.shared->reader, &self, 0);
	}
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		log_merge_fini(&writer->channels[kind].merge);
		log_batch_fini(&writer->channels[kind].batch);
	}
	log_undecided_destroy(writer->undecided);
	free(writer);
}

int
log_writer_reopen(struct log_writer *writer, struct err *err)
{
	int status = 0;
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		struct channel *channel = &writer->channels[kind];
		if (channel->sink == NULL)
			continue;
		log_sink_untear(channel->sink, &channel->batch);
		status |= log_sink_reopen(channel->sink, err);
		if (!log_batch_done(&channel->batch))
			log_intent_begin(&channel->first.shared->intent, channel->sink, &channel->batch);
	}
	return status;
}

/* ---- Ending ------------------------------------------------------------------------------------------ */

static bool
slot_has_owner(const struct log_writer *writer, unsigned index)
{
	struct slot *slot = scoreboard_slot(writer->config.board, index);
	return owner_lives(atomic_load_explicit(&slot->owner, memory_order_acquire));
}

bool
log_writer_needed(const struct log_writer *writer)
{
	if (writer->config.scope == LOG_WRITER_SLOT)
		return slot_has_owner(writer, writer->config.slot);
	for (unsigned i = 0; i < scoreboard_slots(writer->config.board); i++)
		if (slot_has_owner(writer, i))
			return true;
	return false;
}

bool
log_writer_keeps(const struct log_writer *writer)
{
	return writer->undecided != NULL && log_undecided_due_ns(writer->undecided) != DEADLINE_NEVER;
}

void
log_writer_abandon(const struct log_writer *writer)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++)
		for (size_t i = 0; i < writer->channels[kind].merge.count; i++)
			ring_abandon(&writer->channels[kind].merge.sources[i].ring);
}

void
log_writer_finish(struct log_writer *writer, int64_t patience_ms)
{
	int64_t deadline_ns = deadline_in_ms(patience_ms);
	/* Nobody buries those who die together with their supervisor. */
	log_writer_abandon(writer);
	for (;;) {
		enum log_progress progress = pass_all(writer, UNDECIDED_END);
		if (progress == LOG_WROTE)
			deadline_ns = deadline_in_ms(patience_ms);
		else if (progress == LOG_BLOCKED && clock_mono_ns() < deadline_ns)
			log_writer_wait_for_sinks(writer);
		else if (progress == LOG_BLOCKED || !log_writer_keeps(writer))
			return;
	}
}
