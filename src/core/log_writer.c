/*
 * log_writer.c - passes over the rings. A channel is the rings of one kind with their sink.
 *
 * The steps of a batch, each of which a successor can tell from the one before: the records are chosen (taken), the
 * intent says where they will be written, they are written, the intent says so, the rings get their room back.
 */
#include "log_writer.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "log_batch.h"
#include "log_intent.h"
#include "log_merge.h"
#include "log_sink.h"
#include "log_undecided.h"
#include "owner.h"
#include "scoreboard.h"
#include "strbuf.h"

#define BATCH_BYTES 262144
#define IDLE_MS 1000
#define RETRY_MS 50
#define NOT_FUTILE SIZE_MAX

struct channel {
	struct log_sink *sink; /* NULL: thrown away */
	struct log_merge merge;
	struct log_batch batch;
	struct ring first; /* the reader's own words stand here */
	uint64_t dropped;  /* as many as the batch announces, when it has been written; 0: it announces none */
};

struct log_writer {
	struct log_writer_config config;
	struct channel channels[RING_KINDS];
	enum log_progress progress; /* of the log alone, in the last pass */
	size_t futile_bytes;        /* so far the sinks had come when one was said to be ready; NOT_FUTILE: none was */
	struct log_undecided *undecided; /* NULL: nobody tries again under our eyes */
	_Atomic uint32_t *wake;
};

static unsigned
first_place(enum log_writer_scope scope, unsigned slot)
{
	return scope == LOG_WRITER_ALL ? SCOREBOARD_SUPERVISOR : slot;
}

/* ---- Choosing what is written next ---------------------------------------------------------------- */

static void
add_own_line(struct log_writer *writer, struct log_record *record)
{
	struct channel *channel = &writer->channels[RING_LOG];
	char storage[LOG_RECORD_MAX_BYTES + 1];
	struct strbuf line;
	strbuf_init_fixed(&line, storage, sizeof storage);
	record->logger = "vitals.log";
	log_format(writer->config.log, record, &line);
	char *place = log_batch_add(&channel->batch, line.length, (uint8_t)record->level);
	if (place != NULL)
		memcpy(place, line.data, line.length);
}

static uint64_t
dropped_so_far(const struct channel *channel)
{
	uint64_t dropped = 0;
	for (size_t i = 0; i < channel->merge.count; i++)
		dropped += atomic_load_explicit(&channel->merge.sources[i].ring.shared->dropped, memory_order_relaxed);
	return dropped;
}

static void
announce_dropped(struct log_writer *writer, struct channel *channel)
{
	struct log_ring *first = channel->first.shared;
	uint64_t announced = atomic_load_explicit(&first->announced, memory_order_relaxed);
	uint64_t dropped = dropped_so_far(channel);
	channel->dropped = dropped > announced ? dropped : 0;
	atomic_store_explicit(&first->announcing, dropped > announced ? dropped : announced, memory_order_relaxed);
	if (channel->dropped == 0)
		return;
	const struct vt_field fields[] = {
		VT_INT("count", dropped - announced),
		VT_STR("what", channel == &writer->channels[RING_LOG] ? "log records" : "spans"),
		VT_STR("reason", "the sink took no lines, or not fast enough"),
	};
	add_own_line(writer, &(struct log_record){.level = VT_WARNING,
	                                          .message = "Log records dropped",
	                                          .site = LOG_SITE,
	                                          .fields = fields,
	                                          .count = sizeof fields / sizeof *fields});
}

/* Memory that was scribbled over: how many records stood there nobody knows. */
static void
announce_damaged(struct log_writer *writer)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		const struct log_merge *merge = &writer->channels[kind].merge;
		for (size_t i = 0; i < merge->count; i++) {
			if (!merge->sources[i].damaged)
				continue;
			merge->sources[i].damaged = false;
			const struct vt_field fields[] = {
				VT_INT("place", i),
				VT_STR("what", kind == RING_LOG ? "log records" : "spans"),
				VT_STR("reason", "something has written over them in the scoreboard"),
			};
			add_own_line(writer, &(struct log_record){.level = VT_ERROR_LEVEL,
			                                          .message = "Log records damaged",
			                                          .site = LOG_SITE,
			                                          .fields = fields,
			                                          .count = sizeof fields / sizeof *fields});
		}
	}
}

