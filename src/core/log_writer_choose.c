/*
 * log_writer_choose.c - what the log writer writes next: the rings' records in the order of time, and its own lines.
 *
 * Reads the rings and marks what it keeps back (log_undecided.h); moves nothing else in them.
 */
#include <string.h>

#include "clock.h"
#include "log.h"
#include "log_writer_parts.h"
#include "scoreboard.h"
#include "strbuf.h"

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

void
log_writer_choose(struct log_writer *writer, struct channel *channel, enum merge_range range)
{
	struct merge_source *source;
	log_merge_begin(&channel->merge, range);
	while ((source = log_merge_next(&channel->merge)) != NULL && add_record(writer, channel, source))
		continue;
}

void
log_writer_choose_extra(struct log_writer *writer, enum undecided_wait wait)
{
	for (size_t kind = 0; kind < RING_KINDS; kind++)
		announce_dropped(writer, &writer->channels[kind]);
	announce_damaged(writer);
	if (writer->undecided != NULL)
		add_decided(writer, &writer->channels[RING_LOG], wait);
}