static void
add_decided(struct log_writer *writer, struct channel *channel, enum undecided_wait wait)
{
	struct frame frame;
	const char *record;
	while (channel->batch.capacity_bytes - channel->batch.size_bytes >= LOG_RECORD_MAX_BYTES &&
	       log_undecided_next(writer->undecided, clock_mono_ns(), wait, &frame, &record)) {
		char *place = log_batch_add(&channel->batch, frame.size_bytes, frame.level);
		if (place != NULL)
			memcpy(place, record, frame.size_bytes);
	}
}

/*
 * True where the record is kept back, until it is known whether it is true. Either way its frame tells a successor
 * whether it belongs to the batch.
 */
static bool
set_aside(const struct log_writer *writer, const struct merge_source *source, const char *record)
{
	const struct frame *frame = &source->frame;
	char *kept = writer->undecided != NULL ? log_undecided_add(writer->undecided, frame, clock_mono_ns()) : NULL;
	if (kept != NULL)
		memcpy(kept, record, frame->size_bytes);
	ring_mark(&source->ring, source->at, kept != NULL ? FRAME_SET_ASIDE : FRAME_END);
	return kept != NULL;
}

/* False where the batch is full. Moves on behind the record, or behind all that is no record. */
static bool
add_record(struct log_writer *writer, struct channel *channel, struct merge_source *source)
{
	const struct frame *frame = &source->frame;
	char *place = log_batch_add(&channel->batch, frame->size_bytes, frame->level);
	if (place == NULL && frame->size_bytes <= channel->batch.capacity_bytes)
		return false;
	if (place == NULL || !ring_record(&source->ring, source->at, frame, place)) {
		if (place != NULL)
			log_batch_remove_last(&channel->batch);
		merge_source_skip(source);
		return true;
	}
	if (frame->kind == FRAME_BEGIN && writer->undecided != NULL)
		log_undecided_begun(writer->undecided, frame);
	if (frame->kind == FRAME_SET_ASIDE || (frame->kind == FRAME_UNDECIDED && set_aside(writer, source, place)))
		log_batch_remove_last(&channel->batch);
	merge_source_advance(source);
	return true;
}

static void
collect(struct log_writer *writer, struct channel *channel, enum merge_range range)
{
	struct merge_source *source;
	log_merge_begin(&channel->merge, range);
	while ((source = log_merge_next(&channel->merge)) != NULL && add_record(writer, channel, source))
		continue;
}

/* ---- Writing -------------------------------------------------------------------------------------- */

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
		for (size_t kind = 0; kind < RING_KINDS; kind++)
			announce_dropped(writer, &writer->channels[kind]);
		announce_damaged(writer);
		if (writer->undecided != NULL)
			add_decided(writer, channel, wait);
		channel->batch.extra_bytes = channel->batch.size_bytes;
	}
	collect(writer, channel, MERGE_READABLE);
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
	collect(writer, channel, MERGE_TAKEN);
	if (state == INTENT_WRITING && channel->sink != NULL) {
		enum intent_extra extra = log_intent_look(intent, channel->sink, &channel->batch);
		if (channel == &writer->channels[RING_LOG] && extra == INTENT_EXTRA_WRITTEN)
			was_announced(writer);
		if (!log_batch_done(&channel->batch))
			return; /* the next pass goes on with it */
	}
	commit(writer, channel);
}

/* ---- Making ------------------------------------------------------------------------------------- */

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
	channel->first = scoreboard_ring(config->board, first_place(config->scope, config->slot), kind);
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
		writer->futile_bytes = NOT_FUTILE;
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

/* ---- Waiting -------------------------------------------------------------------------------------- */

static bool
anything_to_read(const struct log_writer *writer)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		const struct log_merge *merge = &writer->channels[kind].merge;
		/* Of a batch that its sink does not take there is nothing more to read. */
		for (size_t i = 0; i < merge->count && log_batch_done(&writer->channels[kind].batch); i++)
			if (ring_readable_end(&merge->sources[i].ring) !=
			    atomic_load_explicit(&merge->sources[i].ring.shared->tail, memory_order_relaxed))
				return true;
	}
	return false;
}

static void
sleep_on(_Atomic uint32_t *wake, uint32_t state, int64_t ms)
{
	const struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};
	syscall(SYS_futex, wake, FUTEX_WAIT, state, &timeout, NULL, 0);
	atomic_store(wake, WAKE_AWAKE);
}

/* False where it was nudged since it was awake: there is something to be looked at. */
static bool
fall_asleep(_Atomic uint32_t *wake, uint32_t state)
{
	uint32_t awake = WAKE_AWAKE;
	if (atomic_compare_exchange_strong(wake, &awake, state))
		return true;
	atomic_store(wake, WAKE_AWAKE);
	return false;
}

static void
gather(const struct log_writer *writer, int64_t ms)
{
	if (fall_asleep(writer->wake, WAKE_GATHERING))
		sleep_on(writer->wake, WAKE_GATHERING, ms);
}

static void
wait_for_records(struct log_writer *writer, int64_t ms)
{
	if (writer->undecided != NULL) {
		int until = deadline_poll_ms(log_undecided_due_ns(writer->undecided));
		ms = until >= 0 && until < ms ? until : ms;
	}
	if (!fall_asleep(writer->wake, WAKE_ASLEEP))
		return;
	/* First asleep, then the last look: who puts does it the other way round (ring_wake()). */
	atomic_thread_fence(memory_order_seq_cst);
	if (anything_to_read(writer))
		atomic_store(writer->wake, WAKE_AWAKE);
	else
		sleep_on(writer->wake, WAKE_ASLEEP, ms);
}

/*
 * For room in a pipe; a file whose disk is full says nothing, and is tried again. What says that it is ready and then
 * takes nothing (a pipe without a reader, /dev/full) is believed once.
 */
static void
wait_for_sinks(struct log_writer *writer)
{
	struct pollfd waits[RING_KINDS];
	nfds_t count = 0;
	size_t done_bytes = 0;
	for (size_t kind = 0; kind < RING_KINDS; kind++) {
		const struct channel *channel = &writer->channels[kind];
		done_bytes += channel->batch.done_bytes;
		int fd = log_batch_done(&channel->batch) ? -1 : log_sink_wait_fd(channel->sink);
		if (fd >= 0)
			waits[count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
	}
	bool futile = writer->futile_bytes == done_bytes;
	writer->futile_bytes = NOT_FUTILE;
	if (futile || count == 0)
		poll(NULL, 0, RETRY_MS);
	else if (poll(waits, count, RETRY_MS) > 0)
		writer->futile_bytes = done_bytes;
}

void
log_writer_wait(struct log_writer *writer, enum log_progress progress)
{
	/* A sink for spans that takes nothing holds up no log record. */
	int64_t most_ms = progress == LOG_BLOCKED ? RETRY_MS : IDLE_MS;
	if (writer->progress == LOG_BLOCKED)
		wait_for_sinks(writer);
	else if (writer->progress == LOG_NOTHING && progress != LOG_WROTE)
		wait_for_records(writer, most_ms);
	else if (writer->config.gather_ms > 0)
		gather(writer, writer->config.gather_ms);
}

void
log_writer_nudge(const struct scoreboard *board, enum log_writer_scope scope, unsigned slot)
{
	const struct ring ring = scoreboard_ring(board, first_place(scope, slot), RING_LOG);
	/* Where it is awake it is about to sleep, perhaps, and has looked at its orders already. */
	atomic_store(&ring.shared->wake, WAKE_NUDGED);
	syscall(SYS_futex, &ring.shared->wake, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- Ending --------------------------------------------------------------------------------------- */

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
			wait_for_sinks(writer);
		else if (progress == LOG_BLOCKED || !log_writer_keeps(writer))
			return;
	}
}
